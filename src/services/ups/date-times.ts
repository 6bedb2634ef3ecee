/** Date and time apart, as worklist and MPPS have them, and together, as workitems have them (PS3.5 6.2: DA, TM, DT). */
import { ServiceFailure } from '../port.ts';

/** @param zone 00080201, such as `+0100` @returns DT; undefined without a date */
export function dateTimeOf(
  date: string | undefined,
  time: string | undefined,
  zone: string | undefined,
): string | undefined {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [date, time, zone] });
}

/** @param zone 00080201 of the data set that gets the date: a DT in another zone is moved there */
export function dateAndTimeOf(dateTime: string, zone: string | undefined): { date: string; time?: string } | undefined {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [dateTime, zone] });
}

/** DT of a moment with the zone of the place the gateway stands at, whole seconds. */
export function dateTimeAt(nowMs: number): string {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [nowMs] });
}
