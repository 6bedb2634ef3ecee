import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../../src/cli/cli.ts';
import { wholeToJson } from '../../../src/console/spool-json.ts';
import { toJson } from '../../../src/dataset/json.ts';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import { fullMessageOf, messageOf } from '../../support/spool-messages.ts';

const CONFIG = `
listeners:
  ward: { protocol: dimse, aeTitle: DIMSEWAY, port: 0 }
upstreams:
  ris: { protocol: dicomweb, baseUrl: http://ris }
  archive: { protocol: dimse, host: h, port: 104, aeTitle: A, callingAeTitle: B }
  billing: { protocol: dicomweb, baseUrl: http://billing }
routes:
  - name: ct
    worklist: { to: ris, rules: { response: [{ default: PatientSex, value: O }] } }
    mpps:
      to: ris
      forwardTo:
        - archive
        - { to: billing, rules: { request: [{ remove: PatientName }, { set: StudyID, value: B1 }] } }
      rules:
        request: [{ replace: PatientID, pattern: '^0+', with: '' }]
  - { name: mr, mpps: { to: archive, rules: { request: [{ copy: PatientID, to: PregnancyStatus }] } } }
store: { path: steps.db }
console: { port: 8090 }
`;

const STEP = dataSetOf({
  '00100010': attribute('PN', { Alphabetic: 'Doe^Jane' }),
  '00100020': attribute('LO', '0042'),
});

let folder: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
  file = join(folder, 'gateway.yaml');
  await writeFile(file, CONFIG);
});
afterAll(() => rm(folder, { recursive: true }));

async function explain(...argv: string[]): Promise<{ status: number; lines: string[]; stderr: string }> {
  const [stdout, stderr] = [process.stdout, process.stderr].map((stream) =>
    jest.spyOn(stream, 'write').mockReturnValue(true),
  );
  try {
    const status = await run(['explain', '--config', file, ...argv]);
    const text = (spy: typeof stdout): string => (spy?.mock.calls ?? []).map(([chunk]) => String(chunk)).join('');
    return { status, lines: text(stdout).split('\n').slice(0, -1), stderr: text(stderr) };
  } finally {
    stdout?.mockRestore();
    stderr?.mockRestore();
  }
}

async function written(text: string): Promise<string> {
  const path = join(folder, 'dataset.json');
  await writeFile(path, text);
  return path;
}

describe('a dry run', () => {
  test('shows before, what each rule changed, and after, for the upstream and for each forward', async () => {
    const dataset = await written(toJson(STEP));
    const { status, lines } = await explain('--route', 'ct', '--service', 'mpps', '--dataset', dataset);
    expect({ status, lines }).toEqual({
      status: 0,
      lines: [
        'ct: MPPS to ris, forwarded to archive, billing, delivery direct, validation warn.',
        `Before: ${toJson(STEP)}`,
        'Create or update to ris:',
        '  Rule 1, replace PatientID: PatientID 0042 → 42.',
        `  After: ${toJson({ ...STEP, '00100020': attribute('LO', '42') })}`,
        'Forward to archive: no rules, it stays as it is.',
        'Forward to billing:',
        '  Rule 1, remove PatientName: PatientName Doe^Jane → (absent).',
        '  Rule 2, set StudyID: StudyID (absent) → B1.',
        '  After: {"00100020":{"vr":"LO","Value":["0042"]},"00200010":{"vr":"SH","Value":["B1"]}}',
        'Retrieve: no rules, it stays as it is.',
      ],
    });
  });

  test('shows every service of a named route unless one is asked for', async () => {
    const dataset = await written(toJson(STEP));
    const { lines } = await explain('--route', 'ct', '--dataset', dataset);
    expect(lines.filter((line) => /^\S/.test(line)).map((line) => line.split(/[ :]/)[0])).toEqual([
      ...['ct', 'ct', 'ct', 'Before', 'Query', 'Result', 'Create', 'Forward', 'Forward', 'Retrieve'],
    ]);
    expect(lines).toContain('  Rule 1, default PatientSex: PatientSex (absent) → O.');
    const none = await explain('--route', 'mr', '--service', 'worklist');
    expect(none).toEqual({ status: 0, lines: ['mr: no worklist.'], stderr: '' });
  });

  test('shows the forwards of the route that a request takes', async () => {
    const dataset = await written(toJson(STEP));
    const { lines } = await explain('--listener', 'ward', '--service', 'mpps', '--dataset', dataset);
    expect(lines).toContain('Forward to archive: no rules, it stays as it is.');
  });

  test('a rule that does not fit the values ends with 2, without the value in the error', async () => {
    const dataset = await written(toJson(dataSetOf({ '00100020': attribute('LO', 'Secret') })));
    const { status, lines } = await explain('--route', 'mr', '--dataset', dataset);
    expect(status).toBe(2);
    const failure = lines[lines.indexOf('Create or update to archive:') + 1];
    expect(failure).toMatch(/^ {2}CONVERSION_FAILED: Rule 1: /);
    expect(failure).not.toContain('Secret');
    expect(lines.at(-1)).toBe('Retrieve: no rules, it stays as it is.');
  });
});

