/** Text that fits a terminal. */

/** East Asian wide characters. */
const WIDE = /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFF00-\uFF60]/u;
/** Marks that stand over another character. */
const WITHOUT_WIDTH = /\p{Mn}/u;

/** Columns of a terminal: East Asian wide characters take two. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += widthOf(character);
  return width;
}

function widthOf(character: string): number {
  if (WITHOUT_WIDTH.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** Cut to so many columns; `…` says that something is missing. */
export function fitted(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let fitting = '';
  let width = 0;
  for (const character of text) {
    width += widthOf(character);
    if (width >= columns) break;
    fitting += character;
  }
  return `${fitting}…`;
}

/** Pieces in lines of at most so many columns, as long as a piece is no longer than that. */
export function wrapped(pieces: readonly string[], separator: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const piece of pieces) {
    const longer = line === '' ? piece : `${line}${separator}${piece}`;
    if (line !== '' && displayWidth(longer + separator) > columns) {
      lines.push(`${line}${separator.trimEnd()}`);
      line = piece;
    } else line = longer;
  }
  return line === '' ? lines : [...lines, line];
}

/** Rows as lines whose columns stand below each other. */
export function inColumns(rows: readonly (readonly string[])[]): string[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, i) => Math.max(...rows.map((row) => displayWidth(row[i] ?? ''))));
  return rows.map((row) =>
    row
      .map((text, i) => text + ' '.repeat((widths[i] ?? 0) - displayWidth(text)))
      .join('  ')
      .trimEnd(),
  );
}

/** The greatest unit that is full: 42s, 5m, 3h, 12d. */
export function ageText(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3_600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
