/** Time as the audit trail sees it; the clock of the gateway fits. */
export interface AuditClock {
  /** Wall clock, ms since 1970. */
  now(): number;
  setTimer(callback: () => void, delayMs: number): AuditTimer;
}

export interface AuditTimer {
  /** After it has rung, nothing. */
  cancel(): void;
}

/**
 * The result of work that may hang, or undefined after so many ms; never rejects later.
 * @throws what the work throws in time
 */
export async function inTime<Result>(
  work: Promise<Result>,
  limitMs: number,
  clock: AuditClock,
): Promise<Result | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = clock.setTimer(() => late.resolve(undefined), limitMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    timer.cancel();
    work.catch(() => undefined);
  }
}
