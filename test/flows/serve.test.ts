/** `dimseway serve` as a process of its own: the ready line, signals and exit statuses (docs/operations.md). */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const WORKLIST = fileURLToPath(new URL('../../config/worklist.yaml', import.meta.url));

let folder: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
  file = join(folder, 'gateway.yaml');
});
afterAll(() => rm(folder, { recursive: true }));

type Serving = ChildProcessByStdio<null, Readable, Readable>;

function configure(route: string, port = 0): Promise<void> {
  return writeFile(
    file,
    `listeners: { web: { protocol: dicomweb, port: ${port} } }
upstreams: { ris: { protocol: ris, entries: ${WORKLIST} } }
routes: [{ name: ${route}, worklist: { to: ris } }]
`,
  );
}

function serve(...nodeOptions: string[]): Serving {
  return spawn(process.execPath, [...nodeOptions, MAIN, 'serve', '--config', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function ended(child: Serving): Promise<number | null> {
  const [status] = child.exitCode === null ? ((await once(child, 'exit')) as [number | null]) : [child.exitCode];
  return status;
}

async function firstLine(stream: Readable, accepts: (line: string) => boolean = () => true): Promise<string> {
  for await (const line of createInterface(stream)) if (accepts(line)) return line;
  throw new Error('the stream ended without that line');
}

async function readyPort(child: Serving): Promise<number> {
  const ready = JSON.parse(await firstLine(child.stdout)) as { event: string; listeners: { web: { port: number } } };
  expect(ready.event).toBe('ready');
  return ready.listeners.web.port;
}

async function countAt(port: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/modality-scheduled-procedure-steps`);
  return ((await answer.json()) as unknown[]).length;
}

describe('serve', () => {
  test('writes the ready line, reloads on SIGHUP and stops on SIGTERM with 0', async () => {
    await configure('first');
    const child = serve();
    try {
      const port = await readyPort(child);
      expect(await countAt(port)).toBe(13);
      await configure('second');
      child.kill('SIGHUP');
      const line = await firstLine(child.stderr, (text) => text.includes('reloaded'));
      expect(JSON.parse(line)).toMatchObject({ message: 'reloaded', routes: ['second'] });
      expect(await countAt(port)).toBe(13);
    } finally {
      child.kill('SIGTERM');
    }
    expect(await ended(child)).toBe(0);
  });

  test('goes on serving when whoever reads its output is gone', async () => {
    await configure('all');
    const child = serve();
    try {
      const port = await readyPort(child);
      child.stdout.destroy();
      child.stderr.destroy();
      for (let request = 0; request < 3; request++) expect(await countAt(port)).toBe(13);
    } finally {
      child.kill('SIGTERM');
    }
    expect(await ended(child)).toBe(0);
  });

  test('an error that nobody catches ends it with 1: the log tells kind and place, since its message may quote a value', async () => {
    await configure('all');
    const fault = join(folder, 'fault.mjs');
    await writeFile(fault, 'process.on("SIGUSR2", () => { throw new RangeError("no step for\\nDOE^JANE"); });\n');
    const child = serve('--import', fault);
    await readyPort(child);
    let output = '';
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
    child.kill('SIGUSR2');
    expect(await ended(child)).toBe(1);
    expect(output).not.toContain('DOE');
    const [line = ''] = output.split('\n').filter((text) => text.includes('unexpected error'));
    expect(JSON.parse(line)).toMatchObject({ level: 'error', name: 'RangeError', at: expect.stringContaining(' at ') });
  });

  test('ends with 3 when a port is taken, and says which', async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = blocker.address() as AddressInfo;
      await configure('all', port);
      const child = serve();
      const problem = await firstLine(child.stderr, (line) => line.startsWith('LISTENER_FAILED'));
      expect(problem).toBe(`LISTENER_FAILED: web cannot listen on 127.0.0.1:${port}: EADDRINUSE`);
      expect(await ended(child)).toBe(3);
    } finally {
      await new Promise((resolve) => blocker.close(resolve));
    }
  });
});
