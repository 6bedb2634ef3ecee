import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SILENT } from '../../../src/observe/log.ts';
import type { CommitmentRecord } from '../../../src/store/commitment-records.ts';
import { openStore } from '../../../src/store/sqlite.ts';
import type { Store } from '../../../src/store/store.ts';
import type { ConsoleBed } from '../../support/console.ts';
import { NOTHING_COMMITTED, WEB, commitmentIn } from '../../support/operated-commitments.ts';
import { keepingLogger } from '../../support/requests.ts';
import type { LogLine } from '../../support/requests.ts';

/** What was logged, by the gateway or by the command that works on the store itself. */
let logged: LogLine[] = [];

jest.unstable_mockModule('../../../src/observe/log.ts', () => ({
  LOG_LEVELS: ['error', 'warn', 'info', 'debug'],
  SILENT,
  createLogger: () => keepingLogger(logged),
}));
const { run } = await import('../../../src/cli/cli.ts');
const { commitmentsApi } = await import('../../../src/console/commitments-api.ts');
const { openConsole } = await import('../../support/console.ts');

const NOW = '2026-01-02T00:00:00.000Z';
const REASON = 'the archive is gone';

let folder: string;
let path: string;
let config: string;
let store: Store;
let console: ConsoleBed;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
  path = join(folder, 'dimseway.db');
  config = join(folder, 'gateway.yaml');
  store = await openStore({ path, now: () => Date.parse(NOW) });
  await commitmentIn(store, 'waiting', '1.1', { upstreamUid: '2.25.1' });
  await commitmentIn(store, 'reporting', '1.2');
  await commitmentIn(store, 'done', '1.3', { requester: WEB });
  logged = [];
  console = await openConsole([
    commitmentsApi({ store: () => store, wake: () => undefined, log: keepingLogger(logged) }),
  ]);
  await writeFile(
    config,
    `listeners: {}\nupstreams: {}\nroutes: []\nstore: { path: ${path} }\nconsole: { port: ${console.port} }\n`,
  );
});
afterEach(async () => {
  await console.close();
  await store.close();
  await rm(folder, { recursive: true });
});

