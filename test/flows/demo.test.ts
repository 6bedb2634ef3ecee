/** `dimseway demo` as a process of its own: every hop in the order of the wire, a clean end, nothing left behind. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { demoPicture } from '../../scripts/pictures/demo-picture.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const PICTURE = fileURLToPath(new URL('../../docs/pictures/demo.svg', import.meta.url));

type Demo = ChildProcessByStdio<null, Readable, Readable>;

let folder: string;
let running: Demo | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-test-'));
});
afterEach(async () => {
  running?.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

function start(options: readonly string[] = [], preload = ''): Demo {
  // What stands in the environment of whoever plays it must not lead it elsewhere.
  const env = { ...process.env, TMPDIR: folder, DIMSEWAY_HOST: '192.0.2.1', DIMSEWAY_DATA: '/nowhere' };
  const first = ['--import', `data:text/javascript,${encodeURIComponent(preload)}`];
  running = spawn(process.execPath, [...first, MAIN, 'demo', ...options], { stdio: ['ignore', 'pipe', 'pipe'], env });
  return running;
}

async function statusOf(demo: Demo): Promise<number | null> {
  const [status] = demo.exitCode === null ? ((await once(demo, 'exit')) as [number | null]) : [demo.exitCode];
  return status;
}

/** Titles of steps, and the first line of each message. */
function headings(output: string): string[] {
  const lines = output.split('\n').filter((line) => /^[═▶◀]/.test(line));
  return lines.map((line) => line.replace(/[═ ]+$/, '').replace(/^═+ /, ''));
}

/** Collects what is written, and waits for a line. */
function follow(stream: Readable): { text(): string; until(pattern: RegExp): Promise<RegExpExecArray> } {
  let all = '';
  let hasEnded = false;
  let more = Promise.withResolvers<void>();
  const tell = (): void => {
    more.resolve();
    more = Promise.withResolvers();
  };
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    all += chunk;
    tell();
  });
  stream.on('end', () => {
    hasEnded = true;
    tell();
  });
  const until = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = pattern.exec(all);
      if (found !== null) return found;
      if (hasEnded) throw new Error(`the output ended without ${pattern.source}`);
      await more.promise;
    }
  };
  return { text: () => all, until };
}

/** Sends itself SIGINT as soon as the first step begins. */
const INTERRUPTED_AT_STEP_1 = `
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = (text) => {
    if (text.startsWith('═══ 1.')) process.kill(process.pid, 'SIGINT');
    return write(text);
  };`;

const HOPS = [
  '1. A classic modality asks a web RIS for its worklist',
  '▶ C-FIND-RQ   classic modality → gateway',
  '▶ GET   gateway → web RIS',
  '◀ 200 OK   web RIS → gateway',
  '◀ C-FIND-RSP   gateway → classic modality',
  '2. It begins the examination: MPPS IN PROGRESS',
  '▶ N-CREATE-RQ   classic modality → gateway',
  '▶ POST   gateway → web RIS',
  '◀ 201 Created   web RIS → gateway',
  '◀ N-CREATE-RSP   gateway → classic modality',
  '3. It ends the examination: MPPS COMPLETED, with the images made',
  '▶ N-SET-RQ   classic modality → gateway',
  '▶ POST   gateway → web RIS',
  '◀ 200 OK   web RIS → gateway',
  '◀ N-SET-RSP   gateway → classic modality',
  '4. A web modality asks a classic RIS for its worklist',
  '▶ GET   web modality → gateway',
  '▶ C-FIND-RQ   gateway → classic RIS',
  '◀ C-FIND-RSP   classic RIS → gateway',
  '◀ 200 OK   gateway → web modality',
  '5. It begins the examination',
  '▶ POST   web modality → gateway',
  '▶ N-CREATE-RQ   gateway → classic RIS',
  '◀ N-CREATE-RSP   classic RIS → gateway',
  '◀ 201 Created   gateway → web modality',
  '6. It ends the examination',
  '▶ POST   web modality → gateway',
  '▶ N-SET-RQ   gateway → classic RIS',
  '◀ N-SET-RSP   classic RIS → gateway',
  '◀ 200 OK   gateway → web modality',
  '7. It reads what the RIS has of the examination',
  '▶ GET   web modality → gateway',
  '▶ N-GET-RQ   gateway → classic RIS',
  '◀ N-GET-RSP   classic RIS → gateway',
  '◀ 200 OK   gateway → web modality',
  'Done: both directions, every message answered',
];

