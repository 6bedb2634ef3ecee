/** How much one peer may ask of a listener: requests a second, and requests at a time. Pure: the clock is handed in. */

export interface PeerLimitOptions {
  /** Requests of one peer a second, in the long run; absent: any number. */
  readonly requestsPerSecond?: number | undefined;
  /** Requests of one peer in a row before the rate holds it back; absent: those of one second, 1 at least. */
  readonly burst?: number | undefined;
  /** Requests of one peer that are worked on at a time; absent: any number. */
  readonly concurrentRequests?: number | undefined;
}

/** Why a peer has to wait. */
export interface PeerRefusal {
  readonly why: 'rate' | 'concurrency';
  /** Another try makes sense after so long. */
  readonly retryAfterMs: number;
}

/** A request that may go on. */
export interface PeerTurn {
  /** It is larger than most: each 64 KiB counts as another request, and what is beyond the burst is waited for afterwards. */
  weigh(bytes: number): void;
  /** It is answered; to be called once. */
  end(): void;
}

interface PeerState {
  /** Requests it may make at once, as of `atMs`. */
  tokens: number;
  atMs: number;
  running: number;
}

/** Peers that are remembered: one that is forgotten has its whole burst again. */
const MAXIMUM_PEERS = 10_000;
/** Bursts that a peer whose failures go on has to wait for. */
const MAXIMUM_DEBT = 5;
/** When a request of many ends is not known. */
const CONCURRENCY_RETRY_MS = 1_000;
const FREE: PeerTurn = { weigh: () => undefined, end: () => undefined };
const BYTES_PER_REQUEST = 64 * 1024;

/**
 * A token bucket and a count for each peer. The table is bounded: the peer not heard of for longest is forgotten first, one
 * with a request under way never, and those are bounded by the listener. A peer that calls under ever new names is held by
 * no limit of this kind, but by the lists of who may call.
 */
export class PeerLimits {
  readonly #nowMs: () => number;
  readonly #maximumPeers: number;
  /** The peer heard of last stands last. */
  readonly #peers = new Map<string, PeerState>();
  #options: PeerLimitOptions;

  /** @param nowMs a clock that never goes back */
  constructor(options: PeerLimitOptions, nowMs: () => number, maximumPeers = MAXIMUM_PEERS) {
    this.#options = options;
    this.#nowMs = nowMs;
    this.#maximumPeers = maximumPeers;
  }

  /** Peers that are remembered. */
  get size(): number {
    return this.#peers.size;
  }

  /** Holds for requests from now on. */
  replace(options: PeerLimitOptions): void {
    this.#options = options;
  }

  /** A request of a peer that is worked on until `end`. */
  begin(peer: string): PeerTurn | PeerRefusal {
    const { requestsPerSecond, concurrentRequests } = this.#options;
    if (requestsPerSecond === undefined && concurrentRequests === undefined) return FREE;
    const state = this.#stateOf(peer);
    if (state.running >= (concurrentRequests ?? Infinity)) {
      return { why: 'concurrency', retryAfterMs: CONCURRENCY_RETRY_MS };
    }
    const refusal = this.#spend(state);
    if (refusal !== undefined) return refusal;
    state.running++;
    return {
      weigh: (bytes) => {
        if (requestsPerSecond !== undefined) state.tokens -= Math.floor(bytes / BYTES_PER_REQUEST);
      },
      end: () => state.running--,
    };
  }

  /** A request that is done as soon as it is there; undefined: it may go on. */
  count(peer: string): PeerRefusal | undefined {
    return this.#options.requestsPerSecond === undefined ? undefined : this.#spend(this.#stateOf(peer));
  }

  /** Something that went wrong, whether there was room for it or not: many at once are waited for longer. */
  charge(peer: string): void {
    if (this.#options.requestsPerSecond === undefined) return;
    const state = this.#stateOf(peer);
    this.#refill(state, this.#options.requestsPerSecond);
    state.tokens = Math.max(-MAXIMUM_DEBT * this.#burst, state.tokens - 1);
  }

  /** Whether `count` would refuse; nothing is spent. */
  whyNot(peer: string): PeerRefusal | undefined {
    const state = this.#peers.get(peer);
    if (state === undefined || this.#options.requestsPerSecond === undefined) return undefined;
    return this.#refill(state, this.#options.requestsPerSecond);
  }

  #spend(state: PeerState): PeerRefusal | undefined {
    const { requestsPerSecond } = this.#options;
    if (requestsPerSecond === undefined) return undefined;
    const refusal = this.#refill(state, requestsPerSecond);
    if (refusal === undefined) state.tokens--;
    return refusal;
  }

  #refill(state: PeerState, requestsPerSecond: number): PeerRefusal | undefined {
    const nowMs = this.#nowMs();
    const gained = ((nowMs - state.atMs) * requestsPerSecond) / 1_000;
    state.tokens = Math.min(this.#burst, state.tokens + gained);
    state.atMs = nowMs;
    if (state.tokens >= 1) return undefined;
    return { why: 'rate', retryAfterMs: Math.ceil(((1 - state.tokens) * 1_000) / requestsPerSecond) };
  }

  #stateOf(peer: string): PeerState {
    const known = this.#peers.get(peer);
    if (known !== undefined) this.#peers.delete(peer);
    else if (this.#peers.size >= this.#maximumPeers) this.#forgetOne();
    const state = known ?? { tokens: this.#burst, atMs: this.#nowMs(), running: 0 };
    this.#peers.set(peer, state);
    return state;
  }

  #forgetOne(): void {
    for (const [peer, { running }] of this.#peers) {
      if (running > 0) continue;
      this.#peers.delete(peer);
      return;
    }
  }

  get #burst(): number {
    const { burst, requestsPerSecond = 1 } = this.#options;
    return Math.max(1, burst ?? requestsPerSecond);
  }
}

export function isRefusal(outcome: PeerTurn | PeerRefusal): outcome is PeerRefusal {
  return 'why' in outcome;
}
