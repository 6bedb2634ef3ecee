/** Keys that come as paths, put together as the nested items of an identifier. */
import type { AttributePath } from '../../dataset/attribute-path.ts';
import { isPrivate, isPrivateCreator, vrOf } from '../../dataset/dictionary.ts';
import { createDataSet, firstText, itemsOf } from '../../dataset/model.ts';
import type { Attribute, DataSet, Tag } from '../../dataset/model.ts';
import { leafPaths } from './attributes.ts';
import { isNoKey, isUniversalKey } from './keys.ts';
import { creatorTag } from './private-keys.ts';

const TIMEZONE_OFFSET_FROM_UTC: Tag = '00080201';

export class KeyCollection {
  readonly #matched = new Map<string, { path: AttributePath; key: Attribute }>();
  readonly #included = new Map<string, AttributePath>();

  /** Adds a match key; a key that is universal is a return key. */
  match(path: AttributePath, key: Attribute, problem: (text: string) => Error): void {
    const name = path.join('.');
    if (this.#matched.has(name)) throw problem('occurs more than once');
    this.#matched.set(name, { path, key });
  }

  include(path: AttributePath): void {
    this.#included.set(path.join('.'), path);
  }

  /**
   * The identifier: match keys with their values, included ones empty; a sequence with keys in it has one item, one
   * asked for as a whole is empty.
   * @param missingCreator makes the error for a private attribute whose creator is not named
   */
  identifier(missingCreator: (tag: Tag) => Error): DataSet {
    const identifier = createDataSet();
    for (const { path, key } of this.#matched.values()) {
      if (!isUniversalKey(key) && isMatchable(path)) put(identifier, path, key);
    }
    for (const path of this.#returned()) {
      if (isMatchable(path) && !isPrivateCreator(path.at(-1) as Tag)) this.#putReturnKey(identifier, path);
    }
    checkCreators(identifier, missingCreator);
    return identifier;
  }

  #returned(): AttributePath[] {
    const universal = [...this.#matched.values()].filter(({ key }) => isUniversalKey(key)).map(({ path }) => path);
    return [...this.#included.values(), ...universal].sort((a, b) => a.length - b.length);
  }

  /** An empty key; a whole sequence in which something is matched already becomes its known attributes. */
  #putReturnKey(identifier: DataSet, path: AttributePath): void {
    const tag = path.at(-1) as Tag;
    const around = itemAt(identifier, path.slice(0, -1));
    if (around === 'whole' || (around !== undefined && around[tag] !== undefined && vrOf(tag) !== 'SQ')) return;
    if (itemsOf(around?.[tag]).length > 0) {
      for (const leaf of leafPaths(path) ?? []) this.#putReturnKey(identifier, leaf);
      return;
    }
    put(identifier, path, { vr: vrOf(tag) });
  }
}

/** Attributes that describe the identifier are no keys, but the time zone is passed on. */
function isMatchable(path: AttributePath): boolean {
  const tag = path.at(-1) as Tag;
  return !isNoKey(tag) || (path.length === 1 && tag === TIMEZONE_OFFSET_FROM_UTC);
}

/** The one item along a path of sequences; `whole` when one of them is asked for as a whole. */
function itemAt(identifier: DataSet, sequences: AttributePath): DataSet | 'whole' | undefined {
  let item = identifier;
  for (const tag of sequences) {
    const sequence = item[tag];
    if (sequence === undefined) return undefined;
    const [inner] = itemsOf(sequence);
    if (inner === undefined) return 'whole';
    item = inner;
  }
  return item;
}

function put(identifier: DataSet, path: AttributePath, key: Attribute): void {
  let item = identifier;
  for (const tag of path.slice(0, -1)) {
    const [inner] = itemsOf(item[tag]);
    const next = inner ?? createDataSet();
    if (inner === undefined) item[tag] = { vr: 'SQ', Value: [next] };
    item = next;
  }
  item[path.at(-1) as Tag] = key;
}

function checkCreators(item: DataSet, missingCreator: (tag: Tag) => Error): void {
  for (const tag of Object.keys(item)) {
    if (isPrivate(tag) && !isPrivateCreator(tag) && firstText(item, creatorTag(tag)) === undefined) {
      throw missingCreator(tag);
    }
    for (const inner of itemsOf(item[tag])) checkCreators(inner, missingCreator);
  }
}
