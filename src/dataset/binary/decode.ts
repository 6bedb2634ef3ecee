/** Data sets from bytes (PS3.5 7). */
import { GatewayError } from '../../errors.ts';
import { characterSetOf, parseCharacterSet } from '../character-set.ts';
import type { Attribute, DataSet } from '../model.ts';
import { createDataSet } from '../model.ts';
import { ValueDecoder } from './decode-values.ts';
import type { ValueProblem } from './decode-values.ts';
import { Place } from './place.ts';
import type { TransferSyntaxUid } from './transfer-syntax.ts';
import { inflateDataSet, TRANSFER_SYNTAXES } from './transfer-syntax.ts';
import type { KnownTag, VrCoding } from './value-representations.ts';
import { CODINGS, codingOfLetters, knownTag, MAXIMUM_DEPTH } from './value-representations.ts';

/** Something that was mended or left out; the data set is usable. */
export interface DataSetIssue {
  readonly code:
    | ValueProblem
    | 'ATTRIBUTE_ORDER' // tags not ascending
    | 'ATTRIBUTE_DROPPED' // of group 0000 or 0002, or a delimiter where none belongs
    | 'CHARACTER_SET_SPELLING' // 00080005 is not as the standard has it
    | 'CHARACTER_SET_UNKNOWN' // text beyond ASCII is read as UTF-8 or Latin-1
    | 'ODD_LENGTH'
    | 'UNKNOWN_VR'; // read as UN
  /** E.g. `00400100[0].00080060`. */
  readonly path: string;
  /** Of the value, in bytes (after inflating). */
  readonly offset: number;
}

export interface DecodeOptions {
  /** Terms that hold where the data set has no 00080005; default: none, ASCII. */
  defaultCharacterSet?: readonly string[];
  /** Sequences inside sequences; default 64. */
  maximumDepth?: number;
  /** Of a deflated data set; default 64 MiB. */
  maximumInflatedBytes?: number;
  /** Attributes and items together, nested ones too, since each costs more memory than bytes; default 1,000,000. */
  maximumElements?: number;
  /** Told at most 100 times per data set. */
  report?: (issue: DataSetIssue) => void;
}

const MAXIMUM_INFLATED_BYTES = 64 * 1024 * 1024;
const MAXIMUM_ELEMENTS = 1_000_000;
const MAXIMUM_REPORTS = 100;

const UNDEFINED_LENGTH = 0xffffffff;
const DELIMITERS_GROUP = 0xfffe;
const ITEM = 0xe000;
const ITEM_DELIMITATION = 0xe00d;
const SEQUENCE_DELIMITATION = 0xe0dd;
const SPECIFIC_CHARACTER_SET = 0x00080005;
const PIXEL_REPRESENTATION = 0x00280103;
const DATA_SET_TRAILING_PADDING = 0xfffcfffc;

/**
 * All or nothing: what goes beyond its bounds is an error, never a shorter data set.
 * @throws GatewayError DATA_SET_INVALID, DATA_SET_TOO_LARGE; CHARACTER_SET_UNSUPPORTED for `defaultCharacterSet`
 */
export function decodeDataSet(
  bytes: Uint8Array,
  transferSyntax: TransferSyntaxUid,
  options: DecodeOptions = {},
): DataSet {
  const buffer =
    transferSyntax === TRANSFER_SYNTAXES.deflated
      ? inflateDataSet(bytes, options.maximumInflatedBytes ?? MAXIMUM_INFLATED_BYTES)
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return new Decoder(buffer, options).decode(transferSyntax !== TRANSFER_SYNTAXES.implicitVrLittleEndian);
}

class Decoder {
  private readonly bytes: Buffer;
  private readonly values: ValueDecoder;
  private readonly place = new Place();
  private readonly maximumDepth: number;
  private elementsLeft: number;
  private reportsLeft: number;
  private readonly tell: ((issue: DataSetIssue) => void) | undefined;
  /** Offset of the next byte. */
  private at = 0;
  /** Pixel Representation of the data set at hand, or of one around it. */
  private signedPixels = false;
  /** Of the header that was read last. */
  private coding: VrCoding = CODINGS.UN;
  private length = 0;

