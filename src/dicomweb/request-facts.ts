/** What a request says about itself. */
import { TLSSocket } from 'node:tls';
import type { Request } from 'express';
import { plainAddress } from '../access/address-list.ts';

export function hasBody(request: Request): boolean {
  return request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
}

export function queryOf(url: string): string {
  const at = url.indexOf('?');
  return at < 0 ? '' : url.slice(at + 1);
}

/** As the client called it; a Host that is none is replaced by the address it reached. */
export function baseUriOf(request: Request, basePath: string): string {
  const { host } = request.headers;
  const named = host !== undefined && /^(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?$/.test(host);
  const { localAddress, localPort = 0 } = request.socket;
  const address = plainAddress(localAddress);
  const reached = `${address.includes(':') ? `[${address}]` : address}:${localPort}`;
  const scheme = request.socket instanceof TLSSocket ? 'https' : 'http';
  return `${scheme}://${named ? host : reached}${basePath}`;
}
