/** What the health page says about each upstream: the last exchange that went well and the last that did not. */
import type { FailureCode, ServiceFailure } from '../services/port.ts';

/** Times are ISO 8601 in UTC. */
export interface UpstreamState {
  readonly lastSuccess?: string;
  readonly lastFailure?: string;
  readonly lastFailureCode?: FailureCode;
}

/** Whether a failure says something about the upstream, rather than about the request. */
export function isUpstreamTrouble({ code }: ServiceFailure): boolean {
  return code.startsWith('UPSTREAM_') || code === 'CONNECTION_LOST' || code === 'OUTCOME_UNKNOWN';
}

export class UpstreamStates {
  readonly #now: () => number;
  readonly #states = new Map<string, UpstreamState>();

  /** @param now wall clock in ms */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Those that were asked so far, by name. */
  get all(): ReadonlyMap<string, UpstreamState> {
    return this.#states;
  }

  readonly succeeded = (name: string): void => {
    this.#states.set(name, { ...this.#states.get(name), lastSuccess: this.#time() });
  };

  readonly failed = (name: string, { code }: ServiceFailure): void => {
    if (code === 'CANCELED') return;
    this.#states.set(name, { ...this.#states.get(name), lastFailure: this.#time(), lastFailureCode: code });
  };

  #time(): string {
    return new Date(this.#now()).toISOString();
  }
}
