/**
 * The text of a configuration file as plain values that remember where they stand: YAML (JSON is YAML), anchors and
 * aliases resolved within bounds, `${NAME}` and `${NAME:-default}` read from the environment.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, Scalar } from 'yaml';
import type { Document, Node, Pair } from 'yaml';
import { resolveVariables, shieldVariables, unshieldVariables } from './environment.ts';
import type { Environment } from './environment.ts';
import { pathToText } from './problem.ts';
import type { ConfigPath, Problem } from './problem.ts';

/** Aliases may repeat parts; a file that grows beyond this is a mistake or an attack. */
const MAXIMUM_VALUES = 50_000;
const MAXIMUM_DEPTH = 32;
/** The parser's time grows faster than its input, and its stack with the nesting. */
const MAXIMUM_CHARACTERS = 1_000_000;
const MAXIMUM_FOUND = 60;

export interface PlainMap {
  [key: string]: unknown;
}

/** Where a value stands: offsets into the text. */
interface Place {
  readonly start: number;
  readonly end: number;
  /** Where its key stands; the value's own start within lists. */
  readonly key: number;
  readonly kind: 'scalar' | 'map' | 'list';
}

class TooMuch extends Error {}

export class ConfigSource {
  readonly file: string;
  readonly #text: string;
  readonly #environment: Environment;
  readonly #lines = new LineCounter();
  readonly #places = new Map<string, Place>();
  readonly #broken = new Set<string>();
  readonly #problems: Problem[] = [];
  #count = 0;
  /** Plain objects without prototype, arrays, strings, numbers, booleans and null. */
  readonly value: unknown;

  constructor(file: string, text: string, environment: Environment) {
    this.file = file;
    this.#text = text;
    this.#environment = environment;
    this.value = this.#read();
  }

  /** What is wrong with the text itself: syntax, keys given twice, variables that are not set. */
  get problems(): readonly Problem[] {
    return this.#problems;
  }

  /** Was a problem reported at the value itself, so that more words about it would only confuse? */
  isBroken(path: ConfigPath): boolean {
    return [[], ...path.map((_step, i) => path.slice(0, i + 1))].some((each) => this.#broken.has(keyOf(each)));
  }

  /** A problem at a value, at the key of a value, or, where it is missing, at what should hold it. */
  problem(path: ConfigPath, message: string, at: 'value' | 'key' = 'value'): Problem {
    let place: Place | undefined;
    for (let length = path.length; place === undefined && length >= 0; length--) {
      place = this.#places.get(keyOf(path.slice(0, length)));
    }
    return this.#problemAt(at === 'key' ? (place?.key ?? 0) : (place?.start ?? 0), path, message);
  }

  /** What the file says there, for `Found: …`; variables stay as they are written, so that no secret is shown. */
  found(path: ConfigPath): string {
    const place = this.#places.get(keyOf(path));
    if (place === undefined) return 'nothing';
    if (place.kind !== 'scalar') return place.kind === 'map' ? 'a mapping' : 'a list';
    const text = this.#text.slice(place.start, place.end).trim().replace(/\s+/g, ' ');
    if (text === '') return 'nothing';
    const shown = text.replace(/\/\/\S*@/, '//(hidden)@');
    return shown.length > MAXIMUM_FOUND ? `${shown.slice(0, MAXIMUM_FOUND)}…` : shown;
  }

  /** Where the single values stand, as offsets into the text; of what is repeated by an alias, where it is written. */
  *scalars(): Generator<{ readonly path: ConfigPath; readonly start: number; readonly end: number }> {
    for (const [key, { start, end, kind }] of this.#places) {
      if (kind === 'scalar') yield { path: JSON.parse(key) as ConfigPath, start, end };
    }
  }

  #problemAt(offset: number, path: ConfigPath, message: string): Problem {
    const { line, col } = this.#lines.linePos(offset);
    const [at, where] = [{ line: Math.max(line, 1), column: Math.max(col, 1) }, pathToText(path)];
    const text = `${this.file}:${at.line}:${at.column} ${where === '' ? '' : `${where}: `}${message}`;
    return { file: this.file, ...at, path: where, message, text };
  }

