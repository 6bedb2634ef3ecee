/** How each VR is laid out in bytes (PS3.5 6.2, 7.1.2). */
import { lookupTag, dictionaryEntries, vrOf } from '../dictionary.ts';
import type { Tag, Vr } from '../model.ts';
import { VRS } from '../model.ts';

/** Which codec a value field needs. */
export type ValueKind =
  | 'string' // several values in ASCII
  | 'decimal' // DS, IS: several values in ASCII that are numbers
  | 'text' // several values in the specific character set
  | 'paragraph' // one value in the specific character set, backslashes included
  | 'uri' // one value in ASCII
  | 'name'
  | 'number'
  | 'tag'
  | 'bytes'
  | 'items';

export interface VrCoding {
  readonly vr: Vr;
  readonly kind: ValueKind;
  /** Explicit VR: two reserved bytes and a length of four bytes, instead of a length of two. */
  readonly longLength: boolean;
  /** The two letters as a little-endian number. */
  readonly letters: number;
  /** Bytes per value; 1 for text. A value field is a multiple of it. */
  readonly size: number;
  /** Leading spaces mean nothing either (PS3.5 6.2). */
  readonly trimsStart: boolean;
}

const KINDS: Readonly<Record<Vr, ValueKind>> = {
  AE: 'string', AS: 'string', CS: 'string', DA: 'string', DT: 'string', TM: 'string', UI: 'string',
  DS: 'decimal', IS: 'decimal', UR: 'uri', PN: 'name', AT: 'tag', SQ: 'items',
  LO: 'text', SH: 'text', UC: 'text', LT: 'paragraph', ST: 'paragraph', UT: 'paragraph',
  FD: 'number', FL: 'number', SL: 'number', SS: 'number', SV: 'number', UL: 'number', US: 'number', UV: 'number',
  OB: 'bytes', OD: 'bytes', OF: 'bytes', OL: 'bytes', OV: 'bytes', OW: 'bytes', UN: 'bytes',
}; // prettier-ignore

const SIZES: Readonly<Partial<Record<Vr, number>>> = {
  AT: 4, FD: 8, FL: 4, SL: 4, SS: 2, SV: 8, UL: 4, US: 2, UV: 8, OD: 8, OF: 4, OL: 4, OV: 8, OW: 2,
}; // prettier-ignore

const LONG_LENGTH = new Set<Vr>(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);
const TRIMS_START = new Set<Vr>(['AE', 'CS', 'DS', 'IS']);

export const CODINGS = Object.fromEntries(
  VRS.map((vr): [Vr, VrCoding] => [
    vr,
    {
      vr,
      kind: KINDS[vr],
      longLength: LONG_LENGTH.has(vr),
      letters: vr.charCodeAt(0) | (vr.charCodeAt(1) << 8),
      size: SIZES[vr] ?? 1,
      trimsStart: TRIMS_START.has(vr),
    },
  ]),
) as Readonly<Record<Vr, VrCoding>>;

const byLetters: (VrCoding | undefined)[] = [];
for (const coding of Object.values(CODINGS)) byLetters[letterIndex(coding.letters)] = coding;

function letterIndex(letters: number): number {
  return ((letters & 0xff) - 0x41) * 26 + (letters >> 8) - 0x41;
}

/** The coding for the two letters of an explicit VR; UN for letters that are no VR yet (PS3.5 6.2); else undefined. */
export function codingOfLetters(letters: number): VrCoding | undefined {
  const first = (letters & 0xff) - 0x41;
  const second = (letters >> 8) - 0x41;
  if (first < 0 || first > 25 || second < 0 || second > 25) return undefined;
  return byLetters[first * 26 + second] ?? CODINGS.UN;
}

/** What a decoder needs to know about a tag. */
export interface KnownTag {
  readonly tag: Tag;
  /** As the dictionary has it: UN for what nobody knows. */
  readonly coding: VrCoding;
  /** US or SS, as Pixel Representation says. */
  readonly signedness: boolean;
}

const knownTags = new Map<number, KnownTag>();
for (const { tag } of dictionaryEntries()) knownTags.set(parseInt(tag, 16), describe(tag));

function describe(tag: Tag): KnownTag {
  const entry = lookupTag(tag);
  return { tag, coding: CODINGS[vrOf(tag)], signedness: entry?.vr === 'US' && entry.vrs.includes('SS') };
}

/** By group * 65536 + element. Not remembered for unknown tags: a peer can send any number of them. */
export function knownTag(number: number): KnownTag {
  return knownTags.get(number) ?? describe(number.toString(16).toUpperCase().padStart(8, '0'));
}

/** Sequences inside sequences, deepest: no module of the standard comes near. */
export const MAXIMUM_DEPTH = 64;
