import { expect, test } from '@jest/globals';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, parseConfig } from '../../../src/config/load.ts';

/** A valid file; each case changes or adds to it. */
const LISTENERS = `listeners:
  ward: { protocol: dimse, aeTitle: WARD, port: 11112 }
  web: { protocol: dicomweb, port: 8080 }
`;
const UPSTREAMS = `upstreams:
  ris: { protocol: dicomweb, baseUrl: http://ris }
`;
const ROUTES = `routes:
  - { name: all, worklist: { to: ris } }
`;

const NOW = Date.parse('2026-03-01T00:00:00Z');

/** What is wrong with a text: `line:column path: message`. */
async function placesOf(text: string, environment: Record<string, string> = {}): Promise<string[]> {
  try {
    await parseConfig('gateway.yaml', text, environment, () => NOW);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.code).toBe('CONFIG_INVALID');
    return error.problems.map((problem) => problem.text.replace(/^gateway\.yaml:/, ''));
  }
}

/** The same with the word of the text that line and column point at: `word ← path: message`. */
async function problemsOf(text: string, environment: Record<string, string> = {}): Promise<string[]> {
  return (await placesOf(text, environment)).map((problem) => pointed(text, problem));
}

async function warningsOf(text: string): Promise<string[]> {
  const { warnings } = await parseConfig('gateway.yaml', text, {}, () => NOW);
  return warnings.map((warning) => pointed(text, warning.replace(/^gateway\.yaml:/, '')));
}

function pointed(text: string, problem: string): string {
  const [, line, column, message] = /^(\d+):(\d+) (.*)$/.exec(problem) as unknown as [string, string, string, string];
  const from = (text.split('\n')[Number(line) - 1] ?? '').slice(Number(column) - 1);
  return `${/^[[{]|^[^\s:,}\]]*(:\S[^\s,}\]]*)?/.exec(from)?.[0] ?? ''} ← ${message}`;
}

const listener = (text: string): string => `listeners:\n  ward: ${text}\n${UPSTREAMS}${ROUTES}`;
const upstream = (text: string): string => `${LISTENERS}upstreams:\n  ris: ${text}\n${ROUTES}`;
const route = (text: string): string => `${LISTENERS}${UPSTREAMS}routes:\n  - ${text}\n`;
const rule = (text: string): string =>
  `${LISTENERS}${UPSTREAMS}routes:\n  - name: all\n    worklist: { to: ris, rules: { request: [${text}] } }\n`;
const rest = (text: string): string => `${LISTENERS}${UPSTREAMS}${ROUTES}${text}\n`;

test('a valid file has no problem', async () => {
  expect(await problemsOf(rest(''))).toEqual([]);
});

