/**
 * What one value of each VR looks like in the neutral form, and how the text codecs (JSON, XML) reach it. Lenient
 * where PS3.18 F.2 and practice are, but nothing is guessed: a value that cannot be carried unchanged to the other
 * side is refused with the path of its attribute, never with the value.
 */
import { GatewayError } from '../errors.ts';
import { isPrivate, lookupTag, vrOf } from './dictionary.ts';
import { isVr, numberOrText, personNameFromText } from './model.ts';
import type { PersonName, Tag, Value, Vr } from './model.ts';

/** How a VR is held: see `Value` in model.ts. */
type ValueKind = 'text' | 'longText' | 'tag' | 'decimal' | 'long' | 'integer' | 'float' | 'name' | 'items' | 'bytes';

const KINDS: Readonly<Record<Vr, ValueKind>> = {
  AE: 'text', AS: 'text', CS: 'text', DA: 'text', DT: 'text', LO: 'text', SH: 'text', TM: 'text', UC: 'text', UI: 'text',
  LT: 'longText', ST: 'longText', UR: 'longText', UT: 'longText',
  AT: 'tag', PN: 'name', SQ: 'items',
  DS: 'decimal', IS: 'decimal', SV: 'long', UV: 'long',
  SL: 'integer', SS: 'integer', UL: 'integer', US: 'integer', FL: 'float', FD: 'float',
  OB: 'bytes', OD: 'bytes', OF: 'bytes', OL: 'bytes', OV: 'bytes', OW: 'bytes', UN: 'bytes',
}; // prettier-ignore

const INTEGER_RANGES: Readonly<Partial<Record<Vr, readonly [number, number]>>> = {
  US: [0, 0xffff],
  SS: [-0x8000, 0x7fff],
  UL: [0, 0xffffffff],
  SL: [-0x80000000, 0x7fffffff],
};

/** Sequences inside sequences, deepest; no module of the standard comes near. */
export const MAXIMUM_SEQUENCE_DEPTH = 64;

const NOT_FINITE: ReadonlySet<string> = new Set(['NaN', 'Infinity', '-Infinity']);
// A run of digits reads in one way only: a peer chooses its length, and a second way would take time with its square.
const NUMBER_TEXT = /^ *[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)? *$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const PERSON_NAME_GROUPS = ['Alphabetic', 'Ideographic', 'Phonetic'] as const;

/** Where a codec stands: the tags of the sequences around the attribute. */
export type Surroundings = readonly Tag[];

/** A number token that doubles cannot hold; a codec that still has the text can do better. */
export class InexactNumberError extends GatewayError {}

export function invalidAttribute(around: Surroundings, tag: Tag, problem: string): GatewayError {
  return new GatewayError('DATA_SET_INVALID', `${[...around, tag].join('.')}: ${problem}`);
}

export function checkDepth(around: Surroundings): void {
  if (around.length > MAXIMUM_SEQUENCE_DEPTH) {
    throw new GatewayError('DATA_SET_TOO_LARGE', `Sequences are nested deeper than ${MAXIMUM_SEQUENCE_DEPTH} levels`);
  }
}

export function isBinaryVr(vr: Vr): boolean {
  return KINDS[vr] === 'bytes';
}

/**
 * The tag in upper case; undefined for a group length, which is dropped.
 * @throws GatewayError for what is no tag, or a tag that no data set holds (groups 0000, 0002, FFFE and the invalid
 *   odd groups of PS3.5 7.1 and 7.8)
 */
export function checkedTag(name: string, around: Surroundings): Tag | undefined {
  if (!/^[0-9A-Fa-f]{8}$/.test(name)) {
    const where = around.length > 0 ? `${around.join('.')}: ` : '';
    throw new GatewayError('DATA_SET_INVALID', `${where}an attribute name is not eight hex digits`);
  }
  const tag = name.toUpperCase();
  if (FORBIDDEN_GROUPS.has(tag.slice(0, 4)))
    throw invalidAttribute(around, tag, 'this group has no place in a data set');
  return tag.endsWith('0000') ? undefined : tag;
}

const FORBIDDEN_GROUPS: ReadonlySet<string> = new Set([
  '0000', '0001', '0002', '0003', '0005', '0007', 'FFFE', 'FFFF',
]); // prettier-ignore

/**
 * The VR to use for an attribute whose sender says `stated` (or nothing): the sender's for private and unknown tags
 * and where the dictionary allows it, the dictionary's otherwise. UN with bytes is always legal (PS3.5 6.2.2).
 */
export function resolveVr(tag: Tag, stated: string | undefined, hasBytes: boolean): Vr {
  const known = stated !== undefined && isVr(stated) ? stated : undefined;
  if (known !== undefined && isPrivate(tag)) return known;
  const entry = lookupTag(tag);
  if (entry === undefined) return known ?? vrOf(tag);
  if (known !== undefined && (entry.vrs.includes(known) || (known === 'UN' && hasBytes))) return known;
  return entry.vr;
}

/** One value from JSON (PS3.18 Table F.2.3-1); items are the codec's own business. */
export function valueFromJson(vr: Vr, raw: unknown, tag: Tag, around: Surroundings): Value {
  if (raw === null || raw === '') return null;
  const kind = KINDS[vr];
  if (kind === 'name') return nameFromJson(raw, tag, around);
  if (typeof raw === 'string') return valueFromText(vr, raw, tag, around);
  if (typeof raw !== 'number') throw invalidAttribute(around, tag, `a value of VR ${vr} has the wrong type`);
  if (!Number.isFinite(raw)) throw invalidAttribute(around, tag, 'a number is too large to be read');
  if (kind === 'decimal') return Object.is(raw, -0) ? 0 : raw;
  if (kind === 'float') return raw;
  if (kind === 'integer') return checkedInteger(vr, raw, tag, around);
  if (kind !== 'long') throw invalidAttribute(around, tag, `a value of VR ${vr} has the wrong type`);
  if (!Number.isInteger(raw)) throw invalidAttribute(around, tag, `a value of VR ${vr} is not an integer`);
  if (Number.isSafeInteger(raw)) return Object.is(raw, -0) ? 0 : raw;
  throw new InexactNumberError(
    'DATA_SET_INVALID',
    `${[...around, tag].join('.')}: a number is larger than JSON readers hold exactly; send it as a string`,
  );
}

