/** Pieces of web messages that several targets use. */
import { encodeMultipartEnd, encodePartHead } from '../../src/dicomweb/multipart.ts';

export function multipartOf(boundary: string, type: string, bodies: readonly string[]): Buffer {
  const parts = bodies.flatMap((body, i) => {
    const bytes = Buffer.from(body);
    return [encodePartHead(boundary, type, bytes.length, i === 0), bytes];
  });
  return Buffer.concat([...parts, encodeMultipartEnd(boundary)]);
}

/** Of header fields, media types and multipart messages. */
export const MEDIA_TOKENS: readonly string[] = [
  ...[
    '\n',
    '\r\n',
    '\r\n\r\n',
    '--b',
    '--b--',
    '\r\n--b\r\n',
    '\n--b \t\r\n',
    '--',
    ':',
    ';',
    ',',
    '=',
    '"',
    '\\"',
    '*/*',
    ';q=0',
    ';q=0.001',
  ],
  ...[
    'Content-Type: ',
    'Content-Encoding: ',
    'Accept: ',
    'Accept-Charset: ',
    'application/dicom+json',
    'application/dicom+xml',
    'multipart/related',
  ],
  ...[
    '; boundary=b',
    '; boundary="b"',
    '; type="application/dicom+xml"',
    '; charset=utf-16',
    '; charset="ISO_IR 100"',
    '; charset=iso-2022-jp',
  ],
  ...[
    'gzip',
    'br',
    'deflate',
    'identity',
    'x-gzip',
    'utf-8',
    'gbk',
    '*',
    '%',
    '%2C',
    '%00',
    '%ff',
    '<',
    '{',
    '[',
    '}',
    ']',
    '\0',
    '\xff',
  ],
];