test.each([
  [
    'no YAML',
    'a: [',
    '1:5 is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  ['a list', '- a', '1:1 should be a mapping. Found: a list'],
  ['nothing', '', '1:1 should be a mapping. Found: nothing'],
  [
    'two documents',
    'a: 1\n---\nb: 1',
    '2:1 is not YAML: Source contains multiple documents; please use YAML.parseAllDocuments()',
  ],
  ['an unknown tag', rest('timers: !shell { shutdown: 1s }'), '8:9 Unresolved tag: quote a text that begins with !'],
  ['a key that is no text', rest('? [a]\n: b'), '8:3 has a key that is not a name'],
  ['a forbidden key', rest('__proto__: {}'), '8:1 has a key that is not a name'],
  ['a key given twice', rest('routes: []'), '8:1 routes: is given twice, first in line 6'],
  [
    'an alias without anchor',
    rest('timers: *t'),
    '8:9 timers: refers to an anchor that is not there: quote a text that begins with *',
  ],
  [
    'an anchor that holds itself',
    rest('timers: &t { shutdown: *t }'),
    '8:24 timers.shutdown: refers to an anchor that is not there: quote a text that begins with *',
  ],
])('reports a file with %s where it stands', async (_what, text, expected) => {
  expect(await placesOf(text)).toEqual([expected]);
});

test.each([
  ['an unknown key', rest('timer: { shutdown: 1s }'), 'timer ← timer: is not an option. Did you mean "timers"?'],
  [
    'a key like no other',
    rest('zzzzzz: 1'),
    'zzzzzz ← zzzzzz: is not an option. Known here: listeners, upstreams, routes, store, audit, console, memory, log, timers.',
  ],
  [
    'PostgreSQL without its place',
    rest('store: { kind: postgres }'),
    'kind ← store.kind: needs url: where the data base is',
  ],
  [
    'a path of PostgreSQL',
    rest('store: { kind: postgres, url: postgres://db/dimseway, path: x.db }'),
    'path ← store.path: is of SQLite: kind is postgres',
  ],
  [
    'a URL of SQLite',
    rest('store: { url: postgres://db/dimseway }'),
    'url ← store.url: is of PostgreSQL: set kind to postgres',
  ],
  [
    'a URL of another data base, which may hold a password',
    rest('store: { kind: postgres, url: mysql://me:secret@db/dimseway }'),
    'mysql://me:secret@db/dimseway ← store.url: should be a URL such as postgres://…. Found: (hidden)',
  ],
  [
    'another way of delivery',
    route('{ name: a, mpps: { to: ris, delivery: store-and-foward } }'),
    'store-and-foward ← routes[0].mpps.delivery: should be one of direct, store-and-forward. Did you mean "store-and-forward"? Found: store-and-foward',
  ],
  [
    'forwarding to where it goes anyhow',
    route('{ name: a, mpps: { to: ris, forwardTo: [ris] } }'),
    'ris ← routes[0].mpps.forwardTo[0]: is where the messages go anyhow. Found: ris',
  ],
  [
    'forwarding to nobody',
    route('{ name: a, mpps: { to: ris, forwardTo: [{ to: rsi }] } }'),
    'rsi ← routes[0].mpps.forwardTo[0].to: is not the name of an upstream. Did you mean "ris"? Found: rsi',
  ],
  [
    'a console for everybody',
    rest('console: { host: 0.0.0.0, port: 8090 }'),
    'console ← console: needs token or tokens: it is reached from other machines',
  ],
  [
    'a token anybody guesses',
    rest('console: { port: 8090, token: secret }'),
    'secret ← console.token: should be a token of 16 characters or more: letters, digits and ._~+/-. Found: (hidden)',
  ],
  [
    'commitment that is simulated for other machines',
    `${LISTENERS.replace('WARD,', 'WARD, host: 0.0.0.0,')}upstreams:\n  ris: { protocol: ris, simulateCommitment: true }\n${ROUTES}`,
    'simulateCommitment ← upstreams.ris.simulateCommitment: goes only where every listener is on loopback, since it promises images nobody keeps: ward is not',
  ],
  [
    'an age without unit',
    rest('store: { retention: { final: 30 } }'),
    '30 ← store.retention.final: should be an age with its unit. Found: 30',
  ],
  [
    'an age in words',
    rest('store: { retention: { open: for ever } }'),
    'for ← store.retention.open: should be an age with its unit, such as 12h or 30d, or keep. Found: for ever',
  ],
  [
    'an age of centuries',
    rest('store: { retention: { tombstones: 36501d } }'),
    '36501d ← store.retention.tombstones: should be at most 36500d, or keep. Found: 36501d',
  ],
  [
    'a status of no create',
    listener('{ protocol: dicomweb, port: 1, createStatus: 204 }'),
    '204 ← listeners.ward.createStatus: should be one of 201, 200. Found: 204',
  ],
  [
    'an update style that is none',
    upstream('{ protocol: dicomweb, baseUrl: http://x, updateStyle: put }'),
    'put ← upstreams.ris.updateStyle: should be one of query, path, draft. Found: put',
  ],
  [
    'a wrong protocol',
    upstream('{ protocol: dcomweb }'),
    'dcomweb ← upstreams.ris.protocol: should be one of dicomweb, dimse, ris, ups-rs. Did you mean "dicomweb"? Found: dcomweb',
  ],
  [
    'no protocol',
    upstream('{ baseUrl: http://x }'),
    'ris ← upstreams.ris.protocol: is missing: should be one of dicomweb, dimse, ris, ups-rs',
  ],
  ['a missing section', `${LISTENERS}${UPSTREAMS}`, 'listeners ← routes: is missing: should be a list'],
  [
    'a missing key',
    listener('{ protocol: dimse, aeTitle: A }'),
    'ward ← listeners.ward.port: is missing: should be a whole number from 0 to 65535',
  ],
  ['a wrong type', rest('console: 8090'), '8090 ← console: should be a mapping. Found: (hidden)'],
  ['an empty value', rest('timers:'), ' ← timers: should be a mapping. Found: nothing'],
  [
    'a host with its port',
    upstream('{ protocol: dimse, host: "ris.example:104", port: 104, aeTitle: A, callingAeTitle: B }'),
    '"ris.example:104" ← upstreams.ris.host: should be a host name or an IP address, without a port. Found: "ris.example:104"',
  ],
  [
    'a port that is none',
    listener('{ protocol: dimse, aeTitle: A, port: 70000 }'),
    '70000 ← listeners.ward.port: should be a whole number from 0 to 65535. Found: 70000',
  ],
  [
    'a broken number',
    listener('{ protocol: dimse, aeTitle: A, port: 1.5 }'),
    '1.5 ← listeners.ward.port: should be a whole number from 0 to 65535. Found: 1.5',
  ],
  [
    'an upstream port 0',
    upstream('{ protocol: dimse, host: h, port: 0, aeTitle: A, callingAeTitle: B }'),
    '0 ← upstreams.ris.port: should be a whole number from 1 to 65535. Found: 0',
  ],
  [
    'an unquoted number',
    listener('{ protocol: dimse, aeTitle: 4711, port: 1 }'),
    '4711 ← listeners.ward.aeTitle: should be an AE title: put it in quotes. Found: 4711',
  ],
  [
    'an AE title of 17 characters',
    listener('{ protocol: dimse, aeTitle: A2345678901234567, port: 1 }'),
    'A2345678901234567 ← listeners.ward.aeTitle: should be an AE title: 1 to 16 ASCII characters without backslash, not only spaces. Found: A2345678901234567',
  ],
  [
    'an AE title with backslash',
    listener("{ protocol: dimse, aeTitle: 'A\\B', port: 1 }"),
    "'A\\B' ← listeners.ward.aeTitle: should be an AE title: 1 to 16 ASCII characters without backslash, not only spaces. Found: 'A\\B'",
  ],
  ['no AE title', listener('{ protocol: dimse, port: 1 }'), 'ward ← listeners.ward: needs aeTitle or aeTitles'],
  [
    'both AE title forms',
    listener('{ protocol: dimse, aeTitle: A, aeTitles: [B], port: 1 }'),
    'aeTitles ← listeners.ward.aeTitles: goes without aeTitle: give one of them',
  ],
  [
    'an AE title twice',
    listener('{ protocol: dimse, aeTitles: [A, B, "A "], port: 1 }'),
    '"A ← listeners.ward.aeTitles[2]: repeats entry 1. Found: "A "',
  ],
  [
    'an empty list',
    listener('{ protocol: dimse, aeTitles: [], port: 1 }'),
    '[ ← listeners.ward.aeTitles: should have at least one entry. Found: a list',
  ],
  [
    'a base path with a slash too many',
    listener('{ protocol: dicomweb, port: 1, basePath: /a/ }'),
    '/a/ ← listeners.ward.basePath: should be empty or a path such as /dicomweb, without a slash at the end. Found: /a/',
  ],
  [
    'both base path forms',
    listener('{ protocol: dicomweb, port: 1, basePath: /a, basePaths: [/b] }'),
    'basePaths ← listeners.ward.basePaths: goes without basePath: give one of them',
  ],
  [
    'a wrong subnet',
    listener('{ protocol: dimse, aeTitle: A, port: 1, access: { addresses: [10.0.0.0/33] } }'),
    '10.0.0.0/33 ← listeners.ward.access.addresses[0]: should be an IP address or a subnet such as 10.1.0.0/16 or fd00::/8. Found: 10.0.0.0/33',
  ],
  [
    'a duration without unit',
    rest('timers: { shutdown: 10 }'),
    '10 ← timers.shutdown: should be a duration with its unit. Found: 10',
  ],
  [
    'a duration in words',
    rest('timers: { shutdown: 10 seconds }'),
    '10 ← timers.shutdown: should be a duration with its unit, such as 500ms, 10s, 5m or 1h. Found: 10 seconds',
  ],
  [
    'a duration too short',
    rest('timers: { shutdown: 0s }'),
    '0s ← timers.shutdown: should be between 1ms and 596h. Found: 0s',
  ],
  [
    'a duration too long for a timer',
    rest('timers: { shutdown: 600h }'),
    '600h ← timers.shutdown: should be between 1ms and 596h. Found: 600h',
  ],
  [
    'a size without unit',
    listener('{ protocol: dimse, aeTitle: A, port: 1, maximumMessageSize: 1024 }'),
    '1024 ← listeners.ward.maximumMessageSize: should be a size with its unit. Found: 1024',
  ],
  [
    'a wrong word',
    rest('log: { level: debgu }'),
    'debgu ← log.level: should be one of error, warn, info, debug. Did you mean "debug"? Found: debgu',
  ],
  [
    'a wrong truth',
    upstream('{ protocol: dicomweb, baseUrl: http://x, treat404AsEmpty: yes }'),
    'yes ← upstreams.ris.treat404AsEmpty: should be true or false. Found: yes',
  ],
  [
    'a URL that is none',
    upstream('{ protocol: dicomweb, baseUrl: ris.example }'),
    'ris.example ← upstreams.ris.baseUrl: should be an http or https URL without user name, query and fragment. Found: ris.example',
  ],
  [
    'a header that is ours',
    upstream('{ protocol: dicomweb, baseUrl: http://x, headers: { accept: a/b } }'),
    'accept ← upstreams.ris.headers.accept: is set by the gateway itself',
  ],
  [
    'a header that is none',
    upstream('{ protocol: dicomweb, baseUrl: http://x, headers: { "a b": c } }'),
    '"a ← upstreams.ris.headers.a b: is not a header name',
  ],
  [
    'an unknown attribute',
    upstream(
      '{ protocol: dimse, host: h, port: 1, aeTitle: A, callingAeTitle: B, omitKeys: [PatientID, PatientNmae] }',
    ),
    'PatientNmae ← upstreams.ris.omitKeys[1]: Attribute path "PatientNmae": "PatientNmae" is neither a keyword nor eight hex digits. Did you mean "PatientName"? Found: PatientNmae',
  ],
  [
    'an unknown character set',
    route('{ name: a, worklist: { to: ris }, characterSets: [ISO_IR 100, ISO_IR 99] }'),
    'ISO_IR ← routes[0].characterSets[1]: Specific Character Set "ISO_IR 99" is unknown. Use the defined terms of PS3.3 C.12.1.1.2, such as "ISO_IR 100", "ISO_IR 192" or "\\\\ISO 2022 IR 87". Found: ISO_IR 99',
  ],
  [
    'a file that is not there',
    upstream('{ protocol: ris, entries: no-such.yaml }'),
    'no-such.yaml ← upstreams.ris.entries: names a file that cannot be read. Found: no-such.yaml',
  ],
  [
    'values logged without their file',
    rest('log: { messages: values }'),
    'values ← log.messages: needs log.values: the file and when it expires. Found: values',
  ],
  [
    'a moment that is none',
    rest('log: { values: { file: a, expires: tomorrow } }'),
    'tomorrow ← log.values.expires: should be a moment such as 2026-12-01T18:00:00Z. Found: tomorrow',
  ],
])('reports %s with its place and what was found', async (_what, text, expected) => {
  expect(await problemsOf(text)).toEqual([expected]);
});

test.each([
  [
    'an unknown upstream',
    route('{ name: a, worklist: { to: rsi } }'),
    'rsi ← routes[0].worklist.to: is not the name of an upstream. Did you mean "ris"? Found: rsi',
  ],
  [
    'an unknown listener',
    route('{ name: a, from: { listener: icu }, worklist: { to: ris } }'),
    'icu ← routes[0].from.listener: is not the name of a listener. There are ward, web. Found: icu',
  ],
  [
    'an upstream twice',
    route('{ name: a, worklist: { to: [ris, ris] } }'),
    'ris ← routes[0].worklist.to[1]: repeats entry 1. Found: ris',
  ],
  [
    'a list of nothing',
    route('{ name: a, worklist: { to: [] } }'),
    '[ ← routes[0].worklist.to: should have at least one entry. Found: a list',
  ],
  [
    'several upstreams of MPPS, which takes one',
    route('{ name: a, mpps: { to: [ris, ris] } }'),
    '[ ← routes[0].mpps.to: should be a single upstream name. Found: a list',
  ],
  [
    'an unknown upstream of MPPS',
    route('{ name: a, worklist: { to: ris }, mpps: { to: rsi } }'),
    'rsi ← routes[0].mpps.to: is not the name of an upstream. Did you mean "ris"? Found: rsi',
  ],
  [
    'MPPS to nowhere',
    route('{ name: a, mpps: {} }'),
    'mpps ← routes[0].mpps.to: is missing: should be a single upstream name',
  ],
  [
    'an unknown level of validation',
    route('{ name: a, mpps: { to: ris, validation: strikt } }'),
    'strikt ← routes[0].mpps.validation: should be one of strict, warn, off. Did you mean "strict"? Found: strikt',
  ],
  [
    'a default that is no modality',
    route('{ name: a, mpps: { to: ris, defaults: { modality: ultrasound } } }'),
    'ultrasound ← routes[0].mpps.defaults.modality: should be a modality such as CT or US. Found: ultrasound',
  ],
  [
    'a name that is none',
    route('{ name: a b, worklist: { to: ris } }'),
    'a ← routes[0].name: should be a name: letters, digits, - and _, beginning with a letter. Found: a b',
  ],
  [
    'a route name twice',
    route('{ name: a, from: { listener: web }, worklist: { to: ris } }\n  - { name: a, worklist: { to: ris } }'),
    'a ← routes[1].name: is the name of routes[0] already. Found: a',
  ],
])('reports a route with %s', async (_what, text, expected) => {
  expect(await problemsOf(text)).toEqual([expected]);
});

test.each([
  [
    'no kind',
    '{ sett: Modality, value: CT }',
    '{ ← routes[0].worklist.rules.request[0]: should be a rule: one of set, default, remove, copy, map and replace. Found: a mapping',
  ],
  [
    'no mapping',
    'Modality',
    'Modality ← routes[0].worklist.rules.request[0]: should be a rule: one of set, default, remove, copy, map and replace. Found: Modality',
  ],
  [
    'an unknown key',
    '{ set: Modality, value: CT, wen: {} }',
    'wen ← routes[0].worklist.rules.request[0].wen: is not an option. Did you mean "when"?',
  ],
  [
    'two kinds',
    '{ set: Modality, value: CT, remove: Modality }',
    'remove ← routes[0].worklist.rules.request[0].remove: is not an option. Known here: set, value, when.',
  ],
  [
    'a missing key',
    '{ copy: Modality }',
    '{ ← routes[0].worklist.rules.request[0].to: is missing: should be an attribute path',
  ],
  [
    'a wrong value',
    '{ set: Modality, value: { a: b } }',
    '{ ← routes[0].worklist.rules.request[0].value: should be a text, a number or a list of them. Found: a mapping',
  ],
  [
    'an unknown attribute',
    '{ remove: PatientID }, { remove: Modalty }',
    'Modalty ← routes[0].worklist.rules.request[1].remove: Attribute path "Modalty": "Modalty" is neither a keyword nor eight hex digits. Did you mean "Modality"? Found: Modalty',
  ],
])('reports a mapping rule with %s', async (_what, text, expected) => {
  expect(await problemsOf(rule(text))).toEqual([expected]);
});

test('reports mapping rules that cannot be applied, each at its own place', async () => {
  const problems = await problemsOf(
    rule("{ replace: PatientID, pattern: '(', with: '' }, { set: Modality, value: CT, when: { path: PatientID } }"),
  );
  expect(problems).toEqual([
    '{ ← routes[0].worklist.rules.request[0]: cannot be applied: the pattern "(" is not a regular expression',
    '{ ← routes[0].worklist.rules.request[1]: cannot be applied: `when` needs exactly one of equals, matches, present and absent',
  ]);
});

test('reports mapping rules of MPPS like those of the worklist', async () => {
  const rules = "{ request: [{ remove: Modalty }], response: [{ replace: PatientID, pattern: '(', with: '' }] }";
  expect(await problemsOf(route(`{ name: a, mpps: { to: ris, rules: ${rules} } }`))).toEqual([
    'Modalty ← routes[0].mpps.rules.request[0].remove: Attribute path "Modalty": "Modalty" is neither a keyword nor eight hex digits. Did you mean "Modality"? Found: Modalty',
    '{ ← routes[0].mpps.rules.response[0]: cannot be applied: the pattern "(" is not a regular expression',
  ]);
});

test('rules of a forward are checked as those of the route', async () => {
  const text = `${LISTENERS}${UPSTREAMS.replace('\n  ris', '\n  pacs: { protocol: dicomweb, baseUrl: http://pacs }\n  ris')}`;
  const rules = "{ request: [{ replace: PatientID, pattern: '(', with: '' }] }";
  const routes = `routes:\n  - { name: a, mpps: { to: ris, forwardTo: [{ to: pacs, rules: ${rules} }] } }\n`;
  expect(await problemsOf(text + routes)).toEqual([
    '{ ← routes[0].mpps.forwardTo[0].rules.request[0]: cannot be applied: the pattern "(" is not a regular expression',
  ]);
});

test('a store that cannot be is a problem, but only where MPPS or a RIS needs it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
  await writeFile(join(folder, 'file'), '');
  const store = (path: string): string => `store: { path: '${join(folder, path)}' }\n`;
  const mpps = `routes:\n  - { name: all, worklist: { to: ris }, mpps: { to: ris } }\n`;
  const problems = async (routes: string, path: string): Promise<string[]> =>
    (await problemsOf(`${LISTENERS}${UPSTREAMS}${routes}${store(path)}`)).map((each) =>
      each.replace(/^.* ← (.*) Found: .*$/, '$1').replace(folder, '~'),
    );
  expect(await problems(mpps, '')).toEqual(['store.path: names a folder, not a file.']);
  expect(await problems(mpps, 'file/a/b.db')).toEqual(['store.path: cannot be made: ~/file is a file.']);
  expect(await problems(mpps, 'a/b/c.db')).toEqual([]);
  expect(await problems(mpps, 'file')).toEqual([]);
  expect(await problems(ROUTES, 'file/a/b.db')).toEqual([]);
  const ris = `${LISTENERS}upstreams:\n  ris: { protocol: ris }\n${ROUTES}${store('file/a/b.db')}`;
  expect(await problemsOf(ris)).toEqual([expect.stringContaining('store.path: cannot be made: ')]);
});

