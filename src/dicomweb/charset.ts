/**
 * Character sets on the web (PS3.18 8.8, Table 8.8-1): IANA names, the Specific Character Set each stands for, and the
 * choice among what a request accepts. JSON and XML are UTF-8 unless the request asks for something else.
 */
import { TextDecoder } from 'node:util';
import iconv from 'iconv-lite';
import type { WeightedName } from './media-type.ts';

export interface Charset {
  /** The name in `Content-Type`, e.g. `utf-8`. */
  readonly name: string;
  /** Values of 00080005 in an answer that has text outside ASCII. */
  readonly terms: readonly string[];
}

export const UTF_8: Charset = { name: 'utf-8', terms: ['ISO_IR 192'] };

/**
 * Those of Table 8.8-1 we write. The stateful ISO-2022 sets are not among them: JSON and XML parsers do not read them,
 * and a set that is not supported is ignored (PS3.18 8.3.3.2).
 */
export const CHARSETS: readonly Charset[] = [
  UTF_8,
  { name: 'iso-8859-1', terms: ['ISO_IR 100'] },
  { name: 'iso-8859-2', terms: ['ISO_IR 101'] },
  { name: 'iso-8859-3', terms: ['ISO_IR 109'] },
  { name: 'iso-8859-4', terms: ['ISO_IR 110'] },
  { name: 'iso-8859-5', terms: ['ISO_IR 144'] },
  { name: 'iso-8859-6', terms: ['ISO_IR 127'] },
  { name: 'iso-8859-7', terms: ['ISO_IR 126'] },
  { name: 'iso-8859-8', terms: ['ISO_IR 138'] },
  { name: 'iso-8859-9', terms: ['ISO_IR 148'] },
  { name: 'iso-8859-15', terms: ['ISO_IR 203'] },
  { name: 'tis-620', terms: ['ISO_IR 166'] },
  { name: 'gb18030', terms: ['GB18030'] },
  { name: 'gbk', terms: ['GBK'] },
];

const BY_NAME = new Map<string, Charset>([
  ...CHARSETS.flatMap((charset): [string, Charset][] => [
    [charset.name, charset],
    // A quoted DICOM defined term is allowed in place of the IANA name (PS3.18 8.8).
    [(charset.terms[0] as string).toLowerCase(), charset],
  ]),
  ['utf8', UTF_8],
  ['us-ascii', UTF_8],
]);

/** What we write under an IANA name or a DICOM defined term; undefined when it is not supported. */
export function charsetOf(name: string): Charset | undefined {
  return BY_NAME.get(name.toLowerCase());
}

/**
 * The acceptable charsets of one list, best first; those that are not supported are ignored. `*` stands for UTF-8.
 * Undefined when the list names none that is supported.
 */
export function acceptableCharsets(accepted: readonly WeightedName[]): Charset[] | undefined {
  const weighted = new Map<Charset, number>();
  for (const { name, quality } of accepted) {
    const charset = name === '*' ? UTF_8 : charsetOf(name);
    if (charset !== undefined && (!weighted.has(charset) || name !== '*')) weighted.set(charset, quality);
  }
  const best = [...weighted].filter(([, quality]) => quality > 0).sort(([, a], [, b]) => b - a);
  return best.length > 0 ? best.map(([charset]) => charset) : undefined;
}

/** The bytes of a text; undefined when one of its characters does not exist in the charset. */
export function encodeText(text: string, charset: Charset): Buffer | undefined {
  if (charset === UTF_8) return Buffer.from(text, 'utf8');
  const bytes = iconv.encode(text, charset.name);
  // iconv-lite writes `?` for what it cannot map and says nothing.
  return iconv.decode(bytes, charset.name) === text ? bytes : undefined;
}

/**
 * A decoder for what a sender calls its charset; undefined when nobody knows it. TextDecoder, since the one of iconv-lite
 * loses the second half of a surrogate pair at the border of two chunks.
 * @param fatal bytes that do not belong to the charset throw instead of becoming U+FFFD
 */
export function decoderFor(charset: string, { fatal = false } = {}): TextDecoder | undefined {
  try {
    return new TextDecoder(charsetOf(charset)?.name ?? charset, { fatal });
  } catch {
    return undefined;
  }
}

/** A stream of bytes in another charset as UTF-8; undefined when nobody knows the charset. */
export function transcodeToUtf8(
  chunks: AsyncIterable<Uint8Array>,
  charset: string,
): AsyncIterable<Uint8Array> | undefined {
  const decoder = decoderFor(charset);
  if (decoder === undefined) return undefined;
  return decoder.encoding === UTF_8.name ? chunks : transcode(chunks, decoder);
}

async function* transcode(
  chunks: AsyncIterable<Uint8Array>,
  decoder: TextDecoder,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    const text = decoder.decode(chunk, { stream: true });
    if (text !== '') yield Buffer.from(text, 'utf8');
  }
  const rest = decoder.decode();
  if (rest !== '') yield Buffer.from(rest, 'utf8');
}
