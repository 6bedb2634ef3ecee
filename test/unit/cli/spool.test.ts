import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SILENT } from '../../../src/observe/log.ts';
import { toJson } from '../../../src/dataset/json.ts';
import { MPPS_EVENT } from '../../../src/services/mpps/notification.ts';
import { openStore } from '../../../src/store/sqlite.ts';
import type { Store } from '../../../src/store/store.ts';
import type { ConsoleBed } from '../../support/console.ts';
import { keyOf, recordOf } from '../../support/mpps-records.ts';
import { keepingLogger } from '../../support/requests.ts';
import type { LogLine } from '../../support/requests.ts';
import { ARCHIVE, eventOf, FAILURE, fullMessageOf, messageOf, RIS } from '../../support/spool-messages.ts';

/** What was logged, by the gateway or by the command that works on the store itself. */
let logged: LogLine[] = [];

jest.unstable_mockModule('../../../src/observe/log.ts', () => ({
  LOG_LEVELS: ['error', 'warn', 'info', 'debug'],
  SILENT,
  createLogger: () => keepingLogger(logged),
}));
const { run } = await import('../../../src/cli/cli.ts');
const { spoolApi } = await import('../../../src/console/spool-api.ts');
const { storeApi } = await import('../../../src/console/store-api.ts');
const { openConsole } = await import('../../support/console.ts');

const TOKEN = 'a-token-of-this-test-0123456789';

let folder: string;
let path: string;
let config: string;
let store: Store;
/** Of the gateway that runs; undefined: none does. */
let console: ConsoleBed | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
  path = join(folder, 'dimseway.db');
  config = join(folder, 'gateway.yaml');
  store = await openStore({ path, now: () => Date.UTC(2026, 0, 2) });
  await store.mpps.accept(undefined, [fullMessageOf('1.1'), messageOf('1.1', 'next')]);
  for (const claim of await store.spool.claim(RIS, 1, 1_000)) await store.spool.dead(claim, FAILURE);
  await store.mpps.accept(undefined, [{ ...messageOf('1.2'), ...ARCHIVE }]);
  logged = [];
});
afterEach(async () => {
  await console?.close();
  console = undefined;
  await store.close();
  await rm(folder, { recursive: true });
});

async function configure(port: number | undefined, token = TOKEN): Promise<void> {
  const options = port === undefined ? '' : `console: { port: ${port}, token: ${token} }\n`;
  await writeFile(config, `listeners: {}\nupstreams: {}\nroutes: []\nstore: { path: ${path} }\n${options}`);
}

/** A gateway works on the store. */
async function startGateway(): Promise<void> {
  const options = { store: () => store, log: keepingLogger(logged) };
  console = await openConsole([spoolApi({ ...options, wake: () => undefined }), storeApi(options)], { token: TOKEN });
  await configure(console.port);
}

/** None does, and the store is free. */
async function stopGateway(): Promise<void> {
  await console?.close();
  await configure(console?.port);
  console = undefined;
  await store.close();
}

