/** Numbers and moments as a person reads them; what is not known is a dash. */

const DASH = '–';

/** @param ms 0.4 becomes `0.4 ms`, 1234 `1.23 s` */
export function duration(ms: number | undefined): string {
  if (ms === undefined) return DASH;
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(2)} s`;
  return ms < 60_000 ? `${(ms / 1_000).toFixed(1)} s` : age(ms / 1_000);
}

/** @param seconds 75 becomes `1 min 15 s`, 90000 `1 d 1 h` */
export function age(seconds: number | undefined): string {
  if (seconds === undefined) return DASH;
  const units = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
    [1, 's'],
  ] as const;
  let left = Math.round(seconds);
  const parts: string[] = [];
  for (const [size, unit] of units) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? '0 s' : parts.join(' ');
}

/** Exchanges in a minute. */
export function rate(perMinute: number): string {
  return perMinute > 0 && perMinute < 10 ? perMinute.toFixed(1) : String(Math.round(perMinute));
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}

/** Of the time zone of whoever reads: `14:03:07.123`, with the date before it where it is not today's. */
export function moment(iso: string | undefined, now: Date = new Date()): string {
  if (iso === undefined) return DASH;
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = (date: Date): string => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const exact = at.getMilliseconds() === 0 ? time : `${time}.${String(at.getMilliseconds()).padStart(3, '0')}`;
  return day(at) === day(now) ? exact : `${day(at)} ${exact}`;
}

/** The same without milliseconds. */
export function toSecond(iso: string | undefined, now: Date = new Date()): string {
  return moment(iso?.replace(/\.\d+(?=Z$)/, ''), now);
}

/** `storageCommitment` becomes `storage commitment`. */
export function words(name: string): string {
  return name === 'mpps' ? 'MPPS' : name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
