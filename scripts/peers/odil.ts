/** odil (python3-odil): a worklist SCP with faults on order, and an SCU. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePort, runProgram, startProgram, type Running } from './process.ts';
import { PEER_SCRIPTS, PYTHON } from './programs.ts';

export interface OdilScp {
  readonly running: Running;
  readonly port: number;
}

/** `args` as in odil_mwl_scp.py: `--status A700 --after 3`, `--delay 0.5`, `--repeat 100`, `--pending FF01`. */
export async function startOdilScp(files: readonly string[], args: readonly string[] = []): Promise<OdilScp> {
  const port = await findFreePort();
  const script = join(PEER_SCRIPTS, 'odil_mwl_scp.py');
  const running = await startProgram(PYTHON, [script, String(port), ...files, ...args], { port });
  return { running, port };
}

export interface OdilFindResult {
  /** DICOM JSON data sets as odil read them. */
  readonly matches: unknown[];
  /** Final status as four hex digits, undefined when the association failed. */
  readonly status: string | undefined;
  readonly log: string;
}

/** C-FIND by odil; `query` is a DICOM JSON data set. */
export async function findWithOdil(
  folder: string,
  target: { port: number; aeTitle: string },
  query: unknown,
  args: readonly string[] = [],
): Promise<OdilFindResult> {
  const file = join(folder, 'odil-query.json');
  await writeFile(file, JSON.stringify(query));
  const script = join(PEER_SCRIPTS, 'odil_mwl_scu.py');
  const { stdout, stderr } = await runProgram(PYTHON, [
    script,
    '127.0.0.1',
    String(target.port),
    target.aeTitle,
    file,
    ...args,
  ]);
  const lines = stdout.trimEnd().split('\n');
  const status = /^FINAL ([0-9a-f]{4})/.exec(lines.at(-1) ?? '')?.[1];
  const matches = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as unknown);
  return { matches, status, log: stdout + stderr };
}
