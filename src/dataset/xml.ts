/**
 * Native DICOM Model (PS3.19 A.1). Private attributes travel there as `gggg00ee` with their creator's name and without
 * a block, so blocks are assigned on the way in and removed on the way out.
 */
import { GatewayError } from '../errors.ts';
import { isPrivate, isPrivateCreator, lookupKeyword, lookupTag } from './dictionary.ts';
import { createDataSet, firstText, isEmpty, sortedTags } from './model.ts';
import type { Attribute, DataSet, PersonName, Tag, Value, Vr } from './model.ts';
import { assignPrivateTags } from './private-blocks.ts';
import {
  checkDepth,
  checkedBase64,
  checkedTag,
  checkedValues,
  invalidAttribute,
  resolveVr,
  valueFromText,
} from './values.ts';
import { decodeXmlText, parseXmlInSteps } from './xml-reader.ts';
import type { XmlElement } from './xml-reader.ts';

export const NATIVE_DICOM_NAMESPACE = 'http://dicom.nema.org/PS3.19/models/NativeDICOM';

const NAME_GROUPS = ['Alphabetic', 'Ideographic', 'Phonetic'] as const;
const NAME_PARTS = ['FamilyName', 'GivenName', 'MiddleName', 'NamePrefix', 'NameSuffix'] as const;

export interface XmlOptions {
  /** Write the namespace of PS3.19; the examples of PS3.18 have none. */
  readonly namespace?: boolean;
}

/**
 * A data set from the text of one `NativeDicomModel`. `vr` may be missing, attribute names may be capitalised (C7).
 * @throws GatewayError DATA_SET_INVALID, DATA_SET_TOO_LARGE
 */
