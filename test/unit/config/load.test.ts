import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { ConfigError, loadConfig, parseConfig } from '../../../src/config/load.ts';
import type { Config, MppsConfig } from '../../../src/config/schema.ts';
import type { MppsRouteOptions } from '../../../src/gateway/mpps-route.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function parsed(text: string, environment: Record<string, string> = {}): Promise<Config> {
  return (await parseConfig(join(folder, 'gateway.yaml'), text, environment)).config;
}

const DAY_MS = 86_400_000;
const MINIMAL = { listeners: {}, upstreams: {}, routes: [] };

test('defaults are those of the reference page', async () => {
  await writeFile(join(folder, 'worklist.json'), '[]');
  const config = await parsed(`
listeners:
  ward: { protocol: dimse, aeTitle: DIMSEWAY, port: 11112 }
  web: { protocol: dicomweb, port: 8080 }
upstreams:
  webRis: { protocol: dicomweb, baseUrl: https://ris.example/dicomweb/ }
  oldRis: { protocol: dimse, host: 10.0.0.5, port: 104, aeTitle: OLDRIS, callingAeTitle: DIMSEWAY }
  sandbox: { protocol: ris, entries: worklist.json }
routes:
  - { name: all, worklist: { to: webRis }, mpps: { to: oldRis } }
`);
  const syntaxes = ['1.2.840.10008.1.2.1', '1.2.840.10008.1.2'];
  const matching = {
    fuzzyMatching: false,
    timezoneAdjustment: false,
    emptyValueMatching: false,
    multipleValueMatching: false,
  };
  expect(config).toEqual({
    listeners: {
      ward: {
        protocol: 'dimse',
        aeTitles: ['DIMSEWAY'],
        host: '127.0.0.1',
        port: 11112,
        access: {},
        limits: {},
        maximumHeldSize: 256 * 1024 * 1024,
        maximumAssociations: 500,
        maximumHalfOpenConnections: 100,
        maximumPduLength: 65_536,
        maximumMessageSize: 16 * 1024 * 1024,
        transferSyntaxes: syntaxes,
        duplicateContexts: 'accept',
        warningsAsSuccess: true,
        timers: { artim: 30_000, idle: 60_000, request: 30_000 },
        log: {},
      },
      web: {
        protocol: 'dicomweb',
        basePaths: [''],
        host: '127.0.0.1',
        port: 8080,
        access: {},
        limits: {},
        maximumHeldSize: 256 * 1024 * 1024,
        strictParameters: false,
        strictAccept: false,
        draftMethods: false,
        createStatus: 201,
        maximumBodySize: 1024 * 1024,
        maximumCommitmentSize: 32 * 1024 * 1024,
        maximumUriLength: 16_384,
        maximumConnections: 1_000,
        timers: { headers: 10_000, request: 30_000, idle: 30_000 },
        log: {},
      },
    },
    upstreams: {
      webRis: {
        protocol: 'dicomweb',
        baseUrl: 'https://ris.example/dicomweb',
        mediaType: 'json',
        headers: {},
        parameterNames: 'tag',
        includefield: 'list',
        emptySequence: 'leaves',
        omitDefaultReturnKeys: false,
        repeatMatchKeys: false,
        maximumUriLength: 6_000,
        ...matching,
        updateStyle: 'query',
        treat404AsEmpty: false,
        maximumConnections: 32,
        maximumAnswerSize: 512 * 1024 * 1024,
        redirectHosts: [],
        spool: { concurrency: 4, firstDelay: 1_000, maximumDelay: 300_000, attemptTimeout: 60_000 },
        timers: { connect: 5_000, response: 25_000, body: 10_000, idle: 30_000 },
      },
      oldRis: {
        protocol: 'dimse',
        host: '10.0.0.5',
        port: 104,
        aeTitle: 'OLDRIS',
        callingAeTitle: 'DIMSEWAY',
        commitment: { roleSelection: 'require', unknownReports: 'refuse' },
        maximumResults: 10_000,
        transferSyntaxes: syntaxes,
        maximumPduLength: 65_536,
        maximumMessageSize: 16 * 1024 * 1024,
        ...matching,
        omitKeys: [],
        explicitRetrieveList: false,
        retrieveWithMppsClass: false,
        pool: { maximum: 10, idle: 10_000 },
        spool: { concurrency: 4, firstDelay: 1_000, maximumDelay: 300_000, attemptTimeout: 60_000 },
        timers: { connect: 5_000, association: 10_000, response: 30_000 },
      },
      sandbox: {
        protocol: 'ris',
        entries: [join(folder, 'worklist.json')],
        entryWhen: { inProgress: 'keep', completed: 'remove', discontinued: 'keep' },
        ageing: { scheduled: undefined, started: undefined, done: undefined, steps: undefined },
        validation: 'strict',
        simulateCommitment: false,
      },
    },
    routes: [
      {
        name: 'all',
        from: {},
        characterSets: [],
        unencodable: 'utf-8',
        scopes: [],
        worklist: { to: ['webRis'], rules: { request: [], response: [] } },
        mpps: {
          to: 'oldRis',
          delivery: 'direct',
          forwardTo: [],
          validation: 'warn',
          rules: { request: [], response: [] },
          missingInstanceUid: 'refuse',
          unknownInstance: 'pass',
          fillType2: true,
          preCreateOptional: false,
          retrieveFromCopy: false,
        },
        log: {},
      },
    ],
    store: {
      kind: 'sqlite',
      path: join(folder, 'data/dimseway.db'),
      connections: 10,
      retention: {
        final: 30 * DAY_MS,
        open: 90 * DAY_MS,
        commitments: 30 * DAY_MS,
        finalWorkitems: 30 * DAY_MS,
        seenWorkitems: 30 * DAY_MS,
        tombstones: 365 * DAY_MS,
      },
    },
    log: { level: 'info', messages: 'none' },
    timers: { shutdown: 10_000 },
  });
});

