/** Specific Character Set (0008,0005): text between bytes and Unicode, and which set to write (PS3.5 6.1). */
import iconv from 'iconv-lite';
import { GatewayError } from '../errors.ts';
import { CodeExtensionSet } from './character-set-code-extension.ts';
import { WHOLE_ENCODINGS, correctTerm } from './character-set-terms.ts';
import type { Attribute, DataSet, Vr } from './model.ts';
import { personNameToText, sortedTags } from './model.ts';
import type { CharacterSet, TextDelimiters, TextProblem } from './text-coding.ts';

export { decodeUndeclared } from './character-set-code-extension.ts';
export { termsFromCharacterSetName } from './character-set-terms.ts';

export type { CharacterSet, TextDelimiters, TextProblem } from './text-coding.ts';

/** Sets that hold all text in one encoding: UTF-8, GB18030, GBK. */
class WholeSet implements CharacterSet {
  readonly terms: readonly string[];
  private readonly encoding: string;

  constructor(term: string, encoding: string) {
    this.terms = [term];
    this.encoding = encoding;
  }

  decode(
    bytes: Buffer,
    start: number,
    end: number,
    _delimiters: TextDelimiters,
    problem: (problem: TextProblem) => void,
  ): string {
    const text =
      this.encoding === 'utf8'
        ? bytes.toString('utf8', start, end)
        : iconv.decode(bytes.subarray(start, end), this.encoding, { stripBOM: false });
    if (text.includes('\ufffd')) problem('TEXT_UNDECODABLE');
    return text;
  }

  encode(text: string, _delimiters: TextDelimiters, substitute: boolean): Buffer | undefined {
    if (this.encoding === 'utf8') {
      if (text.isWellFormed()) return Buffer.from(text);
      return substitute ? Buffer.from(text.toWellFormed().replaceAll('\ufffd', '?')) : undefined;
    }
    const bytes = iconv.encode(text, this.encoding);
    const kept = iconv.decode(bytes, this.encoding, { stripBOM: false }) === text;
    return kept || substitute ? bytes : undefined; // iconv-lite writes ? for what is missing
  }
}

/** No character set: ASCII. */
export const DEFAULT_CHARACTER_SET: CharacterSet = new CodeExtensionSet([]);

export interface ParsedCharacterSet {
  set: CharacterSet;
  /** Terms that nobody knows; text beyond ASCII in them is read as UTF-8 or Latin-1. */
  unknown: readonly string[];
  /** Were the terms not as the standard has them? */
  corrected: boolean;
}

const parsed = new Map<string, ParsedCharacterSet>();
const MAXIMUM_REMEMBERED = 256; // peers choose the terms

/** The set that the values of 00080005 stand for, read leniently. */
export function parseCharacterSet(terms: readonly string[]): ParsedCharacterSet {
  const key = terms.join('\\');
  let result = parsed.get(key);
  if (result === undefined) {
    if (parsed.size >= MAXIMUM_REMEMBERED) parsed.clear();
    parsed.set(key, (result = parse(terms)));
  }
  return result;
}

function parse(terms: readonly string[]): ParsedCharacterSet {
  const unknown: string[] = [];
  const known: string[] = [];
  for (const [index, text] of terms.entries()) {
    const term = text.trim() === '' ? '' : correctTerm(text);
    if (term === undefined) unknown.push(text.trim());
    // An unknown or multi-byte first value leaves its place to ASCII.
    if (term !== undefined) known.push(term);
    else if (index === 0) known.push('');
  }
  const legal = legalTerms(known);
  const corrected = unknown.length > 0 || legal.join('\\') !== terms.join('\\');
  return { set: setOf(legal), unknown, corrected: corrected && !(legal.length === 0 && isAscii(terms)) };
}

/** `ISO_IR 6` and an empty value say the same as no 00080005. */
function isAscii(terms: readonly string[]): boolean {
  return terms.length === 0 || (terms.length === 1 && (terms[0] === '' || terms[0] === 'ISO_IR 6'));
}

/** The nearest combination that PS3.3 C.12.1.1.2 allows. */
function legalTerms(terms: readonly string[]): readonly string[] {
  const [first = ''] = terms;
  if (first in WHOLE_ENCODINGS) return [first];
  const extensions = terms.filter((term) => !(term in WHOLE_ENCODINGS)).map(withExtension);
  if (DOUBLE_BYTE_TERM.test(extensions[0] ?? '')) extensions.unshift('');
  if (extensions.length > 1) return extensions;
  const single = (extensions[0] ?? '').replace('ISO 2022 IR', 'ISO_IR');
  return single === '' || single === 'ISO_IR 6' ? [] : [single];
}

const DOUBLE_BYTE_TERM = / (?:87|159|149|58)$/;

function withExtension(term: string): string {
  return term.replace('ISO_IR', 'ISO 2022 IR');
}

function setOf(terms: readonly string[]): CharacterSet {
  if (terms.length === 0) return DEFAULT_CHARACTER_SET;
  const encoding = WHOLE_ENCODINGS[terms[0] as string];
  return encoding === undefined ? new CodeExtensionSet(terms) : new WholeSet(terms[0] as string, encoding);
}

/**
 * The set for terms that somebody here chose: all of them must be known.
 * @throws GatewayError CHARACTER_SET_UNSUPPORTED
 */
