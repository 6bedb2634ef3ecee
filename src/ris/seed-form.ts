/**
 * Worklist entries as people and interface engines write them: the DICOM JSON model, or a short form of it with keywords
 * for tags and the bare value for `{vr, Value}`. Both may be mixed, in sequence items too; docs/worklist-api.md shows them.
 *
 * Values must have the form of their VR (PS3.5 6.2): what a typing error has made of a date would never be found by it,
 * and modalities stumble over what breaks the standard.
 */
import { pathToText } from '../dataset/attribute-path.ts';
import { isPrivate, lookupKeyword, lookupTag, similarKeyword } from '../dataset/dictionary.ts';
import { fromJson } from '../dataset/json.ts';
import { itemsOf } from '../dataset/model.ts';
import type { Attribute, DataSet, PersonName, Tag, Value, Vr } from '../dataset/model.ts';
import { checkDepth, invalidAttribute, isBinaryVr } from '../dataset/values.ts';
import { GatewayError } from '../errors.ts';
import { misfitOf } from '../services/mpps/value-shapes.ts';

/** A value or attribute of the DICOM JSON model before it is checked. */
type Raw = Readonly<Record<string, unknown>>;

const LONG_FORM_MEMBERS = ['vr', 'Value', 'InlineBinary', 'BulkDataURI'] as const;
const NAME_GROUPS: ReadonlySet<string> = new Set(['Alphabetic', 'Ideographic', 'Phonetic']);
const TAG = /^[0-9A-Fa-f]{8}$/;

/** VRs whose form `misfitOf` leaves open. */
const MORE_SHAPES: Readonly<Partial<Record<Vr, readonly [RegExp, string]>>> = {
  AS: [/^\d{3}[DWMY]$/, 'three digits and D, W, M or Y'],
  DS: [/^(?=.{1,16}$) *[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)? *$/, 'a decimal number of at most 16 characters'],
  DT: [/^\d{4}(?:\d\d){0,5}(?:\.\d{1,6})?(?:[+-]\d{4})? *$/, 'a date and time as YYYYMMDDHHMMSS.FFFFFF&ZZXX'],
  IS: [/^(?=.{1,12}$) *[+-]?\d+ *$/, 'an integer of at most 12 characters'],
};

/**
 * One entry from a parsed JSON or YAML value; texts stand for numbers too, and are not changed.
 * @throws GatewayError DATA_SET_INVALID, DATA_SET_TOO_LARGE; the message begins with the path of the attribute, in tags
 */
export function fromEntryForm(value: unknown): DataSet {
  const dataSet = fromJson(modelOf(value, []));
  checkShapes(dataSet, []);
  return dataSet;
}

/** What an error says of a data set, with keywords: `Modality (00080060): …`, and the path of the attribute alone. */
export function withKeywords(message: string): { text: string; attribute?: string } {
  const path = /^[0-9A-F]{8}(?:\[\d+\])?(?:\.[0-9A-F]{8}(?:\[\d+\])?)*(?=:| at )/.exec(message)?.[0];
  if (path === undefined) return { text: message };
  const tags = path.split('.').map((step) => step.slice(0, 8));
  const attribute = pathToText(tags, 'keyword');
  return { text: `${attribute} (${path})${message.slice(path.length)}`, attribute };
}

function modelOf(raw: unknown, around: Tag[]): Raw {
  if (!isMapping(raw)) throw refusedAt(around, 'an entry or item is not a mapping of attributes');
  checkDepth(around);
  const model = Object.create(null) as Record<Tag, unknown>;
  let before: string | undefined;
  for (const name of Object.keys(raw)) {
    const tag = lookupKeyword(name)?.tag ?? (TAG.test(name) ? name.toUpperCase() : undefined);
    if (tag === undefined) throw unknownName(name, before, around);
    if (tag in model) throw invalidAttribute(around, tag, 'the attribute is given twice');
    model[tag] = attributeOf(raw[name], tag, around);
    before = name;
  }
  return model;
}

/** The name itself is not told: by an error of indentation it may be a value. */
function unknownName(name: string, before: string | undefined, around: readonly Tag[]): GatewayError {
  const place = before === undefined ? 'the first name' : `the name after ${before}`;
  const similar = similarKeyword(name);
  const hint = similar === undefined ? '' : `; ${similar} is one`;
  return refusedAt(around, `${place} is neither a keyword of the standard nor eight hex digits${hint}`);
}

function refusedAt(around: readonly Tag[], problem: string): GatewayError {
  return new GatewayError('DATA_SET_INVALID', around.length > 0 ? `${around.join('.')}: ${problem}` : problem);
}

