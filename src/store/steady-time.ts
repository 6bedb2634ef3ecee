/**
 * Wall clock in ms since 1970 as it was when the process began, going on steadily: pauses and leases are not moved when the
 * clock of the machine is put right.
 */
export function steadyNow(): number {
  return Math.floor(performance.timeOrigin + performance.now());
}