test.each([
  ['the same address', '127.0.0.1', 'localhost', true],
  ['every interface', '0.0.0.0', '127.0.0.1', true],
  ['two addresses', '127.0.0.1', '127.0.0.2', false],
])('two listeners on one port clash at %s', async (_what, first, second, clash) => {
  const text = `listeners:
  a: { protocol: dicomweb, host: ${first}, port: 8080 }
  b: { protocol: dicomweb, host: ${second}, port: 8080 }
${UPSTREAMS}${ROUTES}`;
  expect(await problemsOf(text)).toEqual(
    clash ? [`8080 ← listeners.b.port: is the port of listeners.a already. Found: 8080`] : [],
  );
});

test('the console clashes with a listener too; port 0 with nothing', async () => {
  expect(await problemsOf(rest('console: { port: 8080 }'))).toEqual([
    '8080 ← console.port: is the port of listeners.web already. Found: 8080',
  ]);
  const free = `listeners:\n  a: { protocol: dicomweb, port: 0 }\n  b: { protocol: dicomweb, port: 0 }\n`;
  expect(await problemsOf(`${free}${UPSTREAMS}${ROUTES}console: { port: 0 }`)).toEqual([]);
});

test('pass-through needs a fallback where web requests come by', async () => {
  const peer = '{ protocol: dimse, host: h, port: 1, aeTitle: A, callingAeTitle: pass-through }';
  expect(await problemsOf(upstream(peer))).toEqual([
    'pass-through ← upstreams.ris.callingAeTitle: needs fallbackCallingAeTitle: web requests, which have no AE title, come by the route all. Found: pass-through',
  ]);
  expect(await problemsOf(upstream(peer.replace(' }', ', fallbackCallingAeTitle: B }')))).toEqual([]);
  const mpps = 'routes:\n  - { name: steps, mpps: { to: ris } }\n';
  expect(await problemsOf(`${LISTENERS}upstreams:\n  ris: ${peer}\n${mpps}`)).toEqual([
    'pass-through ← upstreams.ris.callingAeTitle: needs fallbackCallingAeTitle: web requests, which have no AE title, come by the route steps. Found: pass-through',
  ]);
  const wardOnly = 'routes:\n  - { name: all, from: { listener: ward }, worklist: { to: ris } }\n';
  expect(await problemsOf(`${LISTENERS}upstreams:\n  ris: ${peer}\n${wardOnly}`)).toEqual([]);
});

