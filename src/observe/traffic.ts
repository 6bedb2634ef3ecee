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

const SLOT_MS = 20_000;
/** Of five minutes. */
const SLOTS = 15;
const MINUTES = (SLOT_MS * SLOTS) / 60_000;
/** Times are counted in classes, each a seventh wider than the one before: from half a millisecond to a few minutes. */
const SHORTEST_MS = 0.5;
const GROWTH = 8 / 7;
const CLASSES = 96;

interface Slot {
  /** Count of slots since the begin of time: an old one is used anew. */
  turn: number;
  exchanges: number;
  failures: number;
  readonly times: Uint32Array;
}

/** One listener, route or upstream. */
class Window {
  readonly #slots: Slot[] = Array.from({ length: SLOTS }, () => ({
    turn: -SLOTS,
    exchanges: 0,
    failures: 0,
    times: new Uint32Array(CLASSES),
  }));

  add(turn: number, ms: number, failed: boolean): void {
    const slot = this.#slots[turn % SLOTS] as Slot;
    if (slot.turn !== turn) {
      slot.turn = turn;
      slot.exchanges = 0;
      slot.failures = 0;
      slot.times.fill(0);
    }
    slot.exchanges++;
    if (failed) slot.failures++;
    else slot.times[classOf(ms)] = (slot.times[classOf(ms)] ?? 0) + 1;
  }

  isIdle(turn: number): boolean {
    return this.#slots.every((slot) => slot.turn <= turn - SLOTS);
  }

  sight(turn: number): TrafficSight {
    const slots = this.#slots.filter((slot) => slot.turn > turn - SLOTS);
    let exchanges = 0;
    let failures = 0;
    const times = new Uint32Array(CLASSES);
    for (const slot of slots) {
      exchanges += slot.exchanges;
      failures += slot.failures;
      for (const [index, count] of slot.times.entries()) times[index] = (times[index] ?? 0) + count;
    }
    const perMinute = Math.round((exchanges / MINUTES) * 10) / 10;
    if (exchanges === failures) return { exchanges, failures, perMinute };
    const done = exchanges - failures;
    return { exchanges, failures, perMinute, p50Ms: quantile(times, done, 0.5), p95Ms: quantile(times, done, 0.95) };
  }
}

export class TrafficWindows implements Traffic {
  readonly #now: () => number;
  readonly #windows = new Map<string, Window>();

  /** @param now monotonic clock in ms */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  note(kind: TrafficKind, name: string, ms: number, failed: boolean): void {
    const turn = this.#turn();
    const key = `${kind} ${name}`;
    let window = this.#windows.get(key);
    if (window === undefined) {
      // Names are those of the configuration; those of one before are forgotten when nothing has passed for so long.
      for (const [old, each] of this.#windows) if (each.isIdle(turn)) this.#windows.delete(old);
      window = new Window();
      this.#windows.set(key, window);
    }
    window.add(turn, ms, failed);
  }

  of(kind: TrafficKind, name: string): TrafficSight {
    const window = this.#windows.get(`${kind} ${name}`) ?? new Window();
    return window.sight(this.#turn());
  }

  #turn(): number {
    return Math.floor(this.#now() / SLOT_MS);
  }
}

function classOf(ms: number): number {
  if (ms <= SHORTEST_MS) return 0;
  return Math.min(CLASSES - 1, Math.ceil(Math.log(ms / SHORTEST_MS) / Math.log(GROWTH)));
}

/** The middle of the class that has it. @param total of all counts, at least 1 */
function quantile(times: Uint32Array, total: number, share: number): number {
  let left = Math.ceil(total * share);
  let found = 0;
  for (const [index, count] of times.entries()) {
    left -= count;
    if (left > 0) continue;
    found = index;
    break;
  }
  const upper = SHORTEST_MS * GROWTH ** found;
  return Number((found === 0 ? upper / 2 : upper / Math.sqrt(GROWTH)).toPrecision(3));
}