async function commit(...argv: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const text = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    jest.spyOn(process[name], 'write').mockImplementation((chunk) => {
      text[name] += Buffer.from(chunk).toString();
      return true;
    }),
  );
  try {
    return { status: await run(['commit', ...argv, '--config', config]), ...text };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** Line by line, columns by one blank. */
function rows(text: string): string[] {
  return text.split('\n').map((line) => line.replace(/ {2,}/g, ' '));
}

describe.each([
  ['the gateway that runs', true],
  ['the store itself when no gateway answers', false],
])('commit asks %s', (_whom, isRunning) => {
  beforeEach(async () => {
    if (isRunning) return;
    await console.close();
    await store.close();
  });

  /** The record after the command. */
  async function after(id: number): Promise<CommitmentRecord | undefined> {
    if (isRunning) return store.commitments.get(id);
    const opened = await openStore({ path });
    try {
      return await opened.commitments.get(id);
    } finally {
      await opened.close();
    }
  }

  test('list shows how many there are of each phase, then each one', async () => {
    const { status, stdout, stderr } = await commit('list');
    expect([status, stderr]).toEqual([
      0,
      isRunning ? '' : expect.stringMatching(/^No gateway answers at .*: opening the store itself/),
    ]);
    const age = isRunning ? '0s' : (/\d+d/.exec(stdout)?.[0] ?? '0s');
    expect(rows(stdout)).toEqual([
      'destination asking waiting reporting done',
      `ct → pacs 0 1 (${age}) 1 (${age}) 1`,
      '',
      'id phase destination transaction uid from asked instances result attempts last failure',
      `1 waiting ct → pacs 1.1 CT1 ${NOW} 2 0 UPSTREAM_UNREACHABLE`,
      `2 reporting ct → pacs 1.2 CT1 ${NOW} 2 1 committed, 1 failed 0 UPSTREAM_UNREACHABLE`,
      `3 done ct → pacs 1.3 nuc1 ${NOW} 2 1 committed, 1 failed 0 UPSTREAM_UNREACHABLE`,
      '',
    ]);
  });

  test('list takes filters and pages, and prints JSON', async () => {
    const ids = async (...argv: string[]): Promise<number[]> => {
      const { status, stdout } = await commit('list', '--json', ...argv);
      expect(status).toBe(0);
      return (JSON.parse(stdout) as { commitments: { id: number }[] }).commitments.map(({ id }) => id);
    };
    expect(await ids('--phase', 'done')).toEqual([3]);
    expect(await ids('--route', 'mr')).toEqual([]);
    expect(await ids('--uid', '1.2', '--after', '1')).toEqual([2]);
    expect(rows((await commit('list', '--limit', '2')).stdout).at(-2)).toBe('There are more: --after 2');
  });

  test('show tells of each instance what the archive said', async () => {
    const { status, stdout } = await commit('show', '2');
    expect([status, rows(stdout)]).toEqual([
      0,
      [
        'storage commitment 2, transaction 1.2',
        'destination ct → pacs',
        'phase reporting',
        `asked ${NOW}`,
        'result 1 committed, 1 failed',
        'attempts 0',
        `last failure UPSTREAM_UNREACHABLE at ${NOW}`,
        ' no connection',
        'from ward, dimse, 127.0.0.1, CT1, DIMSEWAY',
        'gateways passed none',
        'trace id trace',
        '',
        'instance SOP class result',
        '1.2.3.1 1.2.840.10008.5.1.4.1.1.2 committed',
        '1.2.3.2 1.2.840.10008.5.1.4.1.1.4 0112H no such object instance',
        '',
      ],
    ]);
    const waiting = rows((await commit('show', '1')).stdout);
    expect(waiting).toContain('transaction there 2.25.1');
    expect(waiting).toContain('1.2.3.1 1.2.840.10008.5.1.4.1.1.2 not known');
  });

  test('retry makes one due at once, and the log says so', async () => {
    expect(await commit('retry', '1')).toMatchObject({ status: 0, stdout: 'storage commitment 1 is tried again\n' });
    expect(logged).toMatchObject([{ message: 'storage commitment to be tried again', id: 1, phase: 'waiting' }]);
    expect(await after(1)).toMatchObject({ phase: 'waiting', revision: 3 });
  });

  test('discard gives up waiting: nothing is committed, and the modality is told', async () => {
    expect(await commit('discard', '1', '--reason', REASON)).toMatchObject({
      status: 0,
      stdout: 'storage commitment 1 given up: its requestor is told that nothing is committed\n',
    });
    expect(await after(1)).toMatchObject({ phase: 'reporting', result: NOTHING_COMMITTED, isSynthetic: true });
    expect(logged).toMatchObject([{ level: 'warn', message: 'storage commitment given up', id: 1, reason: REASON }]);
  });

  test('discard gives up reporting', async () => {
    expect(await commit('discard', '2', '--reason', REASON)).toMatchObject({
      status: 0,
      stdout: 'storage commitment 2 given up: nothing more is done\n',
    });
    expect(await after(2)).toMatchObject({ phase: 'done', isSynthetic: false });
  });

  test('is 1 for one that is done or not there, 2 for what cannot be', async () => {
    const done = await commit('discard', '3', '--reason', REASON);
    expect([done.status, done.stderr]).toEqual([1, expect.stringContaining('COMMITMENT_DONE: ')]);
    const unknown = await commit('show', '7');
    expect([unknown.status, unknown.stderr]).toEqual([1, expect.stringContaining('COMMITMENT_UNKNOWN: ')]);
    expect(await commit('discard', '1')).toMatchObject({ status: 2 });
    expect(await commit('discard', '1', '--reason', ' ')).toMatchObject({ status: 2 });
    expect(await commit('list', '--phase', 'lost')).toMatchObject({ status: 2 });
    expect(await commit('show', 'x')).toMatchObject({ status: 2 });
  });
});

test('list says so where nothing was asked', async () => {
  for (const id of [1, 2, 3]) {
    const record = await store.commitments.get(id);
    if (record !== undefined) await store.commitments.remove(record, 'process');
  }
  expect(await commit('list')).toEqual({ status: 0, stdout: 'Nothing has been asked.\n', stderr: '' });
});
