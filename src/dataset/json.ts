/**
 * DICOM JSON model (PS3.18 Annex F): the identity on the neutral form, apart from what senders get wrong. Reads
 * leniently where dcm4chee, Orthanc and the examples of the standard need it, writes strictly.
 */
import { GatewayError } from '../errors.ts';
import { checkJsonBounds } from './json-bounds.ts';
import { createDataSet, isEmpty, sortedTags } from './model.ts';
import type { Attribute, DataSet, PersonName, Tag, Value, Vr } from './model.ts';
import {
  InexactNumberError,
  checkDepth,
  checkedBase64,
  checkedTag,
  checkedValues,
  invalidAttribute,
  resolveVr,
  valueFromJson,
} from './values.ts';

/**
 * A data set from one parsed JSON object. `vr` may be missing or wrong for a standard attribute (the dictionary's is
 * used if the values fit), tags may be in lower case, person names may be strings, `Value` may be `[]`.
 * @throws GatewayError DATA_SET_INVALID naming the attribute; DATA_SET_TOO_LARGE when nested too deep
 */
export function fromJson(value: unknown): DataSet {
  return fromObject(value, []);
}

/**
 * The data sets of a JSON text, one object or an array of them. For requests, where a property given twice is an
 * error rather than a riddle.
 * @throws GatewayError DATA_SET_INVALID, DATA_SET_TOO_LARGE
 */
export function parseJsonDataSets(text: string): DataSet[] {
  const json = withoutByteOrderMark(text);
  checkJsonBounds(json);
  const raw = parseJson(json);
  checkNames(json);
  const objects = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);
  return withExactNumbers(json, raw, (value) => objects(value).map((object) => fromJson(object)));
}

/**
 * One data set from the text of one JSON object.
 * @throws GatewayError DATA_SET_INVALID, DATA_SET_TOO_LARGE
 */
export function parseJsonDataSet(text: string): DataSet {
  return withExactNumbers(text, parseJson(text), fromJson);
}

/**
 * The value of a JSON text that may be something else than the DICOM JSON model. A number is one only where its usual
 * notation is the very text, else the text: `1` and `0.5` are numbers, `1.0` is not.
 * @throws GatewayError DATA_SET_INVALID, also for a property given twice; DATA_SET_TOO_LARGE when nested too deep
 */
export function parseJsonText(text: string): unknown {
  const json = withoutByteOrderMark(text);
  checkJsonBounds(json);
  const value = parseJson(json, (_name, member, context) =>
    typeof member === 'number' && context?.source !== String(member) ? context?.source : member,
  );
  checkNames(json);
  return value;
}

/** The JSON text of a data set, tags in ascending order. */
export function toJson(dataSet: DataSet): string {
  let text = '{';
  for (const tag of sortedTags(dataSet)) {
    if (text.length > 1) text += ',';
    text += `"${tag}":${attributeToJson(dataSet[tag] as Attribute)}`;
  }
  return `${text}}`;
}

function fromObject(raw: unknown, around: Tag[]): DataSet {
  if (!isObject(raw)) throw new GatewayError('DATA_SET_INVALID', 'A data set is not a JSON object');
  checkDepth(around);
  const dataSet = createDataSet();
  for (const name of Object.keys(raw)) {
    const tag = checkedTag(name, around);
    if (tag === undefined) continue;
    if (tag in dataSet) throw invalidAttribute(around, tag, 'the attribute occurs twice');
    dataSet[tag] = attributeFromJson(raw[name], tag, around);
  }
  return dataSet;
}

function attributeFromJson(raw: unknown, tag: Tag, around: Tag[]): Attribute {
  if (!isObject(raw)) throw invalidAttribute(around, tag, 'the attribute is not a JSON object');
  const { vr: stated = undefined, Value: values = null, InlineBinary: bytes = null, BulkDataURI: uri = null } = raw;
  if (stated !== undefined && typeof stated !== 'string') throw invalidAttribute(around, tag, 'vr is not a string');
  if (uri !== null) throw invalidAttribute(around, tag, 'BulkDataURI is not supported: send the value itself');
  const vr = resolveVr(tag, stated, bytes !== null);
  if (bytes !== null) {
    if (values !== null) throw invalidAttribute(around, tag, 'both Value and InlineBinary are present');
    const base64 = checkedBase64(bytes, vr, tag, around);
    return base64 === undefined ? { vr } : { vr, InlineBinary: base64 };
  }
  if (values === null) return { vr };
  if (!Array.isArray(values)) throw invalidAttribute(around, tag, 'Value is not an array');
  const checked = vr === 'SQ' ? itemsFromJson(values, tag, around) : valuesFromJson(vr, values, tag, around);
  return checked === undefined ? { vr } : { vr, Value: checked };
}

function valuesFromJson(vr: Vr, raw: readonly unknown[], tag: Tag, around: Tag[]): Value[] | undefined {
  const values = raw.map((value) => valueFromJson(vr, value, tag, around));
  return checkedValues(vr, values, tag, around);
}

