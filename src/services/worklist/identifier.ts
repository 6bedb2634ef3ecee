/**
 * C-FIND identifier and worklist query (PS3.4 K.4.1.1.3, proxy-wise the whole of the worklist's semantics): what is
 * asked for, what of an answer is passed on, and in which order.
 */
import type { AttributePath } from '../../dataset/attribute-path.ts';
import { isPrivate, isPrivateCreator, vrOf } from '../../dataset/dictionary.ts';
import { cloneAttribute, createDataSet, firstText, isEmpty, itemsOf } from '../../dataset/model.ts';
import type { Attribute, DataSet, Tag } from '../../dataset/model.ts';
import { ServiceFailure } from '../port.ts';
import type { ServiceWarning, WorklistQuery } from '../port.ts';
import { SCHEDULED_PROCEDURE_STEP_SEQUENCE, WORKLIST_ATTRIBUTES, universalKeys } from './attributes.ts';
import type { WorklistAttributes } from './attributes.ts';
import { isEmptyValueKey, isMultipleValueKey, isNoKey, isUniversalKey } from './keys.ts';
import { correspondingTag, creatorTag, readable } from './private-keys.ts';
import { WARNINGS } from './warnings.ts';

const SPECIFIC_CHARACTER_SET: Tag = '00080005';
const TIMEZONE_OFFSET_FROM_UTC: Tag = '00080201';

/** Attributes a response may hold without being asked for (Table K.6-1a). */
const ALWAYS_RETURNED: readonly Tag[] = [SPECIFIC_CHARACTER_SET, TIMEZONE_OFFSET_FROM_UTC, '0040A390'];

export interface IdentifierOptions {
  /** Keys the peer cannot stand. */
  readonly omit?: readonly AttributePath[];
  /** The peer is known to do these; otherwise such keys are asked for as universal, with a warning. */
  readonly emptyValueMatching?: boolean;
  readonly multipleValueMatching?: boolean;
}

export interface WorklistIdentifier {
  readonly identifier: DataSet;
  /** What extended negotiation is to propose. */
  readonly fuzzyMatching: boolean;
  readonly timezoneAdjustment: boolean;
  readonly warnings: readonly ServiceWarning[];
}

/**
 * The query an SCU asks with its identifier. Keys that are `*` become universal; empty and multiple value matching are
 * taken as meant where such keys occur, since DIMSE has no switch for them.
 * @throws ServiceFailure BAD_REQUEST naming a sequence key of more than one item (K.2.2.2: one item)
 */
export function queryFromIdentifier(
  identifier: DataSet,
  negotiated: { readonly fuzzyMatching: boolean; readonly timezoneAdjustment: boolean },
): WorklistQuery {
  const keys = cleanKeys(identifier);
  return {
    identifier: keys,
    returnKeys: 'requested',
    fuzzyMatching: negotiated.fuzzyMatching,
    timezoneAdjustment: negotiated.timezoneAdjustment,
    emptyValueMatching: someKey(keys, isEmptyValueKey),
    multipleValueMatching: someKey(keys, isMultipleValueKey),
    offset: 0,
    stableOrder: false,
  };
}

/** The identifier that asks an SCP for a query: its keys, and universal keys for what is to come back besides. */
export function identifierFromQuery(query: WorklistQuery, options: IdentifierOptions = {}): WorklistIdentifier {
  const identifier = query.returnKeys === 'requested' ? createDataSet() : universalKeys(query.returnKeys);
  mergeKeys(identifier, query.identifier);
  const warnings: ServiceWarning[] = [];
  if (query.emptyValueMatching && options.emptyValueMatching !== true) {
    makeUniversal(identifier, isEmptyValueKey);
    warnings.push(WARNINGS.emptyValueMatchingNotSupported);
  }
  if (query.multipleValueMatching && options.multipleValueMatching !== true) {
    makeUniversal(identifier, isMultipleValueKey);
    warnings.push(WARNINGS.multipleValueMatchingNotSupported);
  }
  let omitted = false;
  for (const path of options.omit ?? []) {
    if (removeKey(query.identifier, path, 'look')) omitted = true;
    removeKey(identifier, path, 'remove');
  }
  if (omitted) warnings.push(WARNINGS.optionalKeysNotSupported);
  return {
    identifier,
    fuzzyMatching: query.fuzzyMatching,
    timezoneAdjustment: query.timezoneAdjustment,
    warnings,
  };
}

/** Neither a key to match nor one to return: such an identifier has no matches (K.4.1.3.1). */
export function isEmptyIdentifier(identifier: DataSet): boolean {
  return Object.keys(identifier).every((tag) => isNoKey(tag) || isPrivateCreator(tag));
}

/**
 * What of a result the SCU asked for, in items too, with what may always come along (Table K.6-1a). A requested
 * attribute of return type 2 that the result lacks is added empty.
 */
export function reduceToRequested(result: DataSet, identifier: DataSet): DataSet {
  const reduced = reduceItem(result, identifier, WORKLIST_ATTRIBUTES);
  for (const tag of ALWAYS_RETURNED) if (result[tag] !== undefined) reduced[tag] = result[tag];
  return reduced;
}

/** One result per Scheduled Procedure Step: one with several items (as example B.36 has, C22) is taken apart. */
export function splitSteps(result: DataSet): DataSet[] {
  const steps = itemsOf(result[SCHEDULED_PROCEDURE_STEP_SEQUENCE]);
  if (steps.length < 2) return [result];
  return steps.map((step) =>
    Object.assign(createDataSet(), result, { [SCHEDULED_PROCEDURE_STEP_SEQUENCE]: { vr: 'SQ', Value: [step] } }),
  );
}

