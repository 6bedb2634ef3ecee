/** What the destination of servers/ordered-stub.ts has seen. */
import type { Server } from './bed.ts';

const POLL_MS = 20;

export interface Counts {
  readonly answered: number;
  readonly outOfOrder: number;
  readonly atOnce: number;
}

export const perSecond = (count: number, spentMs: number): number => (count / spentMs) * 1_000;
export const rate = (value: number): string => `${Math.round(value)}/s`;

export async function countsOf({ port }: Server): Promise<Counts> {
  const response = await fetch(`http://127.0.0.1:${port}/counts`);
  return (await response.json()) as Counts;
}

/** Waits until the destination has answered so many; then all of them must have come in order. */
export async function untilAnswered(
  stub: Server,
  count: number,
  look = async (_counts: Counts): Promise<void> => {},
): Promise<void> {
  for (;;) {
    const counts = await countsOf(stub);
    await look(counts);
    if (counts.outOfOrder > 0) throw new Error(`${counts.outOfOrder} messages came out of order`);
    if (counts.answered > count) throw new Error(`${counts.answered} messages came instead of ${count}`);
    if (counts.answered === count) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