function itemsFromJson(raw: readonly unknown[], tag: Tag, around: Tag[]): DataSet[] | undefined {
  if (raw.length === 0 || (raw.length === 1 && raw[0] === null)) return undefined;
  around.push(tag);
  const items = raw.map((item) => (item === null ? createDataSet() : fromObject(item, around)));
  around.pop();
  return items;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function attributeToJson(attribute: Attribute): string {
  const { vr, Value: values, InlineBinary: bytes, BulkDataURI: uri } = attribute;
  if (isEmpty(attribute)) return `{"vr":"${vr}"}`;
  if (values === undefined) {
    return bytes === undefined
      ? `{"vr":"${vr}","BulkDataURI":${quoted(uri ?? '')}}`
      : `{"vr":"${vr}","InlineBinary":"${bytes}"}`;
  }
  let text = `{"vr":"${vr}","Value":[`;
  for (let i = 0; i < values.length; i++) {
    if (i > 0) text += ',';
    text += valueToJson(vr, values[i] as Value);
  }
  return `${text}]}`;
}

function valueToJson(vr: Vr, value: Value): string {
  if (typeof value === 'string') return quoted(value);
  if (value === null) return 'null';
  if (typeof value === 'number') return numberToJson(vr, value);
  return vr === 'SQ' ? toJson(value as DataSet) : nameToJson(value);
}

function numberToJson(vr: Vr, value: number): string {
  // A reader with doubles would take it for a guess, as this one does.
  if ((vr === 'SV' || vr === 'UV') && !Number.isSafeInteger(value)) return `"${value}"`;
  return Object.is(value, -0) ? '-0' : String(value);
}

function nameToJson(name: PersonName): string {
  const groups: string[] = [];
  if (name.Alphabetic !== undefined) groups.push(`"Alphabetic":${quoted(name.Alphabetic)}`);
  if (name.Ideographic !== undefined) groups.push(`"Ideographic":${quoted(name.Ideographic)}`);
  if (name.Phonetic !== undefined) groups.push(`"Phonetic":${quoted(name.Phonetic)}`);
  return `{${groups.join(',')}}`;
}

/** What may need an escape: all but printable characters other than `"`, `\` and surrogates. */
const NEEDS_ESCAPE = /[^ !#-[\]-\ud7ff\ue000-\uffff]/;

/** Most values need no escape, and asking first is several times faster than JSON.stringify. */
function quoted(text: string): string {
  return NEEDS_ESCAPE.test(text) ? JSON.stringify(text) : `"${text}"`;
}

type Reviver = (name: string, value: unknown, context?: { source?: string }) => unknown;

/** JSON.parse whose error shows a position instead of a piece of the text, which may be a patient's name. */
function parseJson(text: string, reviver?: Reviver): unknown {
  try {
    return JSON.parse(text, reviver);
  } catch (error) {
    // A reviver goes down into the value on the stack.
    if (error instanceof RangeError) throw new GatewayError('DATA_SET_TOO_LARGE', 'The JSON text is nested too deep');
    const position = error instanceof SyntaxError ? /position (\d+)/.exec(error.message)?.[1] : undefined;
    const where = position === undefined ? '' : ` at character ${position}`;
    throw new GatewayError('DATA_SET_INVALID', `The text is not JSON${where}`);
  }
}

function withoutByteOrderMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** @throws GatewayError DATA_SET_INVALID when two properties of an object have one name */
function checkNames(json: string): void {
  const twice = duplicateName(json);
  if (twice === undefined) return;
  // Only a tag is told: any other name may be anything.
  const what = /^[0-9A-Fa-f]{8}$/.test(twice) ? twice.toUpperCase() : 'A JSON property';
  throw new GatewayError('DATA_SET_INVALID', `${what} occurs twice in one object`);
}

/** Reads again with the source text of large integers at hand, but only when one was met. */
function withExactNumbers<T>(text: string, raw: unknown, read: (raw: unknown) => T): T {
  try {
    return read(raw);
  } catch (error) {
    if (!(error instanceof InexactNumberError)) throw error;
    const reviver: Reviver = (_name, value, context) =>
      Number.isInteger(value) && !Number.isSafeInteger(value) ? (context?.source ?? value) : value;
    return read(JSON.parse(text, reviver));
  }
}

/** A name that two properties of one object have, in a valid JSON text; one pass. */
function duplicateName(json: string): string | undefined {
  const open: (Set<string> | undefined)[] = []; // names of each object around, undefined for an array
  for (let i = 0; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (code === 0x7b) open.push(new Set());
    else if (code === 0x5b) open.push(undefined);
    else if (code === 0x7d || code === 0x5d) open.pop();
    else if (code === 0x22) {
      const end = endOfString(json, i);
      const names = open.at(-1);
      if (names !== undefined && isName(json, end)) {
        const literal = json.slice(i, end + 1);
        const name = literal.includes('\\') ? (JSON.parse(literal) as string) : literal.slice(1, -1);
        if (names.has(name)) return name;
        names.add(name);
      }
      i = end;
    }
  }
  return undefined;
}

function endOfString(json: string, start: number): number {
  let i = start + 1;
  while (json.charCodeAt(i) !== 0x22) i += json.charCodeAt(i) === 0x5c ? 2 : 1;
  return i;
}

function isName(json: string, end: number): boolean {
  let i = end + 1;
  while (' \t\r\n'.includes(json.charAt(i))) i++;
  return json.charAt(i) === ':';
}
