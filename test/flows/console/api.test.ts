/** What the console tells its pages, of a gateway over real sockets with each role. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from '../../../src/app.ts';
import { ConfigFile } from '../../../src/config/config-file.ts';
import type {
  ConfigView,
  ExchangeDetail,
  ExchangeList,
  Me,
  Overview,
  Timeline,
  TriedDataSet,
  TriedSearch,
} from '../../../src/console/api-types.ts';
import { toJson } from '../../../src/dataset/json.ts';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import { SILENT } from '../../../src/observe/log.ts';
import type { Upstream } from '../../../src/services/port.ts';
import { upstreamTo } from '../../support/beds.ts';
import { createMessage } from '../../support/mpps.ts';
import { collect, contextOf, entryOf, queryOf } from '../../support/requests.ts';

const UID = '1.2.3.4.5';
const NAME = 'DOE^P1';
const TOKENS = { viewer: 'token-of-a-viewer', operator: 'token-of-an-operator', values: 'token-of-a-reader' };
type Role = keyof typeof TOKENS;

let folder: string;
let file: string;
let app: App;
let port: number;
let modality: Upstream;

function yaml(rule = ''): string {
  return `
listeners:
  ward: { protocol: dimse, aeTitle: FAREND, port: 0 }
  web: { protocol: dicomweb, basePath: /far, port: 0 }
upstreams:
  ris: { protocol: ris, entries: worklist.json }
  nobody: { protocol: dicomweb, baseUrl: "http://127.0.0.1:1/far" }
  scp: { protocol: dimse, host: 127.0.0.1, port: 1, aeTitle: SCP, callingAeTitle: ME, omitKeys: [StudyInstanceUID] }
routes:
  - name: ward
    from: { listener: ward, calledAeTitles: [FAREND] }
    worklist: { to: ris, rules: { response: [{ set: RequestedProcedureDescription, value: MAPPED }] } }
    mpps: { to: ris, delivery: store-and-forward, forwardTo: [nobody] }
  - { name: dead, from: { listener: web }, worklist: { to: nobody } }
console:
  port: 0
  tokens:${(Object.keys(TOKENS) as Role[]).map((role) => `\n    - { name: a-${role}, token: ${TOKENS[role]}, role: ${role} }`).join('')}
  capture: { until: 2099-01-01T00:00:00Z }
timers: { shutdown: 500ms }${rule}
`;
}

interface Reply<Body> {
  readonly status: number;
  readonly body: Body;
}

async function ask<Body>(role: Role, path: string, body?: unknown): Promise<Reply<Body>> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${TOKENS[role]}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Body };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-console-'));
  file = join(folder, 'gateway.yaml');
  await writeFile(file, yaml());
  await writeFile(
    join(folder, 'worklist.json'),
    `[${['P1', 'P2'].map((id) => toJson(entryOf(id, `SPS-${id}`))).join()}]`,
  );
  const config = new ConfigFile(file, {});
  app = new App({ ...SILENT, setLevel: () => undefined }, () => config.load(), config);
  const ports = await app.start((await config.load()).config);
  port = ports.console?.port ?? 0;
  modality = await upstreamTo('dimse', ports.listeners['ward']?.port ?? 0);
  await collect(
    modality.search(queryOf(dataSetOf({ '00100010': attribute('PN'), '00321060': attribute('LO') })), contextOf()),
  );
  await modality.createMpps(UID, createMessage(), contextOf());
  await fetch(`http://127.0.0.1:${ports.listeners['web']?.port ?? 0}/far/modality-scheduled-procedure-steps`);
});

afterAll(async () => {
  await modality.close();
  await app.close();
  await rm(folder, { recursive: true });
});

test('who asks, and whom', async () => {
  const { body } = await ask<Me>('viewer', '/api/me');
  expect(body).toMatchObject({ name: 'a-viewer', role: 'viewer', capture: { until: '2099-01-01T00:00:00.000Z' } });
  expect(body.instance).toMatch(/^[0-9a-f-]{36}$/);
});

test('the two halves at a glance', async () => {
  const { body } = await ask<Overview>('viewer', '/api/overview');
  expect(body.listeners.map(({ name, protocol, names, listening }) => [name, protocol, names, listening])).toEqual([
    ['ward', 'dimse', ['FAREND'], true],
    ['web', 'dicomweb', ['/far'], true],
  ]);
  expect(
    body.routes.map(({ name, listeners, conditions, services, traffic }) => [
      name,
      listeners,
      conditions,
      services,
      traffic.exchanges,
      traffic.failures,
    ]),
  ).toEqual([
    ['ward', ['ward'], 'called FAREND', { worklist: ['ris'], mpps: ['ris'], forward: ['nobody'] }, 2, 0],
    ['dead', ['web'], 'any request', { worklist: ['nobody'] }, 1, 1],
  ]);
  expect(body.upstreams.map(({ name, protocol, address, state }) => [name, protocol, address, state])).toEqual([
    ['ris', 'ris', 'embedded', 'ok'],
    ['nobody', 'dicomweb', 'http://127.0.0.1:1/far', 'failing'],
    ['scp', 'dimse', 'SCP 127.0.0.1:1', 'unknown'],
  ]);
});

describe('exchanges', () => {
  const list = async (query = ''): Promise<ExchangeList> =>
    (await ask<ExchangeList>('viewer', `/api/exchanges${query}`)).body;

  test('are listed newest first, with what the requester was told', async () => {
    const { exchanges, last } = await list();
    expect([
      last,
      exchanges.map(({ transaction, listener, upstream, uid, count, outcome }) => [
        transaction,
        listener,
        upstream,
        uid,
        count,
        outcome,
      ]),
    ]).toEqual([
      3,
      [
        ['search', 'web', 'nobody', undefined, 0, 'UPSTREAM_UNREACHABLE'],
        ['create', 'ward', 'ris', UID, undefined, undefined],
        ['search', 'ward', 'ris', undefined, 2, undefined],
      ],
    ]);
  });

  test.each([
    ['?after=2', [3]],
    ['?after=3', []],
    ['?limit=1', [3]],
    ['?failed=true', [3]],
    ['?failed=false', [2, 1]],
    ['?listener=ward&service=mpps', [2]],
    [`?text=${UID}`, [2]],
    [`?uid=${UID}`, [2]],
    ['?route=dead', [3]],
  ])('%s narrows them', async (query, ids) => {
    const { exchanges, last } = await list(query);
    expect([exchanges.map(({ id }) => id), last]).toEqual([ids, 3]);
  });

  test.each(['?limit=0', '?limit=1001', '?failed=maybe', '?service=x', '?after=-1', '?colour=red', '?text=a&text=b'])(
    '%s is refused',
    async (query) => {
      expect(await ask('viewer', `/api/exchanges${query}`)).toMatchObject({
        status: 400,
        body: { code: 'PARAMETER_INVALID' },
      });
    },
  );

  test('each shows what passed on either side', async () => {
    const { body } = await ask<ExchangeDetail>('viewer', '/api/exchanges/3');
    expect(body.hops.map(({ side, peer, direction, status }) => [side, peer, direction, status])).toEqual([
      ['requester', '127.0.0.1', 'in', undefined],
      ['upstream', 'nobody', 'out', undefined],
      ['upstream', 'nobody', 'in', 'UPSTREAM_UNREACHABLE'],
      ['requester', '127.0.0.1', 'out', expect.stringMatching(/^50\d$/)],
    ]);
  });

  test('data sets are masked for an operator, the change of a rule can be seen all the same', async () => {
    const { body } = await ask<ExchangeDetail>('operator', '/api/exchanges/1');
    expect(JSON.stringify(body)).not.toContain('DOE');
    expect(body.captured.every(({ masked }) => masked)).toBe(true);
    const [before] = body.captured.filter(({ stage }) => stage === 'result');
    const [after] = body.captured.filter(({ stage }) => stage === 'result-mapped');
    expect(after?.dataSet['00100010']).toEqual(before?.dataSet['00100010']);
    expect(after?.dataSet['00321060']).not.toEqual(before?.dataSet['00321060']);
  });

  test('who may see values sees them', async () => {
    const { body } = await ask<ExchangeDetail>('values', '/api/exchanges/1');
    expect(JSON.stringify(body.captured)).toContain(NAME);
    expect(body.captured.some(({ masked }) => masked)).toBe(false);
  });

  test.each(['0', '4', 'x', '1x'])('%s is none', async (id) => {
    expect(await ask('viewer', `/api/exchanges/${id}`)).toMatchObject({
      status: 404,
      body: { code: 'EXCHANGE_UNKNOWN' },
    });
  });
});

describe('the timeline of a step', () => {
  test('has its exchange, what is remembered of it and what waits for its delivery', async () => {
    const { body } = await ask<Timeline>('viewer', `/api/steps/${UID}`);
    expect(new Set(body.entries.map(({ kind }) => kind))).toEqual(new Set(['exchange', 'record', 'spool']));
    expect(body.entries.find(({ kind }) => kind === 'exchange')).toMatchObject({ exchange: 2, status: '0000H' });
    expect(body.entries.find(({ kind, text }) => kind === 'spool' && text.startsWith('create'))).toMatchObject({
      status: 'queued',
    });
    expect(body.entries.map(({ at }) => at)).toEqual(body.entries.map(({ at }) => at).toSorted());
  });

  test('of a UID that nobody knows is empty, and of a text that is none refused', async () => {
    expect(await ask('viewer', '/api/steps/9.9.9')).toEqual({ status: 200, body: { uid: '9.9.9', entries: [] } });
    expect(await ask('viewer', '/api/steps/DOE')).toMatchObject({ status: 400, body: { code: 'PARAMETER_INVALID' } });
  });
});

describe('a search that is tried', () => {
  const search = (role: Role, more: object): Promise<Reply<TriedSearch>> =>
    ask<TriedSearch>(role, '/api/try/search', { upstream: 'ris', keys: ['PatientName=DOE*'], include: [], ...more });

  test('is shown to a viewer as it would be asked, in the ways of its upstream, and not run', async () => {
    const { body } = await search('viewer', { upstream: 'nobody', dryRun: true, limit: 5 });
    expect(body.url).toBe('http://127.0.0.1:1/far/modality-scheduled-procedure-steps?00100010=DOE*&limit=5');
    expect(body.identifier['00100010']).toEqual({ vr: 'PN', Value: [{ Alphabetic: 'DOE*' }] });
    expect(body.identifier['0020000D']).toEqual({ vr: 'UI' });
    expect(body.results).toBeUndefined();
    const { body: omitting } = await search('viewer', { upstream: 'scp', dryRun: true });
    expect(omitting.identifier['0020000D']).toBeUndefined();
  });

  test('is run for an operator with masks, for whoever may see values without, and for a viewer not at all', async () => {
    const [{ body: masked }, { body: whole }] = [await search('operator', {}), await search('values', {})];
    expect([masked.masked, masked.results?.length, JSON.stringify(masked.results).includes('DOE')]).toEqual([
      true,
      2,
      false,
    ]);
    expect([whole.masked, whole.results?.length, JSON.stringify(whole.results).includes(NAME)]).toEqual([
      false,
      2,
      true,
    ]);
    expect(await search('viewer', {})).toMatchObject({ status: 403, body: { code: 'ROLE_NEEDED' } });
  });

  test('that fails says why and what to do', async () => {
    const { status, body } = await search('operator', { upstream: 'nobody' });
    expect([status, body.failure]).toEqual([
      200,
      {
        code: 'UPSTREAM_UNREACHABLE',
        message: expect.anything() as unknown,
        fix: expect.stringContaining('baseUrl') as unknown,
      },
    ]);
    expect((await search('viewer', { dryRun: true, keys: ['Colour=red'] })).body.failure).toMatchObject({
      code: 'ATTRIBUTE_PATH_INVALID',
    });
  });

  test.each([
    [404, 'UPSTREAM_UNKNOWN', { upstream: 'elsewhere' }],
    [422, 'MEMBER_INVALID', { keys: 'PatientName' }],
    [422, 'MEMBER_INVALID', { limit: 0 }],
    [422, 'MEMBER_INVALID', { colour: 'red' }],
  ])('is refused with %d %s', async (status, code, more) => {
    expect(await search('operator', more)).toMatchObject({ status, body: { code } });
  });
});

describe('a data set that is tried', () => {
  const pasted = dataSetOf({ '00100010': attribute('PN', { Alphabetic: NAME }) });

  test('is shown in each form, with what the rules of a route make of it', async () => {
    const { body } = await ask<TriedDataSet>('viewer', '/api/try/dataset', {
      text: toJson(pasted),
      route: 'ward',
      service: 'worklist',
      direction: 'response',
    });
    expect(JSON.parse(body.json)).toEqual({ ...pasted });
    expect(body.dump).toBe(`00100010 PN PatientName: ${NAME}\n`);
    expect(body.rules).toEqual([
      {
        destination: 'Result',
        steps: [expect.stringContaining('RequestedProcedureDescription (absent) → MAPPED')],
        after: { ...pasted, '00321060': { vr: 'LO', Value: ['MAPPED'] } },
      },
    ]);
    const { body: again } = await ask<TriedDataSet>('viewer', '/api/try/dataset', { text: body.xml });
    expect([again.json, again.rules]).toEqual([body.json, undefined]);
  });

  test.each([
    [404, 'ROUTE_UNKNOWN', { text: '{}', route: 'elsewhere' }],
    [422, 'DATA_SET_INVALID', { text: 'DOE^JANE' }],
    [422, 'DATA_SET_INVALID', { text: '[{},{}]' }],
    [422, 'DATA_SET_INVALID', { text: '<DOE>' }],
    [422, 'MEMBER_INVALID', { text: '' }],
  ])('is refused with %d %s, without its text', async (status, code, body) => {
    const reply = await ask('viewer', '/api/try/dataset', body);
    expect(reply).toMatchObject({ status, body: { code } });
    expect(JSON.stringify(reply.body)).not.toContain('DOE');
  });
});

describe('roles at what was there before', () => {
  test.each([
    ['viewer', 403, 403, 403],
    ['operator', 200, 403, 200],
    ['values', 200, 200, 200],
  ] as const)('%s: the worklist %d, the export of the spool %d, a reload %d', async (role, worklist, spool, reload) => {
    const headers = { authorization: `Bearer ${TOKENS[role]}`, 'content-type': 'application/json' };
    const statusOf = async (path: string, method = 'GET'): Promise<number> =>
      (await fetch(`http://127.0.0.1:${port}${path}`, { method, headers })).status;
    expect([
      await statusOf('/api/worklist'),
      await statusOf('/api/spool/export'),
      await statusOf('/api/reload', 'POST'),
    ]).toEqual([worklist, spool, reload]);
    expect([await statusOf('/api/spool'), await statusOf('/metrics')]).toEqual([200, 200]);
  });
});

test('the running file is shown without its secrets, and told of when it is another than what runs', async () => {
  const { body: before } = await ask<ConfigView>('viewer', '/api/config');
  const line = before.lines.findIndex((each) => each.startsWith('  scp:')) + 1;
  expect([before.file, before.changed, before.problems]).toEqual([
    file,
    false,
    [{ severity: 'warning', line, column: 3, message: 'upstreams.scp: is not used by any route' }],
  ]);
  expect(before.lines.length).toBe(yaml().trimEnd().split('\n').length);
  expect(Object.values(TOKENS).filter((token) => before.lines.join('\n').includes(token))).toEqual([]);
  await writeFile(file, yaml('\nlog: { colour: red }'));
  const { body: after } = await ask<ConfigView>('viewer', '/api/config');
  expect([after.changed, after.problems]).toEqual([
    true,
    [
      {
        severity: 'error',
        line: after.lines.length,
        column: 8,
        message: expect.stringContaining('log.colour: is not an option') as unknown,
      },
    ],
  ]);
});
