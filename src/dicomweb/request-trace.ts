/** What a user agent tells the trace of a request: methods, paths, names of parameters and statuses, no values. */
import { isUid } from '../dataset/uid.ts';
import { ServiceFailure } from '../services/port.ts';
import type { Trace } from '../services/port.ts';

interface Traced {
  readonly method: string;
  readonly trace?: Trace | undefined;
}

export function traceRequest({ method, trace }: Traced, url: URL): void {
  trace?.({ direction: 'out', text: `${method} ${url.pathname}${namesOf(url)}` });
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