  constructor(bytes: Buffer, options: DecodeOptions) {
    this.bytes = bytes;
    this.values = new ValueDecoder(bytes, (problem) => this.report(problem));
    this.values.characterSet = characterSetOf(options.defaultCharacterSet ?? []);
    this.maximumDepth = options.maximumDepth ?? MAXIMUM_DEPTH;
    this.elementsLeft = options.maximumElements ?? MAXIMUM_ELEMENTS;
    this.tell = options.report;
    this.reportsLeft = options.report === undefined ? 0 : MAXIMUM_REPORTS;
  }

  decode(explicit: boolean): DataSet {
    return this.readDataSet(this.bytes.length, false, explicit);
  }

  /** Up to `end`, or to an item delimitation before it. */
  private readDataSet(end: number, delimited: boolean, explicit: boolean): DataSet {
    const dataSet = createDataSet();
    const textsBefore = this.values.encodedTexts;
    let previous = -1;
    for (;;) {
      if (this.at === end) {
        if (delimited) throw this.invalid('the item ends without its delimiter');
        return dataSet;
      }
      this.needHeader(8, end);
      const group = this.uint16(this.at);
      const element = this.uint16(this.at + 2);
      if (group === DELIMITERS_GROUP) {
        if (this.skipDelimiter(element) === ITEM_DELIMITATION && delimited) return dataSet;
        this.report('ATTRIBUTE_DROPPED');
        continue;
      }
      const number = group * 65536 + element;
      const known = knownTag(number);
      this.place.tag = known.tag;
      this.countElement();
      if (explicit) this.readExplicitHeader(end);
      else this.readImplicitHeader(known);
      const attribute = this.readAttribute(known, end, explicit);
      if (element === 0 || number === DATA_SET_TRAILING_PADDING) continue;
      if (group === 0x0000 || group === 0x0002) {
        this.report('ATTRIBUTE_DROPPED');
        continue;
      }
      if (number <= previous) {
        if (dataSet[known.tag] !== undefined) throw this.invalid('the attribute stands there twice');
        this.report('ATTRIBUTE_ORDER');
      } else {
        previous = number;
      }
      if (number === SPECIFIC_CHARACTER_SET) {
        if (this.values.encodedTexts !== textsBefore) throw this.invalid('stands after text it governs');
        this.useCharacterSet(attribute);
      } else if (number === PIXEL_REPRESENTATION) {
        this.signedPixels = attribute.Value?.[0] === 1;
      }
      dataSet[known.tag] = attribute;
    }
  }

  private readExplicitHeader(end: number): void {
    const letters = this.uint16(this.at + 4);
    const coding = codingOfLetters(letters);
    if (coding === undefined) throw this.invalid('has no value representation');
    this.coding = coding;
    if (!coding.longLength) {
      this.length = this.uint16(this.at + 6);
      this.at += 8;
      return;
    }
    this.needHeader(12, end);
    this.length = this.uint32(this.at + 8);
    this.at += 12;
    if (coding.letters !== letters) this.report('UNKNOWN_VR');
  }

  private readImplicitHeader(known: KnownTag): void {
    this.coding = this.codingOf(known);
    this.length = this.uint32(this.at + 4);
    this.at += 8;
  }

  private codingOf(known: KnownTag): VrCoding {
    return known.signedness && this.signedPixels ? CODINGS.SS : known.coding;
  }

  /** The value after its header; `at` is behind it then. */
  private readAttribute(known: KnownTag, end: number, explicit: boolean): Attribute {
    const { coding, length } = this;
    if (length === UNDEFINED_LENGTH) {
      if (coding.kind === 'items') return this.readSequence(end, false, explicit);
      // Unknown with undefined length is a sequence in Implicit VR Little Endian (PS3.5 6.2.2).
      if (coding.vr === 'UN') return this.readSequence(end, false, false);
      throw this.invalid(`has undefined length, which ${coding.vr} cannot have`);
    }
    if (length > end - this.at) {
      throw this.invalid(`has ${length} bytes, of which ${end - this.at} are there`);
    }
    if ((length & 1) === 1) this.report('ODD_LENGTH');
    if (coding.vr === 'UN' && explicit && length > 0) return this.readUnknown(known, length);
    return this.readValue(coding, length, explicit);
  }

  private readValue(coding: VrCoding, length: number, explicit: boolean): Attribute {
    const end = this.at + length;
    if (coding.kind === 'items') return this.readSequence(end, true, explicit);
    if (coding.size > 1 && length % coding.size !== 0) {
      throw this.invalid(`has ${length} bytes, which is no multiple of ${coding.size} (${coding.vr})`);
    }
    const attribute = this.values.read(coding, this.at, end);
    this.at = end;
    return attribute;
  }

