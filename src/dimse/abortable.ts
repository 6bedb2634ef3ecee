/**
 * The items of `source` until `signal` aborts; then its reason is thrown at once, whether the source listens to the
 * signal or not. A source that is left early is told (`return`), but not waited for.
 */
export async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void, void> {
  const iterator = source[Symbol.asyncIterator]();
  // One listener for the whole iteration: a race per item would leave a reaction on the signal for each.
  let leave: (reason: unknown) => void = () => undefined;
  const onAbort = (): void => leave(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  let finished = false;
  try {
    for (;;) {
      signal.throwIfAborted();
      const next = await new Promise<IteratorResult<T>>((resolve, reject) => {
        leave = reject;
        iterator.next().then(resolve, reject);
      });
      if (next.done === true) {
        finished = true;
        return;
      }
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    if (!finished) iterator.return?.().then(undefined, () => undefined);
  }
}