const TLS = 'certificate: a.crt, key: a.key';
const web = (more: string): string =>
  `listeners:\n  web: { protocol: dicomweb, port: 8443, ${more} }\n${UPSTREAMS}${ROUTES}`;

test.each([
  [
    'certificates of clients without an authority',
    web(`tls: { ${TLS}, clientCertificates: require }`),
    'clientCertificates ← listeners.web.tls.clientCertificates: needs authorities: who signs the certificates of clients',
  ],
  [
    'a list of certificates where none is asked for',
    web(`tls: { ${TLS} }, access: { certificates: [CN=a] }`),
    'certificates ← listeners.web.access.certificates: needs tls.clientCertificates: nobody is asked for a certificate',
  ],
  [
    'logins by certificate where none is asked for',
    web('authentication: { certificates: true }'),
    'certificates ← listeners.web.authentication.certificates: needs tls.clientCertificates: nobody is asked for a certificate',
  ],
  [
    'logins without a way to log in',
    web('authentication: { required: true }'),
    'authentication ← listeners.web.authentication: needs jwt, apiKeys or certificates: nobody could ever log in',
  ],
  [
    'shared secrets from a server',
    web('authentication: { jwt: { issuer: a, audience: b, keys: "https://x/keys", algorithms: [HS256] } }'),
    'algorithms ← listeners.web.authentication.jwt.algorithms: takes shared secrets (HS…) only where `keys` is a file',
  ],
  [
    'half a certificate for a server of keys',
    web('authentication: { jwt: { issuer: a, audience: b, keys: "https://x/keys", tls: { key: k } } }'),
    'key ← listeners.web.authentication.jwt.tls.key: needs certificate too',
  ],
  [
    'half a certificate for the collector of the audit trail',
    rest('audit: { source: A, to: [{ syslog: tls, host: c, port: 6514, tls: { certificate: c } }] }'),
    'certificate ← audit.to[0].tls.certificate: needs key too',
  ],
  [
    'two kinds of credentials',
    upstream(
      `{ protocol: dicomweb, baseUrl: https://x, credentials: { bearer: ${'a'.repeat(16)}, basic: { user: a, password: b } } }`,
    ),
    'basic ← upstreams.ris.credentials.basic: goes without bearer: give one of them',
  ],
  [
    'credentials that are none',
    upstream('{ protocol: dicomweb, baseUrl: https://x, credentials: {} }'),
    'credentials ← upstreams.ris.credentials: needs one of bearer, basic, oauth2, or passOn',
  ],
  [
    'credentials beside a header of them',
    upstream(
      '{ protocol: dicomweb, baseUrl: https://x, credentials: { passOn: true }, headers: { Authorization: Basic eDp5 } }',
    ),
    'Authorization ← upstreams.ris.headers.Authorization: goes without credentials: give one of them',
  ],
  [
    'a key where its hash should stand, without repeating it',
    web('authentication: { apiKeys: [{ subject: a, hash: the-key-itself }] }'),
    'the-key-itself ← listeners.web.authentication.apiKeys[0].hash: should be sha256:… or scrypt:…, as `dimseway hash` prints it. Found: (hidden)',
  ],
  [
    'a passcode where its hash should stand, without repeating it',
    listener(
      '{ protocol: dimse, aeTitle: W, port: 1, userIdentity: { users: [{ name: a, passcodeHash: its-passcode }] } }',
    ),
    'its-passcode ← listeners.ward.userIdentity.users[0].passcodeHash: should be sha256:… or scrypt:…, as `dimseway hash` prints it. Found: (hidden)',
  ],
  [
    'a client secret that would travel in the clear',
    upstream(
      '{ protocol: dicomweb, baseUrl: https://x, credentials: { oauth2: { tokenUrl: http://idp/token, clientId: a, clientSecret: b } } }',
    ),
    'http://idp/token ← upstreams.ris.credentials.oauth2.tokenUrl: should be https, or on this machine. Found: http://idp/token',
  ],
  [
    'a user name that no server could tell from its password (RFC 7617 2)',
    upstream('{ protocol: dicomweb, baseUrl: https://x, credentials: { basic: { user: "a:b", password: c } } }'),
    '"a:b" ← upstreams.ris.credentials.basic.user: should be without a colon. Found: "a:b"',
  ],
  [
    'a certificate without its key',
    upstream('{ protocol: dicomweb, baseUrl: https://x, tls: { certificate: a.crt } }'),
    'certificate ← upstreams.ris.tls.certificate: needs key too',
  ],
  [
    'a certificate that is no name',
    web(`tls: { ${TLS}, clientCertificates: require, authorities: [ca.crt] }, access: { certificates: [ct1] }`),
    'ct1 ← listeners.web.access.certificates[0]: "ct1" is no name or fingerprint of a certificate. Write it as CN=name, CN=name,O=organization or sha256: and 64 hex digits. Found: ct1',
  ],
])('reports %s', async (_what, text, expected) => {
  expect(await problemsOf(text)).toEqual([expected]);
});

