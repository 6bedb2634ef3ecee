/** C-FIND matching over stored entries (PS3.4 C.2.2.2 with the worklist's own rules of K.2.2.1). */
import { isPrivateCreator } from '../../dataset/dictionary.ts';
import { createDataSet, firstText, itemsOf } from '../../dataset/model.ts';
import type { Attribute, DataSet, PersonName, Tag, Value, Vr } from '../../dataset/model.ts';
import type { WorklistQuery } from '../port.ts';
import { combinedInterval, combinedSpan, isWithin, parseDateTimeKey, parseSpan } from './date-time.ts';
import type { DateTimeVr, Span } from './date-time.ts';
import { EMPTY_VALUE_KEY, hasWildcards, isNoKey, isUniversalKey, keyText } from './keys.ts';
import { correspondingTag, readable } from './private-keys.ts';

const START_DATE: Tag = '00400002';
const START_TIME: Tag = '00400003';
const TIMEZONE: Tag = '00080201';

const NUMBER_VRS: ReadonlySet<Vr> = new Set(['DS', 'IS', 'FL', 'FD', 'SL', 'SS', 'SV', 'UL', 'US', 'UV']);
const NAME_GROUPS = ['Alphabetic', 'Ideographic', 'Phonetic'] as const;
/** Between the five components of a group. */
const NAME_DELIMITERS = 4;

const NOTHING = createDataSet();

type Switches = Pick<WorklistQuery, 'emptyValueMatching'>;

/** The zones that DT values without one of their own are in. */
interface Zones {
  readonly key: string | undefined;
  readonly value: string | undefined;
}

/**
 * Whether an entry answers a query. Person names compare without case, every other text with it; a value that is not
 * known never matches a key that is not empty (K.2.2.1.1.1). Fuzzy matching is not done.
 */
export function matches(entry: DataSet, query: Pick<WorklistQuery, 'identifier' | 'emptyValueMatching'>): boolean {
  const zones = { key: firstText(query.identifier, TIMEZONE), value: firstText(entry, TIMEZONE) };
  return matchesAll(entry, query.identifier, query, zones);
}

function matchesAll(target: DataSet, keys: DataSet, switches: Switches, zones: Zones): boolean {
  const combined = matchesCombined(target, keys);
  if (combined === false) return false;
  return Object.keys(keys).every((tag) => {
    if (isNoKey(tag) || isPrivateCreator(tag)) return true;
    if (combined === true && (tag === START_DATE || tag === START_TIME)) return true;
    const stored = correspondingTag(target, keys, tag);
    return matchesKey(stored === undefined ? undefined : target[stored], keys[tag] as Attribute, switches, zones);
  });
}

/**
 * Date range and time range of the step are one interval (K.2.2.1.2), each with each where there are several; undefined
 * where the rule does not apply.
 */
function matchesCombined(target: DataSet, keys: DataSet): boolean | undefined {
  const [dates, times] = [rangesOf('DA', keys[START_DATE]), rangesOf('TM', keys[START_TIME])];
  if (dates === undefined || times === undefined) return undefined;
  const storedDate = parseSpan('DA', firstText(target, START_DATE) ?? '');
  const storedTime = parseSpan('TM', firstText(target, START_TIME) ?? '');
  if (storedDate === undefined || storedTime === undefined) return false;
  const stored = combinedSpan(storedDate, storedTime);
  return dates.some((date) => times.some((time) => isWithin(stored, combinedInterval(date, time))));
}

/** The ranges of a key; undefined where it has none, or something else besides. */
function rangesOf(vr: DateTimeVr, key: Attribute | undefined): Span[] | undefined {
  const ranges = (key?.Value ?? []).map((value) => parseDateTimeKey(vr, keyText(value)));
  if (ranges.length === 0 || !ranges.every((range) => range?.range === true)) return undefined;
  return ranges as Span[];
}

function matchesKey(stored: Attribute | undefined, key: Attribute, switches: Switches, zones: Zones): boolean {
  if (key.vr === 'SQ') return matchesSequence(stored, key, switches, zones);
  if (key.InlineBinary !== undefined) return stored?.InlineBinary === key.InlineBinary;
  if (isUniversalKey(key)) return true;
  const values = (stored === undefined ? [] : (readable(stored).Value ?? [])).filter((value) => value !== null);
  return (key.Value ?? []).some((wanted) => {
    if (wanted === null) return false;
    if (switches.emptyValueMatching && keyText(wanted) === EMPTY_VALUE_KEY) return values.length === 0;
    return values.some((value) => matchesValue(key.vr, value, wanted, zones));
  });
}