export function characterSetOf(terms: readonly string[]): CharacterSet {
  const { set, unknown } = parseCharacterSet(terms);
  if (unknown.length === 0) return set;
  throw new GatewayError('CHARACTER_SET_UNSUPPORTED', `Specific Character Set "${unknown.join('\\')}" is unknown`, {
    fix: 'Use the defined terms of PS3.3 C.12.1.1.2, such as "ISO_IR 100", "ISO_IR 192" or "\\\\ISO 2022 IR 87"',
  });
}

/** VRs whose text is in the specific character set (PS3.5 6.1.2.3); all others are ASCII. */
export function textDelimitersOf(vr: Vr): TextDelimiters | undefined {
  return DELIMITERS[vr];
}

const ONE_VALUE: TextDelimiters = { multiValued: false, personName: false };
const SEVERAL_VALUES: TextDelimiters = { multiValued: true, personName: false };
const PERSON_NAMES: TextDelimiters = { multiValued: true, personName: true };
const DELIMITERS: Partial<Record<Vr, TextDelimiters>> = {
  SH: SEVERAL_VALUES,
  LO: SEVERAL_VALUES,
  UC: SEVERAL_VALUES,
  PN: PERSON_NAMES,
  ST: ONE_VALUE,
  LT: ONE_VALUE,
  UT: ONE_VALUE,
};

/**
 * Text of one value field, padding included. Undecodable bytes become U+FFFD and are told to `problem`.
 * @throws GatewayError CHARACTER_SET_UNSUPPORTED
 */
export function decodeText(
  bytes: Uint8Array,
  terms: readonly string[],
  vr: Vr,
  problem: (problem: TextProblem) => void = () => undefined,
): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('latin1');
  if (isPlain(text)) return text;
  return characterSetOf(terms).decode(buffer, 0, buffer.length, textDelimitersOf(vr) ?? SEVERAL_VALUES, problem);
}

/**
 * The reverse, without padding; undefined when a character does not exist in the set.
 * @throws GatewayError CHARACTER_SET_UNSUPPORTED
 */
export function encodeText(text: string, terms: readonly string[], vr: Vr): Buffer | undefined {
  return characterSetOf(terms).encode(text, textDelimitersOf(vr) ?? SEVERAL_VALUES, false);
}

/** ASCII without escapes: the same in every set. */
function isPlain(text: string): boolean {
  return /^[\x00-\x1a\x1c-\x7f]*$/.test(text);
}

export interface CharacterSetChoice {
  /** The value of 00080005 to write; undefined: all is ASCII, leave it out. */
  terms: readonly string[] | undefined;
  /** Some characters do not exist in that set and will be `?`. */
  replaced: boolean;
}

/**
 * Which 00080005 to write: none when all text is ASCII, else the first preference that has every character, else what
 * `unencodable` says: UTF-8, the first preference with `?`, or an error. Preferences are texts of 00080005 such as
 * `ISO_IR 100` or `\ISO 2022 IR 87`; unknown ones are passed over. Without any it is UTF-8.
 * @throws GatewayError CHARACTER_UNENCODABLE
 */
export function chooseCharacterSet(
  dataSet: DataSet,
  preferences: readonly string[],
  unencodable: 'utf-8' | 'replace' | 'fail',
): CharacterSetChoice {
  const texts: EncodableText[] = [];
  collectTexts(dataSet, texts);
  if (texts.length === 0) return { terms: undefined, replaced: false };
  const sets = preferences
    .map((preference) => parseCharacterSet(preference.split('\\')))
    .filter(({ unknown }) => unknown.length === 0)
    .map(({ set }) => set);
  for (const set of sets) {
    if (texts.every(({ text, delimiters }) => set.encode(text, delimiters, false) !== undefined)) {
      return { terms: set.terms, replaced: false };
    }
  }
  const [first] = sets;
  if (first === undefined || unencodable === 'utf-8') return { terms: UTF_8_TERMS, replaced: false };
  if (unencodable === 'replace') return { terms: first.terms, replaced: true };
  throw new GatewayError('CHARACTER_UNENCODABLE', `No set of ${preferences.join(', ')} has every character`, {
    fix: 'Add "ISO_IR 192" to the character sets, or let `unencodable` be "replace" or "utf-8"',
  });
}

export const UTF_8_TERMS: readonly string[] = ['ISO_IR 192'];

interface EncodableText {
  text: string;
  delimiters: TextDelimiters;
}

/** All texts beyond ASCII, nested ones too. */
function collectTexts(dataSet: DataSet, texts: EncodableText[]): void {
  for (const tag of sortedTags(dataSet)) {
    const attribute = dataSet[tag] as Attribute;
    if (attribute.Value === undefined) continue;
    if (attribute.vr === 'SQ') {
      for (const item of attribute.Value) collectTexts(item as DataSet, texts);
      continue;
    }
    const delimiters = DELIMITERS[attribute.vr];
    if (delimiters === undefined) continue;
    for (const value of attribute.Value) {
      if (value === null || typeof value === 'number') continue;
      const text = typeof value === 'string' ? value : personNameToText(value);
      if (!isPlain(text)) texts.push({ text, delimiters });
    }
  }
}