/** What each message was: context, identifier, query, status, data sets on either side. */
function expectMessages(output: string): void {
  const [, first = '', second = '', , fourth = ''] = output.split(/^═══ /m);
  for (const line of [
    'association: calling AE title MR1, called AE title CROSSOVER',
    'presentation context 1: Modality Worklist Information Model – FIND, Explicit VR Little Endian',
    '00400001 AE ScheduledStationAETitle: MR1',
    'GET /dicomweb/modality-scheduled-procedure-steps',
    '?00400100.00400001=MR1',
    '= ScheduledProcedureStepSequence.ScheduledStationAETitle',
    'Accept: application/dicom+json',
    '"00100010": {"vr":"PN","Value":[{"Alphabetic":"Müller^Jürgen^^Dr."}]}',
    'status FF00H (pending) × 1, then status 0000H (success)',
    '00100010 PN PatientName: Müller^Jürgen^^Dr.',
  ]) {
    expect(first).toContain(line);
  }
  const [, uid = ''] = /Affected SOP Instance UID ([0-9.]+)/.exec(second) ?? [];
  expect(second).toContain(`POST /dicomweb/modality-performed-procedure-steps/${uid}\n`);
  expect(second).toContain('"00400252": {"vr":"CS","Value":["IN PROGRESS"]}');
  expect(fourth).toContain('00100010 PN PatientName: Yamada^Tarou=山田^太郎=やまだ^たろう');
}

describe('demo', () => {
  test('shows every hop of both directions in the order of the wire with what it carried, ends by itself and leaves nothing behind', async () => {
    const demo = start();
    const [output, errors, status] = await Promise.all([text(demo.stdout), text(demo.stderr), statusOf(demo)]);
    expect({ status, errors }).toEqual({ status: 0, errors: '' });
    expect(headings(output)).toEqual(HOPS);
    expect(await readdir(folder)).toEqual([]);
    expect(demoPicture(output)).toBe(await readFile(PICTURE, 'utf8')); // `node scripts/pictures/draw.ts` draws it anew
    // No colours where nobody looks.
    expect(output).not.toContain('\u001b');
    expectMessages(output);
  });

  test('--keep goes on serving and showing what passes, says where, and ends with 0 on SIGINT', async () => {
    const demo = start(['--keep']);
    const output = follow(demo.stdout);
    const errors = text(demo.stderr);
    const [, url = ''] = await output.until(/'(http:\/\/127\.0\.0\.1:\d+\/crossover\/\S+)'/);
    const [, health = ''] = await output.until(/curl (http:\/\/127\.0\.0\.1:\d+\/health\/ready)/);
    await output.until(/findscu -W -aet MR1 -aec CROSSOVER [^]* 127\.0\.0\.1 \d+\n/);
    const before = headings(output.text()).length;
    const answer = await fetch(url, { headers: { Accept: 'application/dicom+json' } });
    expect(((await answer.json()) as unknown[]).length).toBe(2);
    expect((await fetch(health)).status).toBe(200);
    expect(demo.exitCode).toBeNull();
    demo.kill('SIGINT');
    expect(await statusOf(demo)).toBe(0);
    expect(headings(output.text()).slice(before)).toEqual(HOPS.slice(16, 20));
    expect(await errors).toBe('');
    expect(await readdir(folder)).toEqual([]);
    await expect(fetch(url)).rejects.toThrow('fetch failed');
  });

  test('ends with 1 and says at which step when it is interrupted', async () => {
    const demo = start([], INTERRUPTED_AT_STEP_1);
    const [output, errors, status] = await Promise.all([text(demo.stdout), text(demo.stderr), statusOf(demo)]);
    expect(status).toBe(1);
    expect(errors).toBe(`The demonstration failed while playing step 1 (${HOPS[0]?.slice(3)}): interrupted\n`);
    expect(output).not.toContain('═══ 2.');
    expect(await readdir(folder)).toEqual([]);
  });

  test('ends with 1 and says so when the gateway cannot be started', async () => {
    await rm(folder, { recursive: true });
    const demo = start();
    const [errors, status] = await Promise.all([text(demo.stderr), statusOf(demo)]);
    expect(status).toBe(1);
    expect(errors).toMatch(/^The demonstration failed while starting the gateway: ENOENT/);
  });

  test('ends by itself when whoever reads its output stops', async () => {
    const demo = start();
    await follow(demo.stdout).until(/^═══ 2\./m);
    demo.stdout.destroy();
    expect(await statusOf(demo)).toBe(0);
    expect(await readdir(folder)).toEqual([]);
  });
});