/** All keys of the item within the same stored item (C.2.2.2.6). */
function matchesSequence(stored: Attribute | undefined, key: Attribute, switches: Switches, zones: Zones): boolean {
  const [keys] = itemsOf(key);
  if (keys === undefined || isUniversalItem(keys)) return true;
  const items = itemsOf(stored);
  return (items.length > 0 ? items : [NOTHING]).some((item) => matchesAll(item, keys, switches, zones));
}

function isUniversalItem(keys: DataSet): boolean {
  return Object.entries(keys).every(([tag, key]) => {
    if (isNoKey(tag) || isPrivateCreator(tag)) return true;
    return key.vr === 'SQ' ? itemsOf(key).every(isUniversalItem) : isUniversalKey(key);
  });
}

function matchesValue(vr: Vr, stored: Value, wanted: Value, zones: Zones): boolean {
  switch (vr) {
    case 'DA':
    case 'TM':
    case 'DT':
      return matchesDateTime(vr, keyText(stored), keyText(wanted), zones);
    case 'PN':
      return matchesName(stored as PersonName, wanted as PersonName);
    default:
      if (NUMBER_VRS.has(vr) && isNumber(stored) && isNumber(wanted)) return Number(stored) === Number(wanted);
      return matchesText(vr, keyText(stored), keyText(wanted));
  }
}

function matchesText(vr: Vr, stored: string, wanted: string): boolean {
  const [text, key] = [stored.trim(), wanted.trim()]; // outer spaces are padding (PS3.5 6.2)
  return hasWildcards(vr) ? matchesWildcard(text, key) : text === key;
}

function matchesDateTime(vr: DateTimeVr, stored: string, wanted: string, zones: Zones): boolean {
  // Without any zone on one side both are taken as local.
  const local = zones.key === undefined || zones.value === undefined;
  const key = parseDateTimeKey(vr, wanted, local ? undefined : zones.key);
  const value = parseSpan(vr, stored, local ? undefined : zones.value);
  if (key === undefined || value === undefined) return stored.trim() === wanted.trim();
  return isWithin(value, key);
}

/** A key with one component group is looked for in every group, one with several in its own. */
function matchesName(stored: PersonName, wanted: PersonName): boolean {
  const groups = NAME_GROUPS.filter((group) => wanted[group] !== undefined);
  const [only] = groups;
  if (groups.length === 1 && only !== undefined) {
    const key = foldedName(wanted[only]);
    return NAME_GROUPS.some((group) => stored[group] !== undefined && matchesGroup(foldedName(stored[group]), key));
  }
  return groups.every((group) => matchesGroup(foldedName(stored[group]), foldedName(wanted[group])));
}

/** `Doe^*` finds `Doe` too: delimiters at the end may have been left out (PS3.5 6.2.1). */
function matchesGroup(text: string, key: string): boolean {
  if (matchesWildcard(text, key)) return true;
  const missing = NAME_DELIMITERS - (text.split('^').length - 1);
  return missing > 0 && /\^[^^]*\*/.test(key) && matchesWildcard(text + '^'.repeat(missing), key);
}

/**
 * A component group as names compare: upper case, since `ß` and the two small sigmas have one, and without the delimiters
 * that may be left out at the end.
 */
export function foldedName(text: string | undefined): string {
  const folded = (text ?? '').normalize('NFC').toUpperCase().trimStart();
  // A loop, since a pattern anchored at the end takes time with the square of a run, which a peer may make long.
  let end = folded.length;
  while (end > 0 && ' ^'.includes(folded.charAt(end - 1))) end--;
  return folded.slice(0, end);
}

/** `*` is any run, `?` one character; in time proportional to the product of the lengths at worst. */
function matchesWildcard(text: string, pattern: string): boolean {
  if (!/[*?]/.test(pattern)) return text === pattern;
  const [characters, wanted] = [Array.from(text), Array.from(pattern)];
  let [i, j, star, resume] = [0, 0, -1, 0];
  while (i < characters.length) {
    if (wanted[j] === '*') {
      star = j++;
      resume = i;
    } else if (j < wanted.length && (wanted[j] === '?' || wanted[j] === characters[i])) {
      i++;
      j++;
    } else if (star >= 0) {
      j = star + 1;
      i = ++resume;
    } else {
      return false;
    }
  }
  while (wanted[j] === '*') j++;
  return j === wanted.length;
}

function isNumber(value: Value): boolean {
  return (
    typeof value === 'number' || (typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value)))
  );
}
