import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attribute, createDataSet, dataSetOf, firstText, itemsOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { isUid } from '../../../src/dataset/uid.ts';
import { checkCreate, checkFinal } from '../../../src/services/mpps/validate.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { RequestContext, Upstream, WorklistQuery } from '../../../src/services/port.ts';

const CONFIG = `
listeners: {}
upstreams:
  ris: { protocol: dicomweb, baseUrl: http://ris }
  other: { protocol: dimse, host: h, port: 104, aeTitle: A, callingAeTitle: B }
  sandbox: { protocol: ris, entries: worklist.json }
routes: [{ name: all, worklist: { to: [ris, other, sandbox] } }]
`;

/** What reached an upstream: its name, the operation and its arguments. */
let calls: [upstream: string, operation: string, ...unknown[]][];
let worklist: DataSet[];
let step: DataSet;
let refusal: ServiceFailure | undefined;
let retrieveRefusal: ServiceFailure | undefined;

function fakeUpstream(name: string): Upstream {
  const answer = <T>(value: T, failure: ServiceFailure | undefined): Promise<T> =>
    failure === undefined ? Promise.resolve(value) : Promise.reject(failure);
  return {
    async *search(query: WorklistQuery) {
      calls.push([name, 'search', query.identifier, query.returnKeys]);
      yield* await Promise.resolve(worklist);
    },
    createMpps(uid, attributes, context: RequestContext) {
      calls.push([name, 'create', uid, attributes]);
      context.warn({ code: 'UPSTREAM_WARNING', text: 'sic' });
      return answer({ uid }, refusal);
    },
    updateMpps(uid, modifications) {
      calls.push([name, 'update', uid, modifications]);
      return answer({ uid }, refusal);
    },
    retrieveMpps(uid, selection) {
      calls.push([name, 'retrieve', uid, selection]);
      return answer(step, retrieveRefusal);
    },
    commitmentResult: 'checked',
    requestCommitment: () => Promise.reject(new Error('unused')),
    checkCommitment: () => Promise.reject(new Error('unused')),
    reportCommitment: () => Promise.reject(new Error('unused')),
    notifyMpps: () => Promise.reject(new Error('unused')),
    verify: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

jest.unstable_mockModule('../../../src/upstream-parts.ts', () => ({
  createUpstream: (name: string) => Promise.resolve(fakeUpstream(name)),
}));
const { run } = await import('../../../src/cli/cli.ts');

let folder: string;
let config: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
  config = join(folder, 'gateway.yaml');
  await writeFile(config, CONFIG);
  await writeFile(join(folder, 'worklist.json'), '[]');
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => {
  calls = [];
  worklist = [];
  step = createDataSet();
  refusal = undefined;
  retrieveRefusal = undefined;
});

async function mpps(...argv: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const [stdout, stderr] = [process.stdout, process.stderr].map((stream) =>
    jest.spyOn(stream, 'write').mockReturnValue(true),
  );
  try {
    const [command = '', ...rest] = argv;
    const status = await run(['mpps', command, '--config', config, ...rest]);
    const text = (spy: typeof stdout): string => (spy?.mock.calls ?? []).map(([chunk]) => String(chunk)).join('');
    return { status, stdout: text(stdout), stderr: text(stderr) };
  } finally {
    stdout?.mockRestore();
    stderr?.mockRestore();
  }
}

async function fileWith(text: string): Promise<string> {
  const file = join(folder, 'step.json');
  await writeFile(file, text);
  return file;
}

const UID = '1.2.3.4';
const JSON_STEP = '{"00400252":{"vr":"CS","Value":["IN PROGRESS"]},"00080060":{"vr":"CS","Value":["CT"]}}';
const STEP = dataSetOf({ '00400252': attribute('CS', 'IN PROGRESS'), '00080060': attribute('CS', 'CT') });

function entry(patientId: string, study: string, station?: string): DataSet {
  return dataSetOf({
    '00100010': attribute('PN', { Alphabetic: 'Doe^Jane' }),
    '00100020': attribute('LO', patientId),
    '0020000D': attribute('UI', study),
    '00400100': attribute(
      'SQ',
      dataSetOf({
        '00080060': attribute('CS', 'CT'),
        '00400001': station === undefined ? attribute('AE') : attribute('AE', station),
        '00400009': attribute('SH', `SPS${study}`),
      }),
    ),
  });
}

describe('mpps create', () => {
  test('sends a file and prints the UID; warnings go to stderr', async () => {
    const file = await fileWith(JSON_STEP);
    expect(await mpps('create', 'ris', '--uid', UID, '--dataset', file)).toEqual({
      status: 0,
      stdout: `${UID}\n`,
      stderr: 'Warning: sic\n',
    });
    expect(calls).toEqual([['ris', 'create', UID, STEP]]);
  });

  test('takes the UID of the file, and keeps it and the class out of the attributes', async () => {
    const file = await fileWith(
      `[{"00080016":{"vr":"UI","Value":["1.2.840.10008.3.1.2.3.3"]},"00080018":{"vr":"UI","Value":["${UID}"]},${JSON_STEP.slice(1)}]`,
    );
    expect(await mpps('create', 'ris', '--dataset', file)).toMatchObject({ status: 0, stdout: `${UID}\n` });
    expect(calls).toEqual([['ris', 'create', UID, STEP]]);
    const { status, stderr } = await mpps('create', 'ris', '--uid', '1.2.5', '--dataset', file);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: 'The file is of another step: its SOPInstanceUID differs from the UID given.\n',
    });
  });

  test('makes a UID where there is none', async () => {
    const { stdout } = await mpps('create', 'ris', '--dataset', await fileWith(JSON_STEP));
    expect(isUid(stdout.trim())).toBe(true);
    expect(calls[0]?.[2]).toBe(stdout.trim());
  });

  test('makes a step of a worklist entry, of another upstream too (PS3.4 F.7.2.1)', async () => {
    worklist = [entry('4711', '1.2.1', 'CT1')];
    const { status, stderr } = await mpps(
      ...['create', 'ris', '--worklist', 'other', '--uid', UID],
      ...['--from', 'PatientID=4711', 'ScheduledProcedureStepSequence.Modality=CT'],
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: 'Warning: sic\n' });
    expect(calls.map(([upstream, operation]) => [upstream, operation])).toEqual([
      ['other', 'search'],
      ['ris', 'create'],
    ]);
    expect(calls[0]?.slice(2)).toEqual([
      dataSetOf({
        '00100020': attribute('LO', '4711'),
        '00400100': attribute('SQ', dataSetOf({ '00080060': attribute('CS', 'CT') })),
      }),
      'all',
    ]);
    const sent = calls[1]?.[3] as DataSet;
    expect(checkCreate(sent)).toEqual([]);
    expect(sent).toMatchObject({
      '00100020': { Value: ['4711'] },
      '00400241': { Value: ['CT1'] },
      '00400252': { Value: ['IN PROGRESS'] },
    });
  });

  test('makes one step of several entries of a patient, with what was given for it (group case)', async () => {
    worklist = [entry('4711', '1.2.1'), entry('4711', '1.2.2')];
    const { status, stderr } = await mpps(
      ...['create', 'ris', '--from', 'PatientID=4711', '--station', 'US1', '--modality', 'US', '--study', '1.2.9'],
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '2 worklist entries make one step.\nWarning: sic\n' });
    const sent = calls[1]?.[3] as DataSet;
    expect(sent).toMatchObject({ '00080060': { Value: ['US'] }, '00400241': { Value: ['US1'] } });
    expect(itemsOf(sent['00400270']).map((item) => item['0020000D']?.Value)).toEqual([['1.2.9'], ['1.2.9']]);
  });

  test('ends with 1 when the worklist has no such entry', async () => {
    expect(await mpps('create', 'ris', '--from', 'PatientID=0')).toEqual({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^There is no such entry on the worklist\. .*dimseway find/),
    });
    expect(calls.map(([, operation]) => operation)).toEqual(['search']);
  });

  test.each([
    [
      'entries of several patients',
      [entry('1', '1.2.1', 'CT1'), entry('2', '1.2.2', 'CT1')],
      'The worklist entries do not make a step: worklist entries of several patients cannot be one step.\n',
    ],
    [
      'an entry without a station',
      [entry('1', '1.2.1')],
      'The worklist entry does not make a step: 00400241 is missing. See --station, --modality and --study.\n',
    ],
  ])('ends with 2 at %s, and sends nothing', async (_what, entries, message) => {
    worklist = entries;
    const { status, stderr } = await mpps('create', 'ris', '--from', 'PatientID');
    expect(status).toBe(2);
    expect(stderr).toContain(message);
    expect(calls.map(([, operation]) => operation)).toEqual(['search']);
  });

  test('ends with 1 when the upstream refuses', async () => {
    refusal = new ServiceFailure('DUPLICATE_INSTANCE', { comment: 'is there', dimseStatus: 0x0111 });
    expect(await mpps('create', 'ris', '--uid', UID, '--dataset', await fileWith(JSON_STEP))).toEqual({
      status: 1,
      stdout: '',
      stderr:
        'Warning: sic\nDUPLICATE_INSTANCE: is there\nFix: docs/errors.md says what to do about DUPLICATE_INSTANCE.\n',
    });
  });

  test('names the UID where nobody knows whether it was created', async () => {
    refusal = new ServiceFailure('CONNECTION_LOST', { comment: 'gone', retry: 'ambiguous' });
    const { status, stderr } = await mpps('create', 'ris', '--uid', UID, '--dataset', await fileWith(JSON_STEP));
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: `Warning: sic\nWhether it was done is not known; ask for ${UID}.\nCONNECTION_LOST: gone\nFix: docs/errors.md says what to do about CONNECTION_LOST.\n`,
    });
  });
});

