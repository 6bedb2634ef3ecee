import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeDataSet } from '../../../src/dataset/binary/encode.ts';
import { TRANSFER_SYNTAXES } from '../../../src/dataset/binary/transfer-syntax.ts';
import { toJson } from '../../../src/dataset/json.ts';
import { isUid } from '../../../src/dataset/uid.ts';
import { toXml } from '../../../src/dataset/xml.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { CommitmentContext, Upstream } from '../../../src/services/port.ts';
import type {
  CommitmentStatus,
  SopReference,
  ToldCommitment,
} from '../../../src/services/storage-commitment/commitment.ts';
import { actionInformation } from '../../../src/services/storage-commitment/messages.ts';
import { manyReferences, treeForm } from '../../support/commitments.ts';
import { INSTANCES } from '../../support/operated-commitments.ts';

const CONFIG = `
listeners: {}
upstreams:
  web: { protocol: dicomweb, baseUrl: http://web }
  pacs: { protocol: dimse, host: h, port: 104, aeTitle: A, callingAeTitle: B }
routes: []
`;
const UID = '1.2.3.99';
const [CT, MR] = INSTANCES as [SopReference, SopReference];
const BOTH = INSTANCES.map(({ sopClassUid, sopInstanceUid }) => `${sopClassUid}=${sopInstanceUid}`);
const ALL: ToldCommitment = { committed: INSTANCES, failed: [] };

/** What reached an upstream. */
let calls: [upstream: string, operation: string, uid: string, references?: readonly SopReference[]][];
/** What the next requests and checks come to; the last one again and again. */
let answers: (CommitmentStatus | ServiceFailure)[];
/** What an upstream does while it is asked. */
let onRequest: (context: CommitmentContext) => void;

function nextAnswer(): Promise<CommitmentStatus> {
  const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? { state: 'pending' };
  return answer instanceof ServiceFailure ? Promise.reject(answer) : Promise.resolve(answer);
}

