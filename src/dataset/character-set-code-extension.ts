/**
 * Text in sets with code extensions (PS3.5 6.1.2): escape sequences put graphic sets into the halves G0 and G1; the sets
 * of the first value are active at the start and again after every delimiter (PS3.5 6.1.2.5.3). Sets without code
 * extensions are the same with nothing to escape to.
 */
import type { GraphicSet, GraphicSets } from './character-set-terms.ts';
import { ASCII, GRAPHIC_SETS, graphicSetsOf } from './character-set-terms.ts';
import type { CharacterSet, TextDelimiters, TextProblem } from './text-coding.ts';

const ESCAPE = 0x1b;
const REPLACEMENT = '\ufffd';
const SUBSTITUTE = 0x3f; // ?

export class CodeExtensionSet implements CharacterSet {
  readonly terms: readonly string[];
  private readonly initial: GraphicSets;
  /** Sets the terms allow, in their order. */
  private readonly declared: readonly GraphicSet[];
  /** For writers that leave the escape out: the one G1 set there is, when the first value has none. */
  private readonly impliedG1: GraphicSet | undefined;

  constructor(terms: readonly string[]) {
    const sets = terms.map((term) => graphicSetsOf(term === '' ? 'ISO_IR 6' : term) as GraphicSets);
    this.terms = terms;
    this.initial = sets[0] ?? { g0: ASCII, g1: undefined };
    this.declared = [...new Set(sets.flatMap(({ g0, g1 }) => (g1 === undefined ? [g0] : [g0, g1])))];
    this.impliedG1 = this.initial.g1 ?? this.declared.find(({ half }) => half === 'G1');
  }

  decode(
    bytes: Buffer,
    start: number,
    end: number,
    delimiters: TextDelimiters,
    problem: (problem: TextProblem) => void,
  ): string {
    if (this.impliedG1 === undefined && !bytes.subarray(start, end).includes(ESCAPE)) {
      problem('CHARACTER_SET_MISSING');
      return decodeUndeclared(bytes, start, end);
    }
    let { g0, g1 } = this.initial;
    let text = '';
    for (let at = start; at < end;) {
      const byte = bytes[at] as number;
      if (byte === ESCAPE) {
        const set = escapeAt(bytes, at + 1, end);
        if (set === undefined) {
          problem('TEXT_UNDECODABLE');
          text += REPLACEMENT;
          at += 1;
          continue;
        }
        if (!this.declared.includes(set)) problem('ESCAPE_UNDECLARED');
        if (set.half === 'G0') g0 = set;
        else g1 = set;
        at += 1 + set.escape.length;
        continue;
      }
      // Control characters and space are the same in every set (PS3.5 6.1.3).
      const table = byte >= 0x80 ? (g1 ?? this.impliedG1)?.table : byte > 0x20 && byte < 0x7f ? g0.table : undefined;
      if (table === undefined && byte < 0x80) {
        text += String.fromCharCode(byte);
        if (isDelimiter(byte, delimiters)) ({ g0, g1 } = this.initial);
        at += 1;
        continue;
      }
      const width = table?.width ?? 1;
      // The second byte of a pair lies in the same half of the code table as the first.
      const trail = width === 2 && at + 1 < end ? (bytes[at + 1] as number) : 0;
      const character =
        width === 1
          ? table?.decode(byte, 0)
          : (trail & 0x80) === (byte & 0x80)
            ? table?.decode(byte & 0x7f, trail & 0x7f)
            : undefined;
      if (character === undefined) problem('TEXT_UNDECODABLE');
      text += character ?? REPLACEMENT;
      // A pair that is none may hide a delimiter in its second byte: take one byte only.
      at += character === undefined ? 1 : width;
    }
    return text;
  }

  encode(text: string, delimiters: TextDelimiters, substitute: boolean): Buffer | undefined {
    const bytes: number[] = [];
    let { g0, g1 } = this.initial;
    const invoke = (set: GraphicSet) => {
      bytes.push(ESCAPE, ...Buffer.from(set.escape, 'latin1'));
      if (set.half === 'G0') g0 = set;
      else g1 = set;
    };
    const restoreG0 = () => {
      if (g0 !== this.initial.g0) invoke(this.initial.g0);
    };
    const restoreG1 = () => {
      if (g1 !== this.initial.g1 && this.initial.g1 !== undefined) invoke(this.initial.g1);
      g1 = this.initial.g1;
    };
    for (const character of text) {
      let code = character.codePointAt(0) as number;
      if (code >= 0x80 || code === ESCAPE) {
        const found = this.find(character, g0, g1);
        if (found !== undefined) {
          if (found.half === 'G1') restoreG0(); // readers that convert piece by piece expect one double-byte set at a time
          if (found !== g0 && found !== g1) invoke(found);
          const high = found.half === 'G1' ? 0x80 : 0;
          const pair = found.table?.encode(character) as number;
          if (found.table?.width === 2) bytes.push((pair >> 8) | high, (pair & 0xff) | high);
          else bytes.push(pair);
          continue;
        }
        if (!substitute) return undefined;
        code = SUBSTITUTE;
      }
      restoreG0();
      if (isDelimiter(code, delimiters)) restoreG1();
      bytes.push(code);
    }
    restoreG0();
    restoreG1();
    return Buffer.from(bytes);
  }

  /** The set to write a character in: one that is active already, else the first declared one that has it. */
  private find(character: string, g0: GraphicSet, g1: GraphicSet | undefined): GraphicSet | undefined {
    const has = (set: GraphicSet | undefined) => set?.table?.encode(character) !== undefined;
    if (has(g1)) return g1;
    if (has(g0)) return g0;
    return this.declared.find(has);
  }
}

function escapeAt(bytes: Buffer, at: number, end: number): GraphicSet | undefined {
  return GRAPHIC_SETS.find(
    ({ escape }) => at + escape.length <= end && bytes.toString('latin1', at, at + escape.length) === escape,
  );
}

/** PS3.5 6.1.2.5.3: control characters, the backslash between values, `^` and `=` in person names. */
function isDelimiter(byte: number, { multiValued, personName }: TextDelimiters): boolean {
  if (byte < 0x20) return byte >= 0x09 && byte <= 0x0d && byte !== 0x0b;
  if (byte === 0x5c) return multiValued;
  return personName && (byte === 0x5e || byte === 0x3d);
}

/** Bytes beyond ASCII that no set was declared for: UTF-8 when they are just that, else Latin-1, which loses nothing. */
export function decodeUndeclared(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end);
  return text.includes(REPLACEMENT) ? bytes.toString('latin1', start, end) : text;
}
