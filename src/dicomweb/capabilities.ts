/**
 * Retrieve Capabilities (PS3.18 8.9, Annexes G and H): what this origin server can do, as WADL in XML or JSON, made from
 * the table of transactions that also registers the routes; and, beyond the standard, as OpenAPI.
 */
import { createHash } from 'node:crypto';
import { OPENAPI_TYPES } from '../openapi/document.ts';
import { HttpRefusal } from './http-refusal.ts';
import { parseMediaRanges } from './media-type.ts';
import type { ParameterDescription, StatusDescription, Transaction, WebAnswer, WebRequest } from './transaction.ts';

const XML_TYPE = 'application/vnd.sun.wadl+xml';
const JSON_TYPE = 'application/json';
/** The preferred one first. */
export const CAPABILITY_TYPES = [XML_TYPE, JSON_TYPE, ...OPENAPI_TYPES] as const;
type CapabilityType = (typeof CAPABILITY_TYPES)[number];

export const OPENAPI_PATH = '/openapi.json';
const NAMESPACE = 'http://wadl.dev.java.net/2009/02';

/** An element of WADL: attributes, and children under the names of their elements. */
interface Element {
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly (readonly [name: string, element: Element])[];
  readonly text?: string;
}

/** What there is to say to one requester. */
export interface Capabilities {
  /** Transactions of its route. */
  readonly offered: (request: WebRequest) => readonly Transaction[];
  /** The OpenAPI document of these. */
  readonly openApi: (baseUri: string, transactions: readonly Transaction[]) => unknown;
}

/** The transactions that describe the others: they do not describe themselves. */
export function createCapabilities({ offered, openApi }: Capabilities): Transaction[] {
  const openApiText = (request: WebRequest): string =>
    `${JSON.stringify(openApi(request.baseUri, offered(request)), undefined, 1)}\n`;
  return [
    {
      id: 'retrieveCapabilities',
      title: 'Retrieve Capabilities (PS3.18 8.9)',
      method: 'OPTIONS',
      path: '/',
      parameters: [],
      statuses: [],
      run: async (request) => {
        const type = negotiate(request.headers.accept, CAPABILITY_TYPES);
        if (type !== XML_TYPE && type !== JSON_TYPE) return answer(request, type, openApiText(request));
        const description = describe(request.baseUri, offered(request));
        return answer(request, type, type === XML_TYPE ? toXmlText(description) : toJsonText(description));
      },
    },
    {
      id: 'retrieveOpenApi',
      title: 'Retrieve Capabilities as OpenAPI',
      method: 'GET',
      path: OPENAPI_PATH,
      parameters: [],
      statuses: [],
      run: async (request) =>
        answer(request, negotiate(request.headers.accept, [JSON_TYPE, ...OPENAPI_TYPES]), openApiText(request)),
    },
  ];
}

function answer(request: WebRequest, type: string, text: string): WebAnswer {
  const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
  const known = request.headers['if-none-match']?.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (known !== undefined && (known.includes(etag) || known.includes('*')))
    return { status: 304, headers: { ETag: etag } };
  return { status: 200, headers: { ETag: etag }, contentType: type, body: [Buffer.from(text, 'utf8')] };
}

/** @param available the preferred one first @throws HttpRefusal 406 */
function negotiate(accept: string | undefined, available: readonly CapabilityType[]): CapabilityType {
  const [preferred] = available as readonly [CapabilityType];
  if (accept === undefined || accept.trim() === '') return preferred;
  const { ranges } = parseMediaRanges(accept);
  const weight = (type: string): number => {
    const matching = [type, `${type.split('/')[0] ?? ''}/*`, '*/*'].map((name) =>
      ranges.find((range) => range.type === name),
    );
    return matching.find((range) => range !== undefined)?.quality ?? 0;
  };
  const best = available.reduce((found, type) => (weight(type) > weight(found) ? type : found), preferred);
  if (weight(best) > 0) return best;
  throw new HttpRefusal(406, 'NO_COMMON_MEDIA_TYPE', `Capabilities are available as ${available.join(', ')}`);
}

