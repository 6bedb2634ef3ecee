/** Retrieve Capabilities, as WADL and as OpenAPI, against the very server they are of: nothing untrue, nothing left out. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { toJson } from '../../../src/dataset/json.ts';
import { DicomwebListener } from '../../../src/dicomweb/origin-server.ts';
import { COMMON_FAILURE_CODES, SEARCH_FAILURE_CODES, ServiceFailure } from '../../../src/services/port.ts';
import type { CommitmentAnswer, FailureCode, ServiceHandler } from '../../../src/services/port.ts';
import { OUTCOMES } from '../../../src/services/worklist/outcomes.ts';
import { MPPS_OUTCOMES } from '../../../src/services/mpps/outcomes.ts';
import { COMMITMENT_OUTCOMES } from '../../../src/services/storage-commitment/outcomes.ts';
import { call, exchangeBytes } from '../../support/http-client.ts';
import type { HttpCall, HttpReply } from '../../support/http-client.ts';
import { LISTENER_OPTIONS, MPPS_UID } from '../../support/http-listener.ts';
import { keepingLogger } from '../../support/requests.ts';
import { subscriberAt } from '../../support/workitem-listener.ts';

/** What the far end does with the next request. */
let script: { failure?: FailureCode; results: readonly DataSet[]; isPending: boolean };
let listener: DicomwebListener;
let port: number;

const RESULT = dataSetOf({ '00100020': attribute('LO', 'P1') });
const BASE = '/dicomweb';
const calm = (): typeof script => ({ results: [RESULT], isPending: false });

function act(): void {
  if (script.failure !== undefined) throw new ServiceFailure(script.failure);
}

async function* results(): AsyncGenerator<DataSet, void, void> {
  act();
  yield* script.results;
}

const commitment = async (): Promise<CommitmentAnswer> => {
  act();
  return script.isPending ? { state: 'pending', retryAfterMs: 1_000 } : { state: 'done', module: RESULT };
};

const done = async (): Promise<void> => act();

const handler: ServiceHandler = {
  routeFor: () => ({ route: 'all', characterSets: [], unencodable: 'utf-8', fuzzyMatching: false, timezoneAdjustment: false }),
  search: results,
  createMpps: async (uid = '') => (act(), { uid }),
  updateMpps: async (uid) => (act(), { uid }),
  retrieveMpps: async () => (act(), RESULT),
  characterSetOf: async () => undefined,
  requestCommitment: commitment,
  checkCommitment: commitment,
  reportCommitment: done,
  notifyMpps: done,
  refused: () => undefined,
  workitems: {
    search: results,
    retrieve: async () => (act(), RESULT),
    create: async () => (act(), MPPS_UID),
    update: done,
    changeState: done,
    requestCancellation: done,
    subscribe: done,
    unsubscribe: done,
    suspend: done,
    connect: () => (act(), () => undefined),
  },
}; // prettier-ignore

beforeAll(async () => {
  script = calm();
  const options = { ...LISTENER_OPTIONS, strictParameters: true, draftMethods: true, bodyTimeoutMs: 100, maximumBodyBytes: 10_000, maximumCommitmentBytes: 10_000, maximumUriLength: 5_000 }; // prettier-ignore
  listener = new DicomwebListener(options, handler, keepingLogger());
  ({ port } = await listener.listen());
});
afterAll(() => listener.close(0));

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required?: boolean; readonly style?: string; readonly schema: { readonly type: string } }[];
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, unknown>> };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: unknown }>>;
} // prettier-ignore

