/** What the parts of this folder need of a logger. */
type Line = (message: string, fields?: Readonly<Record<string, unknown>>) => void;

export interface TlsLog {
  readonly error: Line;
  readonly warn: Line;
  readonly info: Line;
  readonly debug: Line;
}

export type Clock = () => number;

const EVERY_MS = 60_000;
/** More peers than a hospital has; of a flood of strange ones some are told twice. */
const MAXIMUM_KEYS = 1_000;

/** Lets one of a kind through in a minute, and counts the others. */
export class OncePerMinute {
  readonly #clock: Clock;
  readonly #seen = new Map<string, { sinceMs: number; more: number }>();

  /** @param clock monotonic, ms */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined: it was told less than a minute ago. `more`: so many were not told since the last time. */
  next(key: string): { readonly more: number } | undefined {
    const now = this.#clock();
    const known = this.#seen.get(key);
    if (known !== undefined && now - known.sinceMs < EVERY_MS) {
      known.more++;
      return undefined;
    }
    this.#seen.delete(key);
    this.#seen.set(key, { sinceMs: now, more: 0 });
    const [oldest] = this.#seen.keys();
    if (oldest !== undefined && this.#seen.size > MAXIMUM_KEYS) this.#seen.delete(oldest);
    return { more: known?.more ?? 0 };
  }
}
