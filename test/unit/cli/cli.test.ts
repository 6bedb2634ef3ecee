import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../../../src/cli/cli.ts';
import packageJson from '../../../package.json' with { type: 'json' };

const CONFIG = `
listeners:
  ward: { protocol: dimse, aeTitle: DIMSEWAY, port: 11112, access: { callingAeTitles: [CT1, CT2, MR1] } }
  web: { protocol: dicomweb, port: 8080, basePaths: [/dicomweb, /other] }
upstreams:
  webRis: { protocol: dicomweb, baseUrl: https://ris.example }
  oldRis: { protocol: dimse, host: 10.0.0.5, port: 104, aeTitle: OLDRIS, callingAeTitle: DIMSEWAY }
routes:
  - name: scanners
    from: { listener: ward, callingAeTitles: [CT1, CT2], addresses: [127.0.0.0/8] }
    mpps:
      to: oldRis
      validation: strict
      rules: { request: [{ map: PerformedStationAETitle, table: { CT1: SCANNER_1 } }] }
    worklist:
      to: [webRis, oldRis]
      rules:
        request: [{ set: PatientSex, value: O, when: { path: PatientID, present: true } }, { remove: PatientName }]
  - { name: closed, from: { listener: ward } }
  - { name: web, from: { listener: web, basePath: /dicomweb }, worklist: { to: oldRis } }
  - { name: steps, from: { listener: web, basePath: /other }, mpps: { to: webRis } }
store: { path: steps.db }
console: { port: 8090 }
`;

let folder: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
  file = join(folder, 'gateway.yaml');
  await writeFile(file, CONFIG);
});
afterAll(() => rm(folder, { recursive: true }));

async function runs(...argv: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const [stdout, stderr] = [process.stdout, process.stderr].map((stream) =>
    jest.spyOn(stream, 'write').mockReturnValue(true),
  );
  try {
    const status = await run(argv);
    const text = (spy: typeof stdout): string => (spy?.mock.calls ?? []).map(([chunk]) => String(chunk)).join('');
    return { status, stdout: text(stdout), stderr: text(stderr) };
  } finally {
    stdout?.mockRestore();
    stderr?.mockRestore();
  }
}

describe('the command line', () => {
  test('--version and --help end with 0', async () => {
    expect(await runs('--version')).toEqual({ status: 0, stdout: `${packageJson.version}\n`, stderr: '' });
    const help = await runs('--help');
    expect(help.status).toBe(0);
    for (const command of ['serve', 'check', 'explain', 'echo', 'find', 'mpps', 'spool', 'store'])
      expect(help.stdout).toContain(`  ${command} `);
    expect((await runs('find', '--help')).stdout).toContain('--include');
  });

  test.each([
    ['no command', [], 'Usage: dimseway'],
    ['an unknown command', ['chek'], '(Did you mean check?)'],
    ['an unknown option', ['serve', '--confg', 'x'], '(Did you mean --config?)'],
    ['a missing argument', ['echo'], "missing required argument 'upstream'"],
    ['a missing option', ['spool', 'discard', '1'], "required option '--reason <text>' not specified"],
    ['no request and no route', ['explain'], 'error: give --listener <name> or --route <name>'],
    [
      'a request and a route',
      ['explain', '--route', 'a', '--listener', 'b'],
      "option '--route <name>' cannot be used with option '--listener <name>'",
    ],
    ['a limit that is no count', ['find', 'ris', '--limit', '0'], 'It should be a whole number of at least 1.'],
    ['too many arguments', ['check', 'a', 'b'], 'too many arguments'],
  ])('ends with 2 at %s', async (_what, argv, message) => {
    const { status, stdout, stderr } = await runs(...argv);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
  });
});