function attributeOf(raw: unknown, tag: Tag, around: Tag[]): unknown {
  const known = isPrivate(tag) ? undefined : lookupTag(tag);
  if (isLongForm(raw)) {
    const isSequence = (known?.vr ?? raw['vr']) === 'SQ';
    return isSequence && Array.isArray(raw['Value']) ? { ...raw, Value: itemsFrom(raw['Value'], tag, around) } : raw;
  }
  if (known === undefined || isBinaryVr(known.vr)) {
    throw invalidAttribute(around, tag, 'only the long form tells what this is: {vr: …, Value: […]}');
  }
  const values: readonly unknown[] = Array.isArray(raw) ? raw : [raw];
  if (values.length === 1 && values[0] === null) return { vr: known.vr };
  if (known.vr === 'SQ') return { vr: known.vr, Value: itemsFrom(values, tag, around) };
  return { vr: known.vr, Value: values.map((value) => valueFrom(value, known.vr, tag, around)) };
}

/** An empty mapping is an empty attribute, as in the DICOM JSON model; no item of a sequence. */
function isLongForm(raw: unknown): raw is Raw {
  return isMapping(raw) && (LONG_FORM_MEMBERS.some((name) => name in raw) || Object.keys(raw).length === 0);
}

function itemsFrom(values: readonly unknown[], tag: Tag, around: Tag[]): unknown[] {
  around.push(tag);
  const items = values.map((item) => (item === null ? null : modelOf(item, around)));
  around.pop();
  return items;
}

function valueFrom(raw: unknown, vr: Vr, tag: Tag, around: readonly Tag[]): unknown {
  if (raw === null || typeof raw === 'string') return raw;
  if (typeof raw === 'number') return NUMERIC_VRS.has(vr) ? raw : String(raw);
  if (vr !== 'PN') throw invalidAttribute(around, tag, `a value of VR ${vr} is neither text nor a number`);
  if (!isMapping(raw) || Object.keys(raw).some((group) => !NAME_GROUPS.has(group))) {
    throw invalidAttribute(around, tag, 'a person name is a text, or has Alphabetic, Ideographic and Phonetic only');
  }
  return raw;
}

/** Text of one line; in the others stand TAB, LF, FF and CR (PS3.5 6.1.3). */
const LINE_VRS: ReadonlySet<Vr> = new Set(['AE', 'AS', 'CS', 'LO', 'PN', 'SH', 'UC', 'UR']);

const NUMERIC_VRS: ReadonlySet<Vr> = new Set(['DS', 'FD', 'FL', 'IS', 'SL', 'SS', 'SV', 'UL', 'US', 'UV']);

function checkShapes(dataSet: DataSet, around: Tag[]): void {
  for (const tag of Object.keys(dataSet)) {
    const attribute = dataSet[tag] as Attribute;
    const misfit = misfitOf(attribute) ?? furtherMisfitOf(attribute);
    if (misfit !== undefined) throw invalidAttribute(around, tag, `a value has not the form of its VR: ${misfit}`);
    if (attribute.vr !== 'SQ') continue;
    around.push(tag);
    for (const item of itemsOf(attribute)) checkShapes(item, around);
    around.pop();
  }
}

function furtherMisfitOf(attribute: Attribute): string | undefined {
  const { vr, Value: values = [] } = attribute;
  if (!textsOf(attribute).every((text) => isPlainText(text, LINE_VRS.has(vr))))
    return `${vr} has no control characters`;
  const [pattern, says] = MORE_SHAPES[vr] ?? [];
  const fits = (value: Value): boolean =>
    value === null || typeof value === 'object' || pattern?.test(String(value)) !== false;
  return values.every(fits) ? undefined : `${vr} is ${says}`;
}

/** Text that a modality can show, and that there is a character set for. */
function isPlainText(text: string, isOneLine: boolean): boolean {
  const control = isOneLine ? /[\0-\x1f\x7f-\x9f]/ : /[\0-\x08\x0b\x0e-\x1f\x7f-\x9f]/;
  return !control.test(text) && text.isWellFormed();
}

function textsOf({ vr, Value: values = [] }: Attribute): string[] {
  const groups = ({ Alphabetic, Ideographic, Phonetic }: PersonName): unknown[] => [Alphabetic, Ideographic, Phonetic];
  const texts: readonly unknown[] = vr === 'PN' ? values.flatMap((name) => groups((name ?? {}) as PersonName)) : values;
  return texts.filter((text) => typeof text === 'string');
}

function isMapping(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
