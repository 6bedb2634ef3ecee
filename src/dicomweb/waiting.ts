import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

/** The outcome of some work, or the reason of the signal when that comes first: no client waits for tidying up. */
export async function settledBy<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let stop = (): void => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Whether it was done in time. */
export async function within(done: Promise<void>, ms: number): Promise<boolean> {
  const controller = new AbortController();
  const late = sleep(ms, false, { signal: controller.signal }).catch(() => true);
  const inTime = await Promise.race([done.then(() => true), late]);
  controller.abort();
  return inTime;
}

/** The outcome of work in steps, with room for everybody else between two of them. */
export async function inTurns<T>(steps: Generator<unknown, T, undefined>): Promise<T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    await nextTurn();
  }
}
