/** How much passes and how fast, over the last five minutes, in memory that does not grow with it. */

export const TRAFFIC_KINDS = ['listener', 'route', 'upstream'] as const;
export type TrafficKind = (typeof TRAFFIC_KINDS)[number];

/** Of the last five minutes. */
export interface TrafficSight {
  /** Of listeners and routes: exchanges; of an upstream: calls, those of the spool included. */
  readonly exchanges: number;
  readonly failures: number;
  readonly perMinute: number;
  /** Of those that went well, within a tenth; absent without any. */
  readonly p50Ms?: number;
  readonly p95Ms?: number;
}

/** Read by the console. */
export interface Traffic {
  /** Zeros for what is not known. */
  of(kind: TrafficKind, name: string): TrafficSight;
}
