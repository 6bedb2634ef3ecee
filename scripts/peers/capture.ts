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

/** One frame as the dissector reads it: the PDUs of an association, or an HTTP message. */
export interface Frame {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly from: number;
  readonly to: number;
  /** What tshark writes into its Info column. */
  readonly info: string;
  /** Of an HTTP message. */
  readonly body: string;
}

export interface Capture {
  /** Ends the recording and judges the conversations of these ports. */
  judge(dicomPorts: readonly number[]): Promise<Verdict>;
  /** Ends the recording; what was said on these ports, in order. */
  frames(dicomPorts: readonly number[], httpPorts: readonly number[]): Promise<Frame[]>;
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
  let hasEnded = false;
  const stop = async (): Promise<void> => void (await recording.stop('SIGINT'));
  const end = async (): Promise<void> => {
    if (hasEnded) return;
    hasEnded = true;
    await waitUntilQuiet(file);
    await stop();
  };
  const decoded = (dicomPorts: readonly number[], httpPorts: readonly number[] = []): string[] =>
    ['-r', file, '-o', 'tcp.desegment_tcp_streams:TRUE'].concat(
      dicomPorts.flatMap((port) => ['-d', `tcp.port==${port},dicom`]),
      httpPorts.flatMap((port) => ['-d', `tcp.port==${port},http`]),
    );
  return {
    stop,
    judge: async (dicomPorts) => {
      await end();
      const shared = decoded(dicomPorts);
      const faults = await runOrThrow('tshark', [...shared, '-Y', `(${onPorts(dicomPorts)}) && (${FILTER})`], {
        timeoutMs: 120_000,
      });
      const types = await runOrThrow(
        'tshark',
        [
          ...shared,
          '-Y',
          `dicom && (${onPorts(dicomPorts)})`,
          '-T',
          'fields',
          '-E',
          'aggregator=,',
          '-e',
          'dicom.pdu.type',
        ],
        { timeoutMs: 120_000 },
      );
      const pdus = new Map<string, number>();
      for (const type of types.stdout.split(/[\n,]/).filter((text) => text !== '')) {
        const name = String(Number(type));
        pdus.set(name, (pdus.get(name) ?? 0) + 1);
      }
      return { pdus, problems: faults.stdout.split('\n').filter((line) => line !== '') };
    },
    frames: async (dicomPorts, httpPorts) => {
      await end();
      const names = ['frame.time_epoch', 'tcp.srcport', 'tcp.dstport', '_ws.col.Info', 'http.file_data'];
      const filter = `(dicom && (${onPorts(dicomPorts)})) || (http && (${onPorts(httpPorts)}))`;
      const fields = names.flatMap((name) => ['-e', name]);
      const options = ['-Y', filter, '-T', 'fields', '-E', 'separator=/t', ...fields];
      const { stdout } = await runOrThrow('tshark', [...decoded(dicomPorts, httpPorts), ...options], {
        timeoutMs: 120_000,
      });
      const lines = stdout.split('\n').filter((line) => line !== '');
      return lines.map((line) => {
        const [at = '', from, to, info = '', body = ''] = line.split('\t');
        return { atMs: Number(at) * 1000, from: Number(from), to: Number(to), info, body };
      });
    },
  };
}

const onPorts = (ports: readonly number[]): string => ports.map((port) => `tcp.port == ${port}`).join(' || ');

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
