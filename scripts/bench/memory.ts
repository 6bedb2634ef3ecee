/** C-FIND of 10,000 items: growth of the gateway's resident memory, with an SCU that reads and one that stops for 5 s. */
import { makeLoadWorklist } from '../peers/worklist.ts';
import { Bed, peakMegabytes, residentMegabytes } from './bed.ts';
import { median, type Row } from './measure.ts';
import { associate, find, release, WORKLIST } from './wire.ts';
import { broadIdentifier } from './worklist-item.ts';

const ITEMS = 10_000;
// About 2.7 kB an item as DIMSE, 27 MB in all: more than the kernel's socket buffers take while the SCU does not read.
const COMMENT_LENGTH = 2_000;
const STALL_AFTER = 500;
const STALL_MS = 5_000;
const ROUNDS = 5;

/** Percent of the answer that the gateway had taken from the origin server at the end of the stall; 100 without one. */
async function findAll(port: number, stallMs: number, stubPort: number): Promise<number> {
  let takenPercent = 100;
  const connection = await associate(port, { called: 'DIMSEWAY', abstractSyntax: WORKLIST });
  const onMatch = async (matches: number): Promise<void> => {
    if (matches !== STALL_AFTER || stallMs === 0) return;
    connection.socket.pause();
    await new Promise((resolve) => setTimeout(resolve, stallMs));
    const progress = (await (await fetch(`http://127.0.0.1:${stubPort}/progress`)).json()) as {
      taken: number;
      of: number;
    };
    takenPercent = (progress.taken / progress.of) * 100;
    connection.socket.resume();
  };
  const outcome = await find(connection, broadIdentifier(), { onMatch });
  if (outcome.status !== 0 || outcome.matches !== ITEMS) throw new Error(`Unexpected: ${JSON.stringify(outcome)}`);
  await release(connection);
  return takenPercent;
}

export async function benchMemory(): Promise<Row[]> {
  const bed = new Bed();
  try {
    const folder = await bed.cleanup.folder();
    const { itemsFile } = await makeLoadWorklist(folder, ITEMS, { jsonOnly: true, commentLength: COMMENT_LENGTH });
    const stub = await bed.server('http-stub.ts', itemsFile);
    const rows: Row[] = [];
    for (const [what, stallMs] of [
      ['', 0],
      [', SCU stops reading for 5 s', STALL_MS],
    ] as const) {
      const growths: number[] = [];
      const peaks: number[] = [];
      const taken: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        // A fresh process each time: what an earlier round made it keep must not hide the growth of the next.
        const gateway = await bed.dimseToWeb(`http://127.0.0.1:${stub.port}`);
        const before = await residentMegabytes(gateway.pid);
        const peak = await peakMegabytes(gateway.pid, async () => {
          taken.push(await findAll(gateway.port('ward'), stallMs, stub.port));
        });
        await gateway.running.stop();
        growths.push(peak - before);
        peaks.push(peak);
      }
      rows.push({
        name: `C-FIND of 10,000 items${what}: growth of resident memory`,
        value: median(growths),
        unit: 'MB',
        target: { atMost: 100 },
        detail:
          `each from a fresh process; growths ${growths.map((mb) => mb.toFixed(0)).join(', ')}; peak ${median(peaks).toFixed(0)} MB` +
          (stallMs === 0 ? '' : `; ${median(taken).toFixed(0)} % taken from the origin server when the SCU read on`),
      });
    }
    return rows;
  } finally {
    await bed.close();
  }
}
