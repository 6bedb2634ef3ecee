/**
 * Collects the results of a search in the representation the client takes (PS3.18 8.6, 8.7). Each is serialised as it
 * arrives: its text takes a fraction of what the objects take.
 */
import { attribute, cloneDataSet, createDataSet, itemsOf } from '../dataset/model.ts';
import type { Attribute, DataSet } from '../dataset/model.ts';
import { toJson } from '../dataset/json.ts';
import { toXml } from '../dataset/xml.ts';
import { ServiceFailure } from '../services/port.ts';
import { encodeText, UTF_8 } from './charset.ts';
import type { Charset } from './charset.ts';
import { createBoundary, encodeMultipartEnd, encodePartHead } from './multipart.ts';
import { notAcceptable } from './negotiation.ts';
import type { Acceptable, AnswerFormat } from './negotiation.ts';

const CHARACTER_SET = '00080005';
const NOT_ASCII = /[^\x00-\x7f]/;

export interface WrittenResults {
  readonly contentType: string;
  readonly body: readonly Buffer[];
}

export class ResultWriter {
  readonly #acceptable: readonly Acceptable[];
  readonly #maximumBytes: number;
  /** Where the representation depends on what is still to come. */
  #held: DataSet[] = [];
  #chosen: Acceptable;
  #written: Buffer[] = [];
  #bytes = 0;
  #count = 0;

  /**
   * @param acceptable best first, as negotiated
   * @param maximumBytes of the whole answer, before its content coding
   */
  constructor(acceptable: readonly Acceptable[], maximumBytes: number) {
    this.#acceptable = acceptable;
    this.#chosen = acceptable[0] as Acceptable;
    this.#maximumBytes = maximumBytes;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * @throws HttpRefusal 406 when there are several results and the client takes XML as a single part only
   * @throws ServiceFailure TOO_MANY_RESULTS when the answer gets too large
   */
  add(result: DataSet): void {
    this.#count++;
    if (this.#count === 2 && isSingleXml(this.#chosen.format)) this.#chosen = this.#formatForSeveral();
    this.#held.push(result);
    if (isSingleXml(this.#chosen.format) || this.#chosen.charsets[0] !== UTF_8) return;
    for (const held of this.#held) this.#keep(this.#serialise(held, UTF_8) as Buffer);
    this.#held = [];
  }

  /** The answer; to be called once, with at least one result. @throws HttpRefusal 406 when no charset has every character */
  finish(): WrittenResults {
    const charset = this.#held.length > 0 ? this.#encodeHeld() : UTF_8;
    const { format } = this.#chosen;
    if (format.multipart) return this.#multipart(format, charset);
    const contentType = withCharset(format, charset);
    if (format.content === 'xml') return { contentType, body: this.#written };
    const comma = Buffer.from(',');
    const body = this.#written.flatMap((json, i) => (i === 0 ? [json] : [comma, json]));
    return { contentType, body: [Buffer.from('['), ...body, Buffer.from(']')] };
  }

  /** XML of several results is multipart, where the client takes that; else the next best it takes. */
  #formatForSeveral(): Acceptable {
    const others = this.#acceptable.filter(({ format }) => !isSingleXml(format));
    const multipart = others.find(({ format }) => format.content === 'xml');
    const next = multipart ?? others[0];
    if (next === undefined) throw notAcceptable('There are several results, and a single part of XML holds one only');
    return next;
  }

  /** Tries the acceptable charsets in their order on all results. */
  #encodeHeld(): Charset {
    for (const charset of this.#chosen.charsets) {
      this.#written = [];
      this.#bytes = 0;
      const complete = this.#held.every((result) => {
        const bytes = this.#serialise(result, charset);
        if (bytes !== undefined) this.#keep(bytes);
        return bytes !== undefined;
      });
      if (complete) return charset;
    }
    throw notAcceptable('A result has characters that the accepted character sets do not have');
  }

  #keep(bytes: Buffer): void {
    this.#written.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes > this.#maximumBytes) {
      throw new ServiceFailure('TOO_MANY_RESULTS', {
        comment: `The answer is larger than ${this.#maximumBytes} bytes`,
      });
    }
  }

  /** Undefined when the charset lacks one of the characters. 00080005 says what the bytes are, and is left out for ASCII. */
  #serialise(result: DataSet, charset: Charset): Buffer | undefined {
    const plain = withoutCharacterSet(result);
    const write = this.#chosen.format.content === 'json' ? toJson : toXml;
    let text = write(plain);
    if (NOT_ASCII.test(text)) {
      text = write({ ...plain, [CHARACTER_SET]: attribute('CS', ...charset.terms) });
    }
    if (charset !== UTF_8 && write === toXml) text = text.replace('encoding="UTF-8"', `encoding="${charset.name}"`);
    return encodeText(text, charset);
  }

  #multipart(format: AnswerFormat, charset: Charset): WrittenResults {
    const boundary = createBoundary();
    const type = withCharset(format, charset);
    const parts = this.#written.flatMap((part, i) => [encodePartHead(boundary, type, part.length, i === 0), part]);
    return {
      contentType: `multipart/related; type="${format.type}"; boundary=${boundary}`,
      body: [...parts, encodeMultipartEnd(boundary)],
    };
  }
}

function isSingleXml(format: AnswerFormat): boolean {
  return format.content === 'xml' && !format.multipart;
}

/** JSON is UTF-8 unless something else is said (PS3.18 F.2); XML says it in both places. */
function withCharset(format: AnswerFormat, charset: Charset): string {
  return format.content === 'json' && charset === UTF_8 ? format.type : `${format.type}; charset=${charset.name}`;
}

/** The same without 00080005, in items too: text in the neutral form is Unicode. Copies only what changes. */
function withoutCharacterSet(dataSet: DataSet): DataSet {
  if (hasNestedCharacterSet(dataSet)) {
    const copy = cloneDataSet(dataSet);
    removeCharacterSet(copy);
    return copy;
  }
  if (!(CHARACTER_SET in dataSet)) return dataSet;
  const copy = createDataSet();
  for (const tag in dataSet) if (tag !== CHARACTER_SET) copy[tag] = dataSet[tag] as Attribute;
  return copy;
}

function hasNestedCharacterSet(dataSet: DataSet): boolean {
  for (const tag in dataSet) {
    for (const item of itemsOf(dataSet[tag])) if (CHARACTER_SET in item || hasNestedCharacterSet(item)) return true;
  }
  return false;
}

function removeCharacterSet(dataSet: DataSet): void {
  delete dataSet[CHARACTER_SET];
  for (const tag in dataSet) for (const item of itemsOf(dataSet[tag])) removeCharacterSet(item);
}
