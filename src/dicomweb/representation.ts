/** The text of one data set in a web message (PS3.18 8.6, 8.8): JSON or XML in a charset, with the 00080005 that fits. */
import { attribute, cloneDataSet, createDataSet, itemsOf } from '../dataset/model.ts';
import type { Attribute, DataSet } from '../dataset/model.ts';
import { toJson } from '../dataset/json.ts';
import { toXml } from '../dataset/xml.ts';
import { encodeText, UTF_8 } from './charset.ts';
import type { Charset } from './charset.ts';

const CHARACTER_SET = '00080005';
const NOT_ASCII = /[^\x00-\x7f]/;

/**
 * Undefined when the charset lacks one of the characters. 00080005 says what the bytes are, and is left out for ASCII.
 * @throws GatewayError CHARACTER_UNENCODABLE for what XML cannot carry
 */
export function encodeRepresentation(dataSet: DataSet, content: 'json' | 'xml', charset: Charset): Buffer | undefined {
  const plain = withoutCharacterSet(dataSet);
  const write = content === 'json' ? toJson : toXml;
  let text = write(plain);
  if (NOT_ASCII.test(text)) {
    text = write({ ...plain, [CHARACTER_SET]: attribute('CS', ...charset.terms) });
  }
  if (charset !== UTF_8 && content === 'xml') text = text.replace('encoding="UTF-8"', `encoding="${charset.name}"`);
  return encodeText(text, charset);
}

/** The same without 00080005, in items too: text in the neutral form is Unicode. Copies only what changes. */
function withoutCharacterSet(dataSet: DataSet): DataSet {
  if (hasNestedCharacterSet(dataSet)) {
    const copy = cloneDataSet(dataSet);
    removeCharacterSet(copy);
    return copy;
  }
  if (!(CHARACTER_SET in dataSet)) return dataSet;
  const copy = createDataSet();
  for (const tag in dataSet) if (tag !== CHARACTER_SET) copy[tag] = dataSet[tag] as Attribute;
  return copy;
}

function hasNestedCharacterSet(dataSet: DataSet): boolean {
  for (const tag in dataSet) {
    for (const item of itemsOf(dataSet[tag])) if (CHARACTER_SET in item || hasNestedCharacterSet(item)) return true;
  }
  return false;
}

function removeCharacterSet(dataSet: DataSet): void {
  delete dataSet[CHARACTER_SET];
  for (const tag in dataSet) for (const item of itemsOf(dataSet[tag])) removeCharacterSet(item);
}
