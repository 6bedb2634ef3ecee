/** Data sets to bytes (PS3.5 7). */
import { GatewayError } from '../../errors.ts';
import { characterSetOf, DEFAULT_CHARACTER_SET, UTF_8_TERMS } from '../character-set.ts';
import type { CharacterSet } from '../character-set.ts';
import { vrOf } from '../dictionary.ts';
import type { Attribute, DataSet, Tag } from '../model.ts';
import { attribute, sortedTags } from '../model.ts';
import { ByteWriter } from './byte-writer.ts';
import { ValueEncoder } from './encode-values.ts';
import type { Unencodable } from './encode-values.ts';
import { Place } from './place.ts';
import type { TransferSyntaxUid } from './transfer-syntax.ts';
import { deflateDataSet, TRANSFER_SYNTAXES } from './transfer-syntax.ts';
import { CODINGS, MAXIMUM_DEPTH } from './value-representations.ts';
import type { VrCoding } from './value-representations.ts';

export interface EncodeOptions {
  /** Terms of the set to write; default: none when all text is ASCII, else ISO_IR 192. */
  characterSet?: readonly string[];
  /** When a character does not exist in it: write all in ISO_IR 192 (default), write `?`, or fail. */
  unencodable?: Unencodable;
  /** Sequences and items with delimiters instead of lengths. */
  undefinedLengths?: boolean;
}

const UNDEFINED_LENGTH = 0xffffffff;
const ITEM = 0xfffee000;
const ITEM_DELIMITATION = 0xfffee00d;
const SEQUENCE_DELIMITATION = 0xfffee0dd;
const SPECIFIC_CHARACTER_SET: Tag = '00080005';
/** Explicit VR: the longest value of VRs with a length of two bytes. */
const MAXIMUM_SHORT_LENGTH = 0xfffe;

const UTF_8 = characterSetOf(UTF_8_TERMS);

/**
 * Tags ascending, even lengths. 00080005 is written to match, once at the top: nested ones are left out, since items
 * inherit it. Group lengths are left out.
 * @throws GatewayError DATA_SET_INVALID naming the attribute, DATA_SET_TOO_LARGE, CHARACTER_UNENCODABLE,
 * CHARACTER_SET_UNSUPPORTED
 */
export function encodeDataSet(
  dataSet: DataSet,
  transferSyntax: TransferSyntaxUid,
  options: EncodeOptions = {},
): Buffer {
  const set = options.characterSet === undefined ? DEFAULT_CHARACTER_SET : characterSetOf(options.characterSet);
  const bytes = encodeWithFallback(dataSet, set, transferSyntax !== TRANSFER_SYNTAXES.implicitVrLittleEndian, options);
  return transferSyntax === TRANSFER_SYNTAXES.deflated ? deflateDataSet(bytes) : bytes;
}

function encodeWithFallback(dataSet: DataSet, set: CharacterSet, explicit: boolean, options: EncodeOptions): Buffer {
  const fallback = options.characterSet === undefined || (options.unencodable ?? 'utf-8') === 'utf-8';
  try {
    return encodeOnce(
      dataSet,
      set,
      explicit,
      fallback && set !== UTF_8 ? 'fail' : (options.unencodable ?? 'utf-8'),
      options,
    );
  } catch (error) {
    const missing = error instanceof GatewayError && error.code === 'CHARACTER_UNENCODABLE';
    if (!missing || !fallback || set === UTF_8) throw error;
    return encodeOnce(dataSet, UTF_8, explicit, options.unencodable ?? 'utf-8', options);
  }
}

function encodeOnce(
  dataSet: DataSet,
  set: CharacterSet,
  explicit: boolean,
  unencodable: Unencodable,
  options: EncodeOptions,
): Buffer {
  const writer = new ByteWriter();
  try {
    const encoder = new Encoder(writer, set, explicit, unencodable, options.undefinedLengths ?? false);
    encoder.writeTop(dataSet);
    return writer.finish();
  } catch (error) {
    writer.release();
    throw error;
  }
}

class Encoder {
  private readonly writer: ByteWriter;
  private readonly characterSet: CharacterSet;
  private readonly explicit: boolean;
  private readonly undefinedLengths: boolean;
  private readonly values: ValueEncoder;
  private readonly place = new Place();

  constructor(
    writer: ByteWriter,
    characterSet: CharacterSet,
    explicit: boolean,
    unencodable: Unencodable,
    undefinedLengths: boolean,
  ) {
    this.writer = writer;
    this.characterSet = characterSet;
    this.explicit = explicit;
    this.undefinedLengths = undefinedLengths;
    this.values = new ValueEncoder(writer, this.place, characterSet, unencodable);
  }

