/** Value fields from bytes to the neutral form (PS3.5 6.2). */
import { DEFAULT_CHARACTER_SET, decodeUndeclared, textDelimitersOf } from '../character-set.ts';
import type { CharacterSet, TextProblem } from '../character-set.ts';
import type { Attribute, Value, Vr } from '../model.ts';
import { numberOrText, personNameFromText } from '../model.ts';
import type { VrCoding } from './value-representations.ts';

/** Beyond this the text of the whole buffer is not kept: it would live as long as the smallest piece of it. */
const MAXIMUM_SHARED_TEXT = 1 << 18;

const BACKSLASH = 0x5c;
const ESCAPE = 0x1b;

export type ValueProblem = TextProblem | 'NAME_GROUPS'; // a person name has more than three component groups: the first three are kept

export class ValueDecoder {
  /** The set of the data set at hand. */
  characterSet: CharacterSet = DEFAULT_CHARACTER_SET;
  /** Value fields that were not ASCII so far. */
  encodedTexts = 0;
  private readonly bytes: Buffer;
  /** All bytes as Latin-1: cutting pieces off it is much cheaper than a call into Node for each value. */
  private readonly latin1: string | undefined;
  private readonly problem: (problem: ValueProblem) => void;
  /** Of the field `scan` saw last. */
  private several = false;
  private plain = true;

  constructor(bytes: Buffer, problem: (problem: ValueProblem) => void) {
    this.bytes = bytes;
    this.latin1 = bytes.length <= MAXIMUM_SHARED_TEXT ? bytes.toString('latin1') : undefined;
    this.problem = problem;
  }

  /** The value field of `start` to `end`, not of a sequence; its length is a multiple of the size of its VR. */
  read(coding: VrCoding, start: number, end: number): Attribute {
    const { vr } = coding;
    switch (coding.kind) {
      case 'number':
        return attributeOf(vr, this.numbers(vr, coding.size, start, end));
      case 'tag':
        return attributeOf(vr, this.tags(start, end));
      case 'bytes':
        return start === end ? { vr } : { vr, InlineBinary: this.bytes.toString('base64', start, end) };
      case 'paragraph':
      case 'uri': {
        const text = this.text(vr, start, this.trimmedEnd(start, end));
        return text === '' ? { vr } : { vr, Value: [text] };
      }
      case 'items':
        return { vr };
      case 'string':
      case 'decimal':
      case 'text':
      case 'name':
        return this.strings(coding, start, end);
    }
  }

  private strings(coding: VrCoding, fieldStart: number, fieldEnd: number): Attribute {
    const { vr } = coding;
    const end = this.trimmedEnd(fieldStart, fieldEnd);
    let start = fieldStart;
    if (coding.trimsStart) while (start < end && this.bytes[start] === 0x20) start++;
    if (start === end) return { vr };
    const text = this.text(vr, start, end);
    const texts = this.several ? text.split('\\') : undefined;
    if (texts === undefined || texts.length === 1) {
      const value = this.value(coding, text);
      return value === null ? { vr } : { vr, Value: [value] };
    }
    return { vr, Value: texts.map((one) => this.value(coding, trim(one, coding.trimsStart))) };
  }

  private value(coding: VrCoding, text: string): Value {
    if (text === '') return null;
    if (coding.kind === 'decimal') return numberOrText(text);
    if (coding.kind !== 'name') return text;
    if (!text.includes('=')) return { Alphabetic: text };
    if (text.split('=', 4).length > 3) this.problem('NAME_GROUPS');
    return personNameFromText(text);
  }

  private text(vr: Vr, start: number, end: number): string {
    this.scan(start, end);
    if (this.plain) return this.latin1?.slice(start, end) ?? this.bytes.toString('latin1', start, end);
    const delimiters = textDelimitersOf(vr);
    if (delimiters === undefined) {
      this.problem('CHARACTER_SET_MISSING');
      return decodeUndeclared(this.bytes, start, end);
    }
    this.encodedTexts++;
    return this.characterSet.decode(this.bytes, start, end, delimiters, this.problem);
  }

  private scan(start: number, end: number): void {
    const { bytes } = this;
    this.several = false;
    this.plain = true;
    for (let at = start; at < end; at++) {
      const byte = bytes[at] as number;
      if (byte === BACKSLASH) this.several = true;
      else if (byte >= 0x80 || byte === ESCAPE) this.plain = false;
    }
  }

  /** Padding is a space or NUL, whichever VR; neither is the second byte of a character in any set. */
  private trimmedEnd(start: number, end: number): number {
    let trimmed = end;
    while (trimmed > start && (this.bytes[trimmed - 1] === 0x20 || this.bytes[trimmed - 1] === 0)) trimmed--;
    return trimmed;
  }

  private numbers(vr: Vr, size: number, start: number, end: number): Value[] {
    const values: Value[] = [];
    for (let at = start; at < end; at += size) values.push(this.number(vr, at));
    return values;
  }

  private number(vr: Vr, at: number): number | string {
    const { bytes } = this;
    switch (vr) {
      case 'US':
        return bytes.readUInt16LE(at);
      case 'UL':
        return bytes.readUInt32LE(at);
      case 'SS':
        return bytes.readInt16LE(at);
      case 'SL':
        return bytes.readInt32LE(at);
      case 'FL':
        return finiteOrText(bytes.readFloatLE(at));
      case 'FD':
        return finiteOrText(bytes.readDoubleLE(at));
      case 'SV':
        return numberOrText(String(bytes.readBigInt64LE(at)));
      default:
        return numberOrText(String(bytes.readBigUInt64LE(at)));
    }
  }

  private tags(start: number, end: number): Value[] {
    const values: Value[] = [];
    for (let at = start; at < end; at += 4) {
      const number = this.bytes.readUInt16LE(at) * 65536 + this.bytes.readUInt16LE(at + 2);
      values.push(number.toString(16).toUpperCase().padStart(8, '0'));
    }
    return values;
  }
}

function attributeOf(vr: Vr, values: Value[]): Attribute {
  return values.length === 0 ? { vr } : { vr, Value: values };
}

/** JSON has no NaN and no infinity (PS3.18 F.2.3 is silent): their names. */
function finiteOrText(number: number): number | string {
  return Number.isFinite(number) ? number : String(number);
}

function trim(text: string, alsoStart: boolean): string {
  let start = 0;
  let end = text.length;
  while (end > 0 && (text.charCodeAt(end - 1) === 0x20 || text.charCodeAt(end - 1) === 0)) end--;
  if (alsoStart) while (start < end && text.charCodeAt(start) === 0x20) start++;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}
