/** One-item queries through the gateway, both directions, far ends that answer at once: the median of one query. */
import { makeLoadWorklist } from '../peers/worklist.ts';
import { Bed } from './bed.ts';
import { median, ms, timeMs, type Row } from './measure.ts';
import { associate, find, release, WORKLIST } from './wire.ts';
import { broadIdentifier } from './worklist-item.ts';

const WARM_UP = 300;
const QUERIES = 1_000;

async function sample(query: () => Promise<void>): Promise<number[]> {
  for (let i = 0; i < WARM_UP; i++) await query();
  const times: number[] = [];
  for (let i = 0; i < QUERIES; i++) times.push(await timeMs(query));
  return times.sort((a, b) => a - b);
}

function row(name: string, times: number[]): Row {
  const p95 = times[Math.floor(times.length * 0.95)] ?? NaN;
  return {
    name: `one-item query, ${name}, p50`,
    value: median(times),
    unit: 'ms',
    target: { atMost: 5 },
    detail: `${QUERIES} queries, p95 ${ms(p95)}`,
  };
}

export async function benchLatency(): Promise<Row[]> {
  const bed = new Bed();
  try {
    const folder = await bed.cleanup.folder();
    const { itemsFile } = await makeLoadWorklist(folder, 1, { jsonOnly: true });
    const stub = await bed.server('http-stub.ts', itemsFile);
    const scp = await bed.server('canned-scp.ts', 'find');
    const port = (await bed.dimseToWeb(`http://127.0.0.1:${stub.port}`)).port('ward');
    const web = (await bed.webToDimse(scp.port, 'CANNED')).port('web');
    const url = `http://127.0.0.1:${web}/dicomweb/modality-scheduled-procedure-steps`;
    const identifier = broadIdentifier();

    const dimse = await sample(async () => {
      const connection = await associate(port, { called: 'DIMSEWAY', abstractSyntax: WORKLIST });
      const { matches, status } = await find(connection, identifier);
      if (matches !== 1 || status !== 0) throw new Error(`${matches} matches, status ${status}`);
      await release(connection);
    });
    const get = await sample(async () => {
      const response = await fetch(url, { headers: { accept: 'application/dicom+json' } });
      const found = (await response.json()) as unknown[];
      if (found.length !== 1) throw new Error(`${response.status}: ${found.length} results`);
    });
    return [row('DIMSE → web, associate and release included', dimse), row('web → DIMSE', get)];
  } finally {
    await bed.close();
  }
}
