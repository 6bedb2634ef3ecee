/** What is done every hour by one of the processes that share a store: forget what has aged out. */
import { retentionAt } from './gateway/retention.ts';
import type { RetentionAges } from './gateway/retention.ts';
import { errorFacts } from './observe/error-facts.ts';
import type { Logger } from './observe/log.ts';
import type { Ris } from './ris/ris.ts';
import type { Store } from './store/store.ts';

/** Ages in ms; undefined: for ever. */
export interface Retention extends RetentionAges {
  readonly commitments: number | undefined;
  /** Also of reports that wait for subscribers. */
  readonly finalWorkitems: number | undefined;
  readonly seenWorkitems: number | undefined;
}

export const HOUSEKEEPING_MS = 60 * 60 * 1_000;

/**
 * One round. Never rejects: what failed is tried again in the next round.
 * @param rises the embedded RIS by name
 * @param nowMs wall clock, ms since 1970
 */
export async function housekeep(
  store: Store,
  retention: Retention,
  rises: ReadonlyMap<string, Ris>,
  logger: Logger,
  nowMs: number,
): Promise<void> {
  try {
    if (!(await store.leads())) return;
    const steps = await expireSteps(store, retention, nowMs);
    if (steps.tombstoned + steps.removed > 0) logger.info('performed procedure steps aged out', steps);
    await expireCommitments(store, retention, logger);
    await expireWorkitems(store, retention, logger);
    for (const [upstream, ris] of rises) {
      const { agedOut, stepsErased } = await ris.housekeep(nowMs);
      if (agedOut > 0) logger.info('worklist entries aged out', { upstream, agedOut });
      if (stepsErased > 0) logger.info('performed steps of the RIS aged out', { upstream, stepsErased });
    }
  } catch (error) {
    logger.error('housekeeping of the store failed', errorFacts(error));
  }
}

/** For ever, as a duration. */
const KEPT_MS = Number.MAX_SAFE_INTEGER / 2;

async function expireCommitments(
  store: Store,
  { commitments: resultsMs = KEPT_MS, tombstones: tombstonesMs = KEPT_MS }: Retention,
  logger: Logger,
): Promise<void> {
  const total = { forgotten: 0, removed: 0 };
  for (let more = true; more;) {
    const { forgotten, removed, unreported } = await store.commitments.expire({ resultsMs, tombstonesMs });
    total.forgotten += forgotten;
    total.removed += removed;
    more = forgotten + removed > 0;
    for (const each of unreported)
      logger.error('a result of storage commitment was never reported, and is given up', { ...each });
  }
  if (total.forgotten + total.removed > 0) logger.info('storage commitments aged out', total);
}

/** What nobody ends goes with performed procedure steps that nobody ends; what is locked, with the last that is known of any. */
async function expireWorkitems(store: Store, retention: Retention, logger: Logger): Promise<void> {
  const { finalWorkitems: finalMs = KEPT_MS, seenWorkitems: seenMs = KEPT_MS } = retention;
  const { open: openMs = KEPT_MS, tombstones: lockedMs = KEPT_MS } = retention;
  const total = {
    workitems: await everyRound(() => store.workitems.expire({ finalMs, openMs, scheduledMs: seenMs, lockedMs })),
    claims: await everyRound(() => store.claims.expire({ finalMs, openMs, seenMs })),
  };
  if (total.workitems + total.claims > 0) logger.info('workitems and claims of workitems aged out', total);
  const reports = await store.subscriptions.expireReports(finalMs);
  if (reports > 0) logger.warn('reports of workitems aged out that their subscribers never fetched', { reports });
}

/** The sum of its rounds. */
async function everyRound(expire: () => Promise<number>): Promise<number> {
  let total = 0;
  for (let more = true; more;) {
    const gone = await expire();
    total += gone;
    more = gone > 0;
  }
  return total;
}

async function expireSteps(
  store: Store,
  retention: RetentionAges,
  nowMs: number,
): Promise<{ tombstoned: number; removed: number }> {
  const moments = retentionAt(retention, nowMs);
  const total = { tombstoned: 0, removed: 0 };
  for (let more = true; more;) {
    const { tombstoned, removed } = await store.mpps.expire(moments);
    total.tombstoned += tombstoned;
    total.removed += removed;
    more = tombstoned + removed > 0;
  }
  return total;
}
