/** How long storage commitment waits: between two questions to an upstream, and what a user agent is told to wait. */
import type { ServiceFailure } from '../../services/port.ts';
import type { CommitmentRecord } from '../../store/commitment-records.ts';
import { growing } from '../circuit.ts';
import type { CommitmentOptions } from './route.ts';

/** Where pauses come from. */
export interface Pauses {
  readonly options: Pick<CommitmentOptions, 'firstPollMs' | 'maximumPollMs'>;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** Less than a second a far end cannot have us wait, and more than an hour neither. */
const SHORTEST_RETRY_AFTER_MS = 1_000;
const LONGEST_RETRY_AFTER_MS = 60 * 60_000;

/** Pause after a report that was not taken; it doubles up to the second. */
export const FIRST_REPORT_DELAY_MS = 10_000;
const LONGEST_REPORT_DELAY_MS = 10 * 60_000;

/** As the upstream asks, else growing. @param checks results asked for so far */
export function checkDelayMs({ options, random }: Pauses, checks: number, retryAfterMs?: number): number {
  if (retryAfterMs !== undefined) return within(retryAfterMs);
  return jittered(growing(options.firstPollMs, options.maximumPollMs, checks), random);
}

/** @param failures in a row before this one */
export function retryDelayMs(pauses: Pauses, failures: number, { code, retryAfter }: ServiceFailure): number {
  // It is this process that ends, not the far end that failed.
  if (code === 'SHUTTING_DOWN' && retryAfter === undefined) return 0;
  return checkDelayMs(pauses, failures, retryAfter === undefined ? undefined : retryAfter * 1_000);
}

/** @param failures in a row before this one */
export function reportDelayMs(random: () => number, failures: number, { code, dimseStatus }: ServiceFailure): number {
  if (code === 'SHUTTING_DOWN' && dimseStatus === undefined) return 0;
  return jittered(growing(FIRST_REPORT_DELAY_MS, LONGEST_REPORT_DELAY_MS, failures), random);
}

/** What a user agent is told: as long again as it has lasted, so that questions grow rarer; or what the upstream says. */
export function patienceAskedMs(
  { remainingMs }: Pick<CommitmentRecord, 'remainingMs'>,
  { deadlineMs, firstPollMs, maximumPollMs }: CommitmentOptions,
  retryAfterMs?: number,
): number {
  if (retryAfterMs !== undefined) return within(retryAfterMs);
  return Math.min(maximumPollMs, Math.max(firstPollMs, deadlineMs - remainingMs));
}

function within(retryAfterMs: number): number {
  return Math.min(LONGEST_RETRY_AFTER_MS, Math.max(SHORTEST_RETRY_AFTER_MS, retryAfterMs));
}

/** Up to a quarter shorter, so that those who failed together do not come together again. */
function jittered(delayMs: number, random: () => number): number {
  return Math.round(delayMs * (1 - random() / 4));
}
