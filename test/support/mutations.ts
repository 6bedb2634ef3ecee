/** Texts with a few things wrong, for decoders that must end in a result or a typed error. */
import fc from 'fast-check';

type Edit = (text: string) => string;

/** Characters that mean something to JSON, XML or URLs, and some that should not be there. */
const FRAGMENTS = ['"', '{', '}', '[', ']', ':', ',', '\\', '\\u0000', 'null', '1e999', '<', '>', '</', '&', '&#0;', '=', '%', '%2', '%ff', '\0', '\u001b', '\ud800', '\ufeff', '__proto__', '99999999999999999999', '00080005']; // prettier-ignore

function edits(length: number): fc.Arbitrary<Edit> {
  const at = fc.nat({ max: Math.max(0, length) });
  return fc.oneof(
    fc.tuple(at, fc.constantFrom(...FRAGMENTS)).map(
      ([i, piece]): Edit =>
        (text) =>
          text.slice(0, i) + piece + text.slice(i),
    ),
    fc.tuple(at, fc.nat({ max: 12 })).map(
      ([i, n]): Edit =>
        (text) =>
          text.slice(0, i) + text.slice(i + n),
    ),
    fc.tuple(at, at, fc.nat({ max: 30 })).map(
      ([i, from, n]): Edit =>
        (text) =>
          text.slice(0, i) + text.slice(from, from + n) + text.slice(i),
    ),
    at.map(
      (i): Edit =>
        (text) =>
          text.slice(0, i),
    ),
  );
}

/** The text after one to three edits: something put in, left out, repeated, or the end cut off. */
export function mutatedText(text: string): fc.Arbitrary<string> {
  return fc
    .array(edits(text.length), { minLength: 1, maxLength: 3 })
    .map((list) => list.reduce((mutated, edit) => edit(mutated), text));
}
