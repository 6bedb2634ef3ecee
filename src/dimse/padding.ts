const NUL = 0;
const SPACE = 0x20;

/** Text of one byte per character between two positions, without the spaces and NULs around it. */
export function unpaddedText(bytes: Buffer, begin: number, end: number): string {
  let first = begin;
  let last = end;
  while (last > first && isPadding(bytes[last - 1])) last--;
  while (first < last && isPadding(bytes[first])) first++;
  return bytes.toString('latin1', first, last);
}

function isPadding(byte: number | undefined): boolean {
  return byte === SPACE || byte === NUL;
}
