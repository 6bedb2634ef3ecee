/**
 * MPPS by programs nobody here wrote: odil, DCMTK (a C++ program on its library) and dcmjs-dimse, each as SCU and as SCP,
 * all driven alike: DICOM files go in, what came over the wire comes back as DICOM files.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { DCMTK_ENVIRONMENT } from './dcmtk.ts';
import { findFreePort, runOrThrow, runProgram, startProgram, type Running } from './process.ts';
import { PEER_SCRIPTS, PYTHON } from './programs.ts';
import { readFiles, type PlainDataSet } from './read-dicom.ts';

export const MPPS_PEERS = ['odil', 'dcmtk', 'dcmjs'] as const;
export type MppsPeer = (typeof MPPS_PEERS)[number];

/** One request: `create:UID:FILE` and so on; a `get` may name top-level tags (odil only). */
export type MppsStep = `${'create' | 'set'}:${string}:${string}` | `get:${string}`;

/** A response as the SCU saw it; codes as hex digits. */
export interface MppsAnswer {
  readonly step: string;
  readonly status: string;
  readonly uid: string | undefined;
  readonly comment: string | undefined;
  readonly errorId: string | undefined;
  /** Attribute Identifier List (0000,1005). */
  readonly attributes: readonly string[];
  readonly dataSet: PlainDataSet | undefined;
}

/** A request as the SCP saw it. */
export interface ReceivedMpps {
  readonly message: 'N-CREATE' | 'N-SET' | 'N-GET';
  readonly uid: string;
  /** Calling AE title of its association. */
  readonly calling: string;
  /** What was answered, four hex digits; `abort` and `lose` are faults of odil's. */
  readonly status: string;
  readonly dataSet: PlainDataSet | undefined;
}

export interface MppsScp {
  readonly running: Running;
  readonly port: number;
  readonly aeTitle: string;
  /** All messages so far, oldest first. */
  received(): Promise<ReceivedMpps[]>;
}

/** A data set in DICOM JSON, and the character set its file shall have. */
export interface MppsFile {
  readonly name: string;
  readonly dataSet: object;
  readonly characterSet?: readonly string[];
}

/** Writes DICOM files by pydicom; returns their paths in the same order. */
export async function writeDicomFiles(folder: string, files: readonly MppsFile[]): Promise<string[]> {
  const list = files.map(({ name, dataSet, characterSet = [] }) => ({
    file: join(folder, `${name}.dcm`),
    dataSet,
    characterSet,
  }));
  const child = spawn(PYTHON, [join(PEER_SCRIPTS, 'write_dicom.py')], { stdio: ['pipe', 'ignore', 'inherit'] });
  child.stdin.end(JSON.stringify(list));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`write_dicom.py ended with ${code}`);
  return list.map(({ file }) => file);
}

const CACHE = join(PEER_SCRIPTS, '../../node_modules/.cache/dimseway-peers');

/** The C++ program, compiled when it is missing or older than its source. */
export async function compileDcmtkMpps(): Promise<string> {
  const source = join(PEER_SCRIPTS, 'dcmtk_mpps.cc');
  const program = join(CACHE, 'dcmtk_mpps');
  if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs) return program;
  await mkdir(CACHE, { recursive: true });
  const fresh = `${program}.${process.pid}`;
  await runOrThrow('g++', ['-O1', '-o', fresh, source, '-ldcmnet', '-ldcmdata', '-loflog', '-lofstd'], {
    timeoutMs: 180_000,
  });
  await rename(fresh, program);
  return program;
}

interface Command {
  readonly command: string;
  readonly args: readonly string[];
}

async function scpCommand(peer: MppsPeer, port: number, folder: string, faults: readonly string[]): Promise<Command> {
  const place = [String(port), folder];
  if (peer === 'dcmtk') return { command: await compileDcmtkMpps(), args: ['scp', ...place] };
  if (peer === 'dcmjs') return { command: process.execPath, args: [join(PEER_SCRIPTS, 'dcmjs-mpps-scp.ts'), ...place] };
  const orders = faults.flatMap((fault) => ['--fault', fault]);
  return { command: PYTHON, args: [join(PEER_SCRIPTS, 'odil_mpps_scp.py'), ...place, ...orders] };
}

