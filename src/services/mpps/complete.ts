/**
 * What the gateway adds to, takes from and selects of an MPPS so that two sides with different habits fit
 * (PS3.4 F.7.2.1, PS3.18 15.4 to 15.6). Pure; nothing clinical is ever supplied.
 */
import type { AttributePath } from '../../dataset/attribute-path.ts';
import { isPrivate, isPrivateCreator } from '../../dataset/dictionary.ts';
import { attribute, createDataSet, itemsOf } from '../../dataset/model.ts';
import type { Attribute, DataSet, Tag } from '../../dataset/model.ts';
import type { AttributeSelection } from '../port.ts';
import {
  DISCONTINUATION_REASON_CODE_SEQUENCE,
  MPPS_ATTRIBUTES,
  OPTIONAL_SETTABLE_TAGS,
  SPECIFIC_CHARACTER_SET,
  isFixedAtCreate,
  type MppsAttributes,
} from './attributes.ts';
import { hasValue } from './conditions.ts';

export interface Completed {
  readonly attributes: DataSet;
  /** What was not there before, at any depth; ascending. */
  readonly supplied: Tag[];
}

/** Adds what an N-CREATE must have, maybe empty (usage 2), in items of sequences too. */
export function fillType2(attributes: DataSet): Completed {
  const supplied = new Set<Tag>();
  return { attributes: filled(attributes, MPPS_ATTRIBUTES, supplied), supplied: [...supplied].sort() };
}

/** The same for an update: only in the items of sequences it has, which replace the stored ones as a whole. */
export function fillType2InItems(modifications: DataSet): Completed {
  const supplied = new Set<Tag>();
  const result = copyOf(modifications);
  for (const [tag, present] of Object.entries(modifications)) {
    const rows = MPPS_ATTRIBUTES.get(tag)?.items;
    if (rows === undefined || rows.size === 0 || !hasValue(present)) continue;
    result[tag] = attribute('SQ', ...itemsOf(present).map((item) => filled(item, rows, supplied)));
  }
  return { attributes: result, supplied: [...supplied].sort() };
}

function filled(dataSet: DataSet, rows: MppsAttributes, supplied: Set<Tag>): DataSet {
  const result = copyOf(dataSet);
  for (const row of rows.values()) {
    const present = dataSet[row.tag];
    if (present === undefined) {
      if (row.create !== '2') continue;
      result[row.tag] = { vr: row.vr };
      supplied.add(row.tag);
    } else if (row.items.size > 0 && hasValue(present)) {
      result[row.tag] = attribute('SQ', ...itemsOf(present).map((item) => filled(item, row.items, supplied)));
    }
  }
  return result;
}

/**
 * Creates empty what an N-SET could only set if it was created (PS3.4 Table F.7.2-1 note 5).
 * @param optional false: only the reason for a discontinuation, without which none can ever be given
 */
export function preCreateOptional(attributes: DataSet, optional = true): Completed {
  const wanted = optional ? OPTIONAL_SETTABLE_TAGS : [DISCONTINUATION_REASON_CODE_SEQUENCE];
  const absent = wanted.filter((tag) => attributes[tag] === undefined).sort();
  const result = copyOf(attributes);
  for (const tag of absent) result[tag] = { vr: MPPS_ATTRIBUTES.get(tag)?.vr ?? 'UN' };
  return { attributes: result, supplied: absent };
}

export interface MppsDefaults {
  /** Calling AE title that the client's configuration gives it. */
  readonly stationAeTitle?: string | undefined;
  readonly modality?: string | undefined;
  /** When the request came in. */
  readonly now: Date;
}