test('mpps update sends a file', async () => {
  const file = await fileWith('{"00400254":{"vr":"LO","Value":["Head"]}}');
  expect(await mpps('update', 'other', UID, '--dataset', file)).toEqual({
    status: 0,
    stdout: `${UID} updated\n`,
    stderr: '',
  });
  expect(calls).toEqual([['other', 'update', UID, dataSetOf({ '00400254': attribute('LO', 'Head') })]]);
});

describe('mpps complete and discontinue', () => {
  const SERIES = '{"00400340":{"vr":"SQ","Value":[{"0020000E":{"vr":"UI","Value":["1.2.8"]}}]}}';

  test('send the series of a file, the final state and an end', async () => {
    const file = await fileWith(SERIES);
    expect(await mpps('complete', 'ris', UID, '--dataset', file, '--end', '20250102', '101500')).toEqual({
      status: 0,
      stdout: `${UID} COMPLETED\n`,
      stderr: '',
    });
    expect(calls).toEqual([
      [
        'ris',
        'update',
        UID,
        dataSetOf({
          '00400250': attribute('DA', '20250102'),
          '00400251': attribute('TM', '101500'),
          '00400252': attribute('CS', 'COMPLETED'),
          '00400340': attribute('SQ', dataSetOf({ '0020000E': attribute('UI', '1.2.8') })),
        }),
      ],
    ]);
  });

  test('take the end of the file, else now', async () => {
    const end = '"00400250":{"vr":"DA","Value":["20240101"]},"00400251":{"vr":"TM","Value":["0815"]}';
    await mpps('complete', 'ris', UID, '--dataset', await fileWith(`{${end},${SERIES.slice(1)}`));
    expect(calls[0]?.[3]).toMatchObject({ '00400250': { Value: ['20240101'] }, '00400251': { Value: ['0815'] } });
    await mpps('complete', 'ris', UID, '--dataset', await fileWith(SERIES));
    const now = calls[1]?.[3] as DataSet;
    expect(firstText(now, '00400250')).toMatch(/^20\d{6}$/);
    expect(firstText(now, '00400251')).toMatch(/^\d{6}$/);
  });

  test('send a series without images where the step has none: none is not legal (PS3.4 Table F.7.2-1 note 2)', async () => {
    expect((await mpps('discontinue', 'ris', UID, '--protocol', 'Scout')).status).toBe(0);
    expect(calls[0]).toEqual(['ris', 'retrieve', UID, [['00400340']]]);
    const sent = calls[1]?.[3] as DataSet;
    expect(checkFinal({ tags: new Set(), modifications: sent })).toEqual([]);
    const [series, ...more] = itemsOf(sent['00400340']);
    expect(more).toEqual([]);
    expect(series).toMatchObject({ '00181030': { Value: ['Scout'] }, '00081140': { vr: 'SQ' } });
    expect(sent['00400252']).toEqual(attribute('CS', 'DISCONTINUED'));
  });

  test('leave the series that the step has alone', async () => {
    step = dataSetOf({ '00400340': attribute('SQ', dataSetOf({ '0020000E': attribute('UI', '1.2.8') })) });
    await mpps('complete', 'ris', UID);
    expect(Object.keys(calls[1]?.[3] as DataSet).sort()).toEqual(['00400250', '00400251', '00400252']);
  });

  test('send no series where the upstream has no retrieve, unless told to', async () => {
    retrieveRefusal = new ServiceFailure('NOT_SUPPORTED');
    expect(await mpps('complete', 'ris', UID)).toEqual({
      status: 0,
      stdout: `${UID} COMPLETED\n`,
      stderr: 'Warning: The upstream does not tell which series the step has, so none are sent; see --empty-series\n',
    });
    expect((calls[1]?.[3] as DataSet)['00400340']).toBeUndefined();
    await mpps('complete', 'ris', UID, '--empty-series');
    expect(calls.slice(2).map(([, operation]) => operation)).toEqual(['update']);
    expect(itemsOf((calls[2]?.[3] as DataSet)['00400340'])).toHaveLength(1);
  });

  test('send nothing to a step that is not there', async () => {
    retrieveRefusal = new ServiceFailure('NO_SUCH_INSTANCE', { dimseStatus: 0x0112 });
    expect(await mpps('complete', 'ris', UID)).toEqual({
      status: 1,
      stdout: '',
      stderr: 'NO_SUCH_INSTANCE: NO_SUCH_INSTANCE\nFix: docs/errors.md says what to do about NO_SUCH_INSTANCE.\n',
    });
    expect(calls.map(([, operation]) => operation)).toEqual(['retrieve']);
  });

  test('discontinue gives the reason as a code (PS3.3 8.8)', async () => {
    await mpps(
      'discontinue',
      'ris',
      UID,
      '--empty-series',
      '--reason',
      '110513^DCM^Discontinued for unspecified reason',
    );
    expect((calls[0]?.[3] as DataSet)['00400281']).toEqual(
      attribute(
        'SQ',
        dataSetOf({
          '00080100': attribute('SH', '110513'),
          '00080102': attribute('SH', 'DCM'),
          '00080104': attribute('LO', 'Discontinued for unspecified reason'),
        }),
      ),
    );
  });
});

