/** How a person at the command line waits for a result: for a report, or by asking again and again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceFailure } from '../services/port.ts';
import type { RequestContext } from '../services/port.ts';
import { nextAfterCheck } from '../services/storage-commitment/answers.ts';
import type { CommitmentStatus, ToldCommitment } from '../services/storage-commitment/commitment.ts';
import { PATIENCE_MS } from './with-upstream.ts';

/** Pauses between two Result Checks where the archive names none, ms. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** An archive that says `Retry-After: 0` is not asked without a pause. */
const SHORTEST_PAUSE_MS = 100;

/** The result, or undefined when it has not come until then. @param until by `performance.now()` */
export async function firstOf<Result>(
  result: Promise<Result>,
  until: number,
  signal: AbortSignal,
): Promise<Result | undefined> {
  const ended = new AbortController();
  try {
    return await Promise.race([result, pause(until - performance.now(), AbortSignal.any([signal, ended.signal]))]);
  } finally {
    ended.abort();
  }
}

/**
 * Result Checks (PS3.18 13.5), the last one when the wait ends; undefined: there is no result then.
 * @param until by `performance.now()`
 * @param advisedMs pause that the archive has asked for
 * @throws ServiceFailure when no result is to come, or the last check failed
 */
export async function checkUntil(
  until: number,
  check: (context: RequestContext) => Promise<CommitmentStatus>,
  context: RequestContext,
  advisedMs: number | undefined,
): Promise<ToldCommitment | undefined> {
  let failure: ServiceFailure | undefined;
  let nextMs = advisedMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const leftMs = until - performance.now();
    const wantedMs = Math.max(nextMs ?? pauseMs, SHORTEST_PAUSE_MS);
    if (leftMs > 0) await pause(Math.min(leftMs, wantedMs), context.signal);
    if (leftMs <= 0 || context.signal.aborted) break;
    try {
      const answer = await check({ ...context, deadline: performance.now() + PATIENCE_MS });
      if (answer.state === 'done') return answer.told;
      [failure, nextMs] = [undefined, answer.retryAfterMs];
    } catch (error) {
      if (!(error instanceof ServiceFailure) || nextAfterCheck(error) !== 'again') throw error;
      [failure, nextMs] = [error, error.retryAfter === undefined ? undefined : error.retryAfter * 1_000];
    }
    if (wantedMs >= leftMs) break;
  }
  if (failure !== undefined) throw failure;
  return undefined;
}

/** Ends early when the signal aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<undefined> {
  await sleep(Math.max(0, ms), undefined, { signal }).catch(() => undefined);
  return undefined;
}
