/** What is done every hour by one of the processes that share a store: forget what has aged out. */
import { retentionAt } from './gateway/retention.ts';
import type { RetentionAges } from './gateway/retention.ts';
import type { Logger } from './observe/log.ts';
import type { Ris } from './ris/ris.ts';
import type { Store } from './store/store.ts';

export const HOUSEKEEPING_MS = 60 * 60 * 1_000;

/**
 * One round. Never rejects: what failed is tried again in the next round.
 * @param rises the embedded RIS by name
 * @param nowMs wall clock, ms since 1970
 */
export async function housekeep(
  store: Store,
  retention: RetentionAges,
  rises: ReadonlyMap<string, Ris>,
  logger: Logger,
  nowMs: number,
): Promise<void> {
  try {
    if (!(await store.leads())) return;
    const steps = await expireSteps(store, retention, nowMs);
    if (steps.tombstoned + steps.removed > 0) logger.info('performed procedure steps aged out', steps);
    for (const [upstream, ris] of rises) {
      const { agedOut, stepsErased } = await ris.housekeep(nowMs);
      if (agedOut > 0) logger.info('worklist entries aged out', { upstream, agedOut });
      if (stepsErased > 0) logger.info('performed steps of the RIS aged out', { upstream, stepsErased });
    }
  } catch (error) {
    logger.error('housekeeping of the store failed', { problem: (error as Error).message });
  }
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
