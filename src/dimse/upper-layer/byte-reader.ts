import { unpaddedText } from '../padding.ts';
import { ABORT_REASON, PduError } from './pdu-error.ts';

/** Reads the big-endian fields of one PDU; going beyond its end is a PduError, never a shorter value. */
export class ByteReader {
  readonly #buffer: Buffer;
  readonly #end: number;
  #position: number;

  constructor(buffer: Buffer, begin = 0, end = buffer.length) {
    this.#buffer = buffer;
    this.#position = begin;
    this.#end = end;
  }

  get remaining(): number {
    return this.#end - this.#position;
  }

  u8(): number {
    return this.#buffer.readUInt8(this.#advance(1));
  }

  u16(): number {
    return this.#buffer.readUInt16BE(this.#advance(2));
  }

  u32(): number {
    return this.#buffer.readUInt32BE(this.#advance(4));
  }

  skip(count: number): void {
    this.#advance(count);
  }

  /** Shares memory with what was received. */
  bytes(count: number): Buffer {
    const begin = this.#advance(count);
    return this.#buffer.subarray(begin, begin + count);
  }

  /** Text of one byte per character, without the spaces and NULs around it. */
  text(count: number): string {
    const begin = this.#advance(count);
    return unpaddedText(this.#buffer, begin, begin + count);
  }

  /** A reader of the next `count` bytes alone. */
  part(count: number): ByteReader {
    const begin = this.#advance(count);
    return new ByteReader(this.#buffer, begin, begin + count);
  }

  /** The items or sub-items from here to the end: type, a reserved byte, 16 bits of length, content. */
  *items(): Generator<{ type: number; content: ByteReader }> {
    while (this.remaining > 0) {
      const type = this.u8();
      this.skip(1);
      yield { type, content: this.part(this.u16()) };
    }
  }

  #advance(count: number): number {
    const begin = this.#position;
    if (begin + count > this.#end) {
      throw new PduError(ABORT_REASON.invalidParameterValue, 'A field goes beyond the end of its PDU or item');
    }
    this.#position = begin + count;
    return begin;
  }
}
