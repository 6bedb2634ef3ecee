/**
 * Storage commitment by programs nobody here wrote: odil as SCP in every manner of reporting, and as SCU that waits or
 * listens; Orthanc as both, by its REST interface.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeDicomFiles } from './mpps.ts';
import type { Orthanc } from './orthanc.ts';
import { findFreePort, runProgram, startProgram, type Running } from './process.ts';
import { PEER_SCRIPTS, PYTHON } from './programs.ts';

export interface Instance {
  readonly sopClass: string;
  readonly instance: string;
}

export interface Outcome {
  readonly committed: readonly Instance[];
  /** With Failure Reason (0008,1197). */
  readonly failed: readonly (Instance & { readonly reason: number })[];
}

/** When and where an SCP reports, as in odil_commitment_scp.py. */
export const MANNERS = ['same', 'same-before', 'new', 'new-before', 'later'] as const;
export type Manner = (typeof MANNERS)[number];

/** A message as one of odil's scripts saw it; data sets in DICOM JSON. */
export interface CommitmentMessage {
  readonly message: 'N-ACTION' | 'N-EVENT-REPORT' | 'nothing';
  readonly transactionUid?: string;
  readonly calling?: string;
  readonly called?: string;
  /** Four hex digits, or `failed`. */
  readonly status?: string;
  readonly comment?: string | null;
  readonly errorId?: number | null;
  readonly eventType?: number;
  /** On a new association. */
  readonly isNew?: boolean;
  /** What the peer is by the negotiation. */
  readonly role?: string;
  readonly dataSet?: object;
}

export interface CommitmentScp {
  readonly running: Running;
  readonly port: number;
  readonly aeTitle: string;
  /** All messages so far, oldest first. */
  messages(): CommitmentMessage[];
}

/** @param args as in odil_commitment_scp.py: `--no-role`, `--refuse 0213`, `--delay 0.5` */
export async function startOdilCommitmentScp(
  folder: string,
  known: readonly Instance[],
  manner: Manner | 'never',
  back?: number,
  args: readonly string[] = [],
): Promise<CommitmentScp> {
  const port = await findFreePort();
  const file = join(folder, `known-${port}.json`);
  await writeFile(
    file,
    JSON.stringify(Object.fromEntries(known.map(({ instance, sopClass }) => [instance, sopClass]))),
  );
  const where = back === undefined ? [] : ['--back', `127.0.0.1:${back}`];
  const script = join(PEER_SCRIPTS, 'odil_commitment_scp.py');
  const all = [script, String(port), file, '--report', manner, ...where, ...args];
  const running = await startProgram(PYTHON, all, { port });
  return { running, port, aeTitle: 'ODIL', messages: () => messagesIn(running.output()) };
}

/** An SCU's other half: takes reports on new associations. @param statuses the first ones are answered so */
export async function startOdilCommitmentListener(
  statuses: readonly string[] = [],
  port?: number,
): Promise<CommitmentScp> {
  const free = port ?? (await findFreePort());
  const script = join(PEER_SCRIPTS, 'odil_commitment_scu.py');
  const all = [script, 'listen', String(free), ...statuses.flatMap((status) => ['--status', status])];
  const running = await startProgram(PYTHON, all, { port: free });
  return { running, port: free, aeTitle: 'ODILSCU', messages: () => messagesIn(running.output()) };
}

/** One N-ACTION by odil; `waitS`: it keeps the association for the report so long. */
export async function askWithOdil(
  target: { port: number; aeTitle: string },
  transactionUid: string,
  instances: readonly Instance[],
  options: { callingAeTitle?: string; waitS?: number } = {},
): Promise<CommitmentMessage[]> {
  const { callingAeTitle = 'ODILSCU', waitS = 0 } = options;
  const references = instances.map(({ sopClass, instance }) => `${sopClass}=${instance}`);
  const place = ['127.0.0.1', String(target.port), target.aeTitle, callingAeTitle, transactionUid];
  const script = join(PEER_SCRIPTS, 'odil_commitment_scu.py');
  const { stdout, stderr } = await runProgram(PYTHON, [
    script,
    'ask',
    ...place,
    ...references,
    ...(waitS > 0 ? ['--wait', String(waitS)] : []),
  ]);
  const messages = messagesIn(stdout);
  if (messages.length === 0) throw new Error(`odil got no answer:\n${stdout}${stderr}`);
  return messages;
}