  writeTop(dataSet: DataSet): void {
    const { terms } = this.characterSet;
    let due = terms.length > 0;
    for (const tag of sortedTags(dataSet)) {
      if (due && tag >= SPECIFIC_CHARACTER_SET) {
        due = false;
        this.writeAttribute(SPECIFIC_CHARACTER_SET, attribute('CS', ...terms));
      }
      if (tag !== SPECIFIC_CHARACTER_SET) this.writeAttribute(tag, dataSet[tag] as Attribute);
    }
    if (due) this.writeAttribute(SPECIFIC_CHARACTER_SET, attribute('CS', ...terms));
  }

  private writeItem(dataSet: DataSet): void {
    for (const tag of sortedTags(dataSet)) {
      if (tag !== SPECIFIC_CHARACTER_SET) this.writeAttribute(tag, dataSet[tag] as Attribute);
    }
  }

  private writeAttribute(tag: Tag, attribute: Attribute): void {
    const { writer, place } = this;
    place.tag = tag;
    const number = tagNumber(tag);
    if (number === undefined) throw this.invalid('is no tag of a data set');
    if ((number & 0xffff) === 0) return; // group length
    const coding = CODINGS[attribute.vr] as VrCoding | undefined;
    if (coding === undefined) throw this.invalid('has no value representation');
    const start = writer.at;
    writer.tag(number);
    if (!this.explicit) {
      writer.uint32(0);
    } else {
      writer.uint16(coding.letters);
      writer.uint16(0);
      if (coding.longLength) writer.uint32(0);
    }
    const valueStart = writer.at;
    if (coding.kind === 'items') {
      this.writeSequence(tag, attribute, valueStart);
      return;
    }
    this.values.write(coding, attribute);
    if (((writer.at - valueStart) & 1) === 1) writer.uint8(coding.kind === 'bytes' || coding.vr === 'UI' ? 0 : 0x20);
    this.setLength(coding, start, valueStart);
  }

  private setLength(coding: VrCoding, start: number, valueStart: number): void {
    const { writer } = this;
    const length = writer.at - valueStart;
    if (!this.explicit || coding.longLength) {
      writer.setUint32(valueStart - 4, length);
    } else if (length <= MAXIMUM_SHORT_LENGTH) {
      writer.setUint16(valueStart - 2, length);
    } else {
      // Too long for its VR: written as UN (PS3.5 6.2.2).
      writer.insert(valueStart, 4);
      writer.setUint16(start + 4, CODINGS.UN.letters);
      writer.setUint32(valueStart, length);
    }
  }

  private writeSequence(tag: Tag, attribute: Attribute, valueStart: number): void {
    const { writer, place } = this;
    const items = attribute.Value ?? [];
    if (place.depth >= MAXIMUM_DEPTH) {
      throw new GatewayError('DATA_SET_TOO_LARGE', `${place.toString()}: deeper than ${MAXIMUM_DEPTH} sequences`);
    }
    // Only a delimited sequence shows in Implicit VR what it is, where the reader's dictionary cannot know.
    const delimited = items.length > 0 && (this.undefinedLengths || (!this.explicit && vrOf(tag) !== 'SQ'));
    place.enterSequence();
    for (const [index, item] of items.entries()) {
      place.enterItem(index);
      if (typeof item !== 'object' || item === null) throw this.invalid('is an item that is no data set');
      writer.tag(ITEM);
      writer.uint32(this.undefinedLengths ? UNDEFINED_LENGTH : 0);
      const itemStart = writer.at;
      this.writeItem(item as DataSet);
      if (this.undefinedLengths) this.writeDelimitation(ITEM_DELIMITATION);
      else writer.setUint32(itemStart - 4, writer.at - itemStart);
    }
    place.leaveSequence();
    if (delimited) this.writeDelimitation(SEQUENCE_DELIMITATION);
    writer.setUint32(valueStart - 4, delimited ? UNDEFINED_LENGTH : writer.at - valueStart);
  }

  private writeDelimitation(number: number): void {
    this.writer.tag(number);
    this.writer.uint32(0);
  }

  private invalid(problem: string): GatewayError {
    return new GatewayError('DATA_SET_INVALID', `${this.place.toString()} ${problem}`);
  }
}

/** Group * 65536 + element of eight upper-case hex digits; groups 0000, 0002 and FFFE are none of a data set. */
function tagNumber(tag: Tag): number | undefined {
  if (tag.length !== 8) return undefined;
  let number = 0;
  for (let index = 0; index < 8; index++) {
    const code = tag.charCodeAt(index);
    const digit = code <= 0x39 ? code - 0x30 : code >= 0x41 && code <= 0x46 ? code - 0x37 : -1;
    if (digit < 0) return undefined;
    number = number * 16 + digit;
  }
  const group = number >>> 16;
  return group === 0x0000 || group === 0x0002 || group === 0xfffe ? undefined : number;
}
