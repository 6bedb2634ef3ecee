import type { RequestHandler } from 'express';
import { HttpRefusal } from './http-refusal.ts';
import type { KnownOptions } from './listener-options.ts';

/** Version and lengths, before anything looks at what is asked. */
export function checkRequest(options: Pick<KnownOptions, 'maximumUriLength' | 'maximumHeaderBytes'>): RequestHandler {
  return (request, _response, next) => {
    if (request.httpVersionMajor !== 1) {
      throw new HttpRefusal(505, 'BAD_REQUEST', `HTTP/${request.httpVersion} is not spoken here`);
    }
    const target = request.originalUrl;
    if (target.length > options.maximumUriLength) {
      throw new HttpRefusal(414, 'QUERY_TOO_LONG', `The URI is longer than ${options.maximumUriLength} characters`);
    }
    const headerBytes = request.rawHeaders.reduce((sum, text) => sum + text.length + 2, 0);
    if (headerBytes > options.maximumHeaderBytes) {
      throw new HttpRefusal(431, 'BAD_REQUEST', `The header is longer than ${options.maximumHeaderBytes} bytes`);
    }
    next();
  };
}
