/** A buffer that grows while it is written, little endian. */

const INITIAL_BYTES = 64 * 1024;
/** A buffer that grew beyond this is not kept. */
const MAXIMUM_KEPT_BYTES = 1024 * 1024;

let kept: Buffer | undefined = Buffer.allocUnsafeSlow(INITIAL_BYTES);

export class ByteWriter {
  /** Offset of the next byte. */
  at = 0;
  private buffer: Buffer;

  /** Takes the buffer that the last writer left, if it is free: encoding is synchronous, so it usually is. */
  constructor() {
    this.buffer = kept ?? Buffer.allocUnsafeSlow(INITIAL_BYTES);
    kept = undefined;
  }

  /** What was written so far, as a copy; the writer is of no use afterwards. */
  finish(): Buffer {
    const bytes = Buffer.from(this.buffer.subarray(0, this.at));
    this.release();
    return bytes;
  }

  release(): void {
    if (this.buffer.length <= MAXIMUM_KEPT_BYTES) kept = this.buffer;
  }

  uint8(value: number): void {
    this.reserve(1);
    this.buffer[this.at++] = value;
  }

  uint16(value: number): void {
    this.reserve(2);
    this.buffer[this.at] = value;
    this.buffer[this.at + 1] = value >>> 8;
    this.at += 2;
  }

  uint32(value: number): void {
    this.reserve(4);
    this.setUint32(this.at, value);
    this.at += 4;
  }

  /** Group and element, each little endian. */
  tag(number: number): void {
    this.reserve(4);
    const { buffer, at } = this;
    buffer[at] = number >>> 16;
    buffer[at + 1] = number >>> 24;
    buffer[at + 2] = number;
    buffer[at + 3] = number >>> 8;
    this.at += 4;
  }

  float(value: number): void {
    this.reserve(4);
    this.at = this.buffer.writeFloatLE(value, this.at);
  }

  double(value: number): void {
    this.reserve(8);
    this.at = this.buffer.writeDoubleLE(value, this.at);
  }

  int64(value: bigint): void {
    this.reserve(8);
    this.at = this.buffer.writeBigUInt64LE(BigInt.asUintN(64, value), this.at);
  }

  bytes(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** ASCII without escapes, and without backslashes unless they are allowed; otherwise nothing is written: false. */
  ascii(text: string, backslashes: boolean): boolean {
    const { length } = text;
    this.reserve(length);
    const { buffer, at } = this;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code >= 0x80 || code === 0x1b || (code === 0x5c && !backslashes)) return false;
      buffer[at + index] = code;
    }
    this.at = at + length;
    return true;
  }

  setUint16(at: number, value: number): void {
    this.buffer[at] = value;
    this.buffer[at + 1] = value >>> 8;
  }

  setUint32(at: number, value: number): void {
    const { buffer } = this;
    buffer[at] = value;
    buffer[at + 1] = value >>> 8;
    buffer[at + 2] = value >>> 16;
    buffer[at + 3] = value >>> 24;
  }

  /** Makes room for `count` bytes before what was written from `at` on. */
  insert(at: number, count: number): void {
    this.reserve(count);
    this.buffer.copyWithin(at + count, at, this.at);
    this.at += count;
  }

  private reserve(count: number): void {
    const needed = this.at + count;
    if (needed <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(larger, 0, 0, this.at);
    this.buffer = larger;
  }
}