function describe(baseUri: string, transactions: readonly Transaction[]): Element {
  const resources: Element = { attributes: { base: baseUri }, children: resourcesIn(transactions, 0) };
  return { attributes: { xmlns: NAMESPACE }, children: [['resources', resources]] };
}

/** Resources nest as the segments of their paths do (PS3.18 G). @param depth segments that stand further out */
function resourcesIn(transactions: readonly Transaction[], depth: number): [string, Element][] {
  const below = Map.groupBy(transactions, ({ path }) => path.split('/')[depth + 1]);
  return [...below].flatMap(([segment, inside]): [string, Element][] => {
    if (segment === undefined) return [];
    const here = inside.filter(({ path }) => path.split('/').length === depth + 2);
    const children: [string, Element][] = [
      ...templateParameters(segment, inside),
      ...here.map((one): [string, Element] => ['method', method(one)]),
      ...resourcesIn(inside, depth + 1),
    ];
    return [['resource', { attributes: { path: segment }, children }]];
  });
}

/** A parameter of the path belongs to the resource, whichever of its methods is meant. */
function templateParameters(segment: string, inside: readonly Transaction[]): [string, Element][] {
  const described = inside.flatMap(({ parameters }) =>
    parameters.filter(({ name, style }) => style === 'template' && segment === `{${name}}`),
  );
  return described.slice(0, 1).map((one) => ['param', parameter(one)]);
}

function method({ id, method: name, title, parameters, requestTypes = [], statuses }: Transaction): Element {
  const request: [string, Element][] = [
    ...parameters
      .filter(({ style }) => style !== 'template')
      .map((one): [string, Element] => ['param', parameter(one)]),
    ...requestTypes.map(representation),
  ];
  return {
    attributes: { name, id },
    children: [
      ['doc', doc(title)],
      ['request', { attributes: {}, children: request }],
      ...statuses.map((one): [string, Element] => ['response', response(one)]),
    ],
  };
}

function parameter({ name, style, type, title, required, repeating, options, ...rest }: ParameterDescription): Element {
  return {
    attributes: {
      name,
      style,
      type,
      ...(required === true ? { required: 'true' } : {}),
      ...(repeating === true ? { repeating: 'true' } : {}),
      ...(rest.default === undefined ? {} : { default: rest.default }),
    },
    children: [
      ['doc', doc(title)],
      ...(options ?? []).map((value): [string, Element] => ['option', { attributes: { value }, children: [] }]),
    ],
  };
}

function response({ status, title, mediaTypes = [] }: StatusDescription): Element {
  return {
    attributes: { status: String(status) },
    children: [['doc', doc(title)], ...mediaTypes.map(representation)],
  };
}

function representation(mediaType: string): [string, Element] {
  return ['representation', { attributes: { mediaType }, children: [] }];
}

function doc(title: string): Element {
  return { attributes: { 'xml:lang': 'en', title }, children: [], text: '' };
}

function toXmlText(application: Element): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${elementToXml('application', application, '')}`;
}

function elementToXml(name: string, { attributes, children }: Element, indent: string): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(value)}"`);
  if (children.length === 0) return `${indent}<${name}${written.join('')}/>\n`;
  const inner = children.map(([child, element]) => elementToXml(child, element, `${indent} `)).join('');
  return `${indent}<${name}${written.join('')}>\n${inner}${indent}</${name}>\n`;
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Elements that WADL allows once; every other name holds an array (PS3.18 H.1.2). */
const UNIQUE: ReadonlySet<string> = new Set(['resources', 'request']);

function toJsonText(application: Element): string {
  const { xmlns: _, ...attributes } = application.attributes;
  return `${JSON.stringify({ application: elementToJson({ ...application, attributes }) }, undefined, 1)}\n`;
}

function elementToJson({ attributes, children, text }: Element): Record<string, unknown> {
  const json: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(attributes)) json[`@${key}`] = value;
  if (text !== undefined) json['value'] = text;
  for (const [name, element] of children) {
    if (UNIQUE.has(name)) json[name] = elementToJson(element);
    else json[name] = [...((json[name] as unknown[] | undefined) ?? []), elementToJson(element)];
  }
  return json;
}