async function runs(...argv: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const text = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    jest.spyOn(process[name], 'write').mockImplementation((chunk, ...rest) => {
      text[name] += Buffer.from(chunk).toString();
      const done = rest.at(-1);
      if (typeof done === 'function') done();
      return true;
    }),
  );
  try {
    return { status: await run([...argv, '--config', config]), ...text };
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
])('spool asks %s', (_whom, isRunning) => {
  const notice = (): unknown =>
    isRunning
      ? ''
      : expect.stringMatching(/^No gateway answers at http:\/\/127\.0\.0\.1:\d+: opening the store itself/);

  /** The store after the command. */
  async function after<Result>(look: (store: Store) => Promise<Result>): Promise<Result> {
    if (isRunning) return look(store);
    const opened = await openStore({ path });
    try {
      return await look(opened);
    } finally {
      await opened.close();
    }
  }

  beforeEach(async () => {
    await startGateway();
    if (!isRunning) await stopGateway();
  });

  test('list shows destinations, then messages, no value of a patient', async () => {
    const { status, stdout, stderr } = await runs('spool', 'list');
    expect({ status, stderr }).toEqual({ status: 0, stderr: notice() });
    const age = /\d+d/.exec(stdout)?.[0] ?? '0s';
    expect(rows(stdout)).toEqual([
      'destination queued dead oldest attempts',
      `ct → archive 1 0 ${age} 0`,
      `ct → ris 1 1 ${age} 1`,
      '',
      'id state kind destination uid accepted attempts last failure',
      '1 dead update ct → ris 1.1 2026-01-02T00:00:00.000Z 1 UPSTREAM_TIMEOUT',
      '2 queued create ct → ris 1.1 2026-01-02T00:00:00.000Z 0',
      '3 queued create ct → archive 1.2 2026-01-02T00:00:00.000Z 0',
      '',
    ]);
    expect(stdout).not.toMatch(/Yamada|山田/);
  });

  test('list takes filters and pages, and prints JSON', async () => {
    const ids = async (...argv: string[]): Promise<number[]> => {
      const { status, stdout } = await runs('spool', 'list', '--json', ...argv);
      expect(status).toBe(0);
      return (JSON.parse(stdout) as { messages: { id: number }[] }).messages.map(({ id }) => id);
    };
    expect(await ids('--state', 'dead')).toEqual([1]);
    expect(await ids('--upstream', 'archive')).toEqual([3]);
    expect(await ids('--uid', '1.1', '--after', '1')).toEqual([2]);
    const { stdout } = await runs('spool', 'list', '--limit', '2');
    expect(rows(stdout).at(-2)).toBe('There are more: --after 2');
  });

  test('show tells of one message; with --dataset also what was received', async () => {
    const plain = await runs('spool', 'show', '1');
    expect({ status: plain.status, lines: rows(plain.stdout) }).toEqual({
      status: 0,
      lines: [
        'message 1, update of 1.1',
        'destination ct → ris',
        'state dead',
        'accepted 2026-01-02T00:00:00.000Z',
        'attempts 1',
        expect.stringMatching(/^last failure UPSTREAM_TIMEOUT at 2026-/),
        ' no answer in 60 s',
        expect.stringMatching(/^from ward/),
        'gateways passed 0c0ffee0-0000-4000-8000-000000000000 (elsewhere)',
        'trace id trace',
        '',
      ],
    });
    const { stdout } = await runs('spool', 'show', '1', '--dataset');
    expect(stdout).toContain('  00100010 PN PatientName: Yamada^Tarou=山田^太郎\n');
    const json = await runs('spool', 'show', '1', '--dataset', '--json');
    const { received } = JSON.parse(json.stdout) as { received: unknown };
    expect(received).toEqual(JSON.parse(toJson(fullMessageOf('1.1').received)));
  });

  test('list, show and discard name the event that waits for an SCU of MPPS Notification', async () => {
    await after(({ mpps }) => mpps.accept(undefined, [eventOf('1.3', MPPS_EVENT.completed)]));
    const { stdout } = await runs('spool', 'list', '--uid', '1.3');
    expect(stdout).toMatch(/^4 +queued +event completed +ct → ward-display +1\.3 /m);
    const shown = await runs('spool', 'show', '4', '--dataset');
    expect(rows(shown.stdout)[0]).toBe('message 4, event completed of 1.3');
    const discarded = await runs('spool', 'discard', '4', '--reason', 'the display is gone');
    expect(discarded.stdout).toBe('message 4 discarded: event completed of 1.3 for ct → ward-display\n');
  });

  test('retry queues a dead message anew, or those of a whole destination', async () => {
    const { status, stdout } = await runs('spool', 'retry', '--route', 'ct', '--upstream', 'ris');
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: 'dead messages queued anew: 1; waiting instances tried at once: 0\n',
    });
    expect(await after(({ spool }) => spool.get(1))).toMatchObject({ state: 'queued' });
    expect(await runs('spool', 'retry', '1')).toEqual({
      status: 0,
      stdout: 'message 1 is tried again\n',
      stderr: notice(),
    });
  });

  test('retry of a destination where nothing is dead or pauses says so: its name may be mistyped', async () => {
    const { status, stdout, stderr } = await runs('spool', 'retry', '--route', 'ct', '--upstream', 'rsi');
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: 'dead messages queued anew: 0; waiting instances tried at once: 0\n',
    });
    expect(stderr).toMatch(/Nothing there was dead or in a pause of its own\. `dimseway spool list` shows the names/);
  });

  test('discard removes a message and logs the reason', async () => {
    const { status, stdout } = await runs('spool', 'discard', '1', '--reason', 'sent by a test');
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'message 1 discarded: update of 1.1 for ct → ris\n' });
    expect(await after(({ spool }) => spool.list({}))).toMatchObject([{ id: 2 }, { id: 3 }]);
    expect(logged).toMatchObject([{ level: 'warn', id: 1, ...RIS, reason: 'sent by a test', by: '127.0.0.1' }]);
  });

  test('export writes every message with its data set, to stdout or to a new file for its owner only', async () => {
    const { status, stdout } = await runs('spool', 'export', '--route', 'ct', '--upstream', 'ris');
    expect(status).toBe(0);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: number; received: unknown });
    expect(lines.map(({ id }) => id)).toEqual([1, 2]);
    expect(lines[0]?.received).toEqual(JSON.parse(toJson(fullMessageOf('1.1').received)));

    const output = join(folder, 'spool.jsonl');
    expect(await runs('spool', 'export', '--upstream', 'ris', '--output', output)).toMatchObject({
      status: 0,
      stdout: '',
    });
    expect(await readFile(output, 'utf8')).toBe(stdout);
    expect((await stat(output)).mode & 0o777).toBe(0o600);
    const again = await runs('spool', 'export', '--output', output);
    expect(again).toMatchObject({
      status: 2,
      stderr: expect.stringContaining(`${output} is there already: name a new file\n`),
    });
    expect(await readFile(output, 'utf8')).toBe(stdout);
  });

  test('ends with 1 for a message that is not there, and says what to do', async () => {
    for (const argv of [
      ['show', '9'],
      ['retry', '9'],
      ['discard', '9', '--reason', 'x'],
    ]) {
      const { status, stdout, stderr } = await runs('spool', ...argv);
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      expect(stderr).toMatch(/SPOOL_MESSAGE_UNKNOWN: The spool has no message 9\nFix: /);
    }
  });

  test('store backup writes a copy that opens, and refuses a file that is there', async () => {
    const file = join(folder, 'copy.db');
    const { status, stdout } = await runs('store', 'backup', file);
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${file} written, ${(await stat(file)).size} bytes\n` });
    const again = await runs('store', 'backup', file);
    expect(again).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('STORE_BACKUP_FAILED: ') });
    const copy = await openStore({ path: file });
    expect((await copy.spool.list({})).map(({ id, state }) => [id, state])).toEqual([
      [1, 'dead'],
      [2, 'queued'],
      [3, 'queued'],
    ]);
    await copy.close();
  });
});

describe('the console and the store', () => {
  test('a token that is not the one of the gateway ends with 2', async () => {
    await startGateway();
    await configure(console?.port, 'another-token-0123456789-012345');
    const { status, stdout, stderr } = await runs('spool', 'list');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^TOKEN_NEEDED: .*\nFix: Name the configuration of the gateway that runs by --config/);
    expect(stderr).not.toContain('another-token');
  });

  test('a gateway that works without a console has the store: 3', async () => {
    await configure(undefined);
    const { status, stderr } = await runs('spool', 'list');
    expect({ status, stderr }).toEqual({
      status: 3,
      stderr: expect.stringMatching(
        /^No console is configured: opening the store itself, .*\nSTORE_LOCKED: .*\nFix: Give the gateway a console/,
      ),
    });
  });

  test('where there is no store none is made: 3', async () => {
    path = join(folder, 'none.db');
    await configure(undefined);
    const { status, stderr } = await runs('store', 'backup', join(folder, 'copy.db'));
    expect({ status, stderr }).toEqual({
      status: 3,
      stderr: expect.stringContaining('STORE_UNREADABLE: There is no store at'),
    });
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });

  test('another program at the port is no gateway', async () => {
    await configure(undefined);
    const other = await openConsole([]);
    await other.close();
    await store.close();
    await configure(other.port);
    expect(await runs('spool', 'list')).toMatchObject({ status: 0 });
  });

  test('what was acknowledged before a backup is in the copy that a stopped gateway makes', async () => {
    await store.mpps.accept(recordOf('1.3'), [messageOf('1.3')]);
    await configure(undefined);
    await store.close();
    const file = join(folder, 'copy.db');
    expect(await runs('store', 'backup', file)).toMatchObject({ status: 0 });
    const copy = await openStore({ path: file });
    expect(await copy.mpps.get(keyOf('1.3'))).toEqual(recordOf('1.3'));
    await copy.close();
  });

  test.each([
    [['spool', 'retry'], 'give either <id>, or --route and --upstream'],
    [['spool', 'retry', '1', '--route', 'ct'], 'give either <id>, or --route and --upstream'],
    [['spool', 'retry', '--route', 'ct'], 'give either <id>, or --route and --upstream'],
    [['spool', 'show', 'x'], 'It should be a whole number of at least 1.'],
    [['spool', 'list', '--state', 'lost'], 'Allowed choices are queued, dead.'],
    [['spool', 'list', '--uid', 'x'], 'It should be a UID'],
    [['spool', 'discard', '1', '--reason', ' '], 'Fix: Give --reason in words'],
    [['spool', 'list', '--limit', '5000'], 'PARAMETER_INVALID'],
  ])('%j ends with 2', async (argv, message) => {
    await startGateway();
    const { status, stdout, stderr } = await runs(...argv);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
  });
});