function fakeUpstream(name: string): Partial<Upstream> {
  return {
    commitmentResult: name === 'pacs' ? 'reported' : 'checked',
    requestCommitment(uid, references, context) {
      calls.push([name, 'request', uid, references]);
      onRequest(context);
      return nextAnswer();
    },
    checkCommitment(uid) {
      calls.push([name, 'check', uid]);
      return nextAnswer();
    },
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
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => {
  calls = [];
  answers = [{ state: 'done', told: ALL }];
  onRequest = () => undefined;
});

async function commit(...argv: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const [stdout, stderr] = [process.stdout, process.stderr].map((stream) =>
    jest.spyOn(stream, 'write').mockReturnValue(true),
  );
  try {
    const [command = '', ...rest] = argv;
    const status = await run(['commit', command, '--config', config, ...rest]);
    const text = (spy: typeof stdout): string => (spy?.mock.calls ?? []).map(([chunk]) => String(chunk)).join('');
    return { status, stdout: text(stdout), stderr: text(stderr) };
  } finally {
    stdout?.mockRestore();
    stderr?.mockRestore();
  }
}

async function fileWith(content: string | Buffer): Promise<string> {
  const file = join(folder, 'request');
  await writeFile(file, content);
  return file;
}

describe('commit request', () => {
  test('asks for the instances named under a new Transaction UID; 0 when the archive commits them all', async () => {
    const { status, stdout, stderr } = await commit('request', 'web', ...BOTH);
    const uid = calls[0]?.[2] ?? '';
    expect(isUid(uid)).toBe(true);
    expect(calls).toEqual([['web', 'request', uid, INSTANCES]]);
    expect({ status, stderr, lines: stdout.split('\n').map((line) => line.replace(/ {2,}/g, ' ')) }).toEqual({
      ...{ status: 0, stderr: '' },
      lines: [`Transaction UID ${uid}`, 'state done', 'committed 2', 'failed 0', ''],
    });
  });

  test('1 when one is not committed, with its reason in hex and in words (PS3.3 C.14.1.1)', async () => {
    answers = [{ state: 'done', told: { committed: [CT], failed: [{ ...MR, reason: 0x0112 }] } }];
    const { status, stdout } = await commit('request', 'web', ...BOTH, '--uid', UID);
    expect([status, stdout.split('\n')]).toEqual([
      1,
      [
        `Transaction UID  ${UID}`,
        'state            done',
        'committed        1',
        'failed           1',
        `  ${MR.sopInstanceUid}  ${MR.sopClassUid}  0112H no such object instance`,
        '',
      ],
    ]);
  });

  test.each<[string, ToldCommitment, string]>([
    ['leaves out', { committed: [CT], failed: [] }, 'the archive says nothing about 1 instance: failed'],
    [
      'commits and fails',
      { committed: INSTANCES, failed: [{ ...MR, reason: 0x0110 }] },
      'the archive lists 1 instance more than once',
    ],
    ['has under another class', { committed: [CT, { ...MR, sopClassUid: CT.sopClassUid }], failed: [] }, ''],
    [
      'does not know, but others',
      { committed: [CT, ...manyReferences(2)], failed: [] },
      'the archive lists 2 instances that it was not asked about',
    ],
  ])('an instance that the archive %s is not committed, and it is said', async (_what, told, warning) => {
    answers = [{ state: 'done', told }];
    const { status, stdout, stderr } = await commit('request', 'web', ...BOTH, '--json');
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      state: 'done',
      committed: [CT],
      failed: [{ sopInstanceUid: MR.sopInstanceUid }],
    });
    expect(stderr).toContain(warning);
  });

  test('an archive that answers without a list has committed nothing: 1', async () => {
    answers = [{ state: 'done', told: { committed: [], failed: [] } }];
    const { status, stdout } = await commit('request', 'web', ...BOTH, '--json', '--uid', UID);
    expect([status, JSON.parse(stdout)]).toEqual([
      1,
      {
        ...{ transactionUid: UID, state: 'done', committed: [], unrequested: 0, doublyListed: 0, unlisted: 2 },
        failed: INSTANCES.map((each) => ({ ...each, reason: '0110H', meaning: 'processing failure' })),
      },
    ]);
  });

  test.each([
    ['DICOM JSON', () => toJson(actionInformation(UID, INSTANCES))],
    ['XML', () => toXml(actionInformation(UID, INSTANCES))],
    [
      'the data set of an N-ACTION in Implicit VR Little Endian',
      () => encodeDataSet(actionInformation(UID, INSTANCES), TRANSFER_SYNTAXES.implicitVrLittleEndian),
    ],
    [
      'the data set of an N-ACTION in Explicit VR Little Endian',
      () => encodeDataSet(actionInformation(UID, INSTANCES), TRANSFER_SYNTAXES.explicitVrLittleEndian),
    ],
  ])('takes instances and Transaction UID from a file: %s', async (_form, content) => {
    const { status } = await commit('request', 'web', '--dataset', await fileWith(Buffer.from(content())));
    expect([status, calls]).toEqual([0, [['web', 'request', UID, INSTANCES]]]);
  });

  test('takes a request module in the form of a tree (PS3.18 J.1), and asks in the flat form', async () => {
    const references = manyReferences(120);
    answers = [{ state: 'done', told: { committed: references, failed: [] } }];
    const file = await fileWith(toJson(treeForm(references)));
    const { status } = await commit('request', 'pacs', '--dataset', file, '--uid', UID);
    expect([status, calls]).toEqual([0, [['pacs', 'request', UID, references]]]);
  });

  test('at an origin server asks again, by Retry-After, until there is a result (PS3.18 13.5)', async () => {
    const busy = new ServiceFailure('OUT_OF_RESOURCES', { httpStatus: 503, retryAfter: 0 });
    const pending: CommitmentStatus = { state: 'pending', retryAfterMs: 0 };
    answers = [pending, pending, busy, { state: 'done', told: ALL }];
    const { status } = await commit('request', 'web', ...BOTH, '--uid', UID);
    expect(status).toBe(0);
    expect(calls.map(([, operation]) => operation)).toEqual(['request', 'check', 'check', 'check']);
  });

  test('says that the result is pending when the wait ends: 1, and how to ask again', async () => {
    answers = [{ state: 'pending', retryAfterMs: 3_600_000 }];
    expect(await commit('request', 'web', ...BOTH, '--uid', UID, '--wait', '20ms')).toEqual({
      status: 1,
      stdout: `Transaction UID  ${UID}\nstate            pending\n`,
      stderr: `The archive has no result yet. Ask again: dimseway commit status web ${UID}\n`,
    });
    expect(calls.map(([, operation]) => operation)).toEqual(['request', 'check']);
    const { stdout } = await commit('request', 'web', ...BOTH, '--uid', UID, '--wait', '0', '--json');
    expect(JSON.parse(stdout)).toEqual({ transactionUid: UID, state: 'pending' });
  });

  test('an origin server that has no such transaction any more ends the wait with its failure: 1', async () => {
    answers = [
      { state: 'pending', retryAfterMs: 0 },
      new ServiceFailure('NO_SUCH_INSTANCE', { httpStatus: 404, comment: 'HTTP 404 no such Transaction UID' }),
    ];
    const { status, stdout, stderr } = await commit('request', 'web', ...BOTH);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^NO_SUCH_INSTANCE: HTTP 404/);
  });

  test.each(['before', 'after'])('takes the report of an SCP that comes %s its answer', async (moment) => {
    answers = [{ state: 'pending' }];
    const told = Promise.withResolvers<unknown>();
    onRequest = (context) => {
      const report = (): void =>
        told.resolve(context.reported({ transactionUid: UID, ...ALL }).then(() => context.holdMs));
      if (moment === 'before') report();
      else setImmediate(report);
    };
    const { status, stdout } = await commit('request', 'pacs', ...BOTH, '--uid', UID, '--wait', '5s');
    expect([status, stdout, await told.promise]).toEqual([0, expect.stringContaining('committed        2'), 5_000]);
  });

  test('a report of another transaction is refused as 0115H, and is no result', async () => {
    answers = [{ state: 'pending' }];
    const told = Promise.withResolvers<unknown>();
    onRequest = (context) =>
      told.resolve(context.reported({ transactionUid: '1.9', ...ALL }).catch((error: unknown) => error));
    const { status, stdout, stderr } = await commit('request', 'pacs', ...BOTH, '--uid', UID, '--wait', '20ms');
    expect([status, stdout]).toEqual([1, `Transaction UID  ${UID}\nstate            pending\n`]);
    expect(stderr).toMatch(/^No report came on the association of the request\./);
    expect(await told.promise).toMatchObject({ code: 'INVALID_VALUE' });
  });

  test('names the Transaction UID where it is not known whether the archive was asked', async () => {
    answers = [new ServiceFailure('CONNECTION_LOST', { retry: 'ambiguous', comment: 'connection lost' })];
    const { status, stderr } = await commit('request', 'pacs', ...BOTH, '--uid', UID);
    expect(status).toBe(1);
    expect(stderr).toContain(`is not known; its Transaction UID is ${UID}.\nCONNECTION_LOST: connection lost`);
  });

  test.each([
    ['no instance', [], /give either instances or --dataset/],
    ['instances and a file', [...BOTH, '--dataset', 'x'], /give either instances or --dataset/],
    ['no pair', ['1.2.3'], /CLASS=INSTANCE/],
    ['what is no UID', ['1.2=x'], /cannot be asked about: .*00081155/],
    ['an instance twice', ['1.2=1.3', '1.2=1.3'], /names an instance for the second time/],
    ['a wait without unit', [...BOTH, '--wait', '30'], /a duration with its unit/],
    ['no such file', ['--dataset', '/no/such'], /cannot be read: ENOENT/],
  ])('refuses %s with 2, and asks nobody', async (_what, argv, problem) => {
    const { status, stderr } = await commit('request', 'web', ...argv);
    expect([status, calls]).toEqual([2, []]);
    expect(stderr).toMatch(problem);
  });

  test('refuses a file of another transaction, and one that is no request', async () => {
    const file = await fileWith(toJson(actionInformation('1.9', INSTANCES)));
    expect(await commit('request', 'web', '--dataset', file, '--uid', UID)).toMatchObject({ status: 2 });
    await fileWith('{"00100010":{"vr":"PN","Value":[{"Alphabetic":"Doe^Jane"}]}}');
    const { status, stderr } = await commit('request', 'web', '--dataset', file);
    expect(status).toBe(2);
    expect(stderr).toMatch(/cannot be asked about: 00081199 is missing\.\n$/);
    expect(stderr).not.toContain('Doe');
    expect(calls).toEqual([]);
  });
});

