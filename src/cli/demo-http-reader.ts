/** Reads an HTTP/1.1 connection that passes a tap: requests and answers with their bodies (RFC 9112). */
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { NO_DATA } from './demo-seen.ts';
import type { ConnectionReader, JsonObject, Seen, SeenData } from './demo-seen.ts';

/** Of one message; the demonstration shows small ones. */
const MAXIMUM_BYTES = 4 * 1024 * 1024;
const END_OF_HEAD = '\r\n\r\n';
const UNPACK = new Map([
  ['gzip', gunzipSync],
  ['deflate', inflateSync],
  ['br', brotliDecompressSync],
]);

interface HttpMessage {
  readonly startLine: string;
  readonly fields: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

interface Body {
  readonly body: Buffer;
  /** Position behind it. */
  readonly end: number;
}

/** Messages of one direction, put together from its bytes. */
class Direction {
  #bytes: Buffer = Buffer.alloc(0);

  /** @throws Error when the bytes are no HTTP message, or one that is too large to show */
  push(chunk: Buffer, hasBody: (startLine: string) => boolean, onMessage: (message: HttpMessage) => void): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    for (;;) {
      const headEnd = this.#bytes.indexOf(END_OF_HEAD);
      const head = headEnd < 0 ? undefined : headOf(this.#bytes.toString('latin1', 0, headEnd));
      const begin = headEnd + END_OF_HEAD.length;
      const found = head && (hasBody(head.startLine) ? bodyOf(this.#bytes, begin, head.fields) : none(begin));
      if (head === undefined || found === undefined) break;
      this.#bytes = this.#bytes.subarray(found.end);
      onMessage({ ...head, body: unpacked(found.body, head.fields) });
    }
    if (this.#bytes.length > MAXIMUM_BYTES) throw new Error('an HTTP message that is too large to show');
  }
}

const none = (end: number): Body => ({ body: Buffer.alloc(0), end });

function headOf(text: string): Omit<HttpMessage, 'body'> {
  const [startLine = '', ...lines] = text.split('\r\n');
  const fields = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { startLine, fields: new Map(fields) };
}

/** Undefined while it is not whole. */
function bodyOf(bytes: Buffer, begin: number, fields: ReadonlyMap<string, string>): Body | undefined {
  if (fields.get('transfer-encoding') !== undefined) return chunkedBody(bytes, begin);
  const end = begin + Number(fields.get('content-length') ?? 0);
  return end <= bytes.length ? { body: bytes.subarray(begin, end), end } : undefined;
}

/** Chunk extensions and trailers are passed over (RFC 9112 7.1). */
function chunkedBody(bytes: Buffer, begin: number): Body | undefined {
  const chunks: Buffer[] = [];
  for (let position = begin; ;) {
    const lineEnd = bytes.indexOf('\r\n', position);
    if (lineEnd < 0) return undefined;
    const length = parseInt(bytes.toString('latin1', position, lineEnd), 16);
    if (Number.isNaN(length)) throw new Error('a chunk of HTTP without its length');
    if (length === 0) {
      const end = bytes.indexOf(END_OF_HEAD, lineEnd);
      return end < 0 ? undefined : { body: Buffer.concat(chunks), end: end + END_OF_HEAD.length };
    }
    const chunkBegin = lineEnd + 2;
    position = chunkBegin + length + 2;
    if (position > bytes.length) return undefined;
    chunks.push(bytes.subarray(chunkBegin, chunkBegin + length));
  }
}

function unpacked(body: Buffer, fields: ReadonlyMap<string, string>): Buffer {
  const unpack = UNPACK.get(fields.get('content-encoding') ?? '');
  return unpack === undefined || body.length === 0 ? body : unpack(body, { maxOutputLength: MAXIMUM_BYTES });
}

export class HttpReader implements ConnectionReader {
  readonly #tell: (seen: Seen) => void;
  readonly #requests = new Direction();
  readonly #answers = new Direction();
  /** Requests without an answer, in order. */
  readonly #open: { readonly method: string; readonly target: string }[] = [];

  constructor(tell: (seen: Seen) => void) {
    this.#tell = tell;
  }

  /** @throws Error when it cannot be read */
  request(chunk: Buffer): void {
    this.#requests.push(
      chunk,
      () => true,
      ({ startLine, fields, body }) => {
        const [method = '', target = ''] = startLine.split(' ');
        this.#open.push({ method, target });
        this.#tell({ kind: 'http-request', method, target, fields, ...contentOf(body, fields) });
      },
    );
  }

  /** @throws Error when it cannot be read */
  answer(chunk: Buffer): void {
    const hasBody = (startLine: string): boolean =>
      this.#open[0]?.method !== 'HEAD' && !/^\S+ (1\d\d|204|304)/.test(startLine);
    this.#answers.push(chunk, hasBody, ({ startLine, fields, body }) => {
      const [, code, reason = ''] = /^\S+ (\d+) ?(.*)$/.exec(startLine) ?? [];
      const status = Number(code);
      if (status < 200) return; // interim: the answer follows
      const { target = '' } = this.#open.shift() ?? {};
      this.#tell({ kind: 'http-answer', status, reason, target, fields, ...contentOf(body, fields) });
    });
  }
}

function contentOf(
  body: Buffer,
  fields: ReadonlyMap<string, string>,
): { bodyBytes: number; data: SeenData<JsonObject> } {
  const isJson = /^application\/(dicom\+)?json\b/i.test(fields.get('content-type') ?? '');
  return { bodyBytes: body.length, data: isJson ? dataOf(body.toString('utf8')) : NO_DATA };
}

/** A Status Report and the like are JSON too, but no data sets. */
function dataOf(text: string): SeenData<JsonObject> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return NO_DATA;
  }
  const objects = (Array.isArray(parsed) ? parsed : [parsed]).filter(isDataSet);
  return { count: objects.length, first: objects[0] };
}

function isDataSet(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && Object.keys(value).every((tag) => /^[0-9A-F]{8}$/i.test(tag));
}