test('durations come out in milliseconds, sizes in bytes, transfer syntaxes as UIDs, attribute paths as tags', async () => {
  const { listeners, upstreams } = await parsed(`
listeners:
  a: { protocol: dimse, aeTitles: [A, ' B '], port: 0, maximumMessageSize: 64KiB, transferSyntaxes: [deflated], timers: { artim: 500ms, idle: 1.5s, request: 2m } }
upstreams:
  b: { protocol: dimse, host: h, port: 1, aeTitle: A, callingAeTitle: pass-through, pool: { idle: 0s }, omitKeys: [ScheduledProcedureStepSequence.Modality, '0009100A'] }
routes: []
`);
  expect(listeners['a']).toMatchObject({
    aeTitles: ['A', 'B'],
    maximumMessageSize: 65_536,
    transferSyntaxes: ['1.2.840.10008.1.2.1.99'],
    timers: { artim: 500, idle: 1_500, request: 120_000 },
  });
  expect(upstreams['b']).toMatchObject({ pool: { idle: 0 }, omitKeys: [['00400100', '00080060'], ['0009100A']] });
});

test('ages come out in milliseconds, kept ones as nothing; the path of the store counts from the folder of the file', async () => {
  const { store } = await parsed(
    `${JSON.stringify(MINIMAL).slice(0, -1)}, "store": { "path": "../x.db", "retention": { "final": "36h", "open": "keep" } } }`,
  );
  expect(store).toEqual({
    kind: 'sqlite',
    path: join(folder, '../x.db'),
    connections: 10,
    retention: {
      final: 1.5 * DAY_MS,
      open: undefined,
      commitments: 30 * DAY_MS,
      finalWorkitems: 30 * DAY_MS,
      seenWorkitems: 30 * DAY_MS,
      tombstones: 365 * DAY_MS,
    },
  });
});

