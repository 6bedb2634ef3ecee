/**
 * Code tables of the ISO 2022 character sets, read off iconv-lite at first use. iconv-lite's tables are vendor supersets
 * (EUC-KR is CP949, GB2312 is CP936, EUC-JP has NEC and IBM rows): what the registered set lacks is decoded but never
 * written, since other readers would not know it.
 */
import iconv from 'iconv-lite';

/** One graphic set: 96 single bytes 80H-FFH, or 94 x 94 pairs of 21H-7EH. */
export interface CodeTable {
  readonly width: 1 | 2;
  /** The character of a byte or pair; undefined when there is none. `trail` is 0 for single bytes. */
  decode(lead: number, trail: number): string | undefined;
  /** The byte, or `lead * 256 + trail`; undefined when the set has no such character. */
  encode(character: string): number | undefined;
}

interface Codes {
  characters: Map<number, string>;
  codes: Map<string, number>;
}

const REPLACEMENT = '\ufffd';

function lazyTable(width: 1 | 2, build: () => Codes): CodeTable {
  let built: Codes | undefined;
  return {
    width,
    decode: (lead, trail) => (built ??= build()).characters.get(width === 1 ? lead : lead * 256 + trail),
    encode: (character) => (built ??= build()).codes.get(character),
  };
}

function addCode(codes: Codes, code: number, character: string, registered = true): void {
  if (character === '' || character.includes(REPLACEMENT)) return;
  codes.characters.set(code, character);
  if (registered && !codes.codes.has(character)) codes.codes.set(character, code);
}

export function singleByteTable(encoding: string): CodeTable {
  return lazyTable(1, () => {
    const codes: Codes = { characters: new Map(), codes: new Map() };
    for (let byte = 0x80; byte <= 0xff; byte++) addCode(codes, byte, iconv.decode(Buffer.of(byte), encoding));
    return codes;
  });
}

/** Half-width katakana of JIS X 0201 (ISO IR 13): A1H-DFH are U+FF61-U+FF9F in the same order. */
export const KATAKANA: CodeTable = lazyTable(1, () => {
  const codes: Codes = { characters: new Map(), codes: new Map() };
  for (let byte = 0xa1; byte <= 0xdf; byte++) addCode(codes, byte, String.fromCharCode(0xff61 + byte - 0xa1));
  return codes;
});

interface DoubleByteOptions {
  encoding: string;
  /** Bytes before the pair in that encoding: 8FH for the second set of EUC-JP. */
  prefix?: readonly number[];
  /** Is the pair (21H-7EH each) in the registered set? */
  registered?: (lead: number, trail: number) => boolean;
  /** Other Unicode characters for a character of the table. */
  synonyms?: Readonly<Record<string, string>>;
}

export function doubleByteTable({ encoding, prefix = [], registered, synonyms = {} }: DoubleByteOptions): CodeTable {
  return lazyTable(2, () => {
    const codes: Codes = { characters: new Map(), codes: new Map() };
    for (let lead = 0x21; lead <= 0x7e; lead++) {
      for (let trail = 0x21; trail <= 0x7e; trail++) {
        const character = iconv.decode(Buffer.of(...prefix, lead | 0x80, trail | 0x80), encoding);
        addCode(codes, lead * 256 + trail, character, registered?.(lead, trail) ?? true);
      }
    }
    for (const [synonym, character] of Object.entries(synonyms)) {
      const code = codes.codes.get(character);
      if (code !== undefined) codes.codes.set(synonym, code);
    }
    return codes;
  });
}

/** JIS X 0208 (ISO IR 87) has rows 1-8 and 16-84; rows 13 and 89-92 are NEC's and IBM's. */
const isJisX0208 = (lead: number): boolean => lead <= 0x28 || (lead >= 0x30 && lead <= 0x74);

/** Symbols of JIS X 0208 which JIS and Microsoft map to different Unicode characters: JIS's, iconv-lite's. */
const JIS_SYNONYMS = { '〜': '～', '−': '－', '‖': '∥', '—': '―', '¢': '￠', '£': '￡', '¬': '￢' };

/** The rows of GB 2312 (ISO IR 58) that are not full: first and last trail bytes of their runs. */
const GB2312_RUNS: Readonly<Record<number, readonly (readonly [number, number])[]>> = {
  0x22: [[0x31, 0x62], [0x65, 0x6e], [0x71, 0x7c]],
  0x24: [[0x21, 0x73]],
  0x25: [[0x21, 0x76]],
  0x26: [[0x21, 0x38], [0x41, 0x58]],
  0x27: [[0x21, 0x41], [0x51, 0x71]],
  0x28: [[0x21, 0x3a], [0x45, 0x69]],
  0x29: [[0x24, 0x6f]],
  0x57: [[0x21, 0x79]],
}; // prettier-ignore

function isGb2312(lead: number, trail: number): boolean {
  const runs = GB2312_RUNS[lead];
  if (runs !== undefined) return runs.some(([first, last]) => trail >= first && trail <= last);
  return lead <= 0x23 || (lead >= 0x30 && lead <= 0x77);
}

export const JIS_X_0208 = doubleByteTable({ encoding: 'euc-jp', registered: isJisX0208, synonyms: JIS_SYNONYMS });
export const JIS_X_0212 = doubleByteTable({ encoding: 'euc-jp', prefix: [0x8f] });
export const KS_X_1001 = doubleByteTable({ encoding: 'euc-kr' });
export const GB_2312 = doubleByteTable({ encoding: 'gb2312', registered: isGb2312 });
