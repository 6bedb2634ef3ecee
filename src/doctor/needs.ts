/** What the routes ask of each upstream. */
import type { Config } from '../config/schema.ts';

/** `notifications`: it is told of MPPS; the others are the services of routes. */
export type Need = 'worklist' | 'mpps' | 'storageCommitment' | 'notifications';

/** Upstreams of no route need nothing. */
export function needsOf(name: string, { routes }: Pick<Config, 'routes'>): ReadonlySet<Need> {
  const needs = new Set<Need>();
  for (const { worklist, mpps, storageCommitment, notifications } of routes) {
    if (worklist?.to.includes(name)) needs.add('worklist');
    if (mpps !== undefined && [mpps.to, ...mpps.forwardTo.map(({ to }) => to)].includes(name)) needs.add('mpps');
    if (storageCommitment?.to === name) needs.add('storageCommitment');
    if (notifications?.to.includes(name)) needs.add('notifications');
  }
  return needs;
}
