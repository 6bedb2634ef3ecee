/** So many small chunks in a row are joined, so that a drip of single bytes costs no buffer object each for long. */
const MAXIMUM_SMALL_CHUNKS = 256;
const SMALL_BYTES = 256;

/**
 * Bytes that arrive in pieces: kept as they came and joined once, at the end (design 7.6). Every byte is copied at most
 * twice, whatever the size of the pieces.
 */
export class ChunkList {
  #chunks: Buffer[] = [];
  /** Trailing chunks of less than SMALL_BYTES. */
  #small = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#length += chunk.length;
    this.#chunks.push(chunk);
    if (chunk.length >= SMALL_BYTES) this.#small = 0;
    else if (++this.#small === MAXIMUM_SMALL_CHUNKS) {
      this.#chunks.push(Buffer.concat(this.#chunks.splice(-MAXIMUM_SMALL_CHUNKS)));
      this.#small = 0;
    }
  }

  /** All of it, and the list is empty again. A single chunk is not copied. */
  take(): Buffer {
    const [first] = this.#chunks;
    const whole = this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks, this.#length);
    this.#chunks = [];
    this.#small = 0;
    this.#length = 0;
    return whole;
  }
}
