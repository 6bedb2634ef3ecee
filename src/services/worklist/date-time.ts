/**
 * Dates and times as matching keys (PS3.4 C.2.2.2.1 and C.2.2.2.5, PS3.5 6.2). Values compare by meaning: each text
 * stands for the span from its first to its last moment, `2230` as a start is 22:30:00, as an end 22:30:59.999999.
 */
export type DateTimeVr = 'DA' | 'TM' | 'DT';

/**
 * Numbers that grow with time: days for DA, microseconds of the day for TM, microseconds for DT and for a date and time
 * together. Infinite where a range is open.
 */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface DateTimeKey extends Span {
  readonly range: boolean;
}

const DAY = 86_400_000_000;
const DATE = /^(\d{4})\.?(\d{2})\.?(\d{2})$/;
const TIME = /^(\d{2})(?::?(\d{2})(?::?(\d{2})(?:\.(\d{1,6}))?)?)?$/;
const DATE_TIME =
  /^(\d{4})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:\.(\d{1,6}))?)?)?)?)?)?([+-](?:0\d|1[0-4])[0-5]\d)?$/;
const NEGATIVE_ZONE = /-\d{4}(?:-|$)/;
const RANGE: Readonly<Record<DateTimeVr, RegExp>> = {
  DA: /^(\d{8})?-(\d{8})?$/,
  TM: /^([\d:.]+)?-([\d:.]+)?$/,
  DT: /^(\d{4,14}(?:\.\d{1,6})?(?:[+-](?:0\d|1[0-4])[0-5]\d)?)?-(\d{4,14}(?:\.\d{1,6})?(?:[+-](?:0\d|1[0-4])[0-5]\d)?)?$/,
};

/**
 * A single value or range; undefined when it is neither. A DT that ends in a negative zone reads as one value: the
 * range the standard sees there (C.2.2.2.1) ends before the year 1400 and could match nothing.
 * @param zone offset such as `+0100` for a DT without its own
 */
export function parseDateTimeKey(vr: DateTimeVr, text: string, zone?: string): DateTimeKey | undefined {
  const trimmed = text.trim();
  const single = parseSpan(vr, trimmed, zone);
  if (single !== undefined) return { ...single, range: false };
  const [, first, last] = RANGE[vr].exec(trimmed) ?? [];
  if (first === undefined && last === undefined) return undefined;
  const from = first === undefined ? { from: -Infinity } : parseSpan(vr, first, zone);
  const to = last === undefined ? { to: Infinity } : parseSpan(vr, last, zone);
  return from === undefined || to === undefined ? undefined : { from: from.from, to: to.to, range: true };
}

/** The span a stored value stands for; undefined when it is no date or time. */
export function parseSpan(vr: DateTimeVr, text: string, zone?: string): Span | undefined {
  const trimmed = text.trim();
  if (vr === 'DA') return parseDate(trimmed);
  return vr === 'TM' ? parseTime(trimmed) : parseDateTime(trimmed, zone);
}

/**
 * A date range and a time range as one interval: from the first day at the first time to the last day at the last
 * (PS3.4 K.4.1.1.3.1, C.2.2.2.5.4).
 */
export function combinedInterval(date: Span, time: Span): Span {
  return {
    from: date.from === -Infinity ? -Infinity : date.from * DAY + (time.from === -Infinity ? 0 : time.from),
    to: date.to === Infinity ? Infinity : date.to * DAY + (time.to === Infinity ? DAY - 1 : time.to),
  };
}

/** The moments of a stored date and time; a missing time means some time of the day. */
export function combinedSpan(date: Span, time: Span | undefined): Span {
  return { from: date.from * DAY + (time?.from ?? 0), to: date.to * DAY + (time?.to ?? DAY - 1) };
}

/** Whether a stored value lies in a key: a single value equals it, a range is inclusive at both ends. */
export function isWithin(value: Span, key: DateTimeKey | Span): boolean {
  if ('range' in key && !key.range) return value.from === key.from;
  return value.from >= key.from && value.from <= key.to;
}