test.each([
  [
    'TLS of a plain server',
    upstream('{ protocol: dicomweb, baseUrl: http://x, tls: {} }'),
    'tls ← upstreams.ris.tls: has no effect: baseUrl is http',
  ],
  [
    'credentials in the clear',
    upstream('{ protocol: dicomweb, baseUrl: http://x, credentials: { passOn: true } }'),
    'credentials ← upstreams.ris.credentials: are read by anybody on the way: baseUrl is http',
  ],
  [
    'logins in the clear',
    web(
      'host: 0.0.0.0, access: { addresses: [10.0.0.0/8] }, authentication: { apiKeys: [{ subject: a, hash: "sha256:00" }] }',
    ),
    'authentication ← listeners.web.authentication: is read by anybody on the way: there is no tls',
  ],
  [
    'passcodes of modalities in the clear',
    listener(
      '{ protocol: dimse, aeTitle: W, host: 0.0.0.0, port: 1, limits: { requestsPerSecond: 9 }, userIdentity: { users: [{ name: a }] } }',
    ),
    'userIdentity ← listeners.ward.userIdentity: is read by anybody on the way: there is no tls',
  ],
  [
    'our own passcode in the clear',
    upstream('{ protocol: dimse, aeTitle: R, callingAeTitle: G, host: ris, port: 104, userIdentity: { username: a } }'),
    'userIdentity ← upstreams.ris.userIdentity: is read by anybody on the way: there is no tls',
  ],
  [
    'a token among the headers, in the clear',
    upstream('{ protocol: dicomweb, baseUrl: http://x, headers: { AUTHORIZATION: Bearer x } }'),
    'AUTHORIZATION ← upstreams.ris.headers.AUTHORIZATION: is read by anybody on the way: baseUrl is http',
  ],
  [
    'the token of the console in the clear',
    rest('console: { host: 0.0.0.0, port: 90, token: 0123456789abcdef }'),
    'token ← console.token: is read by anybody on the way: there is no tls',
  ],
  [
    'patients in the audit trail in the clear',
    rest('audit: { source: A, patients: true, to: [{ syslog: udp, host: collector, port: 514 }] }'),
    'syslog ← audit.to[0].syslog: sends what `patients` tells where anybody on the way reads it: use tls',
  ],
  [
    'TLS that is broken',
    listener('{ protocol: dimse, aeTitle: W, port: 1, tls: { certificate: a, key: b, profile: legacy } }'),
    'profile ← listeners.ward.tls.profile: allows versions and cipher suites that are broken',
  ],
  [
    'broken TLS to a server of keys',
    web('authentication: { jwt: { issuer: a, audience: b, keys: "https://x/keys", tls: { profile: legacy } } }'),
    'profile ← listeners.web.authentication.jwt.tls.profile: allows versions and cipher suites that are broken',
  ],
  [
    'TLS to a file of keys',
    web('authentication: { jwt: { issuer: a, audience: b, keys: keys.json, tls: {} } }'),
    'tls ← listeners.web.authentication.jwt.tls: has no effect: keys is a file',
  ],
  [
    'TLS to a server of tokens without',
    upstream(
      '{ protocol: dicomweb, baseUrl: https://x, credentials: { oauth2: { tokenUrl: http://localhost/, clientId: a, clientSecret: b, tls: {} } } }',
    ),
    'tls ← upstreams.ris.credentials.oauth2.tls: has no effect: tokenUrl is http',
  ],
  [
    'a listener that keeps nobody out',
    listener('{ protocol: dimse, aeTitle: W, host: "::", port: 1, access: {}, limits: {} }'),
    'ward ← listeners.ward: is reached from other machines, by whoever likes and as often as they like: say who may with access, or how much with limits',
  ],
  [
    'certificates that are asked for, and nobody needs',
    listener(
      '{ protocol: dimse, aeTitle: W, port: 1, tls: { certificate: a, key: b, clientCertificates: request, authorities: [c] } }',
    ),
    'clientCertificates ← listeners.ward.tls.clientCertificates: lets in who shows none: nothing else here asks for one',
  ],
  [
    'logins that nobody needs',
    web('authentication: { required: false, apiKeys: [{ subject: a, hash: "sha256:00" }] }'),
    'required ← listeners.web.authentication.required: lets anybody use all: no route of it has scopes, subjects or certificates',
  ],
  [
    'subjects that nobody proves to be',
    route('{ name: a, from: { subjects: [engine] }, worklist: { to: ris } }'),
    'subjects ← routes[0].from.subjects: can never match: no listener of it asks who it is',
  ],
  [
    'certificates that nobody is asked for',
    route('{ name: a, from: { certificates: [CN=a] }, worklist: { to: ris } }'),
    'certificates ← routes[0].from.certificates: can never match: no listener of it asks for certificates',
  ],
  [
    'scopes that nobody has',
    route('{ name: a, scopes: [mwl], worklist: { to: ris } }'),
    'scopes ← routes[0].scopes: refuse everybody: no listener of it asks who it is',
  ],
])('warns of %s', async (_what, text, expected) => {
  expect(await warningsOf(text)).toEqual([expected]);
});