describe('commit status', () => {
  test('asks once, and compares with the request where it is given', async () => {
    answers = [{ state: 'done', told: { committed: [CT], failed: [] } }];
    const compared = await commit('status', 'web', UID, ...BOTH);
    expect([compared.status, compared.stdout]).toEqual([1, expect.stringContaining('failed           1')]);
    expect(compared.stderr).toContain('the archive says nothing about 1 instance');
    expect(calls).toEqual([['web', 'check', UID]]);
  });

  test('without the request shows what is listed, and says that more cannot be known', async () => {
    answers = [{ state: 'done', told: { committed: [CT], failed: [] } }];
    const { status, stdout, stderr } = await commit('status', 'web', UID);
    expect([status, stdout]).toEqual([0, expect.stringContaining('committed        1')]);
    expect(stderr).toMatch(/without the request nobody can say whether every instance is listed/);
  });

  test.each<[string, ToldCommitment]>([
    ['SOP class', { committed: [CT, { ...MR, sopClassUid: '' }], failed: [] }],
    ['instance UID', { committed: [CT, { ...MR, sopInstanceUid: '' }], failed: [] }],
    ['instance UID, as failed', { committed: [CT], failed: [{ ...MR, sopInstanceUid: '', reason: 0x0112 }] }],
  ])('without the request what is listed without %s is unclear, and not committed: 1', async (_what, told) => {
    answers = [{ state: 'done', told }];
    const { sopClassUid, sopInstanceUid } = [...told.committed, ...told.failed][1] as SopReference;
    const { status, stdout, stderr } = await commit('status', 'web', UID);
    expect([status, stdout.split('\n')]).toEqual([
      1,
      [
        `Transaction UID  ${UID}`,
        'state            done',
        'committed        1',
        'failed           0',
        'unclear          1',
        expect.stringMatching(/^ {2}(\S+ {2})+no (SOP class|instance UID)$/),
        '',
      ],
    ]);
    expect(stderr).toContain('the archive lists 1 instance without SOP class or instance UID');
    expect(stderr).not.toContain('was not asked about');
    const json = await commit('status', 'web', UID, '--json');
    expect([json.status, JSON.parse(json.stdout)]).toMatchObject([
      1,
      { committed: [CT], failed: [], unclear: [{ sopClassUid, sopInstanceUid }] },
    ]);
  });

  test('without the request an instance that is listed with its class and without is not committed: 1', async () => {
    answers = [{ state: 'done', told: { committed: [CT, { ...CT, sopClassUid: '' }], failed: [] } }];
    const { status, stdout } = await commit('status', 'web', UID, '--json');
    expect([status, JSON.parse(stdout)]).toMatchObject([1, { committed: [], failed: [{ reason: '0119H' }] }]);
  });

  test('without the request, too, nothing that the archive contradicts is committed: 1', async () => {
    answers = [
      { state: 'done', told: { committed: [CT, MR, { ...MR, sopClassUid: '1.2' }], failed: [{ ...CT, reason: 1 }] } },
    ];
    const { status, stdout } = await commit('status', 'web', UID, '--json');
    expect([status, JSON.parse(stdout)]).toMatchObject([
      1,
      { committed: [], failed: [{ reason: '0001H' }, { reason: '0119H' }] },
    ]);
  });

  test('an archive that lists nothing has committed nothing: 1', async () => {
    answers = [{ state: 'done', told: { committed: [], failed: [] } }];
    const { status, stdout } = await commit('status', 'web', UID);
    expect([status, stdout]).toEqual([1, expect.stringContaining('committed        0')]);
  });

  test('pending is 1', async () => {
    answers = [{ state: 'pending' }];
    const { status, stdout } = await commit('status', 'web', UID);
    expect([status, stdout]).toEqual([1, `Transaction UID  ${UID}\nstate            pending\n`]);
  });

  test('DIMSE has no such question: 2, and where to look instead', async () => {
    const { status, stderr } = await commit('status', 'pacs', UID);
    expect([status, calls]).toEqual([2, []]);
    expect(stderr).toMatch(/by DIMSE, where a result is reported and cannot be asked for\. .*dimseway commit list/);
  });
});
