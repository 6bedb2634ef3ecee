/** `dimseway … | head`: whoever has seen enough leaves, and the command ends without a word. */
import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const CONFIG = fileURLToPath(new URL('../../config/gateway.yaml', import.meta.url));

test('a reader who leaves ends a command, which says nothing about it', async () => {
  const child = spawn(process.execPath, [MAIN, 'conformance', '--config', CONFIG], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stdout.once('data', () => child.stdout.destroy());
  const [status] = (await once(child, 'close')) as [number];
  expect([status, said]).toEqual([0, '']);
});
