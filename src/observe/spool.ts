/**
 * What is told of the spool to those who watch: how deep it is, how a destination fares, how an attempt ended. The shapes
 * are those of store/spool-records.ts and gateway/spool-delivery.ts; nothing here has a value of a patient.
 */
import { within } from './patience.ts';

/** A destination that has messages. */
export interface WatchedDepth {
  readonly route: string;
  readonly upstream: string;
  readonly queued: number;
  readonly dead: number;
  /** Age of the oldest message in ms. */
  readonly oldestMs: number;
  /** Most attempts of any message. */
  readonly attempts: number;
}

/** How this process fares with a destination it delivers to. */
export interface WatchedDestination {
  readonly route: string;
  readonly upstream: string;
  /** Since when nothing but probes is sent, ms since 1970; absent: it is sent to. */
  readonly circuitOpenSince?: number | undefined;
  /** Canonical failure code of the last attempt that failed. */
  readonly lastFailureCode?: string | undefined;
}

/** `later`: it is tried again; `dead`: a person has to decide. */
export const DELIVERY_OUTCOMES = ['delivered', 'later', 'dead'] as const;
export type DeliveryOutcome = (typeof DELIVERY_OUTCOMES)[number];

/** One attempt at delivering one message, ended. */
export interface DeliveryAttempt {
  readonly route: string;
  readonly upstream: string;
  readonly kind: 'create' | 'update' | 'event';
  readonly outcome: DeliveryOutcome;
  /** Canonical failure code of what was not delivered, or of an event that was and that the SCU refused. */
  readonly failureCode?: string | undefined;
  readonly ms: number;
}

/** Called once per attempt, when its end is in the store. Must not throw. */
export type DeliveryObserver = (attempt: DeliveryAttempt) => void;

/** Where it is seen. */
export interface SpoolSource {
  /** Of the store; undefined: there is none. */
  readonly depths: () => Promise<readonly WatchedDepth[]> | undefined;
  /** Every destination this process delivers to, with messages or without. */
  readonly destinations: () => Iterable<WatchedDestination>;
}

/** A destination as both know it; no depth: the store did not tell. */
export interface SeenDestination extends WatchedDestination {
  /** Whether this process delivers to it; else it is in no route any more, and its messages wait for one. */
  readonly isServed: boolean;
  readonly depth?: Omit<WatchedDepth, 'route' | 'upstream'>;
}

export interface SpoolSight {
  /** Undefined: there is none. */
  readonly store?: 'ok' | 'failing';
  /** By route, then upstream. */
  readonly destinations: readonly SeenDestination[];
}

const EMPTY = { queued: 0, dead: 0, oldestMs: 0, attempts: 0 };

/** Looks once; never rejects. @param patienceMs a store that takes longer fails */
export async function lookAtSpool(source: SpoolSource, patienceMs = 2_000): Promise<SpoolSight> {
  const asked = source.depths();
  const depths = asked === undefined ? undefined : await within(asked, patienceMs);
  const store = asked === undefined ? undefined : depths === undefined ? 'failing' : 'ok';
  const seen = new Map<string, SeenDestination>();
  const keyOf = ({ route, upstream }: { route: string; upstream: string }): string => JSON.stringify([route, upstream]);
  for (const { route, upstream, circuitOpenSince, lastFailureCode } of source.destinations()) {
    const depth = store === 'ok' ? { depth: EMPTY } : {};
    seen.set(keyOf({ route, upstream }), {
      route,
      upstream,
      isServed: true,
      circuitOpenSince,
      lastFailureCode,
      ...depth,
    });
  }
  for (const { route, upstream, queued, dead, oldestMs, attempts } of depths ?? []) {
    const key = keyOf({ route, upstream });
    seen.set(key, { route, upstream, isServed: false, ...seen.get(key), depth: { queued, dead, oldestMs, attempts } });
  }
  const sorted = [...seen.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, destination]) => destination);
  return { ...(store !== undefined && { store }), destinations: sorted };
}
