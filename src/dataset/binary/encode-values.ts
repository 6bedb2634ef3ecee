/** Value fields from the neutral form to bytes, without padding (PS3.5 6.2). */
import { GatewayError } from '../../errors.ts';
import { textDelimitersOf } from '../character-set.ts';
import type { CharacterSet, TextDelimiters } from '../character-set.ts';
import type { Attribute, PersonName, Value, Vr } from '../model.ts';
import { personNameToText } from '../model.ts';
import type { ByteWriter } from './byte-writer.ts';
import type { Place } from './place.ts';
import type { VrCoding } from './value-representations.ts';

export type Unencodable = 'utf-8' | 'replace' | 'fail';

/** Smallest and largest value of the integers. */
const RANGES: Readonly<Partial<Record<Vr, readonly [number, number]>>> = {
  US: [0, 0xffff],
  SS: [-0x8000, 0x7fff],
  UL: [0, 0xffffffff],
  SL: [-0x80000000, 0x7fffffff],
  IS: [-0x80000000, 0x7fffffff],
};
const BIG_RANGES: Readonly<Partial<Record<Vr, readonly [bigint, bigint]>>> = {
  SV: [-(2n ** 63n), 2n ** 63n - 1n],
  UV: [0n, 2n ** 64n - 1n],
};

const NOT_FINITE: Readonly<Record<string, number>> = { NaN: NaN, Infinity: Infinity, '-Infinity': -Infinity };
const INTEGER = /^[+-]?\d{1,20}$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const TAG = /^[0-9A-Fa-f]{8}$/;
const BACKSLASH = 0x5c;
const MAXIMUM_DS_LENGTH = 16;

export class ValueEncoder {
  private readonly writer: ByteWriter;
  private readonly place: Place;
  private readonly characterSet: CharacterSet;
  private readonly unencodable: Unencodable;

  constructor(writer: ByteWriter, place: Place, characterSet: CharacterSet, unencodable: Unencodable) {
    this.writer = writer;
    this.place = place;
    this.characterSet = characterSet;
    this.unencodable = unencodable;
  }

  /** The value field of an attribute that is no sequence. */
  write(coding: VrCoding, attribute: Attribute): void {
    const { vr } = coding;
    if (attribute.BulkDataURI !== undefined) throw this.invalid('has bulk data, which DIMSE cannot carry');
    if (coding.kind === 'bytes') return this.writeBytes(attribute);
    if (attribute.InlineBinary !== undefined) throw this.invalid(`has InlineBinary, which ${vr} cannot have`);
    const values = attribute.Value;
    if (values === undefined || values.length === 0) return;
    if (coding.kind === 'number' || coding.kind === 'tag') {
      if (values.length === 1 && (values[0] === null || values[0] === '')) return;
      for (const value of values) this.writeFixed(vr, value);
      return;
    }
    const single = coding.kind === 'paragraph' || coding.kind === 'uri';
    if (single && values.length > 1) throw this.invalid(`has ${values.length} values, ${vr} has one`);
    for (let index = 0; index < values.length; index++) {
      if (index > 0) this.writer.uint8(BACKSLASH);
      const value = values[index] as Value;
      if (value !== null) this.writeText(vr, this.textOf(coding, value), single);
    }
  }

  private writeBytes(attribute: Attribute): void {
    if (attribute.Value !== undefined && attribute.Value.length > 0) {
      throw this.invalid(`has Value, which ${attribute.vr} cannot have`);
    }
    const base64 = attribute.InlineBinary ?? '';
    if (!BASE64.test(base64)) throw this.invalid('has InlineBinary that is not base64');
    this.writer.bytes(Buffer.from(base64, 'base64'));
  }

  private writeFixed(vr: Vr, value: Value): void {
    const { writer } = this;
    switch (vr) {
      case 'AT':
        if (typeof value !== 'string' || !TAG.test(value)) throw this.invalid('has a value that is no tag');
        return writer.tag(parseInt(value, 16));
      case 'FL':
        return writer.float(this.float(vr, value));
      case 'FD':
        return writer.double(this.float(vr, value));
      case 'SV':
      case 'UV':
        return writer.int64(this.bigInteger(vr, value));
      case 'US':
      case 'SS':
        return writer.uint16(this.integer(vr, value));
      default:
        return writer.uint32(this.integer(vr, value));
    }
  }