interface OpenApi {
  readonly openapi: string;
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

async function openApi(): Promise<OpenApi> {
  const { body } = await call(port, `${BASE}/openapi.json`);
  return JSON.parse(body.toString()) as OpenApi;
}

interface WadlResource {
  readonly '@path': string;
  readonly resource?: readonly WadlResource[];
  readonly method?: readonly WadlMethod[];
}
interface WadlMethod {
  readonly '@name': string;
  readonly '@id': string;
  readonly request: { readonly param?: readonly { readonly '@name': string; readonly '@style': string }[]; readonly representation?: readonly unknown[] };
  readonly response: readonly { readonly '@status': string }[];
} // prettier-ignore

interface Described extends WadlMethod {
  readonly path: string;
}

async function wadl(): Promise<Described[]> {
  const { body } = await call(port, `${BASE}/`, { method: 'OPTIONS', headers: { Accept: 'application/json' } });
  const { application } = JSON.parse(body.toString()) as { application: { resources: { resource: WadlResource[] } } };
  const methodsOf = (resource: WadlResource, above: string): Described[] => {
    const path = `${above}/${resource['@path']}`;
    const inside = (resource.resource ?? []).flatMap((each) => methodsOf(each, path));
    return [...(resource.method ?? []).map((method) => ({ ...method, path })), ...inside];
  };
  return application.resources.resource.flatMap((each) => methodsOf(each, ''));
}

const VALUES: Readonly<Record<string, string>> = { aetitle: 'WATCHER', requester: 'ASKER' };
const targetOf = (path: string): string =>
  `${BASE}${path.replaceAll(/\{(\w+)\}/g, (_, name: string) => VALUES[name] ?? MPPS_UID)}`;

/** A request that is right. */
function rightRequest({ '@id': id, '@name': method, path, request }: Described): { target: string; options: HttpCall } {
  const state = dataSetOf({ '00741000': attribute('CS', 'IN PROGRESS'), '00081195': attribute('UI', '2.25.1') });
  const reference = dataSetOf({ '00081150': attribute('UI', '1.2.3'), '00081155': attribute('UI', '1.2.4') });
  const bodies: Readonly<Record<string, DataSet>> = {
    requestStorageCommitment: dataSetOf({ '00081199': attribute('SQ', reference) }),
    updateWorkitem: dataSetOf({ '00081195': attribute('UI', '2.25.1') }),
    changeWorkitemState: state,
    changeWorkitemStateByRequester: state,
  };
  const body = request.representation === undefined ? undefined : toJson(bodies[id] ?? RESULT);
  return {
    target: `${targetOf(path)}${id === 'update' ? '?update' : ''}`,
    options: {
      method,
      ...(body !== undefined && { body: `[${body}]`, headers: { 'Content-Type': 'application/dicom+json' } }),
    },
  };
}

/** Every status that can be had of a transaction, by making its far end fail and by mending its request for the worse. */
async function statusesOf(described: Described): Promise<number[]> {
  const { target, options } = rightRequest(described);
  const found = new Set<number>();
  const ask = async (more: HttpCall = {}, at = target): Promise<void> => {
    const headers = { ...options.headers, ...more.headers };
    found.add((await call(port, at, { ...options, ...more, headers })).status);
  };
  script = calm();
  if (described['@id'] === 'openNotificationConnection') {
    const { socket, closed } = await subscriberAt(port, target);
    found.add(101);
    socket.close();
    await closed;
    const fails = async (): Promise<void> =>
      subscriberAt(port, target).then(
        () => undefined,
        (error: Error) => void found.add(Number(error.message)),
      );
    for (const failure of codesOf(described)) {
      script = { ...calm(), failure };
      await fails();
    }
    script = calm();
    await ask();
    const upgrade = { Connection: 'Upgrade', Upgrade: 'websocket' };
    await ask({ headers: upgrade });
    return [...found].sort((a, b) => a - b);
  }
  await ask();
  for (const change of [{ results: [] }, { isPending: true }]) {
    script = { ...calm(), ...change };
    await ask();
  }
  for (const failure of codesOf(described)) {
    script = { ...calm(), failure };
    await ask();
  }
  script = calm();
  await ask({ headers: { Accept: 'image/jpeg' } });
  await ask({}, target.replace(MPPS_UID, 'no-uid'));
  await ask({}, `${target}${target.includes('?') ? '&' : '?'}nonsense=1`);
  if (options.body !== undefined) {
    await ask({ headers: { 'Content-Type': 'text/plain' } });
    await ask({ body: `[{"00100020":{"vr":"LO","Value":["${'x'.repeat(12_000)}"]}}]` });
    await ask({ body: '{' });
  }
  return [...found].sort((a, b) => a - b);
}

/** Of a request whose body does not come; none where there is no body. */
async function statusOfStalledBody(described: Described): Promise<number[]> {
  const { target, options } = rightRequest(described);
  const { method = 'POST', headers = {}, body } = options;
  if (body === undefined) return [];
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `${method} ${target} HTTP/1.1\r\nHost: gw\r\nContent-Length: 10\r\n${fields.join('')}\r\n`;
  return [Number((await exchangeBytes(port, head)).split(' ')[1])];
}

/** What each transaction of workitems may come to besides what every one may. */
const OF_INSTANCE: readonly FailureCode[] = ['NO_SUCH_INSTANCE', 'INSTANCE_DELETED'];
const OF_PAYLOAD: readonly FailureCode[] = ['MISSING_ATTRIBUTE', 'MISSING_VALUE', 'INVALID_VALUE', 'INVALID_UID'];
const OF_CHANGE: readonly FailureCode[] = [
  ...OF_INSTANCE,
  ...OF_PAYLOAD,
  ...(['INSTANCE_FINAL', 'INSTANCE_CONFLICT', 'NO_SUCH_ATTRIBUTE', 'OUTCOME_UNKNOWN', 'STATE_CONFLICT'] as const),
  ...(['TRANSACTION_UID_MISSING', 'TRANSACTION_UID_WRONG'] as const),
];
const OF_SUBSCRIPTION: readonly FailureCode[] = ['NO_SUCH_INSTANCE', 'SUBSCRIPTION_UNKNOWN', 'FILTER_NOT_SUPPORTED'];
const OF_WORKITEMS: Readonly<Record<string, readonly FailureCode[]>> = {
  searchForWorkitems: SEARCH_FAILURE_CODES,
  createWorkitem: ['DUPLICATE_INSTANCE', 'WORKITEM_NOT_SCHEDULED', ...OF_PAYLOAD],
  retrieveWorkitem: OF_INSTANCE,
  updateWorkitem: OF_CHANGE,
  changeWorkitemState: OF_CHANGE,
  changeWorkitemStateByRequester: OF_CHANGE,
  requestCancellation: OF_CHANGE,
  requestCancellationByRequester: OF_CHANGE,
  subscribe: [...OF_SUBSCRIPTION, 'INSTANCE_DELETED'],
  unsubscribe: OF_SUBSCRIPTION,
  suspendGlobalSubscription: OF_SUBSCRIPTION,
  openNotificationConnection: [],
};

/** Failures that the table of its service knows. */
function codesOf({ '@id': id, path }: Described): readonly FailureCode[] {
  if (path.startsWith('/modality-scheduled')) return Object.keys(OUTCOMES) as FailureCode[];
  if (path.startsWith('/modality-performed')) {
    const all = Object.keys(MPPS_OUTCOMES) as FailureCode[];
    return all.filter((code) => id !== 'retrieve' || (code !== 'DUPLICATE_INSTANCE' && code !== 'INSTANCE_FINAL'));
  }
  if (path.startsWith('/commitment')) return Object.keys(COMMITMENT_OUTCOMES) as FailureCode[];
  const own = OF_WORKITEMS[id];
  if (own === undefined) throw new Error(`no failures are known of ${id}`);
  return [...COMMON_FAILURE_CODES, ...own];
}

test('each transaction answers with the statuses that are described, and with no others (PS3.18 8.9.2)', async () => {
  const all = await wadl();
  const found: Record<string, number[]> = {};
  // Those who send no body are waited for together.
  const stalled = new Map(await Promise.all(all.map(async (one) => [one['@id'], await statusOfStalledBody(one)] as const)));
  for (const one of all) {
    const statuses = new Set([...(await statusesOf(one)), ...(stalled.get(one['@id']) ?? [])]);
    found[one['@id']] = [...statuses].sort((a, b) => a - b);
  }
  const described = all.map((one) => [one['@id'], one.response.map((each) => Number(each['@status'])).sort((a, b) => a - b)]);
  expect(found).toEqual(Object.fromEntries(described));
}); // prettier-ignore

test('each path has the methods that are described, and others are 405 with these in Allow (PS3.18 8.4)', async () => {
  const { paths } = await openApi();
  for (const [path, methods] of Object.entries(paths)) {
    const known = Object.keys(methods).map((method) => method.toUpperCase());
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      const { status, headers } = await call(port, targetOf(path), { method });
      const allowed = String(headers.allow ?? '').split(', ').filter((one) => one !== 'HEAD' && one !== 'OPTIONS'); // prettier-ignore
      if (known.includes(method)) expect([path, method, status]).not.toEqual([path, method, 405]);
      else expect([path, status, allowed.sort()]).toEqual([path, 405, known.filter((one) => one !== 'OPTIONS').sort()]);
    }
  }
});