const ARCHIVE = '{ protocol: dimse, host: h, port: 1, aeTitle: PACS, callingAeTitle: WARD }';
const commitment = (archive: string, from = '{}', more = ''): string =>
  `${LISTENERS}upstreams:\n  pacs: ${archive}\n${more}routes:\n  - { name: all, from: ${from}, storageCommitment: { to: pacs } }\n`;

test('a DIMSE archive is called by an AE title that a listener answers to, since its reports go there (PS3.4 J.3.3)', async () => {
  expect(await problemsOf(commitment(ARCHIVE))).toEqual([]);
  expect(await problemsOf(commitment(ARCHIVE.replace('WARD', 'GATE')))).toEqual([
    'GATE ← upstreams.pacs.callingAeTitle: is where pacs reports the storage commitment of all to: listeners answer to WARD. Found: GATE',
  ]);
  const passing = (more: string): string => ARCHIVE.replace('WARD', `pass-through${more}`);
  const ward = '{ listener: ward }';
  expect(await problemsOf(commitment(passing(', fallbackCallingAeTitle: WARD'), ward))).toEqual([]);
  expect(await problemsOf(commitment(passing(''), ward))).toEqual([
    'pass-through ← upstreams.pacs.callingAeTitle: needs fallbackCallingAeTitle, where pacs reports the storage commitment of all to. Found: pass-through',
  ]);
  expect(await problemsOf(commitment(passing(', fallbackCallingAeTitle: GATE'), ward))).toEqual([
    'GATE ← upstreams.pacs.fallbackCallingAeTitle: is where pacs reports the storage commitment of all to: listeners answer to WARD. Found: GATE',
  ]);
  const unused = 'ward ← listeners.ward: has no route: its requests are refused';
  expect(await warningsOf(commitment(ARCHIVE, '{ listener: web }'))).toEqual([]);
  const web = '{ protocol: dicomweb, baseUrl: http://archive }';
  expect(await warningsOf(commitment(web, '{ listener: web }'))).toEqual([unused]);
  expect(await problemsOf(commitment(web).replace('aeTitle: WARD', 'aeTitle: OTHER'))).toEqual([]);
});

test('warns of a modality whose address no DIMSE upstream tells, and of an AE title that two have', async () => {
  const web = '{ protocol: dicomweb, baseUrl: http://archive }';
  const modality = '  ct1: { protocol: dimse, host: ct1, port: 104, aeTitle: CT1, callingAeTitle: WARD }\n';
  const twin = modality.replace('ct1:', 'ct2:');
  const from = '{ listener: ward, callingAeTitles: [CT1, MR1] }';
  const unused = 'ct1 ← upstreams.ct1: is not used by any route';
  expect(await warningsOf(commitment(web, '{ listener: web }', modality))).toContain(unused);
  expect(await warningsOf(commitment(web, '{}', modality))).toEqual([]);
  expect(await warningsOf(commitment(web, from, modality + twin))).toEqual([
    'web ← listeners.web: has no route: its requests are refused',
    'CT1 ← upstreams.ct2.aeTitle: is the AE title of ct1 too: reports of storage commitment to it go there, and one of them about a Transaction UID that both were asked about counts for neither. Found: CT1',
    'MR1 ← routes[0].from.callingAeTitles[1]: is the AE title of no DIMSE upstream: reports reach MR1 only on the association of its request',
  ]);
});

test('a configuration that could take more memory than it may is refused, with what takes most', async () => {
  const text = (maximum: string): string => `${LISTENERS}${UPSTREAMS}${ROUTES}memory: { maximum: ${maximum} }\n`;
  expect(await problemsOf(text('512MiB'))).toEqual([
    '512MiB ← memory.maximum: is less than the worst case of 2.4 GiB: upstreams.ris 1.1 GiB, listeners.ward 656 MiB, listeners.web 381 MiB. Found: 512MiB',
  ]);
  expect(await problemsOf(text('3GiB'))).toEqual([]);
});

test('warns of storage commitment that ends while it is waited for, and of a first pause that is none', async () => {
  const web = '{ protocol: dicomweb, baseUrl: http://archive }';
  const problems = async (options: string): Promise<string[]> =>
    warningsOf(commitment(web).replace('to: pacs }', `to: pacs, ${options} }`));
  const late =
    'storageCommitment ← routes[0].storageCommitment: has a deadline below its holdTime: every instance has failed while the result is still waited for';
  expect(await problems('deadline: 4s')).toEqual([late]);
  expect(await problems('holdTime: 25h')).toEqual([late]);
  expect(await problems('deadline: 5s')).toEqual([]);
  const shrinking =
    'storageCommitment ← routes[0].storageCommitment: has a poll.first above its poll.maximum, which is every pause then';
  expect(await problems('poll: { first: 11m }')).toEqual([shrinking]);
  expect(await problems('poll: { maximum: 5s }')).toEqual([shrinking]);
  expect(await problems('poll: { first: 10m }')).toEqual([]);
});

test('shows every problem of a file at once, in the order of the file, and no other', async () => {
  const text = `listeners:
  ward: { protocol: dimse, aeTitel: WARD, port: 11112x }
upstreams:
  ris: { protocol: dicomweb, baseUrl: ftp://ris, pageSize: \${PAGE} }
  old: { protocol: dimse, host: h, port: 104, aeTitle: OLD }
routes:
  - { name: a, from: { listener: wrad }, worklist: { to: [ris, odl] } }
log: { level: loud }
`;
  expect(await placesOf(text)).toEqual([
    '2:3 listeners.ward: needs aeTitle or aeTitles',
    '2:28 listeners.ward.aeTitel: is not an option. Did you mean "aeTitle"?',
    '2:49 listeners.ward.port: should be a whole number from 0 to 65535. Found: 11112x',
    '4:39 upstreams.ris.baseUrl: should be an http or https URL without user name, query and fragment. Found: ftp://ris',
    '4:60 upstreams.ris.pageSize: needs the environment variable PAGE, which is not set. Found: ${PAGE}',
    '5:3 upstreams.old.callingAeTitle: is missing: should be an AE title',
    '7:34 routes[0].from.listener: is not the name of a listener. Did you mean "ward"? Found: wrad',
    '7:64 routes[0].worklist.to[1]: is not the name of an upstream. Did you mean "old"? Found: odl',
    '8:15 log.level: should be one of error, warn, info, debug. Found: loud',
  ]);
});

