/**
 * Results out of the answer of an origin server, whichever of the four media types it chose (PS3.18 8.6, 8.7). Reads as
 * the consumer pulls: a data set in memory at a time, and for XML its text.
 */
import { decodeJsonStream } from '../dataset/json-stream.ts';
import type { DataSet } from '../dataset/model.ts';
import { decodeXmlInSteps, fromXmlInSteps } from '../dataset/xml.ts';
import { GatewayError } from '../errors.ts';
import { ServiceFailure } from '../services/port.ts';
import { decoderFor, transcodeToUtf8 } from './charset.ts';
import { JSON_TYPES, parseMediaType, XML_TYPES } from './media-type.ts';
import type { MediaType } from './media-type.ts';
import { decodeMultipart, isBoundary } from './multipart.ts';
import type { HttpAnswer } from './user-agent.ts';
import { inTurns } from './waiting.ts';

export interface ReadLimits {
  /** Bytes of one result in its JSON or XML form. */
  readonly maximumItemBytes: number;
  /** A JSON property given twice makes the answer unreadable, where the last of several values would say too much. */
  readonly refuseRepeatedNames?: boolean;
}

const NO_PARAMETERS: ReadonlyMap<string, string> = new Map();

/**
 * The results of a successful answer; none when it has no body.
 * @throws ServiceFailure ANSWER_UNREADABLE, ANSWER_TRUNCATED, and what reading the body throws
 */
export async function* readResults(answer: HttpAnswer, limits: ReadLimits): AsyncGenerator<DataSet, void, undefined> {
  try {
    const body = await withoutEmptyBegin(answer.body);
    if (body === undefined) {
      if (answer.status === 200 && !answer.endIsCertain) throw truncated();
      return;
    }
    const written = answer.fields('content-type')[0];
    const type = written === undefined ? sniff(body.first) : parseMediaType(written);
    if (type === undefined)
      throw unreadable(written === undefined ? 'it has no type' : 'its Content-Type is no media type');
    if (type.type === 'multipart/related') yield* readMultipart(body.all, type, answer.endIsCertain, limits);
    else yield* readSingle(body.all, type, limits);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    if (error.code === 'MULTIPART_TRUNCATED') throw truncated(error);
    throw unreadable(error.message, error);
  } finally {
    // What nobody reads to its end would keep its connection.
    await answer.body.return();
  }
}

async function* readMultipart(
  body: AsyncIterable<Uint8Array>,
  type: MediaType,
  endIsCertain: boolean,
  limits: ReadLimits,
): AsyncGenerator<DataSet, void, undefined> {
  const boundary = type.parameters.get('boundary');
  if (boundary === undefined || !isBoundary(boundary)) throw unreadable('its Content-Type has no boundary');
  const root = parseMediaType(type.parameters.get('type') ?? '');
  for await (const part of decodeMultipart(body, boundary, { endIsCertain })) {
    const content = await withoutEmptyBegin(part.body);
    if (content === undefined) throw unreadable('a part is empty');
    const own = part.headers.get('content-type');
    const partType = (own === undefined ? root : parseMediaType(own)) ?? sniff(content.first);
    if (partType === undefined) throw unreadable('a part has no type');
    yield* readSingle(content.all, partType, limits);
  }
}

async function* readSingle(
  body: AsyncIterable<Uint8Array>,
  { type, parameters }: MediaType,
  limits: ReadLimits,
): AsyncGenerator<DataSet, void, undefined> {
  const charset = parameters.get('charset');
  if (JSON_TYPES.has(type)) {
    const utf8 = charset === undefined ? body : transcodeToUtf8(body, charset);
    if (utf8 === undefined) throw unreadable('its charset is not known');
    yield* decodeJsonStream(utf8, limits);
    return;
  }
  if (!XML_TYPES.has(type)) throw unreadable('its media type is not one of DICOM JSON and XML');
  const bytes = await readWhole(body, limits.maximumItemBytes);
  yield await inTurns(charset === undefined ? decodeXmlInSteps(bytes) : fromXmlInSteps(decodeAs(bytes, charset)));
}

/** The charset of the header goes before what the XML itself declares (RFC 7303 3). */
function decodeAs(bytes: Buffer, charset: string): string {
  const decoder = decoderFor(charset);
  if (decoder === undefined) throw unreadable('its charset is not known');
  return decoder.decode(bytes);
}

async function readWhole(body: AsyncIterable<Uint8Array>, maximumBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maximumBytes) throw unreadable('a result is larger than allowed');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Waits for the first byte, so that an answer without body is told from one with; undefined when none comes. */
async function withoutEmptyBegin(
  body: AsyncIterable<Uint8Array>,
): Promise<{ first: Uint8Array; all: AsyncIterable<Uint8Array> } | undefined> {
  const iterator = body[Symbol.asyncIterator]();
  for (;;) {
    const next = await iterator.next();
    if (next.done === true) return undefined;
    if (next.value.length > 0) return { first: next.value, all: continued(next.value, iterator) };
  }
}

async function* continued(
  first: Uint8Array,
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield first;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  } finally {
    await iterator.return?.();
  }
}

/** An answer without Content-Type is told by its first character. */
function sniff(first: Uint8Array): MediaType | undefined {
  const text = Buffer.from(first.subarray(0, 64))
    .toString('latin1')
    .replace(/^\u00ef\u00bb\u00bf/, '')
    .trimStart();
  if (/^[[{]/.test(text)) return { type: 'application/dicom+json', parameters: NO_PARAMETERS };
  return text.startsWith('<') ? { type: 'application/dicom+xml', parameters: NO_PARAMETERS } : undefined;
}

function unreadable(problem: string, cause?: unknown): ServiceFailure {
  return new ServiceFailure('ANSWER_UNREADABLE', { retry: 'safe', comment: `Unreadable answer: ${problem}`, cause });
}

function truncated(cause?: unknown): ServiceFailure {
  return new ServiceFailure('ANSWER_TRUNCATED', {
    retry: 'safe',
    comment: 'The answer of the origin server broke off',
    cause,
  });
}