/**
 * The order of a list that is shown in pages: start date, start time, Patient ID, Accession Number, Scheduled Procedure
 * Step ID, Study Instance UID. Missing values come first; text compares by code unit, the same on every machine.
 */
export function compareSteps(a: DataSet, b: DataSet): number {
  const [stepA, stepB] = [firstStep(a), firstStep(b)];
  return (
    compare(text(stepA, '00400002'), text(stepB, '00400002')) ||
    compare(text(stepA, '00400003').padEnd(6, '0'), text(stepB, '00400003').padEnd(6, '0')) ||
    compare(text(a, '00100020'), text(b, '00100020')) ||
    compare(text(a, '00080050'), text(b, '00080050')) ||
    compare(text(stepA, '00400009'), text(stepB, '00400009')) ||
    compare(text(a, '0020000D'), text(b, '0020000D'))
  );
}

function cleanKeys(identifier: DataSet): DataSet {
  const keys = createDataSet();
  for (const tag of Object.keys(identifier)) {
    const attribute = identifier[tag] as Attribute;
    if (tag === TIMEZONE_OFFSET_FROM_UTC && !isEmpty(attribute)) keys[tag] = cloneAttribute(attribute);
    if (!isNoKey(tag)) keys[tag] = cleanKey(tag, attribute);
  }
  return keys;
}

function cleanKey(tag: Tag, received: Attribute): Attribute {
  const attribute = isPrivate(tag) ? readable(received) : received;
  if (attribute.vr !== 'SQ') return isUniversalKey(attribute) ? { vr: attribute.vr } : cloneAttribute(attribute);
  const [item, ...more] = itemsOf(attribute);
  if (more.length > 0) {
    throw new ServiceFailure('BAD_REQUEST', { comment: 'a sequence key has more than one item', attributes: [tag] });
  }
  const keys = item === undefined ? createDataSet() : cleanKeys(item);
  return Object.keys(keys).length === 0 ? { vr: 'SQ' } : { vr: 'SQ', Value: [keys] };
}

function someKey(keys: DataSet, test: (attribute: Attribute) => boolean): boolean {
  return Object.values(keys).some((key) => test(key) || itemsOf(key).some((item) => someKey(item, test)));
}

function makeUniversal(keys: DataSet, test: (attribute: Attribute) => boolean): void {
  for (const [tag, key] of Object.entries(keys)) {
    if (test(key)) keys[tag] = { vr: key.vr };
    for (const item of itemsOf(key)) makeUniversal(item, test);
  }
}

/** Adds keys to an identifier, a sequence's into the one item that is there. */
function mergeKeys(identifier: DataSet, keys: DataSet): void {
  for (const [tag, key] of Object.entries(keys)) {
    const [present] = itemsOf(identifier[tag]);
    const [item] = itemsOf(key);
    if (present !== undefined && item !== undefined) mergeKeys(present, item);
    else identifier[tag] = cloneAttribute(key);
  }
}

/** Whether the path is there; takes it out when told so. */
function removeKey(keys: DataSet, path: AttributePath, what: 'look' | 'remove'): boolean {
  const [tag, ...rest] = path;
  const key = tag === undefined ? undefined : keys[tag];
  if (tag === undefined || key === undefined) return false;
  if (rest.length > 0) return itemsOf(key).some((item) => removeKey(item, rest, what));
  if (what === 'remove') delete keys[tag];
  return true;
}

function reduceItem(item: DataSet, requested: DataSet, known: WorklistAttributes | undefined): DataSet {
  const reduced = createDataSet();
  for (const tag of Object.keys(requested)) {
    if (isNoKey(tag) || isPrivateCreator(tag)) continue;
    const there = correspondingTag(item, requested, tag);
    const attribute = there === undefined ? undefined : item[there];
    if (there === undefined || attribute === undefined) {
      if (known?.get(tag)?.returnType === '2') reduced[tag] = { vr: vrOf(tag) };
      continue;
    }
    reduced[there] = reduceAttribute(attribute, requested[tag] as Attribute, known?.get(tag)?.items);
    if (isPrivate(there)) copyCreator(item, there, reduced);
  }
  return reduced;
}

function reduceAttribute(attribute: Attribute, requested: Attribute, known: WorklistAttributes | undefined): Attribute {
  const [keys] = itemsOf(requested);
  // A zero-length sequence or an empty item asks for the whole sequence (C.2.2.2.6).
  if (keys === undefined || isEmptyIdentifier(keys)) return attribute;
  const items = itemsOf(attribute).map((item) => reduceItem(item, keys, known));
  return items.length === 0 ? { vr: attribute.vr } : { vr: attribute.vr, Value: items };
}

function copyCreator(from: DataSet, tag: Tag, to: DataSet): void {
  const creator = creatorTag(tag);
  if (from[creator] !== undefined) to[creator] = from[creator];
}

function firstStep(result: DataSet): DataSet {
  return itemsOf(result[SCHEDULED_PROCEDURE_STEP_SEQUENCE])[0] ?? NOTHING;
}

const NOTHING = createDataSet();

function text(dataSet: DataSet, tag: Tag): string {
  return firstText(dataSet, tag) ?? '';
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