/** A report by odil that all instances are committed, whether it was asked or not; the status it got, or `failed`. */
export async function reportByOdil(
  target: { port: number; aeTitle: string },
  callingAeTitle: string,
  transactionUid: string,
  instances: readonly Instance[],
): Promise<string> {
  const references = instances.map(({ sopClass, instance }) => `${sopClass}=${instance}`);
  const script = join(PEER_SCRIPTS, 'odil_commitment_report.py');
  const place = ['127.0.0.1', String(target.port), target.aeTitle, callingAeTitle, transactionUid];
  return (await runProgram(PYTHON, [script, ...place, ...references])).stdout.trim();
}

function messagesIn(output: string): CommitmentMessage[] {
  const lines = output.slice(0, output.lastIndexOf('\n') + 1).split('\n');
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as CommitmentMessage);
}

/** Event Information of N-EVENT-REPORT as DICOM JSON (PS3.4 Table J.3-2), as odil prints it. */
export function eventInformation(transactionUid: string, { committed, failed }: Outcome): object {
  return {
    '00081195': ui(transactionUid),
    ...(failed.length > 0 && { '00081198': { vr: 'SQ', Value: failed.map(item) } }),
    ...(committed.length > 0 && { '00081199': { vr: 'SQ', Value: committed.map(item) } }),
  };
}

function item({ sopClass, instance, reason }: Instance & { readonly reason?: number }): object {
  return {
    '00081150': ui(sopClass),
    '00081155': ui(instance),
    ...(reason !== undefined && { '00081197': { vr: 'US', Value: [reason] } }),
  };
}

function ui(uid: string): object {
  return { vr: 'UI', Value: [uid] };
}

/** Small instances without pixels, stored in Orthanc. */
export async function storeInOrthanc(orthanc: Orthanc, folder: string, instances: readonly Instance[]): Promise<void> {
  const files = await writeDicomFiles(
    folder,
    instances.map(({ sopClass, instance }, i) => ({
      name: `instance-${i}`,
      dataSet: {
        '00080016': ui(sopClass),
        '00080018': ui(instance),
        '00100020': { vr: 'LO', Value: ['COMMITMENT'] },
        '0020000D': ui(`${instance}.1`),
        '0020000E': ui(`${instance}.2`),
      },
    })),
  );
  for (const file of files) await orthancCall(orthanc, 'POST', '/instances', await readFile(file));
}

/** Tells Orthanc of an AE: one it does not know gets no answer to its N-ACTION. */
export async function introduceToOrthanc(
  orthanc: Orthanc,
  name: string,
  { aeTitle, port }: { readonly aeTitle: string; readonly port: number },
): Promise<void> {
  const modality = { AET: aeTitle, Host: '127.0.0.1', Port: port };
  await orthancCall(orthanc, 'PUT', `/modalities/${name}`, JSON.stringify(modality));
}

/** N-ACTION by Orthanc; gives the Transaction UID it has made. */
export async function askWithOrthanc(
  orthanc: Orthanc,
  modality: string,
  instances: readonly Instance[],
): Promise<string> {
  const asked = { DicomInstances: instances.map(({ sopClass, instance }) => [sopClass, instance]), Timeout: 20 };
  const path = `/modalities/${modality}/storage-commitment`;
  return ((await orthancCall(orthanc, 'POST', path, JSON.stringify(asked))) as { ID: string }).ID;
}

interface OrthancReport {
  readonly Status: 'Pending' | 'Success' | 'Failure';
  readonly Success?: readonly { SOPClassUID: string; SOPInstanceUID: string }[];
  readonly Failures?: readonly { SOPClassUID: string; SOPInstanceUID: string; FailureReason: number }[];
}

/** Waits until Orthanc has been reported to. */
export async function outcomeAtOrthanc(
  orthanc: Orthanc,
  transactionUid: string,
  deadlineMs = 20_000,
): Promise<Outcome & { remote: string }> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const path = `/storage-commitment/${transactionUid}`;
    const report = (await orthancCall(orthanc, 'GET', path)) as OrthancReport & { RemoteAET: string };
    if (report.Status !== 'Pending') {
      const named = (one: { SOPClassUID: string; SOPInstanceUID: string }): Instance => ({
        sopClass: one.SOPClassUID,
        instance: one.SOPInstanceUID,
      });
      return {
        remote: report.RemoteAET,
        committed: (report.Success ?? []).map(named),
        failed: (report.Failures ?? []).map((one) => ({ ...named(one), reason: one.FailureReason })),
      };
    }
    if (performance.now() > end) throw new Error(`Nobody reports ${transactionUid} to Orthanc`);
    await sleep(20);
  }
}

async function orthancCall(
  { httpPort }: Orthanc,
  method: string,
  path: string,
  body?: string | Uint8Array<ArrayBuffer>,
): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${httpPort}${path}`, {
    method,
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`Orthanc answered ${response.status} to ${method} ${path}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}
