/** A paper as its blocks, before it is Markdown or HTML. In texts, what stands between backticks is set as code. */

export type Block =
  /** `level` 1 is the title of the paper. */
  | { readonly kind: 'heading'; readonly level: 1 | 2 | 3 | 4; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | {
      readonly kind: 'table';
      readonly caption: string;
      readonly columns: readonly string[];
      /** As many cells as columns. */
      readonly rows: readonly (readonly string[])[];
    };

export function heading(level: 1 | 2 | 3 | 4, text: string): Block {
  return { kind: 'heading', level, text };
}

export function text(words: string): Block {
  return { kind: 'text', text: words };
}

export function list(items: readonly string[]): Block {
  return { kind: 'list', items };
}

/** A table without rows says so in words. */
export function table(caption: string, columns: readonly string[], rows: readonly (readonly string[])[]): Block {
  return rows.length === 0 ? text(`${caption}: none.`) : { kind: 'table', caption, columns, rows };
}

/** Commas between, and a dash for nothing. */
export function joined(items: Iterable<string>): string {
  return [...items].join(', ') || '–';
}

export function yesNo(is: boolean): string {
  return is ? 'Yes' : 'No';
}

/** `30 s`, `5 min`, `250 ms`. @param ms milliseconds */
export function durationText(ms: number): string {
  if (ms === 0) return '0 s';
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000} h`;
  if (ms % 60_000 === 0) return `${ms / 60_000} min`;
  return ms % 1_000 === 0 ? `${ms / 1_000} s` : `${ms} ms`;
}
