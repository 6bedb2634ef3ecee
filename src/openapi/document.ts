/**
 * An OpenAPI 3.1 document from a table of operations. Where several operations have one path and one method, and are told
 * apart by a query parameter, OpenAPI has room for one: it gets what any of them takes and answers.
 */
import type { OpenApiAnswer, OpenApiOperation, OpenApiParameter, OpenApiServer, SecurityScheme } from './operation.ts';

export const OPENAPI_VERSION = '3.1.1';
/** The first is preferred; the registered one, and what was used before it. */
export const OPENAPI_TYPES = ['application/openapi+json', 'application/vnd.oai.openapi+json'] as const;

type Json = Readonly<Record<string, unknown>>;

/** @param version of the product */
export function openApiDocument(server: OpenApiServer, version: string, operations: readonly OpenApiOperation[]): Json {
  const { title, description, url, security, isSecurityOptional = false } = server;
  const requirements = security.map((scheme) => ({ [scheme]: [] }));
  return {
    openapi: OPENAPI_VERSION,
    info: { title, description, version },
    servers: [{ url }],
    paths: pathsOf(operations, server),
    ...(security.length > 0 && {
      security: isSecurityOptional ? [...requirements, {}] : requirements,
      components: { securitySchemes: Object.fromEntries(security.map((scheme) => [scheme, SCHEMES[scheme]])) },
    }),
  };
}

const SCHEMES: Readonly<Record<SecurityScheme, Json>> = {
  bearer: { type: 'http', scheme: 'bearer' },
  apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
  mutualTLS: { type: 'mutualTLS' },
};

function pathsOf(operations: readonly OpenApiOperation[], server: OpenApiServer): Json {
  const paths = Map.groupBy(operations, ({ path }) => path);
  return Object.fromEntries(
    [...paths].map(([path, here]) => {
      const methods = Map.groupBy(here, ({ method }) => method);
      return [path, Object.fromEntries([...methods].map(([method, same]) => [method, operation(same, server)]))];
    }),
  );
}

/** @param same those of one path and one method, at least one */
function operation(same: readonly OpenApiOperation[], { failure }: OpenApiServer): Json {
  const [{ id, tag }] = same as readonly [OpenApiOperation, ...OpenApiOperation[]];
  const requestTypes = [...new Set(same.flatMap((one) => one.requestTypes ?? []))];
  const isPayloadNeeded = same.every((one) => one.requestTypes !== undefined && one.isPayloadOptional !== true);
  return {
    operationId: id,
    summary: same.map(({ summary }) => summary).join(' / '),
    tags: [tag],
    parameters: parametersOf(same).map(parameter),
    ...(requestTypes.length > 0 && { requestBody: { required: isPayloadNeeded, content: contentOf(requestTypes) } }),
    responses: { ...answersOf(same), default: { description: failure.description, content: contentOf(failure.mediaTypes) } },
  }; // prettier-ignore
}

/** Needed is what each of them needs. */
function parametersOf(same: readonly OpenApiOperation[]): OpenApiParameter[] {
  const known = Map.groupBy(
    same.flatMap(({ parameters }) => parameters),
    (one) => `${one.in} ${one.name}`,
  );
  return [...known.values()].map((all) => {
    const { required: _required, ...first } = all[0] as OpenApiParameter;
    const isRequired = all.length === same.length && all.every(({ required = false }) => required);
    return { ...first, ...(isRequired && { required: true }) };
  });
}

function parameter({ name, description, required, isOpen, ...rest }: OpenApiParameter): Json {
  const common = { name, in: rest.in, description, ...(required === true && { required }) };
  if (isOpen === true) {
    // The idiom of OpenAPI for names that are not fixed: the members of an object, each a parameter.
    return { ...common, style: 'form', explode: true, schema: { type: 'object', additionalProperties: TEXT } };
  }
  return { ...common, schema: schemaOf(rest) };
}

const TEXT = { type: 'string' } as const;

function schemaOf({ type = 'string', repeating, options, ...rest }: Omit<OpenApiParameter, 'name' | 'description'>): Json {
  const schema = {
    type,
    ...(options !== undefined && type === 'string' && { examples: options }),
    ...(rest.default !== undefined && { default: valueOf(rest.default, type) }),
  };
  return repeating === true ? { type: 'array', items: schema } : schema;
} // prettier-ignore

function valueOf(text: string, type: string): unknown {
  return type === 'string' ? text : (JSON.parse(text) as unknown);
}

function answersOf(same: readonly OpenApiOperation[]): Json {
  const byStatus = Map.groupBy(
    same.flatMap(({ answers }) => answers),
    ({ status }) => status,
  );
  const inOrder = [...byStatus].sort(([a], [b]) => a - b);
  return Object.fromEntries(inOrder.map(([status, all]) => [String(status), answer(all)]));
}

function answer(all: readonly OpenApiAnswer[]): Json {
  const mediaTypes = [...new Set(all.flatMap((one) => one.mediaTypes ?? []))];
  return {
    description: [...new Set(all.map(({ description }) => description))].join(' / '),
    ...(mediaTypes.length > 0 && { content: contentOf(mediaTypes) }),
  };
}

function contentOf(mediaTypes: readonly string[]): Json {
  return Object.fromEntries(mediaTypes.map((type) => [type, {}]));
}
