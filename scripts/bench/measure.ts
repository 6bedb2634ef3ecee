/** How the benches measure: warm-up, medians, one row per figure. */
export interface Row {
  /** What was measured. */
  readonly name: string;
  /** The figure that is held against the target. */
  readonly value: number;
  readonly unit: '×' | 'µs' | 'ms' | 's' | 'MB';
  /** Absent: for information. */
  readonly target?: { readonly atLeast: number } | { readonly atMost: number };
  /** The measurements behind it, e.g. `gateway 212 ms, wlmscpfs 260 ms`. */
  readonly detail: string;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}

export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length * percent) / 100)] ?? NaN;
}

/** Undefined: the row has no target. */
export function reaches({ value, target }: Row): boolean | undefined {
  if (target === undefined) return undefined;
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost;
}

export async function timeMs(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/**
 * Medians of `rounds` measurements of each contender, taken in turn, so that whatever else the machine does falls on
 * all of them; one unmeasured round first.
 */
export async function compareMs<Name extends string>(
  contenders: Readonly<Record<Name, () => Promise<unknown>>>,
  rounds = 7,
): Promise<Record<Name, number>> {
  const names = Object.keys(contenders) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = -1; round < rounds; round++) {
    for (const name of names) {
      const ms = await timeMs(contenders[name]);
      if (round >= 0) samples[name].push(ms);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(samples[name])])) as Record<Name, number>;
}

export const ms = (value: number): string => `${value >= 100 ? value.toFixed(0) : value.toFixed(2)} ms`;
