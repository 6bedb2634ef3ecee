/** What the health page says about each upstream: the last call of it that went well and the last that did not. */
import type { SeenCall } from './watched-upstream.ts';

/** Times are ISO 8601 in UTC. */
export interface UpstreamState {
  readonly lastSuccess?: string;
  readonly lastFailure?: string;
  /** Canonical failure code. */
  readonly lastFailureCode?: string;
}

/** Whether a failure says something about the upstream, rather than about the request. */
function isUpstreamTrouble({ transaction, failureCode = '' }: SeenCall): boolean {
  // A search has nothing of its own that an upstream could rightly refuse.
  if (transaction === 'search') return true;
  return failureCode.startsWith('UPSTREAM_') || failureCode === 'CONNECTION_LOST' || failureCode === 'OUTCOME_UNKNOWN';
}

export class UpstreamStates {
  readonly #now: () => number;
  readonly #states = new Map<string, UpstreamState>();

  /** @param now wall clock in ms */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Undefined: it was not asked so far. */
  of(upstream: string): UpstreamState | undefined {
    return this.#states.get(upstream);
  }

  /** Whoever has called it: an exchange, the spool, a report. */
  note(call: SeenCall): void {
    const { upstream, failureCode } = call;
    const at = new Date(this.#now()).toISOString();
    const before = this.#states.get(upstream);
    if (failureCode === undefined) this.#states.set(upstream, { ...before, lastSuccess: at });
    else if (failureCode !== 'CANCELED' && isUpstreamTrouble(call)) {
      this.#states.set(upstream, { ...before, lastFailure: at, lastFailureCode: failureCode });
    }
  }
}
