/** What SCPs of N-services share: an answer while the SCU waits for it, and changes that go on when it no longer does. */
import { randomUUID } from 'node:crypto';
import { answerReserveMs, ServiceFailure } from '../services/port.ts';
import type { RequestContext } from '../services/port.ts';
import type { OpenWrites } from './open-writes.ts';
import type { ScpExchange } from './scp-exchange.ts';

/** The context of a request that has just come. @param requestTimeoutMs patience of the SCU */
export function requestContext(
  exchange: ScpExchange,
  requestTimeoutMs: number,
  warn: RequestContext['warn'],
): RequestContext {
  const { requester, bearer } = exchange.facts;
  return {
    signal: exchange.signal,
    deadline: performance.now() + requestTimeoutMs - answerReserveMs(requestTimeoutMs),
    traceId: randomUUID(),
    requester,
    ...(bearer !== undefined && { bearer }),
    warn,
  };
}

/**
 * What `work` comes to, or why nobody waits for it any longer.
 * @param lost called when `ms` have passed
 * @throws ServiceFailure UPSTREAM_TIMEOUT, what `work` throws, or the reason of the signal
 */
export async function inTime<T>(
  signal: AbortSignal,
  ms: number,
  work: () => Promise<T>,
  lost?: (failure: ServiceFailure) => void,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const onAbort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => {
    const failure = new ServiceFailure('UPSTREAM_TIMEOUT', { comment: `no answer in ${ms / 1000} s` });
    lost?.(failure);
    reject(failure);
  }, ms);
  try {
    if (signal.aborted) onAbort();
    else work().then(resolve, reject);
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** The same for a change: it goes on when the SCU is gone or no longer waits. */
export function writeInTime<T>(writes: OpenWrites, ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { signal, end } = writes.begin();
  return inTime(signal, ms, async () => {
    try {
      return await work(signal);
    } finally {
      end();
    }
  });
}
