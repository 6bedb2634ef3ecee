/** MPPS Notification by a program nobody here wrote: odil as SCP that tells, and as SCU that listens. */
import { join } from 'node:path';
import { findFreePort, runProgram, startProgram, type Running } from './process.ts';
import { PEER_SCRIPTS, PYTHON } from './programs.ts';

const SCRIPT = join(PEER_SCRIPTS, 'odil_mpps_notification.py');

/** An N-EVENT-REPORT as odil saw it. */
export interface SeenNotification {
  readonly calling: string;
  readonly called: string;
  /** What the peer is by the negotiation. */
  readonly role: string;
  readonly class: string;
  readonly uid: string;
  readonly eventType: number;
  readonly hasDataSet: boolean;
  /** What it was answered, four hex digits. */
  readonly status: string;
}

export interface NotificationScu {
  readonly running: Running;
  readonly port: number;
  readonly aeTitle: string;
  /** All so far, oldest first. */
  seen(): SeenNotification[];
}

/** @param statuses the first ones are answered so, the others 0000 */
export async function startOdilNotificationScu(statuses: readonly string[] = []): Promise<NotificationScu> {
  const port = await findFreePort();
  const args = [SCRIPT, 'listen', String(port), ...statuses.flatMap((status) => ['--status', status])];
  const running = await startProgram(PYTHON, args, { port });
  return { running, port, aeTitle: 'ODILSCU', seen: () => seenIn(running.output()) };
}

function seenIn(output: string): SeenNotification[] {
  const lines = output.slice(0, output.lastIndexOf('\n') + 1).split('\n');
  return lines
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as SeenNotification & { readonly message: string })
    .map(({ message: _, ...seen }) => seen);
}

/**
 * N-EVENT-REPORTs by odil over one association; a status for each, or one text that begins with `failed`.
 * @param events UID and event type
 * @param args as in odil_mpps_notification.py: `--no-role`, `--as CLASS`
 */
export async function notifyByOdil(
  target: { readonly port: number; readonly aeTitle: string },
  callingAeTitle: string,
  events: readonly (readonly [uid: string, type: number])[],
  args: readonly string[] = [],
): Promise<string[]> {
  const place = ['127.0.0.1', String(target.port), target.aeTitle, callingAeTitle];
  const told = events.map(([uid, type]) => `${uid}:${type}`);
  return (await runProgram(PYTHON, [SCRIPT, 'tell', ...place, ...told, ...args])).stdout.trim().split('\n');
}
