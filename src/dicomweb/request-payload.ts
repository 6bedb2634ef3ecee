/**
 * The one data set a request brings (PS3.18 8.6): which representation it claims to be, and reading it strictly. What is
 * tolerated is what PS3.18 leaves open: object or array of one, JSON, XML, or one part of a multipart message.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import type { HeldBytes } from '../access/byte-budget.ts';
import { parseJsonDataSets } from '../dataset/json.ts';
import type { DataSet, Tag } from '../dataset/model.ts';
import { decodeXmlInSteps, fromXmlInSteps } from '../dataset/xml.ts';
import { GatewayError } from '../errors.ts';
import { ServiceFailure } from '../services/port.ts';
import { decoderFor } from './charset.ts';
import { ACCEPTED_CODINGS, codingsOf, decodeContent } from './content-coding.ts';
import { HttpRefusal } from './http-refusal.ts';
import { JSON_TYPES, parseMediaType, XML_TYPES } from './media-type.ts';
import type { MediaType } from './media-type.ts';
import { decodeMultipart, isBoundary } from './multipart.ts';
import { ANSWER_FORMATS } from './negotiation.ts';
import { noMemory, tooLong } from './request-body.ts';
import type { RequestMemory } from './transaction.ts';
import { inTurns } from './waiting.ts';

export interface PayloadFormat {
  readonly type: MediaType;
  /** `Content-Encoding`, empty for none. */
  readonly contentEncoding: string;
}

const ACCEPTED_TYPES = ANSWER_FORMATS.map(({ text }) => text).join(', ');

/** What the header fields say about the payload. @throws HttpRefusal 415, which lists what there is (PS3.18 8.7.8) */
export function payloadFormatOf(headers: IncomingHttpHeaders): PayloadFormat {
  const written = headers['content-type'];
  if (written === undefined) throw unsupported('The request has no Content-Type');
  const type = parseMediaType(written);
  if (type === undefined) throw unsupported('The Content-Type is no media type');
  if (type.type === 'multipart/related') checkRoot(type);
  else checkSingle(type);
  const contentEncoding = headers['content-encoding'] ?? '';
  if (codingsOf(contentEncoding) === undefined) {
    const reason = `The Content-Encoding is not supported. Available: ${ACCEPTED_CODINGS}`;
    throw new HttpRefusal(415, 'NO_COMMON_MEDIA_TYPE', reason, { headers: { 'Accept-Encoding': ACCEPTED_CODINGS } });
  }
  return { type, contentEncoding };
}

function checkRoot(type: MediaType): void {
  const root = type.parameters.get('type');
  if (root === undefined) return;
  const parsed = parseMediaType(root);
  if (parsed === undefined) throw unsupported('The root type of the multipart message is no media type');
  checkSingle(parsed);
}

function checkSingle({ type, parameters }: MediaType): void {
  if (!JSON_TYPES.has(type) && !XML_TYPES.has(type)) throw unsupported('The Content-Type is not supported');
  const charset = parameters.get('charset');
  if (charset !== undefined && decoderFor(charset) === undefined) throw unsupported('The charset is not known');
}

function unsupported(reason: string): HttpRefusal {
  return new HttpRefusal(415, 'NO_COMMON_MEDIA_TYPE', `${reason}. Available: ${ACCEPTED_TYPES}`);
}

/**
 * The data set in the bytes of a body.
 * @param maximumBytes of the body when its content coding is undone
 * @param held grows with what that makes of it, and with the data set
 * @throws HttpRefusal 413, 415 for a part of another type
 * @throws ServiceFailure BAD_REQUEST naming the attribute where one is at fault, never its value; OUT_OF_RESOURCES
 */
export async function readPayload(
  { type, contentEncoding }: PayloadFormat,
  body: Buffer,
  maximumBytes: number,
  held: RequestMemory,
): Promise<DataSet> {
  if (body.length === 0) throw badRequest('The body is empty');
  const bytes = contentEncoding === '' ? body : await decompressed(body, contentEncoding, maximumBytes, held.body);
  if (!held.made.grow(memoryOf(type, bytes))) throw noMemory();
  try {
    const dataSets = type.type === 'multipart/related' ? await readParts(type, bytes) : await readSingle(type, bytes);
    const [dataSet, ...more] = dataSets;
    if (dataSet === undefined) throw badRequest('The body holds no data set');
    if (more.length > 0) throw badRequest('The body holds more than one data set');
    return dataSet;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw badRequest(error.message, attributesIn(error.message), error);
  }
}

