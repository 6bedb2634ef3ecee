/** A data set of the DICOM JSON model as rows to read, and two of them side by side. */
import { keywordOf } from './keywords.ts';

export type DataSetJson = Readonly<Record<string, unknown>>;

export interface Row {
  /** `00400100[1].00080060`: the same attribute in two data sets has the same path. */
  readonly path: string;
  readonly tag: string;
  /** Undefined: a private one, or one that is seldom. */
  readonly keyword?: string;
  readonly vr: string;
  /** 0 at the top. */
  readonly depth: number;
  /** As text; empty: there is no value. Of a sequence how many items it has. */
  readonly value: string;
}

export type Change = 'same' | 'changed' | 'added' | 'removed';

export interface ComparedRow extends Omit<Row, 'value'> {
  readonly change: Change;
  readonly before?: string;
  readonly after?: string;
}

interface Element {
  readonly vr?: string;
  readonly Value?: readonly unknown[];
  readonly InlineBinary?: string;
  readonly BulkDataURI?: string;
}

/** In the order of tags, items below their sequence. */
export function rowsOf(dataSet: DataSetJson, prefix = '', depth = 0): Row[] {
  return Object.keys(dataSet)
    .toSorted()
    .flatMap((tag) => {
      const element = (dataSet[tag] ?? {}) as Element;
      const vr = element.vr ?? '';
      const path = `${prefix}${tag}`;
      const keyword = keywordOf(tag);
      const row = { path, tag, vr, depth, value: valueOf(element), ...(keyword !== undefined && { keyword }) };
      const items = vr === 'SQ' ? (element.Value ?? []) : [];
      return [row, ...items.flatMap((item, i) => rowsOf((item ?? {}) as DataSetJson, `${path}[${i + 1}].`, depth + 1))];
    });
}

/** Every attribute of both, in the order of tags. */
export function compare(before: DataSetJson, after: DataSetJson): ComparedRow[] {
  const old = new Map(rowsOf(before).map((row) => [row.path, row]));
  const young = new Map(rowsOf(after).map((row) => [row.path, row]));
  return [...new Set([...old.keys(), ...young.keys()])].toSorted(byPath).flatMap((path) => {
    const [was, is] = [old.get(path), young.get(path)];
    const row = is ?? was;
    if (row === undefined) return [];
    const { value: _value, ...attribute } = row;
    return {
      ...attribute,
      change: changeOf(was, is),
      ...(was !== undefined && { before: was.value }),
      ...(is !== undefined && { after: is.value }),
    };
  });
}

function changeOf(was: Row | undefined, is: Row | undefined): Change {
  if (was === undefined) return 'added';
  if (is === undefined) return 'removed';
  return was.value === is.value && was.vr === is.vr ? 'same' : 'changed';
}

/** A sequence before its items, item 2 before item 10. */
function byPath(one: string, other: string): number {
  const [ones, others] = [one.split(/[[\].]+/), other.split(/[[\].]+/)];
  for (const [i, step] of ones.entries()) {
    const against = others[i];
    if (against === undefined) return 1;
    if (step === against) continue;
    // Steps are tags and numbers of items by turns.
    return step.length === 8 ? (step < against ? -1 : 1) : Number(step) - Number(against);
  }
  return ones.length - others.length;
}

function valueOf({ vr, Value: values = [], InlineBinary: binary, BulkDataURI: uri }: Element): string {
  if (binary !== undefined) return `${Math.floor((binary.length * 3) / 4)} bytes`;
  if (uri !== undefined) return uri;
  if (vr === 'SQ') return values.length === 1 ? '1 item' : `${values.length} items`;
  return values.map((value) => textOf(value)).join('\\');
}

function textOf(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  if (typeof value !== 'object' || value === null) return '';
  const {
    Alphabetic: alphabetic,
    Ideographic: ideographic,
    Phonetic: phonetic,
  } = value as Readonly<Record<string, string | undefined>>;
  const groups = [alphabetic ?? '', ideographic ?? '', phonetic ?? ''];
  while (groups.at(-1) === '') groups.pop();
  return groups.join('=');
}