describe('check', () => {
  test('shows what a valid configuration sets up', async () => {
    expect(await runs('check', file)).toEqual({
      status: 0,
      stdout: `${file} is valid.
Listeners:
  ward  dimse 127.0.0.1:11112, DIMSEWAY
  web   dicomweb 127.0.0.1:8080, /dicomweb, /other
Upstreams:
  webRis  dicomweb https://ris.example
  oldRis  dimse 10.0.0.5:104, OLDRIS, called by DIMSEWAY
Routes:
  scanners  ward, calling CT1 or CT2, from 127.0.0.0/8 → worklist of webRis, else oldRis; MPPS to oldRis
  closed    ward → refused
  web       web, base path /dicomweb → worklist of oldRis
  steps     web, base path /other → MPPS to webRis
Store: sqlite ${join(folder, 'steps.db')}
Memory: at worst 3.8 GiB, all peers at their limits at once
Console: 127.0.0.1:8090
`,
      stderr: '',
    });
  });

  test('shows how MPPS is delivered, who feeds a RIS, and where PostgreSQL is, without its password', async () => {
    const text = `
listeners: { ward: { protocol: dimse, aeTitle: DIMSEWAY, port: 11112 } }
upstreams:
  ris: { protocol: ris }
  pacs: { protocol: dicomweb, baseUrl: http://pacs.example }
  dose: { protocol: dicomweb, baseUrl: http://dose.example }
routes:
  - name: all
    worklist: { to: ris }
    mpps: { to: ris, delivery: store-and-forward, forwardTo: [pacs, { to: dose }] }
store: { kind: postgres, url: postgres://gateway:s3cret@db.example:5433/dimseway }
`;
    const postgres = join(folder, 'postgres.yaml');
    await writeFile(postgres, text);
    const { status, stdout } = await runs('check', postgres);
    expect(status).toBe(0);
    expect(stdout).toContain('  ris   ris, fed by /api/worklist\n');
    expect(stdout).toContain('worklist of ris; MPPS stored, then to ris, forwarded to pacs, dose\n');
    expect(stdout).toContain('Store: postgres db.example:5433/dimseway\n');
    expect(stdout).not.toContain('s3cret');
  });

  test('shows every problem and ends with 2', async () => {
    const bad = join(folder, 'bad.yaml');
    await writeFile(bad, 'listeners: {}\nupstreams: []\nrouts: []\n');
    expect(await runs('check', bad)).toEqual({
      status: 2,
      stdout: `${bad}:1:1 routes: is missing: should be a list
${bad}:2:12 upstreams: should be a mapping. Found: a list
${bad}:3:1 routs: is not an option. Did you mean "routes"?
3 problems.
`,
      stderr: '',
    });
  });

  test('shows warnings of a valid configuration and ends with 0', async () => {
    const odd = join(folder, 'odd.yaml');
    await writeFile(odd, 'listeners: { a: { protocol: dicomweb, port: 0 } }\nupstreams: {}\nroutes: []\n');
    const { status, stdout } = await runs('check', odd);
    expect(status).toBe(0);
    expect(stdout).toContain(`Warning: ${odd}:1:14 listeners.a: has no route: its requests are refused\n`);
  });

  test('ends with 2 when there is no such file', async () => {
    expect(await runs('check', '/no/such.yaml')).toMatchObject({
      status: 2,
      stdout: '/no/such.yaml cannot be read: there is no such file\n1 problem.\n',
    });
  });
});

