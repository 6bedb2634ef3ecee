/**
 * N-CREATE + N-SET pairs through the gateway, direct delivery, far ends that answer at once: the rate of pairs, and the
 * median of one exchange, against a dcmjs-dimse SCP that the same SCU reaches directly.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { startQuietDcmjsMppsScp } from '../peers/mpps.ts';
import { Bed } from './bed.ts';
import { compareMs, median, ms, timeMs, type Row } from './measure.ts';
import { dimseSender, newUid, sendInstances, type Sender, webSender } from './mpps-senders.ts';

const PAIRS = 400;
const PARALLEL = 8;
const EXCHANGES = 600;
const WARM_UP = 100;
const FSYNCS = 200;
/** What one transaction of the store's write-ahead log comes to. */
const FSYNC_BYTES = 8_192;

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
        direct: () => sendInstances(PAIRS, PARALLEL, ways.direct),
        dimseToWeb: () => sendInstances(PAIRS, PARALLEL, ways.dimseToWeb),
        webToDimse: () => sendInstances(PAIRS, PARALLEL, ways.webToDimse),
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