describe('what spool export wrote', () => {
  const exported = (id: number, message: ReturnType<typeof messageOf>): string =>
    wholeToJson({ ...message, id, state: 'dead', acceptedAt: 0, attempts: 1, inDoubt: false });

  test('is explained message by message, for the route and the destination of each', async () => {
    const dataset = await written(
      `${exported(3, { ...messageOf('1.1'), received: STEP })}\n` +
        `${exported(4, { ...fullMessageOf('1.2'), upstream: 'billing', received: STEP })}\n`,
    );
    const { status, lines } = await explain('--dataset', dataset);
    expect({ status, lines }).toEqual({
      status: 0,
      lines: [
        'Message 3, create of 1.1 for ct → ris',
        `Before: ${toJson(STEP)}`,
        'Create or update to ris:',
        '  Rule 1, replace PatientID: PatientID 0042 → 42.',
        expect.stringContaining('  After: {"00100010"'),
        'Message 4, update of 1.2 for ct → billing',
        `Before: ${toJson(STEP)}`,
        'Forward to billing:',
        '  Rule 1, remove PatientName: PatientName Doe^Jane → (absent).',
        '  Rule 2, set StudyID: StudyID (absent) → B1.',
        expect.stringContaining('  After: {"00100020"'),
      ],
    });
  });

  test('can be tried on another route', async () => {
    const dataset = await written(exported(3, { ...messageOf('1.1'), received: STEP }));
    const { lines } = await explain('--route', 'mr', '--dataset', dataset);
    expect(lines.slice(0, 5)).toEqual([
      'mr: no worklist.',
      'mr: MPPS to archive, delivery direct, validation warn.',
      'mr: no storageCommitment.',
      'Message 3, create of 1.1 for ct → ris',
      `Before: ${toJson(STEP)}`,
    ]);
  });

  test.each([
    ['a line that is none', '{"id":1}', 'dataset.json:2 is no message of an export'],
    ['a line that is cut', '{"id":1,"received":{', 'dataset.json:2 is no message of an export'],
    ['a data set that is none', '{"received":{"0010":{}}}', 'dataset.json:2: '],
  ])('ends with 2 at %s', async (_what, line, message) => {
    const dataset = await written(`${exported(3, messageOf('1.1'))}\n${line}\n`);
    const { status, lines, stderr } = await explain('--dataset', dataset);
    expect({ status, lines }).toEqual({ status: 2, lines: [] });
    expect(stderr).toContain(message);
  });

  test('ends with 2 where its route is gone', async () => {
    const dataset = await written(exported(3, { ...messageOf('1.1'), route: 'gone' }));
    const { status, stderr } = await explain('--dataset', dataset);
    expect({ status, stderr }).toEqual({ status: 2, stderr: `There is no route "gone" in ${file}. Known: ct, mr.\n` });
  });
});

test.each([
  [['--route', 'icu'], 'There is no route "icu" in'],
  [['--route', 'ct', '--listener', 'ward'], "option '--route <name>' cannot be used with option '--listener <name>'"],
  [['--route', 'ct', '--calling', 'CT1'], "option '--route <name>' cannot be used with option '--calling <title>'"],
])('%j ends with 2', async (argv, message) => {
  const { status, stderr } = await explain(...argv);
  expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining(message) });
});

test('a data set that tells no route needs one', async () => {
  const { status, stderr } = await explain('--dataset', await written(toJson(STEP)));
  expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining('Give --route or --listener') });
});

test('help says that the values of the file are printed', async () => {
  const { status, lines } = await explain('--help');
  expect({ status, text: lines.join(' ') }).toEqual({
    status: 0,
    text: expect.stringContaining('patient data of the file'),
  });
});
