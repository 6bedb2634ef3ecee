/** Matching of a Search for workitems (PS3.18 11.9, PS3.4 C.2.2.2), as far as a server for tests needs it. */
import { lookupKeyword } from '../../../src/dataset/dictionary.ts';
import { firstText, itemsOf, personNameToText } from '../../../src/dataset/model.ts';
import type { Attribute, DataSet, Tag } from '../../../src/dataset/model.ts';

/** Parameters that match nothing (PS3.18 Table 8.3.4-1). */
const OTHERS = ['includefield', 'fuzzymatching', 'emptyvaluematching', 'multiplevaluematching', 'limit', 'offset'];

/** Path and value of each matching parameter. @throws Error for a name that is none */
export function matchKeysOf(parameters: URLSearchParams): { path: Tag[]; value: string }[] {
  return [...parameters]
    .filter(([name]) => !OTHERS.includes(name))
    .map(([name, value]) => ({ path: pathOf(name), value }));
}

/** Paths of `includefield`; `all` among them says so. */
export function includedOf(parameters: URLSearchParams): Tag[][] | 'all' {
  const names = parameters.getAll('includefield').flatMap((value) => value.split(','));
  return names.includes('all') ? 'all' : names.map(pathOf);
}

export function matches(workitem: DataSet, path: readonly Tag[], value: string): boolean {
  const [tag = '', ...rest] = path;
  const found = workitem[tag];
  if (rest.length > 0) return itemsOf(found).some((item) => matches(item, rest, value));
  if (value === '' || value === '*') return true;
  if (found === undefined) return false;
  return textsOf(found).some((text) => matchesText(found.vr, text, value));
}

/** In order of their start, then by UID. */
export function byStart(a: DataSet, b: DataSet): number {
  const keyOf = (each: DataSet): string => `${firstText(each, '00404005') ?? ''} ${firstText(each, '00080018') ?? ''}`;
  return keyOf(a) < keyOf(b) ? -1 : 1;
}

function pathOf(name: string): Tag[] {
  return name.split('.').map((step) => {
    const tag = /^[0-9A-Fa-f]{8}$/.test(step) ? step.toUpperCase() : lookupKeyword(step)?.tag;
    if (tag === undefined) throw new Error('no such attribute');
    return tag;
  });
}

function textsOf(found: Attribute): string[] {
  return (found.Value ?? []).map((value) => {
    if (value === null) return '';
    return typeof value === 'object' ? personNameToText(value) : String(value);
  });
}

function matchesText(vr: string, text: string, value: string): boolean {
  if (vr === 'UI') return value.split(/[,\\]/).includes(text);
  if (['DA', 'TM', 'DT'].includes(vr)) return isWithin(text, value);
  const pattern = value
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${pattern}$`, vr === 'PN' ? 'iu' : 'u').test(text);
}

/** A range `a-b`, `-b`, `a-`, or a value that the text begins with or that is the longer one; zones are not looked at. */
function isWithin(text: string, value: string): boolean {
  const clock = text.replace(/[+-]\d{4}$/, '');
  const range = /^(\d*(?:\.\d+)?(?:[+-]\d{4}(?=-|$))?)-(\d*(?:\.\d+)?)(?:[+-]\d{4})?$/.exec(value);
  if (range === null) return clock.startsWith(value.replace(/[+-]\d{4}$/, ''));
  const [, from = '', to = ''] = range;
  const begin = from.replace(/[+-]\d{4}$/, '');
  return (begin === '' || clock >= begin) && (to === '' || clock <= to || clock.startsWith(to));
}
