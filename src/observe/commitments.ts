/**
 * What is told of storage commitments to those who watch. The shapes are those of store/commitment-records.ts; nothing here
 * has a UID.
 */
import { within } from './patience.ts';

/** Of these something is still to be done. */
export const OPEN_PHASES = ['asking', 'waiting', 'reporting'] as const;
export const WATCHED_PHASES = [...OPEN_PHASES, 'done'] as const;
export type WatchedPhase = (typeof WATCHED_PHASES)[number];

/** Commitments of one destination in one phase. */
export interface WatchedCount {
  readonly route: string;
  readonly upstream: string;
  /** One that is not watched is passed over. */
  readonly phase: string;
  readonly count: number;
  /** Age of the oldest in ms, since it was asked for. */
  readonly oldestMs: number;
}

/** Where it is seen. */
export interface CommitmentSource {
  /** Of the store; undefined: there is none. */
  readonly counts: () => Promise<readonly WatchedCount[]> | undefined;
  /** Every upstream this process asks, on behalf of each route, with commitments or without. */
  readonly destinations: () => Iterable<{ readonly route: string; readonly upstream: string }>;
}

/** A destination as both know it; no phases: the store did not tell. */
export interface SeenCommitments {
  readonly route: string;
  readonly upstream: string;
  /** Whether this process asks it; else it is in no route any more, and its commitments wait for one. */
  readonly isServed: boolean;
  readonly phases?: Readonly<Record<WatchedPhase, { readonly count: number; readonly oldestMs: number }>>;
}

const NONE = { count: 0, oldestMs: 0 };
const NO_PHASES: NonNullable<SeenCommitments['phases']> = {
  asking: NONE,
  waiting: NONE,
  reporting: NONE,
  done: NONE,
};

/** Looks once; never rejects. By route, then upstream. @param patienceMs a store that takes longer fails */
export async function lookAtCommitments(source: CommitmentSource, patienceMs = 2_000): Promise<SeenCommitments[]> {
  const asked = source.counts();
  const counts = asked === undefined ? undefined : await within(asked, patienceMs);
  const seen = new Map<string, SeenCommitments>();
  const keyOf = (route: string, upstream: string): string => JSON.stringify([route, upstream]);
  for (const { route, upstream } of source.destinations()) {
    const phases = counts === undefined ? {} : { phases: NO_PHASES };
    seen.set(keyOf(route, upstream), { route, upstream, isServed: true, ...phases });
  }
  for (const { route, upstream, phase, count, oldestMs } of counts ?? []) {
    if (!(phase in NO_PHASES)) continue;
    const key = keyOf(route, upstream);
    const { isServed = false, phases = NO_PHASES } = seen.get(key) ?? {};
    seen.set(key, { route, upstream, isServed, phases: { ...phases, [phase]: { count, oldestMs } } });
  }
  return [...seen.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, destination]) => destination);
}
