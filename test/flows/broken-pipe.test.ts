/** `dimseway … | head`: whoever has seen enough leaves, and the command ends without a word. */
import { expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const CONFIG = fileURLToPath(new URL('../../config/gateway.yaml', import.meta.url));

test('a reader who leaves ends a command, which says nothing about it', async () => {
  const command = '"$0" "$1" conformance --config "$2" | head -c 1';
  const { stderr } = await promisify(execFile)('sh', ['-c', command, process.execPath, MAIN, CONFIG]);
  expect(stderr).toBe('');
});