/** One value from text, as in XML; null when empty. Not for PN in XML, SQ and the binary VRs. */
export function valueFromText(vr: Vr, text: string, tag: Tag, around: Surroundings): Value {
  const trimmed = withoutPadding(text);
  if (trimmed === '') return null;
  switch (KINDS[vr]) {
    case 'text':
      // A backslash delimits values on the DIMSE side; inside one value it would silently make two (PS3.5 6.2).
      if (trimmed.includes('\\')) throw invalidAttribute(around, tag, `a value of VR ${vr} contains a backslash`);
      return trimmed;
    case 'longText':
      return trimmed;
    case 'tag':
      if (!/^[0-9A-Fa-f]{8}$/.test(trimmed)) throw invalidAttribute(around, tag, 'an AT value is not eight hex digits');
      return trimmed.toUpperCase();
    case 'decimal':
      if (trimmed.includes('\\')) throw invalidAttribute(around, tag, `a value of VR ${vr} contains a backslash`);
      return numberOrText(trimmed);
    case 'long':
      if (!/^[+-]?\d+$/.test(trimmed)) throw invalidAttribute(around, tag, `a value of VR ${vr} is not an integer`);
      // Reading a number takes more time than its digits; none of 64 bits has more than twenty.
      if (!/^[+-]?0*\d{1,20}$/.test(trimmed)) throw invalidAttribute(around, tag, `a value does not fit VR ${vr}`);
      return numberOrText(BigInt(trimmed).toString());
    case 'integer':
      if (!NUMBER_TEXT.test(trimmed)) throw invalidAttribute(around, tag, `a value of VR ${vr} is not a number`);
      return checkedInteger(vr, Number(trimmed), tag, around);
    case 'float':
      // No text form has a number for these; they are held by JavaScript's names, which are XML Schema's spelled out.
      if (NOT_FINITE.has(trimmed)) return trimmed;
      if (!NUMBER_TEXT.test(trimmed)) throw invalidAttribute(around, tag, `a value of VR ${vr} is not a number`);
      return Number(trimmed);
    case 'name':
      if (trimmed.includes('\\')) throw invalidAttribute(around, tag, 'a person name contains a backslash');
      return personNameFromText(trimmed);
    case 'items':
    case 'bytes':
      throw invalidAttribute(around, tag, `an attribute of VR ${vr} has text as value`);
  }
}

/** Without the NULs at the end; a loop, since `/\0+$/` takes time with the square of a run of them. */
function withoutPadding(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 0) end--;
  return end === text.length ? text : text.slice(0, end);
}

/**
 * The values as they are kept: undefined for an empty attribute. VRs of one value (ST LT UT UR) hold one only, since
 * a second would become part of the first on the DIMSE side.
 */
export function checkedValues(vr: Vr, values: Value[], tag: Tag, around: Surroundings): Value[] | undefined {
  if (values.length === 0 || (values.length === 1 && values[0] === null)) return undefined;
  if (values.length > 1 && KINDS[vr] === 'longText') {
    throw invalidAttribute(around, tag, `an attribute of VR ${vr} has more than one value`);
  }
  return values;
}

/** Validated base64 without white space; undefined when empty. */
export function checkedBase64(raw: unknown, vr: Vr, tag: Tag, around: Surroundings): string | undefined {
  if (!isBinaryVr(vr)) throw invalidAttribute(around, tag, `InlineBinary does not go with VR ${vr}`);
  const text = typeof raw === 'string' ? raw.replaceAll(/\s+/g, '') : undefined;
  if (text === undefined || text.length % 4 !== 0 || !BASE64.test(text)) {
    throw invalidAttribute(around, tag, 'InlineBinary is not base64');
  }
  return text === '' ? undefined : text;
}

function checkedInteger(vr: Vr, number: number, tag: Tag, around: Surroundings): number {
  const [least, greatest] = INTEGER_RANGES[vr] ?? [0, 0];
  if (!Number.isInteger(number) || number < least || number > greatest) {
    throw invalidAttribute(around, tag, `a value does not fit VR ${vr}`);
  }
  return Object.is(number, -0) ? 0 : number;
}

/** A person name as object; a plain string is understood too. Groups that are empty are left out. */
function nameFromJson(raw: unknown, tag: Tag, around: Surroundings): PersonName | null {
  if (typeof raw === 'string') return valueFromText('PN', raw, tag, around) as PersonName | null;
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw invalidAttribute(around, tag, 'a person name is neither an object nor a string');
  }
  const name: PersonName = {};
  for (const group of PERSON_NAME_GROUPS) {
    const text = (raw as Record<string, unknown>)[group];
    if (text === undefined || text === null || text === '') continue;
    if (typeof text !== 'string')
      throw invalidAttribute(around, tag, 'a component group of a person name is no string');
    if (/[\\=]/.test(text)) throw invalidAttribute(around, tag, 'a component group contains a delimiter (\\ or =)');
    name[group] = text;
  }
  return Object.keys(name).length > 0 ? name : null;
}
