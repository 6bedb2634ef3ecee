/** Content codings of a message (RFC 9110 8.4): gzip, deflate and br are undone as the bytes arrive. */
import { pipeline } from 'node:stream';
import type { Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { ServiceFailure } from '../services/port.ts';

export const ACCEPTED_CODINGS = 'gzip, deflate, br';
/** More than one on top of another is nobody's honest doing. */
const MAXIMUM_CODINGS = 2;
const KNOWN_CODINGS: ReadonlySet<string> = new Set(['gzip', 'x-gzip', 'deflate', 'br']);

/** The codings of a `Content-Encoding`, in the order they were applied; undefined when one is not known. */
export function codingsOf(contentEncoding: string): string[] | undefined {
  const codings = contentEncoding
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity');
  const isKnown = codings.length <= MAXIMUM_CODINGS && codings.every((coding) => KNOWN_CODINGS.has(coding));
  return isKnown ? codings : undefined;
}

/**
 * The plain bytes; reading them drives the source. Errors of the source come through as they are.
 * @throws ServiceFailure ANSWER_UNREADABLE when a coding is not known
 */
export async function decodeContent(source: Readable, contentEncoding: string): Promise<Readable> {
  const codings = codingsOf(contentEncoding);
  if (codings === undefined) throw unknownCoding();
  let stream = source;
  for (const coding of codings.reverse()) {
    const decoder = await decoderFor(coding, stream);
    if (decoder === undefined) return stream;
    stream = pipeline(stream, decoder, () => {
      // The error reaches the reader through the decoder itself.
    });
  }
  return stream;
}

/** Undefined when the source is at its end: an answer without body has no coding either. */
async function decoderFor(coding: string, source: Readable): Promise<Transform | undefined> {
  if (coding === 'gzip' || coding === 'x-gzip') return (await peek(source)) === undefined ? undefined : createGunzip();
  if (coding === 'br') return (await peek(source)) === undefined ? undefined : createBrotliDecompress();
  const first = await peek(source);
  // RFC 9110 means zlib; some senders use the raw form. The zlib header begins with compression method 8.
  return first === undefined ? undefined : (first & 0x0f) === 8 ? createInflate() : createInflateRaw();
}

/** The first byte, which stays in the stream; undefined at its end. */
async function peek(source: Readable): Promise<number | undefined> {
  for (;;) {
    const chunk = source.read() as Buffer | null;
    if (chunk !== null && chunk.length > 0) {
      source.unshift(chunk);
      return chunk[0];
    }
    if (source.readableEnded || source.destroyed) {
      if (source.errored !== null) throw source.errored;
      return undefined;
    }
    await new Promise<void>((resolve, reject) => {
      const settle = (error?: Error): void => {
        source.off('readable', settle).off('end', settle).off('close', settle).off('error', settle);
        if (error instanceof Error) reject(error);
        else resolve();
      };
      source.on('readable', settle).on('end', settle).on('close', settle).on('error', settle);
    });
  }
}

function unknownCoding(): ServiceFailure {
  return new ServiceFailure('ANSWER_UNREADABLE', {
    retry: 'safe',
    comment: 'The answer has a content coding that is not known',
  });
}