test('never shows a secret, wherever it comes from', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
  await writeFile(join(folder, 'token'), 'S3CRET\nS3CRET\n');
  const text = `${LISTENERS}upstreams:
  ris: { protocol: dicomweb, baseUrl: "http://user:S3CRET@ris", headers: { a: "S3CRET\\n", b: { file: '${join(folder, 'token')}' }, c: { file: /no/such } } }
  two: { protocol: dicomweb, baseUrl: "\${URL}", headers: { a: "\${TOKEN}" }, pageSize: \${TOKEN} }
${ROUTES}`;
  const problems = await problemsOf(text, { URL: 'S3CRET', TOKEN: 'S3CRET\n' });
  expect(problems.map((problem) => problem.replace(/^.* ← /, ''))).toEqual([
    'upstreams.ris.baseUrl: should be an http or https URL without user name, query and fragment. Found: "http://(hidden)@ris"',
    'upstreams.ris.headers.a: should be one line of printable text. Found: (hidden)',
    'upstreams.ris.headers.b: should be one line of printable text. Found: a mapping',
    'upstreams.ris.headers.c: names the file /no/such, which cannot be read (ENOENT)',
    'upstreams.two.baseUrl: should be an http or https URL without user name, query and fragment. Found: "${URL}"',
    'upstreams.two.headers.a: should be one line of printable text. Found: (hidden)',
    'upstreams.two.pageSize: should be a whole number from 1 to 100000. Found: ${TOKEN}',
  ]);
});

test.each([
  [
    'an upstream nobody asks',
    `${LISTENERS}${UPSTREAMS}  two: { protocol: dicomweb, baseUrl: http://x }\n${ROUTES}`,
    'two ← upstreams.two: is not used by any route',
  ],
  [
    'a listener without a route',
    route('{ name: a, from: { listener: ward }, worklist: { to: ris } }'),
    'web ← listeners.web: has no route: its requests are refused',
  ],
  [
    'a route behind one that takes all',
    route('{ name: a, worklist: { to: ris } }\n  - { name: b, from: { listener: web }, worklist: { to: ris } }'),
    '{ ← routes[1]: can never match: a, further up, takes all its requests',
  ],
  [
    'a route with fewer titles than one before',
    route(
      '{ name: a, from: { callingAeTitles: [A, B] }, worklist: { to: ris } }\n  - { name: b, from: { callingAeTitles: [B] } }\n  - { name: c }',
    ),
    '{ ← routes[1]: can never match: a, further up, takes all its requests',
  ],
  [
    'a subnet within one before',
    route(
      '{ name: a, from: { addresses: [10.0.0.0/8] }, worklist: { to: ris } }\n  - { name: b, from: { addresses: [10.1.0.0/16, 10.2.3.4] } }\n  - { name: c }',
    ),
    '{ ← routes[1]: can never match: a, further up, takes all its requests',
  ],
  [
    'AE titles at a web listener',
    route('{ name: a, from: { listener: web, callingAeTitles: [A] }, worklist: { to: ris } }\n  - { name: c }'),
    'callingAeTitles ← routes[0].from.callingAeTitles: can never match: there are no AE titles at a web listener',
  ],
  [
    'a base path at a DIMSE listener',
    route('{ name: a, from: { listener: ward, basePath: /a }, worklist: { to: ris } }\n  - { name: c }'),
    'basePath ← routes[0].from.basePath: can never match: there are no base paths at a DIMSE listener',
  ],
  [
    'a base path nobody serves',
    route('{ name: a, from: { listener: web, basePath: /a }, worklist: { to: ris } }\n  - { name: c }'),
    'basePath ← routes[0].from.basePath: can never match: the listener serves ""',
  ],
  [
    'an AE title nobody answers to',
    route('{ name: a, from: { listener: ward, calledAeTitles: [X] }, worklist: { to: ris } }\n  - { name: c }'),
    'calledAeTitles ← routes[0].from.calledAeTitles: can never match: the listener answers to WARD',
  ],
  [
    'a fallback without use',
    upstream('{ protocol: dimse, host: h, port: 1, aeTitle: A, callingAeTitle: B, fallbackCallingAeTitle: C }'),
    'fallbackCallingAeTitle ← upstreams.ris.fallbackCallingAeTitle: has no effect: callingAeTitle is not pass-through',
  ],
  [
    'tombstones that go before the steps',
    rest('store: { retention: { final: 400d } }'),
    'retention ← store.retention: leaves no tombstones: final is longer',
  ],
  [
    'tombstones that go before the steps still open',
    rest('store: { retention: { final: keep, tombstones: 60d } }'),
    'retention ← store.retention: leaves no tombstones: open is longer',
  ],
  [
    'tombstones that go before the results of commitment',
    rest('store: { retention: { commitments: 400d } }'),
    'retention ← store.retention: leaves no tombstones: commitments is longer',
  ],
  [
    'pass-through misspelled',
    upstream('{ protocol: dimse, host: "fe80::1%eth0", port: 1, aeTitle: A, callingAeTitle: passthrough }'),
    'passthrough ← upstreams.ris.callingAeTitle: is taken as an AE title. Did you mean "pass-through"? Found: passthrough',
  ],
  [
    'message values that have expired',
    rest('log: { messages: values, values: { file: a, expires: 2026-02-28T12:00:00Z } }'),
    '2026-02-28T12:00:00Z ← log.values.expires: has passed: message values are not written. Found: 2026-02-28T12:00:00Z',
  ],
])('warns of %s', async (_what, text, expected) => {
  expect(await warningsOf(text)).toEqual([expected]);
});

test('does not warn of an upstream that only MPPS goes to, nor of a store that keeps everything', async () => {
  const text = `${LISTENERS}${UPSTREAMS}  two: { protocol: dicomweb, baseUrl: http://x }
routes:
  - { name: all, worklist: { to: ris }, mpps: { to: two } }
store: { path: /tmp/dimseway.db, retention: { final: keep, open: keep, tombstones: keep } }
`;
  expect(await warningsOf(text)).toEqual([]);
});

