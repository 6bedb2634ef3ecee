/** dcmjs-dimse, the one JavaScript library for DIMSE: as worklist SCP, as SCU, and as the rival of the benches. */
import { join } from 'node:path';
import { findFreePort, runProgram, startProgram, type Running } from './process.ts';
import { PEER_SCRIPTS } from './programs.ts';

export interface DcmjsScp {
  readonly running: Running;
  readonly port: number;
}

/** Three built-in steps, or the items of a file: a JSON array of dcmjs's own natural data sets. */
export async function startDcmjsScp(itemsFile?: string): Promise<DcmjsScp> {
  const port = await findFreePort();
  const args = [join(PEER_SCRIPTS, 'dcmjs-scp.ts'), String(port), ...(itemsFile === undefined ? [] : [itemsFile])];
  return { port, running: await startProgram(process.execPath, args, { port }) };
}

export interface DcmjsResponse {
  readonly status: string;
  /** dcmjs's natural form: by keyword. */
  readonly elements: Readonly<Record<string, unknown>> | undefined;
}

/** `echo`, or `mwl` with an optional modality. */
export async function askWithDcmjs(
  target: { port: number; aeTitle: string },
  ...command: readonly string[]
): Promise<DcmjsResponse[]> {
  const script = join(PEER_SCRIPTS, 'dcmjs-scu.ts');
  const { stdout } = await runProgram(process.execPath, [script, String(target.port), target.aeTitle, ...command]);
  return stdout
    .split('\n')
    .filter((line) => /^[0-9a-f]{4} /.test(line))
    .map((line) => ({
      status: line.slice(0, 4),
      elements: line.length > 5 ? (JSON.parse(line.slice(5)) as Record<string, unknown>) : undefined,
    }));
}