test('files of TLS and keys count from the folder of the file; what is said is what listeners and upstreams are built with', async () => {
  const { listeners, upstreams, routes } = await parsed(`
listeners:
  ward:
    protocol: dimse
    aeTitle: WARD
    port: 2762
    tls: { certificate: gw.crt, key: keys/gw.key, clientCertificates: require, authorities: [ca.crt], profile: bcp195-rfc9325-modified }
    access: { certificates: ['CN=ct1,O=Hospital', 'sha256:${'AB:'.repeat(31)}AB'] }
    limits: { requestsPerSecond: 20, burst: 40, concurrentRequests: 5 }
  web:
    protocol: dicomweb
    port: 8443
    tls: { certificate: gw.crt, key: keys/gw.key, passphrase: changeit }
    authentication:
      jwt: { issuer: 'https://login.example', audience: dimseway, keys: keys.json }
      apiKeys: [{ subject: engine, hash: 'sha256:00', scopes: [mpps] }]
upstreams:
  ris: { protocol: dicomweb, baseUrl: 'https://ris', tls: { authorities: [ca.crt] }, credentials: { passOn: true, basic: { user: gw, password: secret } } }
  pacs: { protocol: dimse, host: pacs, port: 2762, aeTitle: PACS, callingAeTitle: WARD, tls: { certificate: gw.crt, key: keys/gw.key, serverName: pacs.example } }
routes:
  - { name: all, from: { listener: web, subjects: [engine] }, scopes: [mpps], worklist: { to: ris }, mpps: { to: pacs } }
`);
  const at = (name: string): string => join(folder, name);
  const own = { certificate: at('gw.crt'), key: at('keys/gw.key') };
  expect(listeners['ward']).toMatchObject({
    tls: { ...own, clientCertificates: 'require', authorities: [at('ca.crt')], profile: 'bcp195-rfc9325-modified' },
    access: { certificates: ['CN=ct1,O=Hospital', `sha256:${'AB:'.repeat(31)}AB`] },
    limits: { requestsPerSecond: 20, burst: 40, concurrentRequests: 5 },
  });
  expect(listeners['web']).toMatchObject({
    tls: { ...own, passphrase: 'changeit', clientCertificates: 'none', profile: 'bcp195-rfc9325' },
    authentication: {
      required: true,
      certificates: false,
      refusal: 403,
      jwt: { issuer: 'https://login.example', audience: 'dimseway', keys: at('keys.json'), clockTolerance: 30_000 },
      apiKeys: [{ subject: 'engine', hash: 'sha256:00', scopes: ['mpps'] }],
    },
  });
  expect(upstreams['ris']).toMatchObject({
    tls: { authorities: [at('ca.crt')], profile: 'bcp195-rfc9325' },
    credentials: { passOn: true, basic: { user: 'gw', password: 'secret' } },
  });
  expect(upstreams['pacs']).toMatchObject({ tls: { ...own, serverName: 'pacs.example' } });
  expect(routes[0]).toMatchObject({ from: { subjects: ['engine'] }, scopes: ['mpps'] });
});

test('what a route says about storage commitment is what the gateway is built with', async () => {
  const { routes } = await parsed(`
listeners: {}
upstreams:
  archive: { protocol: dicomweb, baseUrl: http://archive }
routes:
  - { name: plain, storageCommitment: { to: archive } }
  - name: own
    storageCommitment:
      to: archive
      delivery: store-and-forward
      transactionUids: own
      holdTime: 0s
      deadline: 2h
      poll: { first: 1s, maximum: 1m }
      attemptTimeout: 20s
      reportOn: new-association
      retrieveAeTitle: ARCHIVE
      repeatedRequest: answer
`);
  expect(routes.map(({ storageCommitment }) => storageCommitment)).toEqual([
    {
      to: 'archive',
      delivery: 'direct',
      transactionUids: 'same',
      holdTime: 5_000,
      deadline: DAY_MS,
      poll: { first: 10_000, maximum: 600_000 },
      attemptTimeout: 60_000,
      reportOn: 'open-association',
      repeatedRequest: 'refuse',
    },
    {
      to: 'archive',
      delivery: 'store-and-forward',
      transactionUids: 'own',
      holdTime: 0,
      deadline: 7_200_000,
      poll: { first: 1_000, maximum: 60_000 },
      attemptTimeout: 20_000,
      reportOn: 'new-association',
      retrieveAeTitle: 'ARCHIVE',
      repeatedRequest: 'answer',
    },
  ]);
});

