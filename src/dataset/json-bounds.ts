import { GatewayError } from '../errors.ts';

/** As deep as no data set is: three brackets for each of 64 sequences. */
const MAXIMUM_BRACKETS = 256;
/** Attributes and items, as of a data set in its binary form: each takes far more memory than text. */
const MAXIMUM_OBJECTS = 1_000_000;

/**
 * Looks at the brackets of a JSON text before it is parsed, which costs more than they do: one megabyte of them holds up
 * everybody for a while, thirty of `{}` take gigabytes.
 * @throws GatewayError DATA_SET_TOO_LARGE
 */
export function checkJsonBounds(text: string): void {
  let depth = 0;
  let objects = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: // "
        i = endOfString(text, i + 1);
        break;
      case 0x7b: // {
        if (++objects > MAXIMUM_OBJECTS) throw tooLarge(`holds more than ${MAXIMUM_OBJECTS} attributes and items`);
        if (++depth > MAXIMUM_BRACKETS) throw tooLarge('is nested too deep');
        break;
      case 0x5b: // [
        if (++depth > MAXIMUM_BRACKETS) throw tooLarge('is nested too deep');
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
        break;
    }
  }
}

/** Of its closing quote, or of the text where there is none. */
function endOfString(text: string, begin: number): number {
  for (let at = text.indexOf('"', begin); at >= 0; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return at;
  }
  return text.length;
}

function tooLarge(what: string): GatewayError {
  return new GatewayError('DATA_SET_TOO_LARGE', `The JSON text ${what}`);
}
