/**
 * The defined terms of Specific Character Set (PS3.3 C.12.1.1.2), the names web peers use for them (PS3.18 Table D-1),
 * and the misspellings found in practice.
 */
import type { CodeTable } from './character-set-tables.ts';
import { GB_2312, JIS_X_0208, JIS_X_0212, KATAKANA, KS_X_1001, singleByteTable } from './character-set-tables.ts';

/** A graphic set that an escape sequence puts into one half of the code table (ISO 2022). */
export interface GraphicSet {
  /** What follows ESC, e.g. `$B`. */
  readonly escape: string;
  /** G0 has the bytes 21H-7EH, G1 those from A1H. */
  readonly half: 'G0' | 'G1';
  /** Undefined is ASCII, or JIS X 0201 romaji, whose yen sign and overline PS3.5 treats as backslash and tilde. */
  readonly table: CodeTable | undefined;
}

/** What a term with code extensions stands for; the part it does not name is ASCII or nothing. */
export interface GraphicSets {
  readonly g0: GraphicSet;
  readonly g1: GraphicSet | undefined;
}

export const ASCII: GraphicSet = { escape: '(B', half: 'G0', table: undefined };
const ROMAJI: GraphicSet = { escape: '(J', half: 'G0', table: undefined };

function latin(escape: string, encoding: string): GraphicSets {
  return { g0: ASCII, g1: { escape, half: 'G1', table: singleByteTable(encoding) } };
}

/** By ISO registration number: single-byte sets, which may stand alone as `ISO_IR n`. */
const SINGLE_BYTE: Readonly<Record<string, GraphicSets>> = {
  6: { g0: ASCII, g1: undefined },
  100: latin('-A', 'iso-8859-1'),
  101: latin('-B', 'iso-8859-2'),
  109: latin('-C', 'iso-8859-3'),
  110: latin('-D', 'iso-8859-4'),
  144: latin('-L', 'iso-8859-5'),
  127: latin('-G', 'iso-8859-6'),
  126: latin('-F', 'iso-8859-7'),
  138: latin('-H', 'iso-8859-8'),
  148: latin('-M', 'iso-8859-9'),
  203: latin('-b', 'iso-8859-15'),
  166: latin('-T', 'tis620'),
  13: { g0: ROMAJI, g1: { escape: ')I', half: 'G1', table: KATAKANA } },
};

/** By ISO registration number: sets of pairs, never the first value of Specific Character Set. */
const DOUBLE_BYTE: Readonly<Record<string, GraphicSet>> = {
  87: { escape: '$B', half: 'G0', table: JIS_X_0208 },
  159: { escape: '$(D', half: 'G0', table: JIS_X_0212 },
  149: { escape: '$)C', half: 'G1', table: KS_X_1001 },
  58: { escape: '$)A', half: 'G1', table: GB_2312 },
};

/** JIS C 6226-1978, the forerunner of JIS X 0208; read, never written. */
const JIS_C_6226: GraphicSet = { escape: '$@', half: 'G0', table: JIS_X_0208 };

/** Sets without code extensions, as iconv-lite calls them. */
export const WHOLE_ENCODINGS: Readonly<Record<string, string>> = {
  'ISO_IR 192': 'utf8',
  GB18030: 'gb18030',
  GBK: 'gbk',
};

/** What Specific Character Set (0008,0005) may name; without and with code extensions. */
export const DEFINED_TERMS: readonly string[] = [
  ...Object.keys(SINGLE_BYTE).map((number) => `ISO_IR ${number}`),
  ...Object.keys(WHOLE_ENCODINGS),
  ...[...Object.keys(SINGLE_BYTE), ...Object.keys(DOUBLE_BYTE)].map((number) => `ISO 2022 IR ${number}`),
];

/** Every set an escape sequence may ask for, longest escape first. */
export const GRAPHIC_SETS: readonly GraphicSet[] = [
  ...Object.values(DOUBLE_BYTE),
  JIS_C_6226,
  ASCII,
  ROMAJI,
  ...Object.values(SINGLE_BYTE).flatMap(({ g1 }) => g1 ?? []),
].sort((a, b) => b.escape.length - a.escape.length);

/** PS3.18 Table D-1. The first name of a set is the preferred one. */
const IANA_NAMES: Readonly<Record<string, readonly string[]>> = {
  'US-ASCII': ['ISO_IR 6'],
  'ISO-8859-1': ['ISO_IR 100'],
  'ISO-8859-2': ['ISO_IR 101'],
  'ISO-8859-3': ['ISO_IR 109'],
  'ISO-8859-4': ['ISO_IR 110'],
  'ISO-8859-5': ['ISO_IR 144'],
  'ISO-8859-6': ['ISO_IR 127'],
  'ISO-8859-7': ['ISO_IR 126'],
  'ISO-8859-8': ['ISO_IR 138'],
  'ISO-8859-9': ['ISO_IR 148'],
  'ISO-8859-15': ['ISO_IR 203'],
  'TIS-620': ['ISO_IR 166'],
  'ISO-2022-JP': ['ISO 2022 IR 13', 'ISO 2022 IR 87'],
  'ISO-2022-KR': ['ISO 2022 IR 6', 'ISO 2022 IR 149'],
  'ISO-2022-CN': ['ISO 2022 IR 6', 'ISO 2022 IR 58'],
  GB18030: ['GB18030'],
  GBK: ['GBK'],
  'UTF-8': ['ISO_IR 192'],
};

/** The graphic sets of a term of the form `ISO_IR n` or `ISO 2022 IR n`; undefined for others. */
export function graphicSetsOf(term: string): GraphicSets | undefined {
  const number = /^ISO(?:_| 2022 )IR (\d+)$/.exec(term)?.[1] ?? '';
  const double = DOUBLE_BYTE[number];
  if (double === undefined) return SINGLE_BYTE[number];
  return double.half === 'G0' ? { g0: double, g1: undefined } : { g0: ASCII, g1: double };
}

/** Terms for an IANA character set name or a defined term (PS3.18 8.3.3.2), in any case; undefined when unknown. */
export function termsFromCharacterSetName(name: string): readonly string[] | undefined {
  const terms = IANA_NAMES[name.trim().toUpperCase()];
  if (terms !== undefined) return terms;
  const term = correctTerm(name);
  return term === undefined ? undefined : [term];
}

/** A defined term as the standard writes it, from what peers write (`iso_ir192`, `ISO-IR 100`, `UTF-8`). */
export function correctTerm(text: string): string | undefined {
  const upper = text.trim().toUpperCase();
  const match = /^ISO[ _-]?(2022)?[ _-]?IR[ _-]?(\d+)$/.exec(upper);
  if (match === null) {
    if (upper in WHOLE_ENCODINGS) return upper;
    const named = IANA_NAMES[upper.replace(/^(?:ISO_?8859[_-])/, 'ISO-8859-').replace(/^UTF8$/, 'UTF-8')];
    return named?.length === 1 ? named[0] : undefined;
  }
  const [, extension, number = ''] = match;
  if (number === '192') return 'ISO_IR 192';
  if (number in DOUBLE_BYTE) return `ISO 2022 IR ${number}`;
  if (!(number in SINGLE_BYTE)) return undefined;
  return extension === undefined ? `ISO_IR ${number}` : `ISO 2022 IR ${number}`;
}
