/** What a user agent tells the trace of a request: methods, paths, names of parameters and statuses, no values. */
import { isUid } from '../dataset/uid.ts';
import { ServiceFailure } from '../services/port.ts';
import type { Trace } from '../services/port.ts';

interface Traced {
  readonly method: string;
  /** As it was asked for, before any redirect. */
  readonly url: URL;
  readonly trace?: Trace | undefined;
}

/** @param url another one than that of the request: the far end has written it, and its path may name a patient */
export function traceRequest({ method, trace, url: asked }: Traced, url: URL): void {
  const where = url === asked ? `${url.pathname}${namesOf(url)}` : `redirected to ${url.origin}`;
  trace?.({ direction: 'out', text: `${method} ${where}` });
}

export function traceAnswer({ trace }: Traced, status: number): void {
  trace?.({ direction: 'in', text: 'HTTP', status: String(status) });
}

export function traceNoAnswer({ trace }: Traced, error: unknown): void {
  trace?.({ direction: 'in', text: 'no answer', ...(error instanceof ServiceFailure && { status: error.code }) });
}

/** `?00100020=…&limit=…`; a UID that stands alone stays as it is (PS3.18 11.4). */
function namesOf({ search }: URL): string {
  if (search.length < 2) return '';
  const pairs = search.slice(1).split('&');
  const named = pairs.map((pair) => {
    const at = pair.indexOf('=');
    if (at < 0) return isUid(pair) ? pair : '…';
    return `${pair.slice(0, at)}=…`;
  });
  return `?${named.join('&')}`;
}
