/**
 * The Dockerfile without an engine: its steps are replayed in folders, and what comes of them runs as a container would:
 * an unprivileged user without capabilities, a read-only root file system, a volume for the data.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chown, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { buildImage, inImage, type Image } from '../../scripts/peers/image.ts';
import {
  Cleanup,
  findFreePort,
  runProgram,
  startProgram,
  type Finished,
  type Running,
} from '../../scripts/peers/process.ts';

const DATA = '/var/lib/dimseway';
const NODE_USER = 1000;

describe('the image', () => {
  const cleanup = new Cleanup();
  let image: Image;
  let volumes: Record<string, string>;
  let environment: Record<string, string>;
  let running: Running;

  const run = (...command: readonly string[]): Promise<Finished> =>
    runProgram(...inImage(image, command, { volumes, environment }));

  beforeAll(async () => {
    const folder = await cleanup.folder();
    image = await buildImage(join(folder, 'stages'));
    // A new volume begins with the owner and the rights of the folder in the image.
    const { uid, gid } = await stat(join(image.folder, DATA));
    const data = join(folder, 'data');
    await mkdir(data, { mode: 0o750 });
    await chown(data, uid, gid);
    volumes = { [DATA]: data };
    environment = {
      DIMSEWAY_DIMSE_PORT: String(await findFreePort()),
      DIMSEWAY_WEB_PORT: String(await findFreePort()),
      DIMSEWAY_CONSOLE_PORT: String(await findFreePort()),
    };
    running = await startProgram(...inImage(image, image.command, { volumes, environment }), {
      readyText: /^\{"event":"ready".*\}$/m,
      deadlineMs: 20_000,
    });
    cleanup.add(() => running.stop());
  }, 300_000);
  afterAll(() => cleanup.run());

  test('holds what production needs and nothing else', async () => {
    const { dependencies = {} } = JSON.parse(await readFile('package.json', 'utf8')) as {
      dependencies?: Record<string, string>;
    };
    const app = join(image.folder, image.workdir);
    expect((await readdir(app)).sort()).toEqual(['LICENSE', 'config', 'dist', 'node_modules', 'package.json']);
    const packages = await readdir(join(app, 'node_modules'));
    expect(packages).toEqual(expect.arrayContaining(Object.keys(dependencies)));
    expect(packages.filter((name) => ['typescript', 'jest', 'eslint', 'node'].includes(name))).toEqual([]);
  });

  test('is healthy by its own health check once it is ready', async () => {
    expect(image.healthcheck[0]).toBe('node');
    expect(await run(...image.healthcheck)).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('is not healthy where nothing listens', async () => {
    const elsewhere = { ...environment, DIMSEWAY_CONSOLE_PORT: String(await findFreePort()) };
    const { code } = await runProgram(...inImage(image, image.healthcheck, { volumes, environment: elsewhere }));
    expect(code).toBe(1);
  });

  test('serves by both protocols on every interface', async () => {
    const { DIMSEWAY_WEB_PORT: web, DIMSEWAY_DIMSE_PORT: dimse } = environment;
    const search = await fetch(`http://127.0.0.1:${web}/crossover/modality-scheduled-procedure-steps`);
    expect(((await search.json()) as unknown[]).length).toBe(13);
    const found = await runProgram('findscu', ['-W', '-aec', 'CROSSOVER', '-k', 'PatientID', '127.0.0.1', dimse ?? '']);
    expect(found.code).toBe(0);
    // Local address and port in hexadecimal, as the kernel lists what listens.
    const bound = `00000000:${Number(web).toString(16).toUpperCase().padStart(4, '0')} `;
    expect(await readFile('/proc/net/tcp', 'utf8')).toContain(bound);
  });

  test('runs as a user without rights, who can write nowhere but in its data and /tmp', async () => {
    const script = `
      const { writeFileSync } = require('node:fs');
      const tried = (path) => { try { writeFileSync(path, ''); return 'written'; } catch (error) { return error.code; } };
      const status = require('node:fs').readFileSync('/proc/self/status', 'utf8');
      console.log(JSON.stringify({
        uid: process.getuid(),
        gid: process.getgid(),
        groups: process.getgroups(),
        capabilities: /CapEff:\\s*(\\w+)/.exec(status)[1],
        writes: Object.fromEntries(['/app/x', '/etc/x', '/x', '/tmp/x', '${DATA}/x'].map((path) => [path, tried(path)])),
      }));`;
    const { stdout } = await run('node', '-e', script);
    expect(JSON.parse(stdout)).toEqual({
      uid: NODE_USER,
      gid: NODE_USER,
      groups: [NODE_USER],
      capabilities: '0000000000000000',
      writes: { '/app/x': 'EROFS', '/etc/x': 'EROFS', '/x': 'EROFS', '/tmp/x': 'written', [`${DATA}/x`]: 'written' },
    });
  });

  test('keeps its store on the volume, and stops with 0 at the stop signal', async () => {
    expect(await running.stop(image.stopSignal)).toBe(0);
    expect(image.volumes).toEqual([DATA]);
    const files = await readdir(volumes[DATA] ?? '');
    expect(files).toContain('dimseway.db');
    const { uid } = await stat(join(volumes[DATA] ?? '', 'dimseway.db'));
    expect(uid).toBe(NODE_USER);
  });
});