/** Gives a value to what an N-CREATE needs and a gateway can know: station, modality, start, a short step id. */
export function supplyDefaults(attributes: DataSet, defaults: MppsDefaults): Completed {
  const { date, time } = localDateTime(defaults.now);
  const values: readonly [Tag, string | undefined][] = [
    ['00080060', defaults.modality],
    ['00400241', defaults.stationAeTitle],
    ['00400244', date],
    ['00400245', time],
    ['00400253', `P${defaults.now.getTime().toString(36).toUpperCase()}`],
  ];
  const result = copyOf(attributes);
  const supplied: Tag[] = [];
  for (const [tag, value] of values) {
    if (value === undefined || hasValue(attributes[tag])) continue;
    result[tag] = attribute(MPPS_ATTRIBUTES.get(tag)?.vr ?? 'UN', value);
    supplied.push(tag);
  }
  return { attributes: result, supplied };
}

/** DA and TM of the place the gateway stands at, whole seconds. */
export function localDateTime(now: Date): { date: string; time: string } {
  const digits = (number: number, length = 2): string => String(number).padStart(length, '0');
  return {
    date: `${digits(now.getFullYear(), 4)}${digits(now.getMonth() + 1)}${digits(now.getDate())}`,
    time: `${digits(now.getHours())}${digits(now.getMinutes())}${digits(now.getSeconds())}`,
  };
}

/**
 * Takes out of an update what an N-SET forbids: a web client that sends the whole data set again means no change.
 * @param isUnchanged whether the attribute is what the create had
 * @returns `dropped` were forbidden and unchanged; `conflicting` are forbidden and changed, and stay
 */
export function dropUnchanged(
  modifications: DataSet,
  isUnchanged: (tag: Tag) => boolean,
): { modifications: DataSet; dropped: Tag[]; conflicting: Tag[] } {
  const fixed = Object.keys(modifications).filter(isFixedAtCreate).sort();
  const dropped = fixed.filter((tag) => isUnchanged(tag));
  const kept = copyOf(modifications);
  for (const tag of dropped) delete kept[tag];
  return { modifications: kept, dropped, conflicting: fixed.filter((tag) => !dropped.includes(tag)) };
}

/** SOP Class and Instance UID: they stand in the command or the path, never in the data set of an N-service. */
const IN_COMMAND: ReadonlySet<Tag> = new Set(['00080016', '00080018']);

/**
 * What was asked for. A path into a sequence prunes each item to it; character sets stay wherever they stand, and
 * private attributes keep their creators.
 */
export function selectAttributes(dataSet: DataSet, selection: AttributeSelection): DataSet {
  const result = selection === 'all' ? copyOf(dataSet) : pruned(dataSet, selection);
  for (const tag of IN_COMMAND) delete result[tag];
  return result;
}

function pruned(dataSet: DataSet, paths: readonly AttributePath[]): DataSet {
  const below = Map.groupBy(
    paths.filter((path) => path.length > 0),
    ([tag]) => tag as Tag,
  );
  const result = createDataSet();
  for (const [tag, present] of Object.entries(dataSet)) {
    const wanted = below.get(tag);
    if (wanted !== undefined) {
      const selected = prunedAttribute(present, wanted);
      if (selected !== undefined) result[tag] = selected;
    } else if (tag === SPECIFIC_CHARACTER_SET || isCreatorOfOne(tag, below.keys())) {
      result[tag] = present;
    }
  }
  return result;
}

/** @param paths those that begin with the attribute's own tag */
function prunedAttribute(present: Attribute, paths: readonly AttributePath[]): Attribute | undefined {
  if (paths.some((path) => path.length === 1)) return present;
  if (present.vr !== 'SQ') return undefined;
  const rest = paths.map((path) => path.slice(1));
  return attribute('SQ', ...itemsOf(present).map((item) => pruned(item, rest)));
}

/** Whether (gggg,00bb) reserves the block of one of the tags (gggg,bbee) (PS3.5 7.8.1). */
function isCreatorOfOne(creator: Tag, tags: Iterable<Tag>): boolean {
  if (!isPrivateCreator(creator)) return false;
  const block = `${creator.slice(0, 4)}${creator.slice(6)}`;
  return [...tags].some((tag) => isPrivate(tag) && tag.startsWith(block));
}

function copyOf(dataSet: DataSet): DataSet {
  return Object.assign(createDataSet(), dataSet);
}
