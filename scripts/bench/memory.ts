/** C-FIND of 10,000 items: growth of the gateway's resident memory, with an SCU that reads and one that stops for 5 s. */
import { makeLoadWorklist } from '../peers/worklist.ts';
import { Bed, peakMegabytes, residentMegabytes } from './bed.ts';
import { median, type Row } from './measure.ts';
import { associate, find, release, WORKLIST } from './wire.ts';
import { broadIdentifier } from './worklist-item.ts';

const ITEMS = 10_000;
const STALL_AFTER = 500;
const STALL_MS = 5_000;
const ROUNDS = 5;

async function findAll(port: number, stallMs: number): Promise<void> {
  const connection = await associate(port, { called: 'DIMSEWAY', abstractSyntax: WORKLIST });
  const onMatch = async (matches: number): Promise<void> => {
    if (matches !== STALL_AFTER || stallMs === 0) return;
    connection.socket.pause();
    await new Promise((resolve) => setTimeout(resolve, stallMs));
    connection.socket.resume();
  };
  const outcome = await find(connection, broadIdentifier(), { onMatch });
  if (outcome.status !== 0 || outcome.matches !== ITEMS) throw new Error(`Unexpected: ${JSON.stringify(outcome)}`);
  await release(connection);
}

export async function benchMemory(): Promise<Row[]> {
  const bed = new Bed();
  try {
    const folder = await bed.cleanup.folder();
    const { itemsFile } = await makeLoadWorklist(folder, ITEMS, { jsonOnly: true });
    const stub = await bed.server('http-stub.ts', itemsFile);
    const rows: Row[] = [];
    for (const [what, stallMs] of [
      ['', 0],
      [', SCU stops reading for 5 s', STALL_MS],
    ] as const) {
      const growths: number[] = [];
      const peaks: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        // A fresh process each time: what an earlier round made it keep must not hide the growth of the next.
        const gateway = await bed.dimseToWeb(`http://127.0.0.1:${stub.port}`);
        const before = await residentMegabytes(gateway.pid);
        const peak = await peakMegabytes(gateway.pid, () => findAll(gateway.port('ward'), stallMs));
        await gateway.running.stop();
        growths.push(peak - before);
        peaks.push(peak);
      }
      rows.push({
        name: `C-FIND of 10,000 items${what}: growth of resident memory`,
        value: median(growths),
        unit: 'MB',
        target: { atMost: 100 },
        detail: `each from a fresh process; growths ${growths.map((mb) => mb.toFixed(0)).join(', ')}; peak ${median(peaks).toFixed(0)} MB`,
      });
    }
    return rows;
  } finally {
    await bed.close();
  }
}
