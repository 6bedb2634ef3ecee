/**
 * Store-and-forward: how fast messages are acknowledged against the disk itself, how fast a backlog drains against direct
 * delivery, and what three processes over one PostgreSQL deliver against one. The order of each instance is judged by the
 * destination, in the same run.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openStore } from '../../src/store/sqlite.ts';
import { findFreePort } from '../peers/process.ts';
import { Bed, residentMegabytes } from './bed.ts';
import { median, timeMs, type Row } from './measure.ts';
import { CREATE_BYTES, dimseSender, newUid, sendInstances, type Sender } from './mpps-senders.ts';
import { fillBacklog } from './spool-backlog.ts';
import { countsOf, perSecond, rate, untilAnswered } from './spool-counts.ts';
import { sharedSpoolRows } from './spool-shared.ts';

const ROUNDS = 5;
const MESSAGES = 2_000;
const ASSOCIATIONS = 16;
const BACKLOG = 100_000;
const DIRECT_INSTANCES = 2_000;
const CONCURRENCY = 4;

/** One row a message, each in a transaction that is on the disk before the next begins. */
function insertEach(database: DatabaseSync, count: number): number {
  const insert = database.prepare('INSERT INTO messages VALUES (?, ?)');
  const start = performance.now();
  for (let i = 0; i < count; i++) insert.run(newUid(), CREATE_BYTES);
  return perSecond(count, performance.now() - start);
}

async function acknowledged(connect: () => Promise<Sender>): Promise<number> {
  return perSecond(MESSAGES, await timeMs(() => sendInstances(MESSAGES, ASSOCIATIONS, connect, ['create'])));
}

async function acknowledgementRows(bed: Bed): Promise<Row[]> {
  const database = new DatabaseSync(join(await bed.cleanup.folder(), 'plain.db'));
  database.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE messages (uid TEXT PRIMARY KEY, message BLOB)',
  );
  const stub = await bed.server('ordered-stub.ts');
  const nobody = await findFreePort();
  const away = await bed.storeAndForward(`http://127.0.0.1:${nobody}`);
  const near = await bed.storeAndForward(`http://127.0.0.1:${stub.port}`);
  const rates: Record<'disk' | 'away' | 'near', number[]> = { disk: [], away: [], near: [] };
  for (let round = 0; round <= ROUNDS; round++) {
    const measured = {
      disk: insertEach(database, MESSAGES),
      away: await acknowledged(() => dimseSender(away.port('ward'), 'DIMSEWAY')),
      near: await acknowledged(() => dimseSender(near.port('ward'), 'DIMSEWAY')),
    };
    await untilAnswered(stub, (round + 1) * MESSAGES);
    // The first is to get warm.
    if (round > 0) for (const name of ['disk', 'away', 'near'] as const) rates[name].push(measured[name]);
  }
  database.close();
  await away.running.stop();
  await near.running.stop();
  const disk = median(rates.disk);
  const row = (where: string, acknowledgements: number): Row => ({
    name: `durable N-CREATE acknowledgements, ${ASSOCIATIONS} associations, destination ${where}, rate / one fsync'd SQLite insert each`,
    value: acknowledgements / disk,
    unit: '×',
    target: { atLeast: 0.7 },
    detail: `gateway ${rate(acknowledgements)}, plain SQLite ${rate(disk)}`,
  });
  return [row('away', median(rates.away)), row('near, deliveries included', median(rates.near))];
}

/** Messages per second that are delivered directly, so many at a time. */
async function directRate(bed: Bed, parallel: number): Promise<number> {
  const stub = await bed.server('ordered-stub.ts');
  const gateway = await bed.dimseToWeb(`http://127.0.0.1:${stub.port}`);
  const connect = (): Promise<Sender> => dimseSender(gateway.port('ward'), 'DIMSEWAY');
  const rates: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const spentMs = await timeMs(() => sendInstances(DIRECT_INSTANCES, parallel, connect));
    if (round > 0) rates.push(perSecond(2 * DIRECT_INSTANCES, spentMs));
  }
  await untilAnswered(stub, (ROUNDS + 1) * 2 * DIRECT_INSTANCES);
  await gateway.running.stop();
  await stub.running.stop();
  return median(rates);
}

interface Drain {
  readonly rate: number;
  /** Resident memory in MB when so much was delivered. */
  readonly atTenth: number;
  readonly atHalf: number;
  readonly atNineTenths: number;
}

async function drain(bed: Bed): Promise<Drain> {
  const folder = await bed.cleanup.folder();
  const path = join(folder, 'store.db');
  const store = await openStore({ path });
  const messages = await fillBacklog(store, BACKLOG / 2, 1);
  await store.close();
  const stub = await bed.server('ordered-stub.ts');
  const gateway = await bed.storeAndForward(`http://127.0.0.1:${stub.port}`, { store: { kind: 'sqlite', path } });
  const start = performance.now();
  const { answered: before } = await countsOf(stub);
  const memory: { atTenth?: number; atHalf?: number; atNineTenths?: number } = {};
  await untilAnswered(stub, messages, async ({ answered }) => {
    if (answered >= messages / 10) memory.atTenth ??= await residentMegabytes(gateway.pid);
    if (answered >= messages / 2) memory.atHalf ??= await residentMegabytes(gateway.pid);
    if (answered >= (messages * 9) / 10) memory.atNineTenths ??= await residentMegabytes(gateway.pid);
  });
  const spentMs = performance.now() - start;
  await gateway.running.stop();
  await stub.running.stop();
  await rm(folder, { recursive: true, force: true });
  const { atTenth = NaN, atHalf = NaN, atNineTenths = NaN } = memory;
  return { rate: perSecond(messages - before, spentMs), atTenth, atHalf, atNineTenths };
}

const mb = (value: number): string => `${value.toFixed(0)} MB`;

async function drainRows(bed: Bed): Promise<Row[]> {
  const direct = await directRate(bed, CONCURRENCY);
  const drained = await drain(bed);
  return [
    {
      name: `backlog of 100,000 messages, ${CONCURRENCY} at a time, rate / direct delivery`,
      value: drained.rate / direct,
      unit: '×',
      target: { atLeast: 0.8 },
      detail: `drained once, in order, ${rate(drained.rate)}; direct ${rate(direct)}`,
    },
    {
      name: 'backlog of 100,000 messages, growth of resident memory from 10 % to 90 % of the drain',
      value: drained.atNineTenths - drained.atTenth,
      unit: 'MB',
      // The heap takes its full size at about a tenth, sometimes just behind it; what was kept of 80,000 messages would be hundreds.
      target: { atMost: 50 },
      detail: `${mb(drained.atTenth)} at 10 %, ${mb(drained.atHalf)} at 50 %, ${mb(drained.atNineTenths)} at 90 %`,
    },
  ];
}

export async function benchSpool(): Promise<Row[]> {
  const bed = new Bed();
  try {
    return [...(await acknowledgementRows(bed)), ...(await drainRows(bed)), ...(await sharedSpoolRows(bed))];
  } finally {
    await bed.close();
  }
}
