/**
 * N-CREATE + N-SET pairs through the gateway, direct delivery, far ends that answer at once: the rate of pairs, and the
 * median of one exchange, against a dcmjs-dimse SCP that the same SCU reaches directly.
 */
import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeDataSet } from '../../src/dataset/binary/encode.ts';
import { TRANSFER_SYNTAXES } from '../../src/dataset/binary/transfer-syntax.ts';
import { fromJson } from '../../src/dataset/json.ts';
import { completeOf, createOf, series } from '../../test/peers/mpps-cases.ts';
import { startQuietDcmjsMppsScp } from '../peers/mpps.ts';
import { Bed } from './bed.ts';
import { compareMs, median, ms, timeMs, type Row } from './measure.ts';
import { associate, message, MPPS, N_CREATE_RQ, N_SET_RQ, PDU, type RawConnection, release, statusOf } from './wire.ts';

const PAIRS = 400;
const PARALLEL = 8;
const EXCHANGES = 600;
const WARM_UP = 100;
const FSYNCS = 200;
/** What one transaction of the store's write-ahead log comes to. */
const FSYNC_BYTES = 8_192;

const CREATE = createOf();
const SET = completeOf(series(1, 20));
const bytesOf = (json: object): Buffer => encodeDataSet(fromJson(json), TRANSFER_SYNTAXES.explicitVrLittleEndian);
const CREATE_BYTES = bytesOf(CREATE);
const SET_BYTES = bytesOf(SET);
const CREATE_JSON = JSON.stringify(CREATE);
const SET_JSON = JSON.stringify(SET);

const newUid = (): string => `2.25.${BigInt(`0x${randomUUID().replaceAll('-', '')}`)}`;

/** One way to send a create or a set. */
interface Sender {
  send(kind: 'create' | 'set', uid: string): Promise<void>;
  close(): Promise<void>;
}

async function dimseSender(port: number, called: string): Promise<Sender> {
  const connection: RawConnection = await associate(port, { called, abstractSyntax: MPPS });
  let messageId = 0;
  return {
    send: async (kind, uid) => {
      const field = kind === 'create' ? N_CREATE_RQ : N_SET_RQ;
      const request = { field, sopClass: MPPS, messageId: ++messageId % 65_536, instanceUid: uid };
      connection.send(message(request, kind === 'create' ? CREATE_BYTES : SET_BYTES));
      const answer = await connection.receive();
      const status = answer?.type === PDU.data ? statusOf(answer.body.subarray(6)) : undefined;
      if (status !== 0) throw new Error(`${kind} on port ${port}: PDU ${answer?.type}, status ${status}`);
    },
    close: () => release(connection),
  };
}

async function webSender(baseUrl: string): Promise<Sender> {
  const headers = { accept: 'application/dicom+json', 'content-type': 'application/dicom+json' };
  return {
    send: async (kind, uid) => {
      const url = `${baseUrl}/modality-performed-procedure-steps/${uid}${kind === 'create' ? '' : '?update'}`;
      const body = kind === 'create' ? CREATE_JSON : SET_JSON;
      const response = await fetch(url, { method: 'POST', headers, body });
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`${kind}: ${response.status}`);
    },
    close: () => Promise.resolve(),
  };
}

/** So many pairs by so many senders at a time, each pair in order. */
async function sendPairs(connect: () => Promise<Sender>): Promise<void> {
  let left = PAIRS;
  const worker = async (): Promise<void> => {
    const sender = await connect();
    while (left-- > 0) {
      const uid = newUid();
      await sender.send('create', uid);
      await sender.send('set', uid);
    }
    await sender.close();
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

/** The median of one exchange, one at a time. */
async function exchangeMs(connect: () => Promise<Sender>): Promise<number> {
  const sender = await connect();
  const times: number[] = [];
  for (let i = 0; i < WARM_UP + EXCHANGES; i += 2) {
    const uid = newUid();
    for (const kind of ['create', 'set'] as const) {
      const spent = await timeMs(() => sender.send(kind, uid));
      if (i >= WARM_UP) times.push(spent);
    }
  }
  await sender.close();
  return median(times);
}

/** The median of appending to a file and forcing it to the disk of `folder`. */
async function fsyncMs(folder: string): Promise<number> {
  const file = await open(join(folder, 'fsync'), 'w');
  const bytes = Buffer.alloc(FSYNC_BYTES, 1);
  const times: number[] = [];
  for (let i = 0; i < FSYNCS; i++) {
    times.push(
      await timeMs(async () => {
        await file.write(bytes);
        await file.datasync();
      }),
    );
  }
  await file.close();
  return median(times);
}

export async function benchMpps(): Promise<Row[]> {
  const bed = new Bed();
  try {
    const folder = await bed.cleanup.folder();
    const dcmjs = await startQuietDcmjsMppsScp();
    bed.cleanup.add(() => dcmjs.running.stop());
    const stub = await bed.server('http-stub.ts');
    const scp = await bed.server('canned-scp.ts', 'mpps');
    const ward = (await bed.dimseToWeb(`http://127.0.0.1:${stub.port}`)).port('ward');
    const web = (await bed.webToDimse(scp.port, 'CANNED')).port('web');
    const ways = {
      direct: () => dimseSender(dcmjs.port, 'DCMJS'),
      dimseToWeb: () => dimseSender(ward, 'DIMSEWAY'),
      webToDimse: () => webSender(`http://127.0.0.1:${web}/dicomweb`),
    };
    const times = await compareMs(
      {
        direct: () => sendPairs(ways.direct),
        dimseToWeb: () => sendPairs(ways.dimseToWeb),
        webToDimse: () => sendPairs(ways.webToDimse),
      },
      5,
    );
    const rate = (spentMs: number): string => `${Math.round((PAIRS / spentMs) * 1000)}/s`;
    const rateRow = (name: string, spentMs: number): Row => ({
      name: `MPPS pairs, ${name}, ${PARALLEL} in parallel, rate / dcmjs-dimse directly`,
      value: times.direct / spentMs,
      unit: '×',
      target: { atLeast: 2 },
      detail: `gateway ${rate(spentMs)}, dcmjs-dimse ${rate(times.direct)}`,
    });
    const [direct, dimseToWeb, webToDimse] = [
      await exchangeMs(ways.direct),
      await exchangeMs(ways.dimseToWeb),
      await exchangeMs(ways.webToDimse),
    ];
    const fsync = await fsyncMs(folder);
    const canned = await exchangeMs(() => dimseSender(scp.port, 'CANNED'));
    const latencyRow = (name: string, spentMs: number): Row => ({
      name: `one MPPS exchange, ${name}, p50 / (two direct exchanges + one fsync)`,
      value: spentMs / (2 * direct + fsync),
      unit: '×',
      target: { atMost: 1 },
      detail: `gateway ${ms(spentMs)}, dcmjs-dimse ${ms(direct)}, canned bytes ${ms(canned)}, fsync ${ms(fsync)}`,
    });
    return [
      rateRow('DIMSE → web', times.dimseToWeb),
      rateRow('web → DIMSE', times.webToDimse),
      latencyRow('DIMSE → web', dimseToWeb),
      latencyRow('web → DIMSE', webToDimse),
    ];
  } finally {
    await bed.close();
  }
}
