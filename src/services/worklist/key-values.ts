/** The value of a match parameter as key (PS3.18 8.3.4.1, Table 8.3.4-1), checked as far as a bad one can be told. */
import { isPrivate, isPrivateCreator, vrOf } from '../../dataset/dictionary.ts';
import { numberOrText } from '../../dataset/model.ts';
import type { Attribute, Tag, Value, Vr } from '../../dataset/model.ts';
import { isUid } from '../../dataset/uid.ts';
import { isBinaryVr, valueFromText } from '../../dataset/values.ts';
import { GatewayError } from '../../errors.ts';
import { parseDateTimeKey } from './date-time.ts';
import { EMPTY_VALUE_KEY } from './keys.ts';

const TIMEZONE_OFFSET_FROM_UTC: Tag = '00080201';

/** VRs in whose values a backslash is a character like any other (PS3.5 6.2). */
const BACKSLASH_IS_TEXT: ReadonlySet<Vr> = new Set(['ST', 'LT', 'UT', 'UR']);

/**
 * @param parts decoded values as commas separate them: several UIDs, or one text with commas in it
 * @param problem makes the error; it is handed what is wrong, never the value
 */
export function keyFromParameter(
  tag: Tag,
  parts: readonly string[],
  multipleValues: boolean,
  problem: (text: string) => Error,
): Attribute {
  const vr = keyVr(tag, parts);
  const text = parts.join(',');
  if (text === '') return { vr };
  if (vr === 'SQ') throw problem('is a sequence and has no value; name an attribute in it');
  if (isBinaryVr(vr)) throw problem(`has VR ${vr} and cannot be matched`);
  if (text === '*') return { vr };
  if (tag === TIMEZONE_OFFSET_FROM_UTC && !/^[+-]\d{4}$/.test(text)) throw problem('is no offset such as +0100');
  if (text === EMPTY_VALUE_KEY) return { vr, Value: [emptyValueKey(vr)] };
  if (vr === 'UI') return { vr, Value: uidValues(parts, problem) };
  if (BACKSLASH_IS_TEXT.has(vr) || !text.includes('\\')) return { vr, Value: [keyValue(vr, text, tag, problem)] };
  if (!multipleValues) throw problem('holds a backslash, which needs multiplevaluematching=true');
  return { vr, Value: text.split('\\').map((value) => keyValue(vr, value, tag, problem)) };
}

/** Nobody can know the VR of a private attribute from a URL; as text it can be matched. */
function keyVr(tag: Tag, parts: readonly string[]): Vr {
  if (!isPrivate(tag) || isPrivateCreator(tag)) return vrOf(tag);
  return parts.every((part) => part === '') ? 'UN' : 'LO';
}

function uidValues(parts: readonly string[], problem: (text: string) => Error): string[] {
  const uids = parts.flatMap((part) => part.split('\\')).map((uid) => uid.trim());
  if (!uids.every(isUid)) throw problem('is no UID or list of UIDs');
  return uids;
}

function keyValue(vr: Vr, text: string, tag: Tag, problem: (text: string) => Error): Value {
  if (text.includes('\0')) throw problem('holds a NUL character');
  if (vr === 'DA' || vr === 'TM' || vr === 'DT') {
    if (parseDateTimeKey(vr, text) === undefined) throw problem(`is no value or range of VR ${vr}`);
    return text;
  }
  if (vr === 'DS' || vr === 'IS') {
    if (typeof numberOrText(text) === 'string' && !Number.isFinite(Number(text)))
      throw problem(`is no value of VR ${vr}`);
  }
  try {
    return valueFromText(vr, text, tag, []);
  } catch (error) {
    if (error instanceof GatewayError) throw problem(`is no value of VR ${vr}`);
    throw error;
  }
}

/** The two quotes in the form of the VR, so that they are found again as such. */
function emptyValueKey(vr: Vr): Value {
  return vr === 'PN' ? { Alphabetic: EMPTY_VALUE_KEY } : EMPTY_VALUE_KEY;
}
