/** Date and time as keys (PS3.4 C.2.2.2.5): apart on the worklist, one range in a search for workitems. */
import type { Attribute } from '../../dataset/model.ts';
import { parseDateTimeKey } from '../worklist/date-time.ts';
import { keyText } from '../worklist/keys.ts';
import { isPlainKey } from './search-keys.ts';

const DAY_MS = 86_400_000;
/** Dates have years of four digits. */
const LAST_DAY = Date.UTC(9999, 11, 31) / DAY_MS;

/**
 * The key of Scheduled Procedure Step Start DateTime that finds whatever date and time may match, and maybe more: a time
 * narrows it where date and time are one interval, or the date is one day.
 * @returns undefined where the date is open, or several
 */
export function dateTimeKeyOf(date: Attribute | undefined, time: Attribute | undefined): string | undefined {
  const dateText = isPlainKey(date) ? keyText(date.Value?.[0] ?? null) : '';
  const dates = parseDateTimeKey('DA', dateText);
  if (dates === undefined) return undefined;
  const timeText = isPlainKey(time) ? keyText(time.Value?.[0] ?? null).trim() : '';
  const times = parseDateTimeKey('TM', timeText);
  const [from, to] = times?.range === true ? ends(timeText) : ['', ''];
  const first = Number.isFinite(dates.from) ? `${dayText(dates.from)}${from.padEnd(6, '0')}` : '';
  const last = Number.isFinite(dates.to) ? `${dayText(dates.to)}${lastMoment(to)}` : '';
  return `${first}-${last}`;
}

/** Both ends of a range of TM. */
function ends(range: string): [string, string] {
  const [from = '', to = ''] = range.replaceAll(':', '').split('-');
  return [from, to];
}

/** The last moment a time stands for, in full: not every server reads a short one so. */
function lastMoment(time: string): string {
  return time.includes('.') ? time : `${time}${'235959'.slice(time.length)}.999999`;
}

/**
 * The days that a key of DT touches, as a key of DA; times are left to the one who asks.
 * @param isZoned times of the key may be of another day where the worklist is: one more on either side
 */
export function datesOfKey(key: Attribute | undefined, isZoned: boolean): string | undefined {
  const text = isPlainKey(key) ? keyText(key.Value?.[0] ?? null).trim() : '';
  const zone = /[+-](?:0\d|1[0-4])[0-5]\d/.exec(text.slice(8));
  const span = parseDateTimeKey('DT', text);
  if (span === undefined) return undefined;
  const margin = isZoned || zone !== null ? 1 : 0;
  const [from, to] = [dayOf(span.from) - margin, dayOf(span.to) + margin];
  if (from === to) return dayText(from);
  return `${Number.isFinite(from) ? dayText(from) : ''}-${Number.isFinite(to) ? dayText(to) : ''}`;
}

/** @param microseconds since 1970 */
function dayOf(microseconds: number): number {
  return Math.floor(microseconds / (DAY_MS * 1000));
}

function dayText(day: number): string {
  return new Date(Math.min(day, LAST_DAY) * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '');
}