  private integer(vr: Vr, value: Value): number {
    const [smallest, largest] = RANGES[vr] as readonly [number, number];
    if (Number.isInteger(value) && (value as number) >= smallest && (value as number) <= largest) {
      return value as number;
    }
    throw this.invalid(`has a value that is no ${vr} (${smallest} to ${largest})`);
  }

  private bigInteger(vr: Vr, value: Value): bigint {
    const [smallest, largest] = BIG_RANGES[vr] as readonly [bigint, bigint];
    const text = typeof value === 'number' || typeof value === 'string' ? String(value) : '';
    if (INTEGER.test(text)) {
      const integer = BigInt(text.replace('+', ''));
      if (integer >= smallest && integer <= largest) return integer;
    }
    throw this.invalid(`has a value that is no ${vr} (${smallest} to ${largest})`);
  }

  private float(vr: Vr, value: Value): number {
    if (typeof value === 'number') {
      if (vr === 'FD' || !Number.isFinite(value) || Number.isFinite(Math.fround(value))) return value;
    } else if (typeof value === 'string' && NOT_FINITE[value] !== undefined) {
      return NOT_FINITE[value];
    }
    throw this.invalid(`has a value that is no ${vr}`);
  }

  private textOf(coding: VrCoding, value: Exclude<Value, null>): string {
    if (typeof value === 'string') return value;
    if (typeof value === 'number') {
      if (coding.kind !== 'decimal') throw this.invalid(`has a number, which ${coding.vr} cannot have`);
      return coding.vr === 'IS' ? String(this.integer('IS', value)) : this.decimal(value);
    }
    if (coding.kind !== 'name') throw this.invalid(`has an object, which ${coding.vr} cannot have`);
    return this.personName(value);
  }

  /** DS has 16 characters: a longer number is rounded to what fits, which no reader of DS could tell. */
  private decimal(value: number): string {
    const shortest = String(value);
    if (shortest.length <= MAXIMUM_DS_LENGTH && Number.isFinite(value)) return shortest;
    const candidates: string[] = [];
    for (let digits = MAXIMUM_DS_LENGTH; digits > 0; digits--) {
      candidates.push(String(Number(value.toPrecision(digits))), value.toExponential(digits - 1));
    }
    const text = candidates.find(({ length }) => length <= MAXIMUM_DS_LENGTH) as string;
    if (Number.isFinite(Number(text))) return text;
    throw this.invalid('has a value that is no DS');
  }

  private personName(name: PersonName): string {
    const { Alphabetic, Ideographic, Phonetic } = name;
    for (const group of [Alphabetic, Ideographic, Phonetic]) {
      if (group === undefined) continue;
      if (typeof group !== 'string') throw this.invalid('has a name group that is no text');
      if (group.includes('=')) throw this.invalid('has a name group with "=", which separates groups');
    }
    return personNameToText(name);
  }

  private writeText(vr: Vr, text: string, backslashes: boolean): void {
    if (this.writer.ascii(text, backslashes)) return;
    if (!backslashes && text.includes('\\')) {
      throw this.invalid(`has a value with a backslash, which separates values of ${vr}`);
    }
    const delimiters = textDelimitersOf(vr);
    this.writer.bytes(delimiters === undefined ? this.unsetText(text) : this.setText(text, delimiters));
  }

  private setText(text: string, delimiters: TextDelimiters): Buffer {
    const bytes = this.characterSet.encode(text, delimiters, this.unencodable === 'replace');
    if (bytes !== undefined) return bytes;
    throw this.missing(`has a character that ${this.characterSet.terms.join('\\') || 'ASCII'} lacks`);
  }

  /** VRs that should be ASCII: passed on as the decoder reads them, unless the policy is stricter. */
  private unsetText(text: string): Buffer {
    if (this.unencodable === 'fail') throw this.missing('has a character beyond ASCII');
    return Buffer.from(this.unencodable === 'replace' ? text.replaceAll(/[^\0-\x7f]/gu, '?') : text);
  }

  private missing(problem: string): GatewayError {
    return new GatewayError('CHARACTER_UNENCODABLE', `${this.place.toString()} ${problem}`);
  }

  private invalid(problem: string): GatewayError {
    return new GatewayError('DATA_SET_INVALID', `${this.place.toString()} ${problem}`);
  }
}
