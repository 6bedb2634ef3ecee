/**
 * multipart/related (RFC 2387, PS3.18 8.6.1.2) in both directions. Decoding streams: part bodies are handed on as the
 * bytes arrive and nothing is read that is not asked for.
 *
 * Tolerated on input: LF line ends, parts without headers (even without the empty line), a preamble and an epilogue. A
 * message ends with the close delimiter `--boundary--`. Example B.29 lacks its last two hyphens: a delimiter after which
 * nothing follows is taken as the end too, but only where the transport itself tells that the body is complete.
 */
import { randomUUID } from 'node:crypto';
import { GatewayError } from '../errors.ts';

export interface Part {
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** To be read before the next part is asked for; what is left over is skipped. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface MultipartOptions {
  /** The body has a Content-Length or chunks, so its end is known to be its end. */
  readonly endIsCertain?: boolean;
  /** Bytes of all headers of one part; 16 kB unless told. */
  readonly maximumHeaderBytes?: number;
}

const LF = 0x0a;
const CR = 0x0d;
const LINE_END: Buffer = Buffer.from('\n');
const NOTHING: Buffer = Buffer.alloc(0);
const MAXIMUM_PADDING = 256;
/** An empty line, or what may yet become `Name: value`; all else in its place is the begin of a body. */
const HEADER_BEGIN = /^(?:\r?|[\w!#$%&'*+.^`|~-]+[ \t]*(?::[^]*)?)$/;

/** A boundary that cannot stand in any body: 122 random bits. */
export function createBoundary(): string {
  return `dimseway-${randomUUID()}`;
}

/** Delimiter and headers of one part; its body and another delimiter follow. */
export function encodePartHead(boundary: string, contentType: string, length: number, first: boolean): Buffer {
  const head = `--${boundary}\r\nContent-Type: ${contentType}\r\nContent-Length: ${length}\r\n\r\n`;
  return Buffer.from(first ? head : `\r\n${head}`, 'latin1');
}

export function encodeMultipartEnd(boundary: string): Buffer {
  return Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1');
}

/** RFC 2046 5.1.1: 1 to 70 characters, no space at the end. */
export function isBoundary(text: string): boolean {
  return /^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/.test(text);
}

/**
 * The parts of a message, one after another.
 * @throws GatewayError MULTIPART_INVALID for what is no multipart message, MULTIPART_TRUNCATED when its end is missing
 */
export async function* decodeMultipart(
  chunks: AsyncIterable<Uint8Array>,
  boundary: string,
  options: MultipartOptions = {},
): AsyncGenerator<Part, void, void> {
  const reader = new PartReader(chunks, boundary, options);
  try {
    let delimiter = await reader.skipBody();
    while (delimiter === 'next') {
      const headers = await reader.readHeaders();
      if (headers === undefined) return;
      yield { headers, body: reader.readBody() };
      delimiter = await reader.skipBody();
    }
    await reader.skipRest();
  } finally {
    await reader.close();
  }
}

class PartReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #needle: Buffer;
  readonly #options: MultipartOptions;
  /** What is not read yet, behind the line end of the line before: so a delimiter is always found with its line end. */
  #buffer: Buffer = LINE_END;
  #bodyBegun = false;
  #ended = false;
  #delimiter: 'next' | 'end' | undefined;

  constructor(chunks: AsyncIterable<Uint8Array>, boundary: string, options: MultipartOptions) {
    this.#source = chunks[Symbol.asyncIterator]();
    this.#needle = Buffer.from(`\n--${boundary}`, 'latin1');
    this.#options = options;
  }

  /** Appends the next chunk; false at the end. */
  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    const next = await this.#source.next();
    if (next.done === true) this.#ended = true;
    else this.#buffer = Buffer.concat([this.#buffer, next.value]);
    return !this.#ended;
  }

  /** Body bytes up to the next delimiter, which is consumed and remembered. */
  async *readBody(): AsyncGenerator<Uint8Array, void, void> {
    let from = 0;
    while (this.#delimiter === undefined) {
      const at = this.#buffer.indexOf(this.#needle, from);
      if (at < 0) {
        // The last bytes may be the begin of a delimiter, with the CR in front of it.
        const body = this.#takeBody(this.#buffer.length - this.#needle.length);
        from = 0;
        if (body.length > 0) yield body;
        if (!(await this.#more())) throw truncated();
        continue;
      }
      const delimiter = await this.#delimiterAt(at);
      if (delimiter === undefined) {
        from = at + 1;
        continue;
      }
      const body = this.#takeBody(at > 0 && this.#buffer[at - 1] === CR ? at - 1 : at);
      this.#buffer = delimiter.rest;
      this.#delimiter = delimiter.kind;
      this.#bodyBegun = false;
      if (body.length > 0) yield body;
    }
  }

  /** The buffer up to `end`, without the line end in front of the body. */
  #takeBody(end: number): Buffer {
    if (end <= 0) return NOTHING;
    const body = this.#buffer.subarray(this.#bodyBegun ? 0 : 1, end);
    this.#buffer = this.#buffer.subarray(end);
    this.#bodyBegun = true;
    return body;
  }

  /** What stands behind the boundary at `at`: `--`, or white space and a line end; undefined when it is body after all. */
  async #delimiterAt(at: number): Promise<{ kind: 'next' | 'end'; rest: Buffer } | undefined> {
    const start = at + this.#needle.length;
    for (;;) {
      const behind = this.#buffer.subarray(start, start + MAXIMUM_PADDING).toString('latin1');
      if (behind.startsWith('--')) return { kind: 'end', rest: NOTHING };
      const line = /^[ \t]*\r?\n/.exec(behind);
      if (line !== null) return { kind: 'next', rest: this.#buffer.subarray(start + line[0].length - 1) };
      if (!/^(?:-|[ \t]*\r?)$/.test(behind) || behind.length === MAXIMUM_PADDING) return undefined;
      if (!(await this.#more())) return { kind: 'next', rest: LINE_END };
    }
  }

  /** Skips what is left of a body and gives the delimiter behind it. */
  async skipBody(): Promise<'next' | 'end'> {
    for await (const _ of this.readBody());
    const delimiter = this.#delimiter as 'next' | 'end';
    this.#delimiter = undefined;
    return delimiter;
  }

  /** The headers of a part; undefined when the message ends instead. */
  async readHeaders(): Promise<ReadonlyMap<string, string> | undefined> {
    const { maximumHeaderBytes = 16_384, endIsCertain = false } = this.#options;
    const headers = new Map<string, string>();
    let bytes = 0;
    for (;;) {
      const end = this.#buffer.indexOf(LF, 1);
      const line = this.#buffer.subarray(1, end < 0 ? undefined : end).toString('latin1');
      if (headers.size === 0 && !HEADER_BEGIN.test(line)) return headers;
      bytes += end < 0 ? 0 : end;
      if (bytes + (end < 0 ? line.length : 0) > maximumHeaderBytes) throw invalid('The headers of a part are too long');
      if (end < 0) {
        if (await this.#more()) continue;
        if (endIsCertain && headers.size === 0 && line.trim() === '') return undefined;
        throw truncated();
      }
      if (line === '' || line === '\r') {
        this.#buffer = this.#buffer.subarray(end);
        return headers;
      }
      const colon = line.indexOf(':');
      if (colon < 1) throw invalid('A header of a part has no name');
      headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
      this.#buffer = this.#buffer.subarray(end);
    }
  }

  async skipRest(): Promise<void> {
    do this.#buffer = NOTHING;
    while (await this.#more());
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }
}

function truncated(): GatewayError {
  return new GatewayError('MULTIPART_TRUNCATED', 'The multipart message ends before its close delimiter');
}

function invalid(message: string): GatewayError {
  return new GatewayError('MULTIPART_INVALID', message);
}
