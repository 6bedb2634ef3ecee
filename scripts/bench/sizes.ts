/** What a gateway takes up: memory when nobody asks, room on the disk for what it remembers and what waits (docs/sizing.md). */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { Bed, residentMegabytes } from './bed.ts';
import type { Row } from './measure.ts';
import { CREATE_BYTES } from './mpps-senders.ts';
import { fillBacklog, fillRecords } from './spool-backlog.ts';

const INSTANCES = 10_000;

export async function benchSizes(): Promise<Row[]> {
  const bed = new Bed();
  try {
    return [
      await idleRow(bed),
      await roomRow(bed, 'delivered', fillRecords),
      await roomRow(bed, 'waiting', fillBacklog),
    ];
  } finally {
    await bed.close();
  }
}

async function idleRow(bed: Bed): Promise<Row> {
  const gateway = await bed.dimseToWeb('http://127.0.0.1:9');
  const value = await residentMegabytes(gateway.pid);
  return { name: 'a gateway that nobody asks: resident memory', value, unit: 'MB', detail: 'one listener, one route' };
}

async function roomRow(bed: Bed, what: string, fill: typeof fillRecords): Promise<Row> {
  const path = join(await bed.cleanup.folder(), 'store.db');
  const store: Store = await openStore({ path });
  const messages = await fill(store, INSTANCES, 1);
  await store.close();
  const { size } = await stat(path);
  return {
    name: `${INSTANCES} steps ${what}: size of the store`,
    value: size / 1e6,
    unit: 'MB',
    detail: `${messages} messages, the N-CREATE ${CREATE_BYTES.length} B; ${Math.round(size / INSTANCES)} B a step`,
  };
}
