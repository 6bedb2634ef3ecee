/** The transactions of an origin server in the terms of OpenAPI. */
import { openApiDocument } from '../openapi/document.ts';
import type { OpenApiOperation, OpenApiParameter, SecurityScheme } from '../openapi/operation.ts';
import { SERVICE_OF } from '../services/port.ts';
import type { ServiceName } from '../services/port.ts';
import { CAPABILITY_TYPES, OPENAPI_PATH } from './capabilities.ts';
import type { ParameterDescription, Transaction } from './transaction.ts';

const FAILURE_TYPES = ['application/json', 'text/plain'];

const TAGS: Readonly<Record<ServiceName, string>> = {
  worklist: 'Modality Worklist (PS3.18 14)',
  mpps: 'Modality Performed Procedure Step (PS3.18 15)',
  storageCommitment: 'Storage Commitment (PS3.18 13)',
  workitems: 'Worklist, UPS-RS (PS3.18 11)',
};
const OWN_TAG = 'Capabilities (PS3.18 8.9)';

export interface WebApi {
  /** No slash at its end. */
  readonly baseUri: string;
  /** Of the product. */
  readonly version: string;
  readonly security: readonly SecurityScheme[];
  readonly isSecurityOptional?: boolean;
}

/** The OpenAPI 3.1 document of an origin server, with the two transactions that describe it. */
export function webOpenApi(
  { baseUri, version, security, isSecurityOptional = false }: WebApi,
  transactions: readonly Transaction[],
): unknown {
  return openApiDocument(
    {
      title: 'dimseway',
      description: 'DICOMweb services of this origin server (PS3.18). Retrieve Capabilities gives the same as WADL.',
      url: baseUri,
      failure: { description: 'Status Report: why it was not done (PS3.18 8.6.3)', mediaTypes: FAILURE_TYPES },
      security,
      isSecurityOptional,
    },
    version,
    [...transactions.map(operation), ...OWN],
  );
}

function operation({ id, method, path, title, operation: of, parameters, requestTypes, statuses }: Transaction): OpenApiOperation {
  const contentType = parameters.find(({ name }) => name === 'Content-Type');
  return {
    id,
    method: METHODS[method],
    path,
    summary: title,
    tag: of === undefined ? OWN_TAG : TAGS[SERVICE_OF[of]],
    parameters: parameters.filter(({ name }) => !OF_CONTENT.has(name)).map(parameter),
    ...(requestTypes !== undefined && { requestTypes, isPayloadOptional: contentType?.required !== true }),
    answers: statuses.map(({ status, title: description, mediaTypes }) => {
      const types = mediaTypes ?? (status >= 400 ? FAILURE_TYPES : undefined);
      return { status, description, ...(types !== undefined && { mediaTypes: types }) };
    }),
  };
} // prettier-ignore

/** OpenAPI says these by the contents of requests and answers, and ignores parameters of these names. */
const OF_CONTENT: ReadonlySet<string> = new Set(['Accept', 'Content-Type']);

const METHODS = { GET: 'get', POST: 'post', PUT: 'put', PATCH: 'patch', DELETE: 'delete', OPTIONS: 'options' } as const;

const PLACES = { query: 'query', header: 'header', template: 'path' } as const;
const TYPES = { 'xs:string': 'string', 'xs:boolean': 'boolean', 'xs:unsignedInt': 'integer' } as const;

/** A name in braces stands for many. */
function parameter({ name, style, type, title, ...rest }: ParameterDescription): OpenApiParameter {
  const isOpen = style === 'query' && /^\{.*\}$/.test(name);
  return {
    ...rest,
    name: isOpen ? name.slice(1, -1) : name,
    in: PLACES[style],
    type: TYPES[type],
    description: title,
    ...(style === 'template' && { required: true }),
    ...(isOpen && { isOpen }),
  };
}

const OWN: readonly OpenApiOperation[] = [
  {
    id: 'retrieveCapabilities',
    method: 'options',
    path: '/',
    summary: 'Retrieve Capabilities (PS3.18 8.9)',
    tag: OWN_TAG,
    parameters: [],
    answers: [
      { status: 200, description: 'What can be asked here, as WADL or OpenAPI', mediaTypes: CAPABILITY_TYPES },
      { status: 304, description: 'As it was: If-None-Match has its ETag' },
      { status: 406, description: 'None of the media types is accepted', mediaTypes: FAILURE_TYPES },
    ],
  },
  {
    id: 'retrieveOpenApi',
    method: 'get',
    path: OPENAPI_PATH,
    summary: 'This document',
    tag: OWN_TAG,
    parameters: [],
    answers: [
      { status: 200, description: 'What can be asked here, as OpenAPI', mediaTypes: CAPABILITY_TYPES.slice(1) },
      { status: 304, description: 'As it was: If-None-Match has its ETag' },
      { status: 406, description: 'None of the media types is accepted', mediaTypes: FAILURE_TYPES },
    ],
  },
];
