/** The unit of systemd, judged by systemd's own tools. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CLI } from '../../scripts/peers/gateway.ts';
import { Cleanup, findFreePort, runOrThrow, runProgram, startProgram } from '../../scripts/peers/process.ts';

const UNIT = join(import.meta.dirname, '../../deploy/systemd/dimseway.service');
const SHIPPED = join(import.meta.dirname, '../../config/gateway.yaml');
/** systemd's measure of what a service could do: 0 nothing, 10 everything. */
const HIGHEST_EXPOSURE = 2;

describe('dimseway.service', () => {
  const cleanup = new Cleanup();
  let folder: string;
  let unit: string;

  beforeAll(async () => {
    folder = await cleanup.folder();
    unit = join(folder, 'dimseway.service');
    // This machine has its Node.js elsewhere.
    await writeFile(unit, (await readFile(UNIT, 'utf8')).replaceAll('/usr/bin/node', process.execPath));
  });
  afterAll(() => cleanup.run());

  test('is understood without a complaint', async () => {
    expect(await runProgram('systemd-analyze', ['verify', unit])).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('is complained about where it is wrong', async () => {
    const wrong = join(folder, 'wrong.service');
    await writeFile(wrong, (await readFile(unit, 'utf8')).replace('ProtectSystem=strict', 'ProtectSystem=very'));
    const { stderr } = await runProgram('systemd-analyze', ['verify', wrong]);
    expect(stderr).toContain('Failed to parse protect system value');
  });

  test('leaves little that could be done with it', async () => {
    const { stdout } = await runOrThrow('systemd-analyze', ['security', '--offline=true', '--no-pager', unit]);
    const [, exposure] = /Overall exposure level for \S+: ([0-9.]+)/.exec(stdout) ?? [];
    expect(Number(exposure)).toBeLessThan(HIGHEST_EXPOSURE);
  });

  test('lets every system call through that the gateway makes, from start to end with a step in between', async () => {
    const [allowed, forbidden] = ['', '~'].map((sign) => new RegExp(`^SystemCallFilter=${sign}(@.+)$`, 'm'));
    const text = await readFile(UNIT, 'utf8');
    const groups = (pattern: RegExp | undefined): string[] => pattern?.exec(text)?.[1]?.split(' ') ?? [];
    const filter = await systemCallsOf(groups(allowed));
    for (const call of await systemCallsOf(groups(forbidden))) filter.delete(call);

    const [dimse, web, console] = [await findFreePort(), await findFreePort(), await findFreePort()].map(String);
    const env = {
      DIMSEWAY_DIMSE_PORT: dimse ?? '',
      DIMSEWAY_WEB_PORT: web ?? '',
      DIMSEWAY_CONSOLE_PORT: console ?? '',
      DIMSEWAY_DATA: join(folder, 'data'),
    };
    const trace = join(folder, 'calls.txt');
    const strace = ['-f', '-qq', '-c', '-U', 'name', '-o', trace];
    const traced = await startProgram('strace', [...strace, ...CLI, 'serve', '--config', SHIPPED], {
      env,
      readyText: /^\{"event":"ready".*\}$/m,
      deadlineMs: 60_000,
    });
    cleanup.add(() => traced.stop('SIGKILL'));
    const create = [
      'mpps',
      'create',
      'ownWeb',
      '--config',
      SHIPPED,
      '--from',
      'PatientID=MG-1001',
      '--worklist',
      'ris',
    ];
    const { stdout } = await runOrThrow(CLI[0], [CLI[1], ...create], { env });
    await runOrThrow(CLI[0], [CLI[1], 'mpps', 'complete', 'ownWard', stdout.trim(), '--config', SHIPPED], { env });
    const [gateway = ''] = (await readFile(`/proc/${traced.pid}/task/${traced.pid}/children`, 'utf8')).split(' ');
    process.kill(Number(gateway), 'SIGTERM');
    await traced.waitFor(/"message":"stopped"/);
    await traced.stop();
    const [title, ...lines] = (await readFile(trace, 'utf8')).split('\n').filter((line) => /^[a-z]\w*$/.test(line));
    expect(title).toBe('syscall');
    const made = lines.filter((line) => line !== 'total');
    expect(made).toEqual(expect.arrayContaining(['listen', 'accept4', 'fsync', 'execve']));
    // SQLite gives its files to the owner of the data base only as root, which the service is not.
    expect(made.filter((call) => !filter.has(call) && call !== 'fchown')).toEqual([]);
  }, 120_000);
});

/** The system calls in sets such as `@system-service`, those in sets within them too. */
async function systemCallsOf(sets: readonly string[]): Promise<Set<string>> {
  const calls = new Set<string>();
  const open = [...sets];
  for (let set = open.pop(); set !== undefined; set = open.pop()) {
    const { stdout } = await runOrThrow('systemd-analyze', ['syscall-filter', '--no-pager', set]);
    for (const line of stdout.split('\n').slice(1)) {
      const name = line.trim();
      if (name.startsWith('@')) open.push(name);
      else if (/^[a-z]\w*$/.test(name)) calls.add(name);
    }
  }
  return calls;
}