test('each query parameter that is described is known, and another is not (PS3.18 8.3)', async () => {
  const right = new Map((await wadl()).map((one) => [`${one['@name']} ${one.path}`, rightRequest(one)]));
  const unknown = async ({ target, options }: ReturnType<typeof rightRequest>, text: string): Promise<boolean> => {
    const { status, body } = await call(port, `${target}${target.includes('?') ? '&' : '?'}${text}`, options);
    return status === 400 && body.toString().includes('is not known');
  };
  const values: Readonly<Record<string, string>> = { boolean: 'false', integer: '1', string: '1' };
  const { paths } = await openApi();
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, { parameters }] of Object.entries(methods)) {
      const request = right.get(`${method.toUpperCase()} ${path}`);
      if (request === undefined || path.startsWith('/ws/')) continue;
      const wrong: string[] = [];
      for (const { name, schema, style } of parameters.filter((one) => one.in === 'query' && one.name !== 'update')) {
        const text = style === 'form' ? '' : `${name}=${values[schema.type] ?? ''}`;
        if (text !== '' && (await unknown(request, text))) wrong.push(name);
      }
      expect([path, method, wrong]).toEqual([path, method, []]);
    }
  }
}, 20_000);

describe('the OpenAPI document', () => {
  test('describes what the WADL does, transactions of one path and method as one operation, and itself', async () => {
    const [document, all] = [await openApi(), await wadl()];
    const fromWadl: Record<string, Record<string, { statuses: string[]; query: string[] }>> = {};
    for (const one of all) {
      const operation = ((fromWadl[one.path] ??= {})[one['@name'].toLowerCase()] ??= { statuses: [], query: [] });
      operation.statuses.push(...one.response.map((each) => each['@status']));
      const names = (one.request.param ?? []).filter((each) => each['@style'] === 'query').map((each) => each['@name']);
      operation.query.push(...names.map((name) => name.replace(/^\{(.*)\}$/, '$1')));
    }
    const unique = (texts: readonly string[]): string[] => [...new Set(texts)].sort();
    const seen: typeof fromWadl = {};
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, { responses, parameters }] of Object.entries(methods)) {
        const statuses = Object.keys(responses).filter((status) => status !== 'default');
        const query = parameters.filter((one) => one.in === 'query').map(({ name }) => name);
        (seen[path] ??= {})[method] = { statuses: unique(statuses), query: unique(query) };
      }
    }
    const { '/': _own, '/openapi.json': itself, ...others } = seen;
    expect(itself).toEqual({ get: { statuses: ['200', '304', '406'], query: [] } });
    expect(others).toEqual(
      Object.fromEntries(
        Object.entries(fromWadl).map(([path, methods]) => [
          path,
          Object.fromEntries(
            Object.entries(methods).map(([method, { statuses, query }]) => [
              method,
              { statuses: unique(statuses), query: unique(query) },
            ]),
          ),
        ]),
      ),
    );
  });

  test('is of the form of OpenAPI 3.1: path parameters are those of the path and needed, names are there once, ids too', async () => {
    const { openapi, servers, paths } = await openApi();
    expect([openapi, servers]).toEqual(['3.1.1', [{ url: `http://127.0.0.1:${port}${BASE}` }]]);
    const ids: string[] = [];
    for (const [path, methods] of Object.entries(paths)) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const { operationId, parameters, responses } of Object.values(methods)) {
        ids.push(operationId);
        const names = parameters.map((one) => `${one.in} ${one.name}`);
        expect(new Set(names).size).toBe(names.length);
        const template = parameters.filter((one) => one.in === 'path');
        expect(template.map(({ name, required }) => ({ name, required }))).toEqual(
          expect.arrayContaining(inPath.map((name) => ({ name, required: true }))),
        );
        expect(template).toHaveLength(inPath.length);
        expect(names).not.toContain('header Accept');
        for (const { description } of Object.values(responses)) expect(description).not.toBe('');
      }
    }
    expect(new Set(ids).size).toBe(ids.length);
  });

  test.each(['application/openapi+json', 'application/vnd.oai.openapi+json;version=3.1'])(
    'is what OPTIONS answers to Accept: %s, with its ETag',
    async (accept) => {
      const ask = (headers: Record<string, string>): Promise<HttpReply> =>
        call(port, `${BASE}/`, { method: 'OPTIONS', headers: { Accept: accept, ...headers } });
      const { status, headers, body } = await ask({});
      expect([status, headers['content-type']]).toEqual([200, accept.split(';')[0]]);
      expect(JSON.parse(body.toString())).toEqual(await openApi());
      expect((await ask({ 'If-None-Match': String(headers.etag) })).status).toBe(304);
    },
  );

  test('is 406 to one who takes nothing of it', async () => {
    const { status } = await call(port, `${BASE}/openapi.json`, { headers: { Accept: 'text/html' } });
    expect(status).toBe(406);
  });
});