test('what a route says about MPPS is what the gateway is built with', async () => {
  const { routes } = await parsed(`
listeners: {}
upstreams:
  ris: { protocol: dicomweb, baseUrl: http://ris, updateStyle: path }
  pacs: { protocol: dicomweb, baseUrl: http://pacs }
  archive: { protocol: dicomweb, baseUrl: http://archive }
routes:
  - name: all
    mpps:
      to: ris
      delivery: store-and-forward
      forwardTo: [pacs, { to: archive, rules: { request: [{ remove: PatientSize }] } }]
      validation: strict
      missingInstanceUid: generate
      unknownInstance: refuse
      fillType2: false
      preCreateOptional: true
      defaults: { stationAeTitle: ' WEBUS ', modality: US }
      retrieveFromCopy: true
`);
  // The fields are the gateway's own: what the compiler takes here, it takes there.
  const options: MppsRouteOptions = { defaults: undefined, ...(routes[0]?.mpps as MppsConfig) };
  expect(options).toEqual({
    to: 'ris',
    delivery: 'store-and-forward',
    forwardTo: [
      { to: 'pacs', rules: { request: [] } },
      { to: 'archive', rules: { request: [{ remove: 'PatientSize' }] } },
    ],
    rules: { request: [], response: [] },
    validation: 'strict',
    missingInstanceUid: 'generate',
    unknownInstance: 'refuse',
    fillType2: false,
    preCreateOptional: true,
    defaults: { stationAeTitle: 'WEBUS', modality: 'US' },
    retrieveFromCopy: true,
  });
});

test('a data base of PostgreSQL and the token of the console may come from files', async () => {
  await writeFile(join(folder, 'secret'), 'postgres://gateway:s3cret@db/dimseway\n');
  await writeFile(join(folder, 'token'), 'abcdefghijklmnop0123\n');
  const { store, console } = await parsed(`
listeners: {}
upstreams: {}
routes: []
store: { kind: postgres, url: { file: secret } }
console: { host: 0.0.0.0, port: 8090, token: { file: token } }
`);
  expect(store).toMatchObject({ kind: 'postgres', url: 'postgres://gateway:s3cret@db/dimseway', connections: 10 });
  expect(console).toEqual({ host: '0.0.0.0', port: 8090, exchanges: 1_000, token: 'abcdefghijklmnop0123' });
});

test('the configuration is frozen throughout', async () => {
  const config = await parsed('{ listeners: {}, upstreams: {}, routes: [{ name: a }] }');
  expect(() => config.routes.push(config.routes[0] as Config['routes'][number])).toThrow(TypeError);
  expect(Object.isFrozen(config.routes[0]?.from)).toBe(true);
});

test('a JSON file is a configuration too', async () => {
  const file = join(folder, 'gateway.json');
  await writeFile(file, JSON.stringify({ ...MINIMAL, console: { port: 0 } }, undefined, 2));
  const { config } = await loadConfig(file, {});
  expect(config.console).toEqual({ host: '127.0.0.1', port: 0, exchanges: 1_000 });
});

test('a file that is not there is CONFIG_UNREADABLE, by the name it was given', async () => {
  const file = relative(process.cwd(), join(folder, 'none.yaml'));
  const error = await loadConfig(file, {}).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConfigError);
  expect(error).toMatchObject({ code: 'CONFIG_UNREADABLE', message: `${file} cannot be read: there is no such file` });
});

