/** How text becomes bytes and back: what every character set can do, whichever way it works. */

/** What ends a piece of text, so that the first set is active again. */
export interface TextDelimiters {
  readonly multiValued: boolean;
  readonly personName: boolean;
}

export type TextProblem =
  | 'CHARACTER_SET_MISSING' // bytes beyond ASCII, but no set for them: read as UTF-8 or Latin-1
  | 'TEXT_UNDECODABLE' // some bytes are no text in their set: U+FFFD stands for them
  | 'ESCAPE_UNDECLARED'; // an escape sequence of a set that 00080005 does not name

export interface CharacterSet {
  /** The terms to write into 00080005; empty for plain ASCII. */
  readonly terms: readonly string[];
  decode(
    bytes: Buffer,
    start: number,
    end: number,
    delimiters: TextDelimiters,
    problem: (problem: TextProblem) => void,
  ): string;
  /** Undefined when a character is missing in the set and may not be replaced by `?`. */
  encode(text: string, delimiters: TextDelimiters, substitute: boolean): Buffer | undefined;
}