describe('mpps get', () => {
  beforeEach(() => {
    step = dataSetOf({
      '00100010': attribute('PN', { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎' }),
      '00080050': attribute('SH'),
      '00091001': { vr: 'UN', InlineBinary: 'AAEC' },
      '00400280': attribute('ST', 'a\u001b[2Jb'),
      '00400270': attribute('SQ', dataSetOf({ '0020000D': attribute('UI', '1.2') }), createDataSet()),
      '00400244': attribute('DA', '20250101', null),
    });
  });

  test('prints a line for each attribute; control characters of the peer do not reach the terminal', async () => {
    expect(await mpps('get', 'ris', UID)).toEqual({
      status: 0,
      stdout: `00080050 SH AccessionNumber: (empty)
00091001 UN unknown: 3 bytes
00100010 PN PatientName: Yamada^Tarou=山田^太郎
00400244 DA PerformedProcedureStepStartDate: 20250101\\
00400270 SQ ScheduledStepAttributesSequence: 2 items
  item 1
    0020000D UI StudyInstanceUID: 1.2
  item 2
00400280 ST CommentsOnThePerformedProcedureStep: a\\x1b[2Jb
`,
      stderr: '',
    });
    expect(calls).toEqual([['ris', 'retrieve', UID, 'all']]);
  });

  test('prints DICOM JSON and asks for some attributes only', async () => {
    step = STEP;
    const { stdout } = await mpps('get', 'ris', UID, '--include', 'Modality,00400270.0020000D', '--json');
    expect(stdout).toBe('{"00080060":{"vr":"CS","Value":["CT"]},"00400252":{"vr":"CS","Value":["IN PROGRESS"]}}\n');
    expect(calls).toEqual([['ris', 'retrieve', UID, [['00080060'], ['00400270', '0020000D']]]]);
  });
});

test.each([
  ['no command', [], 'Usage: dimseway mpps'],
  ['neither a file nor keys', ['create', 'ris'], 'error: give --dataset <file> or --from <keys...>'],
  ['both', ['create', 'ris', '--dataset', 'x', '--from', 'a=b'], 'cannot be used with option'],
  ['a station for a file', ['create', 'ris', '--dataset', 'x', '--station', 'A'], 'error: --station goes with --from'],
  ['a UID that is none', ['get', 'ris', '1.02'], 'It should be a UID: digits and dots, at most 64.'],
  ['no file to update', ['update', 'ris', UID], "required option '--dataset <file>' not specified"],
  ['a file that is not there', ['create', 'ris', '--dataset', '/no/such'], '/no/such cannot be read: ENOENT'],
  [
    'an unknown attribute',
    ['get', 'ris', UID, '--include', 'Modalty'],
    '"Modalty" is neither a keyword nor eight hex digits',
  ],
  ['an unknown upstream', ['get', 'rsi', UID], 'There is no upstream "rsi"'],
  [
    'an end that is none',
    ['complete', 'ris', UID, '--end', '20250230', '1200'],
    'such as 20250102 101500. Found: 20250230 1200',
  ],
  ['an end without time', ['complete', 'ris', UID, '--end', '20250102'], '--end should be a date and a time'],
  [
    'a reason without scheme',
    ['discontinue', 'ris', UID, '--reason', '110513'],
    '--reason should be CODE^SCHEME^MEANING',
  ],
  ['a reason to complete', ['complete', 'ris', UID, '--reason', 'A^B^C'], "unknown option '--reason'"],
  [
    'the embedded RIS',
    ['get', 'sandbox', UID],
    'sandbox is the embedded RIS, whose steps live in the gateway that runs.',
  ],
])('mpps ends with 2 at %s, and sends nothing', async (_what, argv, message) => {
  const { status, stdout, stderr } = argv.length === 0 ? await runsBare() : await mpps(...argv);
  expect({ status, stdout, calls }).toEqual({ status: 2, stdout: '', calls: [] });
  expect(stderr).toContain(message);
});

async function runsBare(): ReturnType<typeof mpps> {
  const stderr = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    const status = await run(['mpps']);
    return { status, stdout: '', stderr: stderr.mock.calls.map(([chunk]) => String(chunk)).join('') };
  } finally {
    stderr.mockRestore();
  }
}
