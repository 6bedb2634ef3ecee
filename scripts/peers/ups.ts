/** odil (python3-odil) as UPS SCP and as UPS SCU, by DIMSE (PS3.4 CC). */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePort, runOrThrow, startProgram, type Running } from './process.ts';
import { PEER_SCRIPTS, PYTHON } from './programs.ts';

export interface UpsMessage {
  readonly command: 'N-CREATE' | 'N-SET' | 'N-GET' | 'N-ACTION';
  readonly uid: string;
  /** Of N-ACTION: 1 state, 2 cancel, 3 subscribe, 4 unsubscribe, 5 suspend. */
  readonly action?: number;
  /** DICOM JSON. */
  readonly data?: object;
}

export interface UpsAnswer {
  /** Four hex digits. */
  readonly status: string;
  readonly dataSet?: object;
}

/** An event that a subscriber is told; `state` of a State Report. */
export interface OdilEvent {
  readonly event: number;
  readonly uid: string;
  readonly to: string;
  readonly state?: string;
}

export interface OdilUpsScp {
  readonly running: Running;
  readonly port: number;
  /** All events so far, oldest first. */
  events(): OdilEvent[];
}

export async function startOdilUpsScp(): Promise<OdilUpsScp> {
  const port = await findFreePort();
  const running = await startProgram(PYTHON, [join(PEER_SCRIPTS, 'odil_ups_scp.py'), String(port)], { port });
  return { running, port, events: () => linesOf<OdilEvent>(running.output()).filter((line) => 'event' in line) };
}

/** Plays the messages over one association; their answers in order. @param folder for the file they are given in */
export async function playByOdil(
  folder: string,
  target: { port: number; aeTitle: string },
  messages: readonly UpsMessage[],
): Promise<UpsAnswer[]> {
  const file = join(folder, 'ups-messages.json');
  await writeFile(file, JSON.stringify(messages));
  const script = join(PEER_SCRIPTS, 'odil_ups_scu.py');
  const { stdout } = await runOrThrow(PYTHON, [script, '127.0.0.1', String(target.port), target.aeTitle, file]);
  return linesOf<UpsAnswer>(stdout);
}

function linesOf<Line>(output: string): Line[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);
}