export function fromXml(text: string): DataSet {
  const steps = fromXmlInSteps(text);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** The same in steps of some milliseconds, but for the last one. @throws GatewayError DATA_SET_INVALID, DATA_SET_TOO_LARGE */
export function* fromXmlInSteps(text: string): Generator<undefined, DataSet, undefined> {
  const root = yield* parseXmlInSteps(text);
  if (root.name !== 'NativeDicomModel') {
    throw new GatewayError('DATA_SET_INVALID', 'The root element of the XML is not NativeDicomModel');
  }
  return dataSetFromXml(root, []);
}

/** The same from bytes in any encoding that the XML declares. @throws GatewayError DATA_SET_INVALID, DATA_SET_TOO_LARGE */
export function decodeXml(bytes: Uint8Array): DataSet {
  return fromXml(decodeXmlText(bytes));
}

/** The same in steps, as `fromXmlInSteps`. @throws GatewayError DATA_SET_INVALID, DATA_SET_TOO_LARGE */
export function decodeXmlInSteps(bytes: Uint8Array): Generator<undefined, DataSet, undefined> {
  return fromXmlInSteps(decodeXmlText(bytes));
}

/**
 * The XML text of a data set, attributes in ascending order.
 * @throws GatewayError CHARACTER_UNENCODABLE naming the attribute whose value XML 1.0 cannot carry (control characters)
 */
export function toXml(dataSet: DataSet, options: XmlOptions = {}): string {
  const namespace = options.namespace === true ? ` xmlns="${NATIVE_DICOM_NAMESPACE}"` : '';
  const head = `<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel${namespace} xml:space="preserve">`;
  return `${head}${dataSetToXml(dataSet, [])}</NativeDicomModel>`;
}

function dataSetFromXml(element: XmlElement, around: Tag[]): DataSet {
  checkDepth(around);
  refuseText(element, around);
  const written = element.children.map((child) => {
    if (child.name !== 'DicomAttribute') {
      throw new GatewayError('DATA_SET_INVALID', 'The XML has an element that is not DicomAttribute where one belongs');
    }
    const creator = child.attributes.get('privatecreator') ?? '';
    const tag = writtenTag(child, around);
    const explicit = creator === '' && isPrivateCreator(tag) ? contentOf(child)[0]?.text : undefined;
    return { tag, creator, explicit, child };
  });
  const { tags, creators } = assignPrivateTags(written, around);

  const dataSet = createDataSet();
  for (const [tag, creator] of creators) dataSet[tag] = { vr: 'LO', Value: [creator] };
  written.forEach(({ child }, i) => {
    const tag = checkedTag(tags[i] as Tag, around);
    if (tag === undefined) return;
    if (tag in dataSet) throw invalidAttribute(around, tag, 'the attribute occurs twice');
    dataSet[tag] = attributeFromXml(child, tag, around);
  });
  return dataSet;
}

function writtenTag(element: XmlElement, around: Tag[]): Tag {
  const keyword = element.attributes.get('keyword') ?? '';
  const tag = element.attributes.get('tag') ?? lookupKeyword(keyword)?.tag ?? '';
  if (!/^[0-9A-Fa-f]{8}$/.test(tag)) checkedTag(tag, around);
  return tag.toUpperCase();
}

function attributeFromXml(element: XmlElement, tag: Tag, around: Tag[]): Attribute {
  refuseText(element, [...around, tag]);
  const content = contentOf(element);
  const kind = content[0]?.name;
  if (content.some((child) => child.name !== kind))
    throw invalidAttribute(around, tag, 'the content is of several kinds');
  const vr = resolveVr(tag, element.attributes.get('vr'), kind === 'InlineBinary');
  if (kind === undefined) return { vr };
  if (kind === 'InlineBinary') {
    if (content.length > 1) throw invalidAttribute(around, tag, 'there is more than one InlineBinary');
    const base64 = checkedBase64(content[0]?.text, vr, tag, around);
    return base64 === undefined ? { vr } : { vr, InlineBinary: base64 };
  }
  const values = valuesFromXml(content, kind, vr, tag, around);
  return values === undefined ? { vr } : { vr, Value: values };
}

function valuesFromXml(content: XmlElement[], kind: string, vr: Vr, tag: Tag, around: Tag[]): Value[] | undefined {
  if (kind === 'Item' && vr === 'SQ') {
    around.push(tag);
    const items = content.map((item) => dataSetFromXml(item, around));
    around.pop();
    return items;
  }
  if (kind === 'PersonName' && vr === 'PN') {
    const names = content.map((name) => nameFromXml(name, tag, around));
    return checkedValues(vr, names, tag, around);
  }
  if (kind === 'BulkData') throw invalidAttribute(around, tag, 'BulkData is not supported: send the value itself');
  if (kind !== 'Value') throw invalidAttribute(around, tag, `the content does not go with VR ${vr}`);
  const values = content.map((value) => {
    if (value.children.length > 0) throw invalidAttribute(around, tag, 'a Value holds elements');
    return valueFromText(vr, value.text, tag, around);
  });
  return checkedValues(vr, values, tag, around);
}

/** Content in the order of its `number`; where that is missing, in document order. Gaps mean nothing (example B.29). */
function contentOf(element: XmlElement): XmlElement[] {
  const numbered = element.children.map((child, i) => {
    const number = Number(child.attributes.get('number'));
    return { child, number: Number.isInteger(number) ? number : i + 1 };
  });
  return numbered.sort((a, b) => a.number - b.number).map(({ child }) => child);
}

function nameFromXml(element: XmlElement, tag: Tag, around: Tag[]): PersonName | null {
  const name: PersonName = {};
  for (const group of element.children) {
    const key = NAME_GROUPS.find((known) => known === group.name);
    if (key === undefined) throw invalidAttribute(around, tag, 'a PersonName holds an unknown component group');
    const parts = NAME_PARTS.map((part) => group.children.find((child) => child.name === part)?.text ?? '');
    const text = withoutDelimitersAtEnd(parts.join('^'));
    if (/[\\=]/.test(text)) throw invalidAttribute(around, tag, 'a component group contains a delimiter (\\ or =)');
    if (text !== '') name[key] = text;
  }
  return Object.keys(name).length > 0 ? name : null;
}

/** A loop, since a pattern anchored at the end takes time with the square of a run, which a peer may make long. */
function withoutDelimitersAtEnd(name: string): string {
  let end = name.length;
  while (end > 0 && name.charAt(end - 1) === '^') end--;
  return name.slice(0, end);
}

function refuseText(element: XmlElement, around: readonly Tag[]): void {
  if (element.text.trim() === '') return;
  throw new GatewayError('DATA_SET_INVALID', `${around.join('.')}: text stands where only elements belong`);
}

function dataSetToXml(dataSet: DataSet, around: Tag[]): string {
  let text = '';
  for (const tag of sortedTags(dataSet)) {
    if (isPrivateCreator(tag) && isCreatorUsed(dataSet, tag)) continue;
    text += attributeToXml(dataSet, tag, around);
  }
  return text;
}

/** A creator travels in the `privateCreator` of its attributes; one without attributes is written itself. */
function isCreatorUsed(dataSet: DataSet, creator: Tag): boolean {
  if (firstText(dataSet, creator) === undefined) return false;
  const block = creator.slice(0, 4) + creator.slice(6);
  return Object.keys(dataSet).some((tag) => tag.startsWith(block));
}

function attributeToXml(dataSet: DataSet, tag: Tag, around: Tag[]): string {
  const attribute = dataSet[tag] as Attribute;
  const { vr } = attribute;
  const creator = isPrivate(tag) ? firstText(dataSet, `${tag.slice(0, 4)}00${tag.slice(4, 6)}`) : undefined;
  const names =
    creator === undefined
      ? ` tag="${tag}" vr="${vr}"${keywordAttribute(tag)}`
      : ` tag="${tag.slice(0, 4)}00${tag.slice(6)}" vr="${vr}" privateCreator="${escaped(creator, tag, around)}"`;
  if (isEmpty(attribute)) return `<DicomAttribute${names}/>`;
  return `<DicomAttribute${names}>${contentToXml(attribute, tag, around)}</DicomAttribute>`;
}

function keywordAttribute(tag: Tag): string {
  const keyword = isPrivate(tag) ? '' : (lookupTag(tag)?.keyword ?? '');
  return keyword === '' ? '' : ` keyword="${keyword}"`;
}

function contentToXml(attribute: Attribute, tag: Tag, around: Tag[]): string {
  const { vr, Value: values, InlineBinary: bytes, BulkDataURI: uri } = attribute;
  if (values === undefined) {
    return bytes === undefined
      ? `<BulkData uri="${escaped(uri ?? '', tag, around)}"/>`
      : `<InlineBinary>${bytes}</InlineBinary>`;
  }
  const element = vr === 'SQ' ? 'Item' : vr === 'PN' ? 'PersonName' : 'Value';
  let text = '';
  for (let i = 0; i < values.length; i++) {
    const content = valueToXml(vr, values[i] as Value, tag, around);
    const start = `<${element} number="${i + 1}"`;
    text += content === '' ? `${start}/>` : `${start}>${content}</${element}>`;
  }
  return text;
}

function valueToXml(vr: Vr, value: Value, tag: Tag, around: Tag[]): string {
  if (value === null) return '';
  if (typeof value === 'string') return escaped(value, tag, around);
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (vr !== 'SQ') return nameToXml(value, tag, around);
  around.push(tag);
  const item = dataSetToXml(value as DataSet, around);
  around.pop();
  return item;
}

function nameToXml(name: PersonName, tag: Tag, around: Tag[]): string {
  let text = '';
  for (const group of NAME_GROUPS) {
    const components = name[group];
    if (components === undefined) continue;
    const parts = components.split('^');
    // More components than five do not exist; what follows stays with the last so that nothing is lost.
    const five = [...parts.slice(0, 4), parts.slice(4).join('^')];
    const elements = NAME_PARTS.map((part, i) => {
      const component = five[i] ?? '';
      return component === '' ? '' : `<${part}>${escaped(component, tag, around)}</${part}>`;
    });
    text += `<${group}>${elements.join('')}</${group}>`;
  }
  return text;
}

/** What XML 1.0 cannot carry even as a reference, lone surrogates included. */
const ILLEGAL = /[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

const REFERENCES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#13;',
  '\n': '&#10;',
  '\t': '&#9;',
};

function escaped(text: string, tag: Tag, around: readonly Tag[]): string {
  if (ILLEGAL.test(text)) {
    const where = [...around, tag].join('.');
    throw new GatewayError('CHARACTER_UNENCODABLE', `${where}: a value has a control character that XML cannot carry`);
  }
  return text.replace(/[&<>"\r\n\t]/g, (character) => REFERENCES[character] as string);
}