/**
 * A DT key with negative zones, at UTC, since their hyphens would read as ranges at the peer (PS3.4 C.2.2.2.1). Other
 * texts come back as they are.
 */
export function dateTimeKeyAtUtc(text: string): string {
  if (!NEGATIVE_ZONE.test(text)) return text;
  if (parseSpan('DT', text) !== undefined) return atUtc(text);
  const [, first = '', last = ''] = RANGE.DT.exec(text) ?? [];
  return first === '' && last === '' ? text : `${atUtc(first)}-${atUtc(last)}`;
}

function parseDate(text: string): Span | undefined {
  const [, year, month, day] = DATE.exec(text) ?? [];
  if (year === undefined) return undefined;
  const days = daysOf(Number(year), Number(month), Number(day));
  return days === undefined ? undefined : { from: days, to: days };
}

function parseTime(text: string): Span | undefined {
  const [, hour, minute, second, fraction] = TIME.exec(text) ?? [];
  return hour === undefined ? undefined : timeSpan(hour, minute, second, fraction);
}

function parseDateTime(text: string, zone: string | undefined): Span | undefined {
  const [, year, month, day, hour, minute, second, fraction, ownZone] = DATE_TIME.exec(text) ?? [];
  if (year === undefined) return undefined;
  const first = daysOf(Number(year), Number(month ?? 1), Number(day ?? 1));
  if (first === undefined) return undefined;
  const offset = offsetOf(ownZone ?? zone);
  if (hour !== undefined) {
    const time = timeSpan(hour, minute, second, fraction);
    return time && { from: first * DAY + time.from - offset, to: first * DAY + time.to - offset };
  }
  const end = Date.UTC(Number(year), month === undefined ? 12 : Number(month), day === undefined ? 1 : Number(day) + 1);
  const last = day === undefined ? end / 86_400_000 : first + 1;
  return { from: first * DAY - offset, to: last * DAY - 1 - offset };
}

function timeSpan(hour: string, minute?: string, second?: string, fraction?: string): Span | undefined {
  // 60 is a leap second (PS3.5 Table 6.2-1).
  if (Number(hour) > 23 || Number(minute ?? 0) > 59 || Number(second ?? 0) > 60) return undefined;
  const seconds = Number(hour) * 3600 + Number(minute ?? 0) * 60 + Number(second ?? 0);
  const from = seconds * 1_000_000 + Number((fraction ?? '').padEnd(6, '0'));
  const unit = fraction !== undefined ? 10 ** (6 - fraction.length) : 1_000_000 * (second ? 1 : minute ? 60 : 3600);
  return { from, to: from + unit - 1 };
}

/** Days since 1970; undefined for a day that does not exist. */
function daysOf(year: number, month: number, day: number): number | undefined {
  const date = new Date(Date.UTC(year, month - 1, day));
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  return date.getTime() / 86_400_000;
}

function offsetOf(zone: string | undefined): number {
  const [, sign, hours, minutes] = /^([+-])(\d{2})(\d{2})$/.exec(zone ?? '') ?? [];
  const offset = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60_000_000;
  return sign === '-' ? -offset : offset;
}

function atUtc(text: string): string {
  const zone = /[+-]\d{4}$/.exec(text)?.[0];
  const span = zone === undefined ? undefined : parseDateTime(text, undefined);
  const digits = text.replace(/[+-]\d{4}$/, '').replace(/\..*$/, '').length;
  // Without hours the zone decides the day, which the shortened form cannot say.
  if (span === undefined || digits < 10) return text;
  const iso = new Date(Math.floor(span.from / 1000)).toISOString().replaceAll(/[-:TZ]|\..*$/g, '');
  const fraction = /\.\d+/.exec(text)?.[0] ?? '';
  return `${iso.slice(0, Math.max(digits, 12))}${fraction}+0000`;
}
