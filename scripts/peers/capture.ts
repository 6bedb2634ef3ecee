/** tshark as the judge of every PDU on loopback: dumpcap records, Wireshark's DICOM dissector looks for faults. */
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { runOrThrow, startProgram, type Running } from './process.ts';

/**
 * What the dissector marks as wrong. Rejections, aborts and failure statuses are marked as warnings too, but are
 * lawful: they are no faults here, while the faults beside them in one frame still are.
 */
const WARNING_SEVERITY = 6_291_456;
const LAWFUL = ['dicom.assoc.reject', 'dicom.assoc.abort', 'dicom.status_msg'];
const FAULTS = [
  '_ws.malformed',
  'dicom.multiple_transfer_syntax',
  'dicom.assoc.item.len.invalid',
  'dicom.pdv.ctx.invalid',
  'dicom.pdv.flags.invalid',
  'dicom.pdv.len.invalid',
  'dicom.pdu_length.invalid',
  'dicom.pdv.fragment.error',
  'dicom.pdv.fragment.overlap.conflicts',
];
const FILTER =
  `${FAULTS.join(' || ')} || ` +
  `(dicom && _ws.expert.severity >= ${WARNING_SEVERITY} && !(${LAWFUL.join(' || ')}) && !tcp.analysis.flags)`;

export interface Verdict {
  /** PDUs seen in both directions, by type: `1` is A-ASSOCIATE-RQ, `4` P-DATA-TF, ... */
  readonly pdus: ReadonlyMap<string, number>;
  /** One line per faulty frame; empty is good. */
  readonly problems: string[];
}

export interface Capture {
  /** Ends the recording and judges the conversations of these ports. */
  judge(dicomPorts: readonly number[]): Promise<Verdict>;
  stop(): Promise<void>;
}

/** Records all TCP packets on loopback; needs root or CAP_NET_RAW. */
export async function startCapture(folder: string): Promise<Capture> {
  const file = join(folder, 'capture.pcapng');
  const recording: Running = await startProgram(
    'dumpcap',
    ['-i', 'lo', '-f', 'tcp', '-B', '64', '-w', file],
    // Printed once the interface is open; the file line comes right after.
    { readyText: /File: / },
  );
  const stop = async (): Promise<void> => void (await recording.stop('SIGINT'));
  return {
    stop,
    judge: async (dicomPorts) => {
      await waitUntilQuiet(file);
      await stop();
      const shared = ['-r', file, '-o', 'tcp.desegment_tcp_streams:TRUE'].concat(
        dicomPorts.flatMap((port) => ['-d', `tcp.port==${port},dicom`]),
      );
      const onPorts = dicomPorts.map((port) => `tcp.port == ${port}`).join(' || ');
      const faults = await runOrThrow('tshark', [...shared, '-Y', `(${onPorts}) && (${FILTER})`], {
        timeoutMs: 120_000,
      });
      const types = await runOrThrow(
        'tshark',
        [...shared, '-Y', `dicom && (${onPorts})`, '-T', 'fields', '-E', 'aggregator=,', '-e', 'dicom.pdu.type'],
        { timeoutMs: 120_000 },
      );
      const pdus = new Map<string, number>();
      for (const type of types.stdout.split(/[\n,]/).filter((text) => text !== '')) {
        const name = String(Number(type));
        pdus.set(name, (pdus.get(name) ?? 0) + 1);
      }
      return { pdus, problems: faults.stdout.split('\n').filter((line) => line !== '') };
    },
  };
}

/** dumpcap writes in bursts: what was sent last is in the file once it stops growing. */
async function waitUntilQuiet(file: string): Promise<void> {
  const size = (): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  for (let before = -1, now = size(); now !== before;) {
    const pause = new AbortController();
    const timer = setTimeout(() => pause.abort(), 700);
    await once(pause.signal, 'abort');
    clearTimeout(timer);
    [before, now] = [now, size()];
  }
}