describe('explain', () => {
  const explain = (...argv: string[]): ReturnType<typeof runs> => runs('explain', '--config', file, ...argv);

  test('says which route a request takes', async () => {
    expect(await explain('--listener', 'ward', '--calling', 'CT1')).toEqual({
      status: 0,
      stdout: 'scanners matches: the worklist of webRis, else of oldRis.\n',
      stderr: '',
    });
  });

  test('says why each route before it does not match', async () => {
    const { stdout } = await explain('--listener', 'ward', '--calling', 'MR1', '--address', '10.0.0.1');
    expect(stdout).toBe(
      'scanners does not match: the calling AE title is MR1, not CT1 or CT2; the address 10.0.0.1 is not in 127.0.0.0/8.\n' +
        'closed matches, but has no worklist: the request is refused.\n',
    );
  });

  test('says when the listener itself refuses', async () => {
    const dimse = await explain('--listener', 'ward', '--calling', 'XX', '--called', 'YY');
    expect(dimse.stdout.split('\n').slice(0, 2)).toEqual([
      'The listener rejects the association: the calling AE title is XX, not CT1 or CT2 or MR1.',
      'The listener rejects the association: the called AE title is YY, not DIMSEWAY.',
    ]);
    const web = await explain('--listener', 'web', '--path', '/nowhere');
    expect(web.stdout).toContain('The listener answers 404: it serves /dicomweb, /other.\n');
  });

  test.each([
    ['/dicomweb', 'web matches: the worklist of oldRis.'],
    ['/dicomweb/modality-scheduled-procedure-steps', 'web matches: the worklist of oldRis.'],
    ['/other', 'steps matches, but has no worklist: the request is refused.'],
    ['/nowhere', 'No route matches: the request is refused (context result 3, HTTP 501).'],
  ])('finds the base path of %s', async (path, last) => {
    const { status, stdout } = await explain('--listener', 'web', '--path', path);
    expect(status).toBe(0);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe(last);
  });

  test('shows what the rules of the route make of a data set', async () => {
    const dataset = join(folder, 'dataset.json');
    const before = '{"00100010":{"vr":"PN"},"00100020":{"vr":"LO","Value":["1"]}}';
    await writeFile(dataset, `[${before}]`);
    const { stdout } = await explain('--listener', 'ward', '--calling', 'CT1', '--dataset', dataset);
    expect(stdout.split('\n').slice(1)).toEqual([
      `Before: ${before}`,
      'Query to webRis, else to oldRis:',
      '  Rule 1, set PatientSex when PatientID …: PatientSex (absent) → O.',
      '  Rule 2, remove PatientName: PatientName (empty) → (absent).',
      '  After: {"00100020":{"vr":"LO","Value":["1"]},"00100040":{"vr":"CS","Value":["O"]}}',
      'Result: no rules, it stays as it is.',
      '',
    ]);
  });

  test('says where MPPS goes, and what its rules make of a data set', async () => {
    const dataset = join(folder, 'step.json');
    const before = '{"00400241":{"vr":"AE","Value":["CT1"]}}';
    await writeFile(dataset, before);
    const { status, stdout } = await explain(
      ...['--listener', 'ward', '--calling', 'CT1', '--service', 'mpps', '--dataset', dataset],
    );
    expect({ status, lines: stdout.split('\n') }).toEqual({
      status: 0,
      lines: [
        'scanners matches: MPPS to oldRis, delivery direct, validation strict.',
        'An update or retrieve follows the create of its step, if that came in at this listener by another route.',
        `Before: ${before}`,
        'Create or update to oldRis:',
        '  Rule 1, map PerformedStationAETitle: PerformedStationAETitle CT1 → SCANNER_1.',
        '  After: {"00400241":{"vr":"AE","Value":["SCANNER_1"]}}',
        'Retrieve: no rules, it stays as it is.',
        '',
      ],
    });
  });

  test('says when the route that matches offers no MPPS', async () => {
    const { stdout } = await explain('--listener', 'web', '--path', '/dicomweb', '--service', 'mpps');
    expect(stdout).toBe(
      'scanners does not match: the listener is web, not ward; the requester has no calling AE title.\n' +
        'closed does not match: the listener is web, not ward.\nweb matches, but has no mpps: the request is refused.\n',
    );
  });

  test.each([
    ['two data sets', '[{},{}]', 'data.json holds 2 data sets; one is needed'],
    ['no data set', '[]', 'data.json holds no data set'],
    ['no JSON', '{', 'data.json: '],
  ])('ends with 2 at a file with %s', async (_what, text, message) => {
    const dataset = join(folder, 'data.json');
    await writeFile(dataset, text);
    const { status, stdout, stderr } = await explain('--listener', 'ward', '--dataset', dataset);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  test.each([
    ['an unknown listener', ['--listener', 'icu'], 'There is no listener "icu"'],
    [
      'an address that is none',
      ['--listener', 'ward', '--address', 'here'],
      '--address should be an IP address. Found: here',
    ],
    ['a path at a DIMSE listener', ['--listener', 'ward', '--path', '/a'], '--path is of web listeners'],
    [
      'AE titles at a web listener',
      ['--listener', 'web', '--calling', 'A'],
      '--called and --calling are of DIMSE listeners',
    ],
    [
      'a service that is none',
      ['--listener', 'ward', '--service', 'ups'],
      'Allowed choices are worklist, mpps, storageCommitment, workitems.',
    ],
    ['no such data set', ['--listener', 'ward', '--dataset', '/no/such'], '/no/such cannot be read: ENOENT'],
    [
      'no such configuration',
      ['--listener', 'ward', '--config', '/no/such'],
      'CONFIG_UNREADABLE: /no/such cannot be read',
    ],
  ])('ends with 2 at %s', async (_what, argv, message) => {
    const { status, stdout, stderr } = await explain(...argv);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  test('asks for the called AE title where a listener has several', async () => {
    const several = join(folder, 'several.yaml');
    await writeFile(
      several,
      'listeners: { a: { protocol: dimse, aeTitles: [A, B], port: 0 } }\nupstreams: {}\nroutes: []\n',
    );
    const { status, stderr } = await runs('explain', '--config', several, '--listener', 'a');
    expect({ status, stderr }).toEqual({ status: 2, stderr: '--called is needed: a answers to A, B.\n' });
  });
});

describe('an embedded RIS from the command line, without the store of the gateway', () => {
  let sandbox: string;
  beforeAll(async () => {
    sandbox = join(folder, 'sandbox.yaml');
    const entries = fileURLToPath(new URL('../../../config/worklist.yaml', import.meta.url));
    await writeFile(
      sandbox,
      `listeners: {}\nupstreams: { ris: { protocol: ris, entries: '${entries}' } }\nroutes: []\n`,
    );
  });

  test('find shows the entries of its files, and says that a running gateway may have others', async () => {
    const { status, stdout, stderr } = await runs('find', 'ris', 'PatientID=MG-1001', '--config', sandbox);
    expect({ status, lines: stdout.trim().split('\n').length }).toEqual({ status: 0, lines: 3 }); // head, entry, count
    expect(stdout).toContain('MG-1001');
    expect(stderr).toContain('Warning: these are the entries of its files alone.');
  });

  test('takes no performed step, which it would forget', async () => {
    const { status, stdout, stderr } = await runs(
      ...['mpps', 'create', 'ris', '--from', 'PatientID=MG-1001', '--worklist', 'ris', '--config', sandbox],
    );
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('ris is the embedded RIS, whose steps live in the gateway that runs.');
  });
});