const AE_TITLES: Readonly<Record<MppsPeer, string>> = { odil: 'ODIL', dcmtk: 'DCMTK', dcmjs: 'DCMJS' };

/** dcmjs-dimse as MPPS SCP that prints and keeps nothing: the rival of the benches. */
export async function startQuietDcmjsMppsScp(): Promise<{ running: Running; port: number }> {
  const port = await findFreePort();
  const running = await startProgram(process.execPath, [join(PEER_SCRIPTS, 'dcmjs-mpps-scp.ts'), String(port)], {
    port,
  });
  return { running, port };
}

/** `faults` are odil's only, as in odil_mpps_scp.py: `create:abort`, `create:delay=2`, `get:status=0211:always`. */
export async function startMppsScp(
  peer: MppsPeer,
  folder: string,
  options: { port?: number; faults?: readonly string[] } = {},
): Promise<MppsScp> {
  const { port = await findFreePort(), faults = [] } = options;
  const { command, args } = await scpCommand(peer, port, folder, faults);
  const running = await startProgram(command, args, { port, env: DCMTK_ENVIRONMENT });
  const known: ReceivedMpps[] = [];
  return {
    running,
    port,
    aeTitle: AE_TITLES[peer],
    received: async () => {
      const lines = linesOf<ReceivedMpps & { file?: string }>(running.output(), '"message":');
      known.push(...(await withDataSets(lines.slice(known.length))));
      return known.map(({ message, uid, calling, status, dataSet }) => ({ message, uid, calling, status, dataSet }));
    },
  };
}

export interface SendOptions {
  readonly callingAeTitle?: string;
  /** odil only: `--ivle`, `--new-association`. */
  readonly args?: readonly string[];
}

/** Sends the steps over one association. @throws Error when not every step was answered */
export async function sendMpps(
  peer: MppsPeer,
  folder: string,
  target: { port: number; aeTitle: string },
  steps: readonly MppsStep[],
  options: SendOptions = {},
): Promise<MppsAnswer[]> {
  const { callingAeTitle = `${AE_TITLES[peer]}SCU`, args = [] } = options;
  const place = [target.aeTitle, callingAeTitle, folder, ...steps];
  const port = String(target.port);
  const commands: Readonly<Record<MppsPeer, () => Promise<Command>>> = {
    odil: async () => ({
      command: PYTHON,
      args: [join(PEER_SCRIPTS, 'odil_mpps_scu.py'), '127.0.0.1', port, ...place, ...args],
    }),
    dcmtk: async () => ({ command: await compileDcmtkMpps(), args: ['scu', '127.0.0.1', port, ...place] }),
    dcmjs: async () => ({
      command: process.execPath,
      args: [join(PEER_SCRIPTS, 'dcmjs-mpps-scu.ts'), port, ...place],
    }),
  };
  const { command, args: all } = await commands[peer]();
  const { stdout, stderr } = await runProgram(command, all, { env: DCMTK_ENVIRONMENT });
  const lines = linesOf<Omit<MppsAnswer, 'dataSet'> & { file?: string }>(stdout, '"step":');
  if (lines.length !== steps.length)
    throw new Error(`${peer} got ${lines.length} answers to ${steps.length} requests:\n${stdout}${stderr}`);
  return (await withDataSets(lines)).map((line) => ({
    step: line.step,
    status: line.status.toUpperCase(),
    uid: line.uid,
    comment: line.comment ?? undefined,
    errorId: line.errorId?.toUpperCase(),
    attributes: (line.attributes ?? []).map((tag) => tag.toUpperCase()),
    dataSet: line.dataSet,
  }));
}

function linesOf<T>(output: string, mark: string): T[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}') && line.includes(mark))
    .map((line) => JSON.parse(line) as T);
}

async function withDataSets<T extends { file?: string }>(
  lines: readonly T[],
): Promise<(T & { dataSet: PlainDataSet | undefined })[]> {
  const files = lines.flatMap(({ file }) => (file === undefined ? [] : [file]));
  const dataSets = await readFiles(files);
  return lines.map((line) => ({
    ...line,
    dataSet: line.file === undefined ? undefined : dataSets[files.indexOf(line.file)],
  }));
}
