import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bothOf, createMessageRecorder } from '../../../src/observe/messages.ts';
import type { MessageRecorder } from '../../../src/observe/messages.ts';
import { entryOf, keepingLogger } from '../../support/requests.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('level tags names every attribute, nested ones by their path, and no value', () => {
  const logger = keepingLogger();
  createMessageRecorder({ level: 'tags' }, logger).record('result', 't1', entryOf('SECRET'));
  expect(logger.lines).toEqual([
    {
      level: 'info',
      message: 'message',
      stage: 'result',
      traceId: 't1',
      attributes: [
        '00080050',
        '00100010',
        '00100020',
        '0020000D',
        '00400100',
        '00400100[0].00080060',
        '00400100[0].00400001',
        '00400100[0].00400002',
        '00400100[0].00400003',
        '00400100[0].00400009',
      ],
    },
  ]);
});

describe('level values', () => {
  test('writes whole data sets to its own file, readable by the owner only, and never to the log', async () => {
    const logger = keepingLogger();
    const file = join(folder, 'values.jsonl');
    const recorder = createMessageRecorder({ level: 'values', file, expires: new Date(2000) }, logger, () => 1000);
    recorder.record('query', 't1', entryOf('P1'));
    await recorder.close();
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
      time: '1970-01-01T00:00:01.000Z',
      stage: 'query',
      traceId: 't1',
      dataSet: entryOf('P1'),
    });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(logger.lines).toEqual([]);
  });

  test('takes a file that was there already away from others', async () => {
    const file = join(folder, 'values.jsonl');
    await writeFile(file, '', { mode: 0o644 });
    const expires = new Date(2000);
    const recorder = createMessageRecorder({ level: 'values', file, expires }, keepingLogger(), () => 1000);
    recorder.record('query', 't1', entryOf('P1'));
    await recorder.close();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test('what comes after its end, by a request under way during a reload, is dropped without a word', async () => {
    const logger = keepingLogger();
    const file = join(folder, 'values.jsonl');
    const recorder = createMessageRecorder({ level: 'values', file, expires: new Date(2000) }, logger, () => 1000);
    recorder.record('query', 't1', entryOf('P1'));
    const closed = recorder.close();
    recorder.record('result', 't1', entryOf('P1'));
    await closed;
    expect((await readFile(file, 'utf8')).trim().split('\n')).toHaveLength(1);
    expect(logger.lines).toEqual([]);
  });

  test('stops for good when its time has passed, and says so once', async () => {
    const logger = keepingLogger();
    const file = join(folder, 'values.jsonl');
    let now = 1999;
    const recorder = createMessageRecorder({ level: 'values', file, expires: new Date(2000) }, logger, () => now);
    recorder.record('query', 't1', entryOf('P1'));
    now = 2000;
    recorder.record('query', 't2', entryOf('P2'));
    recorder.record('query', 't3', entryOf('P3'));
    await recorder.close();
    expect((await readFile(file, 'utf8')).trim().split('\n')).toHaveLength(1);
    expect(logger.lines).toMatchObject([{ level: 'warn' }]);
  });

  test('a file that cannot be written is a warning, not a crash', async () => {
    const logger = keepingLogger();
    const file = join(folder, 'no-such-folder', 'values.jsonl');
    const recorder = createMessageRecorder({ level: 'values', file, expires: new Date(2000) }, logger, () => 1);
    recorder.record('query', 't1', entryOf('P1'));
    await recorder.close();
    expect(logger.lines).toMatchObject([{ level: 'warn', message: expect.stringContaining('ENOENT') }]);
  });
});

test('two recorders get each data set, one is itself, none is none', async () => {
  const told: string[] = [];
  const recorderOf = (name: string): MessageRecorder => ({
    record: (stage) => void told.push(`${name} ${stage}`),
    close: async () => void told.push(`${name} closed`),
  });
  const [one, other] = [recorderOf('one'), recorderOf('other')];
  const both = bothOf(one, other);
  both?.record('query', 't1', entryOf('SECRET'));
  await both?.close();
  expect(told).toEqual(['one query', 'other query', 'one closed', 'other closed']);
  expect([bothOf(one, undefined), bothOf(undefined, other), bothOf(undefined, undefined)]).toEqual([
    one,
    other,
    undefined,
  ]);
});
