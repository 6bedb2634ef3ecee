/**
 * What is told of the spool to those who watch: how deep it is, how a destination fares, how an attempt ended. The shapes
 * are those of store/spool-records.ts and gateway/spool-delivery.ts; nothing here has a value of a patient.
 */

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
  readonly kind: 'create' | 'update';
  readonly outcome: DeliveryOutcome;
  /** Canonical failure code of what was not delivered. */
  readonly failureCode?: string | undefined;
  readonly ms: number;
}

/** Called once per attempt, when its end is in the store. Must not throw. */
export type DeliveryObserver = (attempt: DeliveryAttempt) => void;