  #report(offset: number, path: ConfigPath, message: string): void {
    this.#broken.add(keyOf(path));
    this.#problems.push(this.#problemAt(offset, path, message));
  }

  #read(): unknown {
    if (this.#text.length > MAXIMUM_CHARACTERS) {
      this.#report(0, [], `is too long: ${this.#text.length} characters, at most ${MAXIMUM_CHARACTERS}`);
      return undefined;
    }
    try {
      const document = parseDocument(shieldVariables(this.#text), {
        lineCounter: this.#lines,
        prettyErrors: false,
        uniqueKeys: false,
        logLevel: 'error',
      });
      const [error] = document.errors;
      if (error === undefined) {
        for (const { pos, message } of document.warnings) {
          this.#problems.push(this.#problemAt(pos[0], [], withoutQuotation(message)));
        }
        return this.#plain(document, document.contents, [], 0, []);
      }
      // Only the first: what follows it is mostly its consequence.
      this.#report(error.pos[0], [], `is not YAML: ${withoutQuotation(error.message)}`);
      return undefined;
    } catch (error) {
      // The parser itself recurses: RangeError is its way to say that lists are nested too deep.
      if (!(error instanceof TooMuch) && !(error instanceof RangeError)) throw error;
      this.#report(0, [], error instanceof TooMuch ? error.message : 'is nested too deep');
      return undefined;
    }
  }

  #plain(document: Document, node: Node | null, path: ConfigPath, key: number, within: readonly Node[]): unknown {
    if (++this.#count > MAXIMUM_VALUES) throw new TooMuch(`has more than ${MAXIMUM_VALUES} values, aliases resolved`);
    if (within.length > MAXIMUM_DEPTH) throw new TooMuch(`is nested deeper than ${MAXIMUM_DEPTH} levels`);
    if (isAlias(node)) {
      const target = node.resolve(document);
      if (target !== undefined && !within.includes(target)) return this.#plain(document, target, path, key, within);
      // What begins with an asterisk may be a secret without its quotes.
      this.#report(
        node.range?.[0] ?? key,
        path,
        'refers to an anchor that is not there: quote a text that begins with *',
      );
      return undefined;
    }
    const [start, end] = node?.range ?? [key, key];
    const kind = isMap(node) ? 'map' : isSeq(node) ? 'list' : 'scalar';
    this.#places.set(keyOf(path), {
      start,
      end,
      key: path.length === 0 || typeof path.at(-1) === 'number' ? start : key,
      kind,
    });
    if (isMap(node)) return this.#map(document, node.items as Pair<Node, Node | null>[], path, [...within, node]);
    if (isSeq(node)) {
      const inside = [...within, node];
      return node.items.map((item, i) => this.#plain(document, item as Node, [...path, i], start, inside));
    }
    return isScalar(node) ? this.#scalar(node, path, start) : null;
  }

  #map(
    document: Document,
    pairs: readonly Pair<Node, Node | null>[],
    path: ConfigPath,
    within: readonly Node[],
  ): PlainMap {
    const map = Object.create(null) as PlainMap;
    for (const { key, value } of pairs) {
      const offset = key.range?.[0] ?? 0;
      const name = isScalar(key) ? nameOf(key) : undefined;
      if (name === undefined || name === '__proto__') {
        this.#report(offset, path, 'has a key that is not a name');
        continue;
      }
      if (name in map) {
        const line = this.#lines.linePos(this.#places.get(keyOf([...path, name]))?.key ?? 0).line;
        this.#report(offset, [...path, name], `is given twice, first in line ${line}`);
        continue;
      }
      map[name] = this.#plain(document, value, [...path, name], offset, within);
    }
    return map;
  }

  #scalar(scalar: Scalar, path: ConfigPath, offset: number): unknown {
    if (typeof scalar.value !== 'string') return scalar.value;
    const { text, missing, changed } = resolveVariables(unshieldVariables(scalar.value), this.#environment);
    for (const name of missing) {
      const message =
        name === ''
          ? 'has a ${ without a variable name and }'
          : `needs the environment variable ${name}, which is not set`;
      // Around a variable there may be the rest of a secret.
      const found = this.found(path);
      const isWhole = /^["']?\$\{[A-Za-z_][A-Za-z0-9_]*\}["']?$/.test(found);
      this.#report(offset, path, isWhole ? `${message}. Found: ${found}` : message);
    }
    return changed && scalar.type === Scalar.PLAIN ? typed(text) : text;
  }
}

/** Messages of the parser that repeat what stands in the file, which may be a secret without its quotes. */
function withoutQuotation(message: string): string {
  return unshieldVariables(message)
    .replace(/^(Unresolved tag):.*$/s, '$1: quote a text that begins with !')
    .replace(/^(Block scalar header includes extra characters|Not a YAML token):.*$/s, '$1')
    .replace(/^(Invalid escape sequence) .*$/s, '$1');
}

/** A key as text; numbers and words such as `true` count as they are written. */
function nameOf({ value, source }: Scalar): string | undefined {
  return typeof value === 'string' ? value : source;
}

/** As YAML reads an unquoted word: `${PORT}` can be a number, `"${PORT}"` is a text. */
function typed(text: string): string | number | boolean {
  if (/^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/.test(text)) return Number(text);
  return text === 'true' || text === 'false' ? text === 'true' : text;
}

function keyOf(path: ConfigPath): string {
  return JSON.stringify(path);
}
