/**
 * Results out of a byte stream one by one, so that a worklist of any length passes in flat memory: finds where each
 * top-level object ends and hands its text to JSON.parse. The consumer's pace is the stream's pace.
 */
import { isUtf8 } from 'node:buffer';

import { GatewayError } from '../errors.ts';
import { parseJsonDataSet, parseJsonDataSets } from './json.ts';
import type { DataSet } from './model.ts';

export interface JsonStreamLimits {
  /** Bytes of one item; 16 MiB when left out. */
  readonly maximumItemBytes?: number;
  /** A property given twice is an error, as `parseJsonDataSets` has it, instead of being the last of its values. */
  readonly refuseRepeatedNames?: boolean;
}

const MAXIMUM_ITEM_BYTES = 16 * 1024 * 1024;
/** Brackets inside brackets; an attribute takes three per sequence level. */
const MAXIMUM_BRACKETS = 256;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const BOM = [0xef, 0xbb, 0xbf] as const;

/**
 * Streams the data sets of a JSON body: an array of objects, one object, or nothing at all.
 * @throws GatewayError DATA_SET_INVALID when the text is cut, followed by something, no UTF-8 or no data set;
 *   DATA_SET_TOO_LARGE when one item is larger than allowed
 */
export async function* decodeJsonStream(
  chunks: AsyncIterable<Uint8Array>,
  limits: JsonStreamLimits = {},
): AsyncGenerator<DataSet, void, undefined> {
  const splitter = new ItemSplitter(limits.maximumItemBytes ?? MAXIMUM_ITEM_BYTES);
  for await (const chunk of chunks) {
    splitter.push(chunk);
    for (let item = splitter.next(); item !== undefined; item = splitter.next()) yield decodeItem(item, limits);
  }
  splitter.end();
}

function decodeItem(bytes: Uint8Array, { refuseRepeatedNames = false }: JsonStreamLimits): DataSet {
  if (!isUtf8(bytes)) throw new GatewayError('DATA_SET_INVALID', 'The JSON text is not UTF-8');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return refuseRepeatedNames ? (parseJsonDataSets(text)[0] as DataSet) : parseJsonDataSet(text);
}

/** What may come next between items. */
type Expectation = 'start' | 'item or end' | 'item' | 'comma or end' | 'nothing';

/** Finds the bytes of each top-level object. A UTF-8 sequence has no byte below 80H, so bytes can be compared. */
class ItemSplitter {
  readonly #maximumItemBytes: number;
  #expected: Expectation = 'start';
  #chunk: Uint8Array = new Uint8Array(0);
  #position = 0;
  #bomBytes = 0;
  /** The item that began in an earlier chunk. */
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  /** Open brackets of the item; 0 between items. */
  #depth = 0;
  #inString = false;
  #escaped = false;

  constructor(maximumItemBytes: number) {
    this.#maximumItemBytes = maximumItemBytes;
  }

  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#position = 0;
  }

  /** The next whole item, undefined when the chunk holds no further one. */
  next(): Uint8Array | undefined {
    if (this.#depth === 0 && !this.#findItem()) return undefined;
    const start = this.#position;
    const whole = this.#scanItem();
    const part = this.#chunk.subarray(start, this.#position);
    this.#partBytes += part.length;
    if (this.#partBytes > this.#maximumItemBytes) {
      throw new GatewayError('DATA_SET_TOO_LARGE', `One item is larger than ${this.#maximumItemBytes} bytes`);
    }
    if (!whole) {
      if (part.length > 0) this.#parts.push(part);
      return undefined;
    }
    const item = this.#parts.length === 0 ? part : Buffer.concat([...this.#parts, part]);
    this.#parts = [];
    this.#partBytes = 0;
    return item;
  }

  end(): void {
    if (this.#expected !== 'nothing' && this.#expected !== 'start') {
      throw new GatewayError('DATA_SET_INVALID', 'The JSON text is cut short');
    }
  }

  /** Passes what stands between items; true when the position is at an item's first byte. */
  #findItem(): boolean {
    for (; this.#position < this.#chunk.length; this.#position++) {
      const byte = this.#chunk[this.#position] as number;
      if (byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)) continue;
      if (this.#expected === 'start' && byte === BOM[this.#bomBytes]) {
        this.#bomBytes++;
        continue;
      }
      if (byte === OPEN_OBJECT && this.#startItem()) return true;
      this.#expected = this.#after(byte);
    }
    return false;
  }

  #startItem(): boolean {
    if (this.#expected === 'start') this.#expected = 'nothing';
    else if (this.#expected === 'item' || this.#expected === 'item or end') this.#expected = 'comma or end';
    else return false;
    return true;
  }

  #after(byte: number): Expectation {
    if (byte === OPEN_ARRAY && this.#expected === 'start') return 'item or end';
    if (byte === CLOSE_ARRAY && (this.#expected === 'item or end' || this.#expected === 'comma or end'))
      return 'nothing';
    if (byte === COMMA && this.#expected === 'comma or end') return 'item';
    throw new GatewayError('DATA_SET_INVALID', 'The JSON text is not an array of objects or one object');
  }

  /** Moves behind the last byte of the item, or to the end of the chunk. True when the item is whole. */
  #scanItem(): boolean {
    const bytes = this.#chunk;
    let i = this.#position;
    let depth = this.#depth;
    let inString = this.#inString;
    let escaped = this.#escaped;
    let whole = false;
    while (i < bytes.length && !whole) {
      if (inString) {
        for (; i < bytes.length; i++) {
          const byte = bytes[i];
          if (escaped) escaped = false;
          else if (byte === BACKSLASH) escaped = true;
          else if (byte === QUOTE) break;
        }
        if (i < bytes.length) {
          inString = false;
          i++;
        }
        continue;
      }
      const byte = bytes[i++] as number;
      if (byte === QUOTE) inString = true;
      else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        if (++depth > MAXIMUM_BRACKETS)
          throw new GatewayError('DATA_SET_TOO_LARGE', 'The JSON text is nested too deep');
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) whole = --depth === 0;
    }
    this.#position = i;
    this.#depth = depth;
    this.#inString = inString;
    this.#escaped = escaped;
    return whole;
  }
}
