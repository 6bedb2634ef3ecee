/** What the modalities of the abuse suite measure, and who they are. */

/** Questions of the modalities in a stretch of time. */
export interface Window {
  /** Ms each. */
  readonly times: readonly number[];
  readonly failures: readonly string[];
}

/** Each calls under its AE title from its own address: the limits of a peer are those of one modality. */
export const MODALITIES = [1, 2, 3, 4, 5].map((index) => ({ aeTitle: `CT${index}`, address: `127.0.1.${index}` }));

export interface Intruder {
  readonly aeTitle: string;
  readonly address: string;
}

/**
 * Who attacks: a modality that somebody has taken over, at one address; each time another one, so that no attack is held back
 * by what an earlier one has spent.
 */
export function intruder(index: number): Intruder {
  return { aeTitle: `MR${index % INTRUDERS}`, address: `127.0.2.${1 + (index % INTRUDERS)}` };
}

export const INTRUDERS = 100;

export function p95(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))] ?? NaN;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}
