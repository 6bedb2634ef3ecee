/** The one data set a request of a user agent brings (PS3.18 8.6), in any of the media types. */
import type { DataSet } from '../dataset/model.ts';
import { GatewayError } from '../errors.ts';
import { ServiceFailure } from '../services/port.ts';
import { UTF_8 } from './charset.ts';
import { createBoundary, encodeMultipartEnd, encodePartHead } from './multipart.ts';
import { encodeRepresentation } from './representation.ts';
import type { SearchMediaType } from './search-client.ts';
import type { HttpRequest } from './user-agent.ts';

const TYPES = { json: 'application/dicom+json', xml: 'application/dicom+xml' } as const;

/** @throws ServiceFailure CONVERSION_FAILED that names the attribute */
export function encodePayload(dataSet: DataSet, mediaType: SearchMediaType): NonNullable<HttpRequest['payload']> {
  const content = mediaType.endsWith('xml') ? 'xml' : 'json';
  const type = TYPES[content];
  const bytes = encoded(dataSet, content);
  if (mediaType === content) return { contentType: type, bytes };
  const boundary = createBoundary();
  return {
    contentType: `multipart/related; type="${type}"; boundary=${boundary}`,
    bytes: Buffer.concat([encodePartHead(boundary, type, bytes.length, true), bytes, encodeMultipartEnd(boundary)]),
  };
}

function encoded(dataSet: DataSet, content: 'json' | 'xml'): Buffer {
  try {
    return encodeRepresentation(dataSet, content, UTF_8) as Buffer;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const tag = /^([0-9A-F]{8})/.exec(error.message)?.[1];
    const attributes = tag === undefined ? [] : [tag];
    throw new ServiceFailure('CONVERSION_FAILED', { comment: error.message, attributes, cause: error });
  }
}