test.each([
  ['titles that overlap only', '{ callingAeTitles: [A, B] }', '{ callingAeTitles: [B, C] }'],
  ['a subnet that is wider', '{ addresses: [10.1.0.0/16] }', '{ addresses: [10.0.0.0/8] }'],
  ['another family', '{ addresses: ["::/0"] }', '{ addresses: [10.0.0.0/8] }'],
  ['another listener', '{ listener: web }', '{ listener: ward }'],
  ['a condition more', '{ listener: ward, callingAeTitles: [A] }', '{ listener: ward }'],
])('does not warn of a route behind one with %s', async (_what, first, second) => {
  const text = route(
    `{ name: a, from: ${first}, worklist: { to: ris } }\n  - { name: b, from: ${second}, worklist: { to: ris } }\n  - { name: c }`,
  );
  expect(await warningsOf(text)).toEqual([]);
});

const UPS = `${LISTENERS}upstreams:
  ris: { protocol: ups-rs, baseUrl: http://ups }
  board: { protocol: dimse, host: 10.0.0.9, port: 104, aeTitle: BOARD, callingAeTitle: WARD }
`;
const upsRoute = (text: string): string => `${UPS}routes:\n  - ${text}\n`;

test.each([
  [
    'workitems without a worklist to find and MPPS to tell (PS3.18 11)',
    upsRoute('{ name: all, worklist: { to: ris }, workitems: {} }'),
    'workitems ← routes[0].workitems: needs mpps on this route: workitems are made of both',
  ],
  [
    'storage commitment of a UPS-RS server',
    upsRoute('{ name: all, worklist: { to: ris }, storageCommitment: { to: ris } }'),
    'ris ← routes[0].storageCommitment.to: is a UPS-RS server, which has no storage commitment. Found: ris',
  ],
  [
    'notifications that wait for events nobody subscribes to (PS3.18 11.10)',
    upsRoute('{ name: all, mpps: { to: ris }, notifications: { to: board, source: upstream } }'),
    'ris ← upstreams.ris: needs subscription: notifications of all wait for its events',
  ],
])('reports %s', async (_what, text, expected) => {
  expect(await problemsOf(text)).toEqual([expected]);
});

test('warns of workitems on a DIMSE listener, which has none (PS3.18 11)', async () => {
  const text = upsRoute(
    '{ name: all, from: { listener: ward }, worklist: { to: ris }, mpps: { to: ris }, workitems: {} }',
  );
  expect(await warningsOf(text)).toContain(
    'workitems ← routes[0].workitems: has no effect: workitems are of web listeners',
  );
});

const SCU = '  board: { protocol: dimse, host: 10.0.0.9, port: 104, aeTitle: BOARD, callingAeTitle: WARD }\n';
const MANAGER = '  manager: { protocol: dimse, host: 10.0.0.8, port: 104, aeTitle: MPPS, callingAeTitle: WARD }\n';
const WEB_ONLY = 'listeners:\n  web: { protocol: dicomweb, port: 8080 }\n';
const notifying = (routes: string, more = '', listeners = LISTENERS): string =>
  `${listeners}${UPSTREAMS}${SCU}${MANAGER}${more}routes:\n  - ${routes}\n`;

test.each([
  [
    'an SCU that is no upstream',
    notifying('{ name: all, mpps: { to: manager }, notifications: { to: bord } }'),
    'bord ← routes[0].notifications.to: is not the name of an upstream. Did you mean "board"? Found: bord',
  ],
  [
    'an SCU that is told twice',
    notifying('{ name: all, mpps: { to: manager }, notifications: { to: [board, board] } }'),
    'board ← routes[0].notifications.to[1]: repeats entry 1. Found: board',
  ],
  [
    'an SCU on the web, which has no MPPS Notification (PS3.4 F.9)',
    notifying('{ name: all, mpps: { to: manager }, notifications: { to: [board, ris] } }'),
    'ris ← routes[0].notifications.to[1]: is no DIMSE upstream: MPPS Notification is of DIMSE, dicomweb cannot be told. ' +
      'Found: ris',
  ],
  [
    'telling the SCP that has the step',
    notifying('{ name: all, mpps: { to: manager }, notifications: { to: manager } }'),
    'manager ← routes[0].notifications.to: is where the MPPS goes: it knows. Found: manager',
  ],
  [
    'notifications of a route without MPPS',
    notifying('{ name: all, worklist: { to: ris }, notifications: { to: board } }'),
    'notifications ← routes[0].notifications: needs mpps on this route: its MPPS are what is told',
  ],
  [
    'waiting for the word of an upstream that says nothing',
    notifying('{ name: all, mpps: { to: ris }, notifications: { to: board, source: upstream } }'),
    'upstream ← routes[0].notifications.source: waits in vain: ris, by dicomweb, tells nothing of MPPS. Found: upstream',
  ],
  [
    'an SCP that could notify nobody here',
    notifying('{ name: all, mpps: { to: manager }, notifications: { to: board, source: upstream } }', '', WEB_ONLY),
    'upstream ← routes[0].notifications.source: needs a DIMSE listener, which manager can notify. Found: upstream',
  ],
  [
    'an SCU that would be called under nobody’s title',
    notifying(
      '{ name: all, from: { callingAeTitles: [CT] }, mpps: { to: manager }, notifications: { to: [old] } }',
      '  old: { protocol: dimse, host: 10.0.0.7, port: 104, aeTitle: OLD, callingAeTitle: pass-through }\n',
    ),
    'pass-through ← upstreams.old.callingAeTitle: needs fallbackCallingAeTitle, which notifications are sent under. ' +
      'Found: pass-through',
  ],
])('reports %s', async (_what, text, expected) => {
  expect(await problemsOf(text)).toEqual([expected]);
});

test('warns of two SCPs of one AE title, of which one notifies (PS3.4 F.9)', async () => {
  const twin = '  twin: { protocol: dimse, host: 10.0.0.6, port: 104, aeTitle: MPPS, callingAeTitle: WARD }\n';
  const ofTwin =
    '{ name: b, from: { listener: web }, mpps: { to: twin }, notifications: { to: board, source: upstream } }';
  const ofManager = '{ name: a, from: { listener: ward }, mpps: { to: manager }, worklist: { to: ris }, notifications: { to: board, source: upstream } }'; // prettier-ignore
  expect(await warningsOf(notifying(`${ofManager}\n  - ${ofTwin}`, twin))).toEqual([
    'MPPS ← upstreams.twin.aeTitle: is the AE title of manager too: what it tells of MPPS counts as told by both. ' +
      'Found: MPPS',
  ]);
});

test('a DIMSE listener without a route serves where an SCP notifies; without one it serves nobody', async () => {
  const routes = (source: string): string =>
    `{ name: a, from: { listener: web }, worklist: { to: ris }, mpps: { to: manager }, notifications: { to: board, source: ${source} } }`;
  expect(await warningsOf(notifying(routes('upstream')))).toEqual([]);
  expect(await warningsOf(notifying(routes('gateway')))).toEqual([
    'ward ← listeners.ward: has no route: its requests are refused',
  ]);
});