  /**
   * Explicit VR UN with a length: the bytes are in Implicit VR Little Endian (PS3.5 6.2.2), which the dictionary may
   * know. They stay bytes when they do not fit.
   */
  private readUnknown(known: KnownTag, length: number): Attribute {
    const start = this.at;
    const coding = this.codingOf(known);
    if (coding.vr === 'UN') return this.readValue(coding, length, true);
    const { depth } = this.place;
    const { signedPixels } = this;
    const { characterSet, encodedTexts } = this.values;
    try {
      return this.readValue(coding, length, false);
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'DATA_SET_INVALID') throw error;
      this.place.leaveTo(depth);
      this.place.tag = known.tag;
      this.signedPixels = signedPixels;
      this.values.characterSet = characterSet;
      this.values.encodedTexts = encodedTexts;
      this.at = start;
      return this.readValue(CODINGS.UN, length, true);
    }
  }

  private readSequence(end: number, bounded: boolean, explicit: boolean): Attribute {
    const { place, signedPixels } = this;
    const { characterSet } = this.values;
    if (place.depth >= this.maximumDepth) {
      throw new GatewayError('DATA_SET_TOO_LARGE', `${place.toString()}: deeper than ${this.maximumDepth} sequences`);
    }
    const items: DataSet[] = [];
    place.enterSequence();
    while (!(bounded && this.at === end)) {
      this.needHeader(8, end);
      if (this.uint16(this.at) !== DELIMITERS_GROUP) throw this.invalid('has something else than an item');
      const element = this.uint16(this.at + 2);
      if (element !== ITEM) {
        if (this.skipDelimiter(element) === SEQUENCE_DELIMITATION && !bounded) break;
        this.report('ATTRIBUTE_DROPPED');
        continue;
      }
      place.enterItem(items.length);
      this.countElement();
      items.push(this.readItem(end, explicit));
      this.values.characterSet = characterSet;
      this.signedPixels = signedPixels;
    }
    place.leaveSequence();
    return items.length === 0 ? { vr: 'SQ' } : { vr: 'SQ', Value: items };
  }

  private readItem(end: number, explicit: boolean): DataSet {
    const length = this.uint32(this.at + 4);
    this.at += 8;
    if (length === UNDEFINED_LENGTH) return this.readDataSet(end, true, explicit);
    if (length > end - this.at) throw this.invalid(`has ${length} bytes, of which ${end - this.at} are there`);
    return this.readDataSet(this.at + length, false, explicit);
  }

  /** Their length should be zero and means nothing. */
  private skipDelimiter(element: number): number {
    if (element !== ITEM_DELIMITATION && element !== SEQUENCE_DELIMITATION) {
      throw this.invalid('an item stands where an attribute should');
    }
    this.at += 8;
    return element;
  }

  private useCharacterSet(attribute: Attribute): void {
    const terms = (attribute.Value ?? []).map((value) => {
      // Explicit VR lets a sender say that it is a sequence or a name.
      if (typeof value === 'object' && value !== null) throw this.invalid(`has VR ${attribute.vr}, which names no set`);
      return String(value ?? '');
    });
    const { set, unknown, corrected } = parseCharacterSet(terms);
    this.values.characterSet = set;
    if (unknown.length > 0) this.report('CHARACTER_SET_UNKNOWN');
    else if (corrected) this.report('CHARACTER_SET_SPELLING');
  }

  private needHeader(bytes: number, end: number): void {
    if (end - this.at < bytes) throw this.invalid(`ends after ${end - this.at} more bytes, too few for a header`);
  }

  private countElement(): void {
    if (this.elementsLeft-- <= 0) {
      throw new GatewayError('DATA_SET_TOO_LARGE', `${this.place.toString()}: too many attributes and items`);
    }
  }

  private uint16(at: number): number {
    return (this.bytes[at] as number) | ((this.bytes[at + 1] as number) << 8);
  }

  private uint32(at: number): number {
    return this.uint16(at) + this.uint16(at + 2) * 65536;
  }

  private report(code: DataSetIssue['code']): void {
    if (this.reportsLeft <= 0) return;
    this.reportsLeft--;
    this.tell?.({ code, path: this.place.toString(), offset: this.at });
  }

  private invalid(problem: string): GatewayError {
    return new GatewayError('DATA_SET_INVALID', `${this.place.toString()} at byte ${this.at}: ${problem}`);
  }
}
