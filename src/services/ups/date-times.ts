/** Date and time apart, as worklist and MPPS have them, and together, as workitems have them (PS3.5 6.2: DA, TM, DT). */
import { parseSpan } from '../worklist/date-time.ts';

const DATE = /^(\d{4})\.?(\d{2})\.?(\d{2})$/;
const TIME = /^\d{2}(?::?\d{2}(?::?\d{2}(?:\.\d{1,6})?)?)?$/;
const ZONE = /^[+-]\d{4}$/;
const DATE_TIME = /^(\d{4})(\d{2})?(\d{2})?(\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?)?([+-]\d{4})?$/;

/**
 * DT of a date and a time as far as they are known.
 * @param zone 00080201, such as `+0100`
 * @returns undefined without a date
 */
export function dateTimeOf(
  date: string | undefined,
  time: string | undefined,
  zone: string | undefined,
): string | undefined {
  const [, year, month, day] = DATE.exec(date?.trim() ?? '') ?? [];
  if (year === undefined) return undefined;
  const clock = TIME.test(time?.trim() ?? '') ? (time as string).trim().replaceAll(':', '') : '';
  // Without a time the zone would say nothing more than the date does.
  return `${year}${month}${day}${clock}${clock !== '' && isZone(zone) ? zone.trim() : ''}`;
}

/**
 * @param zone 00080201 of the data set that gets the date: a DT of another zone is moved there; where either has none, the
 *   digits stay, as local time on both sides
 * @returns undefined without a whole date
 */
export function dateAndTimeOf(
  dateTime: string,
  zone: string | undefined,
): { readonly date: string; readonly time?: string } | undefined {
  const [, year = '', month, day, time, ownZone] = DATE_TIME.exec(dateTime.trim()) ?? [];
  if (month === undefined || day === undefined) return undefined;
  if (time === undefined) return { date: `${year}${month}${day}` };
  const shift = ownZone !== undefined && isZone(zone) ? minutesOf(zone.trim()) - minutesOf(ownZone) : 0;
  if (shift === 0) return { date: `${year}${month}${day}`, time };
  const [hour, minute = '00'] = [time.slice(0, 2), time.slice(2, 4) || undefined];
  const moved = new Date(
    Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute) + shift),
  ).toISOString();
  return {
    date: moved.slice(0, 10).replaceAll('-', ''),
    time: `${moved.slice(11, 13)}${moved.slice(14, 16)}${time.slice(4)}`,
  };
}

/**
 * Date and time at the place the gateway stands at, as an MPPS has them: it has no zone.
 * @param zone 00080201 of the data set the DT is from; without any zone the digits stay
 * @returns undefined without a whole date
 */
export function localDateAndTimeOf(
  dateTime: string,
  zone: string | undefined,
): { readonly date: string; readonly time?: string } | undefined {
  const hasZone = /[+-]\d{4}$/.test(dateTime.trim());
  const zoned = !hasZone && isZone(zone) ? `${dateTime.trim()}${zone.trim()}` : dateTime;
  const moment = hasZone || isZone(zone) ? parseSpan('DT', zoned) : undefined;
  return dateAndTimeOf(zoned, moment === undefined ? undefined : dateTimeAt(moment.from / 1000).slice(-5));
}

/** DT of a moment with the zone of the place the gateway stands at, whole seconds. */
export function dateTimeAt(nowMs: number): string {
  const minutes = -new Date(nowMs).getTimezoneOffset();
  const local = new Date(nowMs + minutes * 60_000).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '');
  return `${local}${zoneOf(minutes)}`;
}

function isZone(zone: string | undefined): zone is string {
  return zone !== undefined && ZONE.test(zone.trim());
}

function minutesOf(zone: string): number {
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3));
  return zone.startsWith('-') ? -minutes : minutes;
}

function zoneOf(minutes: number): string {
  const digits = (number: number): string => String(number).padStart(2, '0');
  const all = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${digits(Math.floor(all / 60))}${digits(all % 60)}`;
}
