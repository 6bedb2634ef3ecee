/** The four media types of PS3.18 8.7 as a far end writes and reads them, without the encoders of the product. */
import { parseJsonDataSets, toJson } from '../../src/dataset/json.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { decodeXml, toXml } from '../../src/dataset/xml.ts';

export const MEDIA_TYPES = ['json', 'xml', 'multipart-json', 'multipart-xml'] as const;
export type MediaTypeName = (typeof MEDIA_TYPES)[number];

const BOUNDARY = 'MESSAGEBOUNDARY';
const TYPES = { json: 'application/dicom+json', xml: 'application/dicom+xml' } as const;

/** `Accept` of exactly this one. */
export function acceptOf(mediaType: MediaTypeName): string {
  const type = TYPES[contentOf(mediaType)];
  return mediaType.startsWith('multipart') ? `multipart/related; type="${type}"` : type;
}

export function bodyIn(mediaType: MediaTypeName, dataSet: DataSet): { contentType: string; body: Buffer } {
  const content = contentOf(mediaType);
  const text = content === 'json' ? `[${toJson(dataSet)}]` : toXml(dataSet);
  if (mediaType === content) return { contentType: TYPES[content], body: Buffer.from(text) };
  const part = `--${BOUNDARY}\r\nContent-Type: ${TYPES[content]}\r\n\r\n${text}\r\n--${BOUNDARY}--`;
  return { contentType: `${acceptOf(mediaType)}; boundary=${BOUNDARY}`, body: Buffer.from(part) };
}

/** Which of the four a message is, and its one data set. */
export function readBody(contentType: string, body: Buffer): { mediaType: MediaTypeName; dataSet: DataSet } {
  const content = contentType.includes('+xml') ? 'xml' : 'json';
  if (!contentType.startsWith('multipart/related')) return { mediaType: content, dataSet: read(content, body) };
  const boundary = /boundary="?([^";]+)/.exec(contentType)?.[1] ?? '';
  const [, part = ''] = body.toString('utf8').split(`--${boundary}\r\n`);
  const text = part.slice(part.indexOf('\r\n\r\n') + 4, part.lastIndexOf(`\r\n--${boundary}--`));
  return { mediaType: `multipart-${content}`, dataSet: read(content, Buffer.from(text)) };
}

function read(content: 'json' | 'xml', body: Buffer): DataSet {
  return content === 'xml' ? decodeXml(body) : (parseJsonDataSets(body.toString('utf8'))[0] as DataSet);
}

function contentOf(mediaType: MediaTypeName): 'json' | 'xml' {
  return mediaType.endsWith('xml') ? 'xml' : 'json';
}
