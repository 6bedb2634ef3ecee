/**
 * Collects the results of a search in the representation the client takes (PS3.18 8.6, 8.7). Each is serialised as it
 * arrives: its text takes a fraction of what the objects take.
 */
import type { HeldBytes } from '../access/byte-budget.ts';
import type { DataSet } from '../dataset/model.ts';
import { GatewayError } from '../errors.ts';
import { ServiceFailure } from '../services/port.ts';
import { UTF_8 } from './charset.ts';
import type { Charset } from './charset.ts';
import { createBoundary, encodeMultipartEnd, encodePartHead } from './multipart.ts';
import { notAcceptable } from './negotiation.ts';
import type { Acceptable, AnswerFormat } from './negotiation.ts';
import { encodeRepresentation } from './representation.ts';
import { noMemory } from './request-body.ts';

export interface WrittenResults {
  readonly contentType: string;
  readonly body: readonly Buffer[];
}

export class ResultWriter {
  readonly #acceptable: readonly Acceptable[];
  readonly #maximumBytes: number;
  readonly #heldBytes: HeldBytes;
  /** Where the representation depends on what is still to come. */
  #held: DataSet[] = [];
  #chosen: Acceptable;
  #written: Buffer[] = [];
  #bytes = 0;
  #count = 0;

  /**
   * @param acceptable best first, as negotiated
   * @param maximumBytes of the whole answer, before its content coding
   * @param held grows with it
   */
  constructor(acceptable: readonly Acceptable[], maximumBytes: number, held: HeldBytes) {
    this.#acceptable = acceptable;
    this.#chosen = acceptable[0] as Acceptable;
    this.#maximumBytes = maximumBytes;
    this.#heldBytes = held;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * @throws HttpRefusal 406 when there are several results and the client takes XML as a single part only
   * @throws ServiceFailure TOO_MANY_RESULTS when the answer gets too large, OUT_OF_RESOURCES when others hold the memory
   */
  add(result: DataSet): void {
    this.#count++;
    if (this.#count === 2 && isSingleXml(this.#chosen.format)) this.#chosen = this.#formatForSeveral();
    this.#held.push(result);
    if (isSingleXml(this.#chosen.format) || this.#chosen.charsets[0] !== UTF_8) return;
    for (const held of this.#held) this.#keep(encodeRepresentation(held, this.#chosen.format.content, UTF_8) as Buffer);
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
      this.#heldBytes.shrink(this.#bytes);
      this.#bytes = 0;
      const complete = this.#held.every((result) => {
        const bytes = encodeRepresentation(result, this.#chosen.format.content, charset);
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
    if (!this.#heldBytes.grow(bytes.length)) throw noMemory();
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

/**
 * The answer that is one data set.
 * @throws ServiceFailure CONVERSION_FAILED for what cannot be written in the representation; and what `ResultWriter` throws
 */
export function writeOne(
  dataSet: DataSet,
  acceptable: readonly Acceptable[],
  maximumBytes: number,
  held: HeldBytes,
): WrittenResults {
  try {
    const writer = new ResultWriter(acceptable, maximumBytes, held);
    writer.add(dataSet);
    return writer.finish();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw new ServiceFailure('CONVERSION_FAILED', { comment: error.message, cause: error });
  }
}

function isSingleXml(format: AnswerFormat): boolean {
  return format.content === 'xml' && !format.multipart;
}

/** JSON is UTF-8 unless something else is said (PS3.18 F.2); XML says it in both places. */
function withCharset(format: AnswerFormat, charset: Charset): string {
  return format.content === 'json' && charset === UTF_8 ? format.type : `${format.type}; charset=${charset.name}`;
}