describe('environment variables', () => {
  const withLog = (text: string): string => `${JSON.stringify(MINIMAL).slice(0, -1)}, "log": { "level": ${text} } }`;

  test.each([
    ['${LEVEL}', 'debug'],
    ['"${LEVEL}"', 'debug'],
    ['${NONE:-warn}', 'warn'],
    ['${EMPTY:-warn}', 'warn'],
    ['de${BUG}', 'debug'],
  ])('%s is read', async (text, expected) => {
    const config = await parsed(withLog(text), { LEVEL: 'debug', BUG: 'bug', EMPTY: '' });
    expect(config.log.level).toBe(expected);
  });

  test('unquoted they can be numbers and truths, also within braces; quoted they are text', async () => {
    const config = await parsed(
      'listeners: { a: { protocol: dicomweb, port: ${PORT:-8080}, strictAccept: ${STRICT}, basePath: "${PATH}" } }\n' +
        'upstreams: { b: { protocol: dimse, host: h, port: ${PORT}, aeTitle: "${TITLE}", callingAeTitle: B } }\nroutes: []\n',
      { PORT: '4711', STRICT: 'true', PATH: '', TITLE: '12' },
    );
    expect(config.listeners['a']).toMatchObject({ port: 4711, strictAccept: true, basePaths: [''] });
    expect(config.upstreams['b']).toMatchObject({ port: 4711, aeTitle: '12' });
  });

  test('their values are text, never YAML', async () => {
    const value = '], x: {a: 1} # ${LEVEL}';
    const config = await parsed(
      `upstreams: { a: { protocol: dicomweb, baseUrl: http://x, headers: { X: \${VALUE} } } }\nlisteners: {}\nroutes: []`,
      {
        VALUE: value,
      },
    );
    expect(config.upstreams['a']).toMatchObject({ headers: { X: value } });
  });

  test('$${ is a plain ${', async () => {
    const config = await parsed(
      'upstreams: { a: { protocol: dicomweb, baseUrl: http://x, headers: { X: "$${NAME}" } } }\nlisteners: {}\nroutes: []',
    );
    expect(config.upstreams['a']).toMatchObject({ headers: { X: '${NAME}' } });
  });
});

test('a secret is read from a file beside the configuration, without the newline at its end', async () => {
  await writeFile(join(folder, 'token'), 'Bearer abc\n');
  const config = await parsed(
    'upstreams: { a: { protocol: dicomweb, baseUrl: http://x, headers: { Authorization: { file: token } } } }\nlisteners: {}\nroutes: []',
  );
  expect(config.upstreams['a']).toMatchObject({ headers: { Authorization: 'Bearer abc' } });
});

test('file: is a secret only where secrets belong; the file of message values is a plain path', async () => {
  const config = await parsed(
    `${JSON.stringify(MINIMAL).slice(0, -1)}, "log": { "values": { "file": "values.log", "expires": "2026-12-01T12:00:00+01:00" } } }`,
  );
  expect(config.log.values).toEqual({ file: join(folder, 'values.log'), expires: new Date('2026-12-01T11:00:00Z') });
  await expect(
    parsed(`${JSON.stringify(MINIMAL).slice(0, -1)}, "log": { "level": { "file": "token" } } }`),
  ).rejects.toThrow('log.level: should be one of error, warn, info, debug. Found: a mapping');
});

test('aliases repeat what their anchor holds', async () => {
  const { routes } = await parsed(`
listeners: {}
upstreams: { a: { protocol: dicomweb, baseUrl: http://x } }
routes:
  - name: one
    worklist: { to: a, rules: { response: &rules [{ remove: PatientSex }] } }
  - name: two
    from: { basePath: /x }
    worklist: { to: a, rules: { response: *rules } }
`);
  expect(routes.map((route) => route.worklist?.rules.response)).toEqual([
    [{ remove: 'PatientSex' }],
    [{ remove: 'PatientSex' }],
  ]);
});

describe('what would take too much time or memory is a problem', () => {
  test.each([
    [
      'aliases of aliases',
      `a: &a [${'x,'.repeat(9)}x]\n${Array.from({ length: 9 }, (_, i) => `${String.fromCharCode(98 + i)}: &${String.fromCharCode(98 + i)} [${`*${String.fromCharCode(97 + i)},`.repeat(9)}*${String.fromCharCode(97 + i)}]`).join('\n')}`,
      'has more than 50000 values',
    ],
    ['deep nesting', `${'['.repeat(40)}${']'.repeat(40)}`, 'is nested deeper than 32 levels'],
    ['deepest nesting', '['.repeat(200_000), /nested|not YAML/],
    ['a long file', `# ${'x'.repeat(1_000_000)}`, 'is too long: 1000002 characters, at most 1000000'],
  ])('%s', async (_what, text, message) => {
    const startedMs = performance.now();
    await expect(parsed(text)).rejects.toThrow(message);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });
});
