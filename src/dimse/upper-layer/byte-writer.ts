/** Writes the big-endian fields of PDUs (PS3.8 9.3.1) into one growing buffer. */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(initialBytes: number) {
    this.#buffer = Buffer.allocUnsafe(initialBytes);
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  u16(value: number): void {
    this.#reserve(2);
    this.#length = this.#buffer.writeUInt16BE(value, this.#length);
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeUInt32BE(value, this.#length);
  }

  zeros(count: number): void {
    this.#reserve(count);
    this.#buffer.fill(0, this.#length, (this.#length += count));
  }

  /** One byte per character: UIDs, AE titles and names are ASCII. */
  text(value: string): void {
    this.#reserve(value.length);
    this.#length += this.#buffer.write(value, this.#length, 'latin1');
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  /** An item or sub-item: type, a reserved byte, 16 bits of length, and what `content` writes. */
  item(type: number, content: () => void): void {
    this.u8(type);
    this.u8(0);
    this.lengthBefore16(content);
  }

  /** 16 bits of length, then what `content` writes. */
  lengthBefore16(content: () => void): void {
    this.u16(0);
    const begin = this.#length;
    content();
    this.#buffer.writeUInt16BE(this.#length - begin, begin - 2);
  }

  /** A whole PDU: its type, a reserved byte, 32 bits of length, and what `content` writes. */
  pdu(type: number, content: () => void): Buffer {
    this.u8(type);
    this.u8(0);
    this.u32(0);
    const begin = this.#length;
    content();
    this.#buffer.writeUInt32BE(this.#length - begin, begin - 4);
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + count));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
