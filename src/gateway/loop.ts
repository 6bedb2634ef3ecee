/** The way of a request through gateways: a loop is the same route of the same instance seen twice (proxy flows 11.6). */
import { MAXIMUM_HOPS, ServiceFailure } from '../services/port.ts';
import type { Hop } from '../services/port.ts';

/** The hops a request has behind it once it has taken a route of ours. @throws ServiceFailure LOOP_DETECTED */
export function hopsBeyond(hops: readonly Hop[] = [], own: Hop): readonly Hop[] {
  const isBack = hops.some(({ instance, route }) => instance === own.instance && route === own.route);
  if (isBack || hops.length >= MAXIMUM_HOPS) throw new ServiceFailure('LOOP_DETECTED');
  return [...hops, own];
}