/**
 * A body grows by no more than this: lists of like UIDs by 60, and by 150 where Brotli finds more in them. What does was made
 * to keep us busy.
 */
const MAXIMUM_GROWTH = 120;
const MAXIMUM_GROWTH_OF_BROTLI = 400;
const ALWAYS_ALLOWED_BYTES = 64 * 1024;

async function decompressed(body: Buffer, contentEncoding: string, limit: number, held: HeldBytes): Promise<Buffer> {
  const growth = /\bbr\b/i.test(contentEncoding) ? MAXIMUM_GROWTH_OF_BROTLI : MAXIMUM_GROWTH;
  const maximumBytes = Math.min(limit, Math.max(ALWAYS_ALLOWED_BYTES, body.length * growth));
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of await decodeContent(Readable.from([body]), contentEncoding)) {
      bytes += (chunk as Buffer).length;
      if (bytes > maximumBytes) throw tooLong(maximumBytes);
      if (!held.grow((chunk as Buffer).length)) throw noMemory();
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    if (error instanceof ServiceFailure) throw error;
    throw badRequest('The content coding of the body is broken', [], error);
  }
  return Buffer.concat(chunks);
}

/** Of an attribute or item of JSON, measured; an XML element is a part of one. */
const BYTES_PER_BRACE = 192;
const BYTES_PER_TAG = 64;
/** Its text, and its values. */
const COPIES = 2;

/** About what the data set of a body takes, before it is read: what is small as text may be large as objects. */
function memoryOf({ type, parameters }: MediaType, bytes: Buffer): number {
  const isXml = XML_TYPES.has(type === 'multipart/related' ? (parameters.get('type') ?? '') : type);
  const begins = isXml ? BYTES_PER_TAG * countOf(bytes, '<') : BYTES_PER_BRACE * countOf(bytes, '{');
  return COPIES * bytes.length + begins;
}

function countOf(bytes: Buffer, character: string): number {
  const code = character.charCodeAt(0);
  let count = 0;
  for (let at = 0; at < bytes.length; at++) if (bytes[at] === code) count++;
  return count;
}

async function readParts(type: MediaType, bytes: Buffer): Promise<DataSet[]> {
  const boundary = type.parameters.get('boundary');
  if (boundary === undefined || !isBoundary(boundary)) throw badRequest('The Content-Type has no boundary');
  const dataSets: DataSet[] = [];
  for await (const part of decodeMultipart(Readable.from([bytes]), boundary, { endIsCertain: true })) {
    const written = part.headers.get('content-type') ?? type.parameters.get('type');
    const partType = written === undefined ? undefined : parseMediaType(written);
    if (partType === undefined) throw unsupported('A part has no Content-Type');
    checkSingle(partType);
    const pieces: Uint8Array[] = [];
    for await (const piece of part.body) pieces.push(piece);
    dataSets.push(...(await readSingle(partType, Buffer.concat(pieces))));
  }
  return dataSets;
}

async function readSingle({ type, parameters }: MediaType, bytes: Buffer): Promise<DataSet[]> {
  if (bytes.length === 0) throw badRequest('The body is empty');
  const charset = parameters.get('charset');
  if (JSON_TYPES.has(type)) return parseJsonDataSets(decodeText(bytes, charset ?? 'utf-8'));
  // The charset of the header goes before what the XML itself declares (RFC 7303 3).
  return [await inTurns(charset === undefined ? decodeXmlInSteps(bytes) : fromXmlInSteps(decodeText(bytes, charset)))];
}

function decodeText(bytes: Buffer, charset: string): string {
  try {
    return decoderFor(charset, { fatal: true })?.decode(bytes) ?? '';
  } catch (error) {
    throw badRequest('The body is not in the charset it claims', [], error);
  }
}

function badRequest(comment: string, attributes: readonly Tag[] = [], cause?: unknown): ServiceFailure {
  return new ServiceFailure('BAD_REQUEST', { comment, attributes, ...(cause !== undefined && { cause }) });
}

/** The codecs begin with the path of what is at fault; reports name its top-level attribute. */
function attributesIn(message: string): Tag[] {
  const [, tag] = /^([0-9A-F]{8})(?:\.[0-9A-F]{8})*: /.exec(message) ?? [];
  return tag === undefined ? [] : [tag];
}
