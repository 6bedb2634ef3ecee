/** XML text to a tree of elements, without anything that XML can do and a data set does not need (DTD, entities). */
import { SaxesParser } from 'saxes';

import { GatewayError } from '../errors.ts';

export interface XmlElement {
  /** Local name, without namespace prefix. */
  readonly name: string;
  /** Attribute names in lower case: examples of PS3.18 write `Tag` and `VR` (C7). */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: XmlElement[];
  text: string;
}

/** Elements inside elements; one sequence level takes two. */
const MAXIMUM_ELEMENT_DEPTH = 256;
/** Characters of one step: some milliseconds. */
const STEP_LENGTH = 256 * 1024;

/**
 * The root element of an XML text, read in steps so that whoever reads a long one can do other things in between.
 * @throws GatewayError DATA_SET_INVALID with a position, never with a piece of the text; DATA_SET_TOO_LARGE
 */
export function* parseXmlInSteps(text: string): Generator<undefined, XmlElement, undefined> {
  // A reference such as &#1; is legal in XML 1.1 only, and no data set may hold what it stands for.
  const parser = new SaxesParser({ xmlns: false, defaultXMLVersion: '1.0', forceXMLVersion: true });
  const open: XmlElement[] = [];
  let root: XmlElement | undefined;
  const place = (): string => `at line ${parser.line}, column ${parser.column}`;

  parser.on('doctype', () => {
    throw new GatewayError('DATA_SET_INVALID', `The XML has a document type declaration ${place()}; none is allowed`);
  });
  parser.on('error', () => {
    throw new GatewayError('DATA_SET_INVALID', `The XML is not well-formed ${place()}`);
  });
  parser.on('opentag', (tag) => {
    if (open.length >= MAXIMUM_ELEMENT_DEPTH)
      throw new GatewayError('DATA_SET_TOO_LARGE', 'The XML is nested too deep');
    const attributes = new Map(Object.entries(tag.attributes).map(([name, value]) => [name.toLowerCase(), value]));
    const element: XmlElement = { name: localName(tag.name), attributes, children: [], text: '' };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  });
  parser.on('closetag', () => {
    open.pop();
  });
  const addText = (piece: string): void => {
    const element = open.at(-1);
    if (element !== undefined) element.text += piece;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);

  for (let at = 0; at < text.length; at += STEP_LENGTH) {
    parser.write(text.slice(at, at + STEP_LENGTH));
    if (text.length > STEP_LENGTH) yield;
  }
  parser.close();
  if (root === undefined) throw new GatewayError('DATA_SET_INVALID', 'The XML has no element');
  return root;
}

/**
 * XML bytes to text by their byte order mark or XML declaration, else UTF-8.
 * @throws GatewayError DATA_SET_INVALID
 */
export function decodeXmlText(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 200)).toString('latin1');
  const declared = /^(?:\xef\xbb\xbf)?<\?xml[^>]*encoding=["']([\w.:-]+)["']/.exec(head)?.[1];
  const encoding =
    first === 0xfe && second === 0xff ? 'utf-16be' : first === 0xff && second === 0xfe ? 'utf-16le' : declared;
  try {
    return new TextDecoder(encoding ?? 'utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new GatewayError('DATA_SET_INVALID', 'The XML is not in the encoding it declares, or that is unknown');
  }
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}
