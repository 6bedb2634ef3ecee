/**
 * The way of a message through gateways, in a header field of our own: `Dimseway-Hop: instance;route, instance;route`,
 * both percent-encoded, the first hop first. A gateway that finds itself and the route in it breaks the loop.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { MAXIMUM_HOPS } from '../services/port.ts';
import type { Hop, RequestContext } from '../services/port.ts';

const HOP = 'dimseway-hop';

const MAXIMUM_NAME_LENGTH = 200;

export function hopHeader({ hops = [] }: RequestContext): Readonly<Record<string, string>> {
  if (hops.length === 0) return {};
  const text = hops.map(({ instance, route }) => `${encodeURIComponent(instance)};${encodeURIComponent(route)}`);
  return { [HOP]: text.join(', ') };
}

/** The hops a request tells of, one more than may be, so that too long a way is seen; what is no hop is left out. */
export function hopsOf(headers: IncomingHttpHeaders): Hop[] {
  const field = headers[HOP];
  if (field === undefined) return [];
  const text = typeof field === 'string' ? field : field.join(',');
  return text.split(',', MAXIMUM_HOPS + 1).flatMap((one) => hopOf(one.trim()) ?? []);
}

function hopOf(text: string): Hop | undefined {
  const [instance = '', route = '', ...more] = text.split(';').map(decoded);
  const isName = (name: string): boolean => name !== '' && name.length <= MAXIMUM_NAME_LENGTH;
  return isName(instance) && isName(route) && more.length === 0 ? { instance, route } : undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.trim());
  } catch {
    return '';
  }
}
