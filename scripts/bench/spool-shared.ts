/**
 * Several gateway processes over one PostgreSQL, a destination that takes its time: what three deliver against one. It is
 * the destination that judges the order, to the last message.
 */
import { openPostgresStore } from '../../src/store/postgres.ts';
import { startPostgres, type Postgres } from '../peers/postgres.ts';
import type { Bed } from './bed.ts';
import { median, type Row } from './measure.ts';
import { countsOf, perSecond, rate, untilAnswered } from './spool-counts.ts';
import { fillBacklog } from './spool-backlog.ts';

const MESSAGE_MS = 50;
const CONCURRENCY = 4;
const PROCESSES = 3;
const WINDOWS = 5;
const WINDOW_MS = 2_000;
/** More than one process delivers in all windows and while the processes start. */
const INSTANCES = 400;
const UPDATES = 3;

interface Shared {
  readonly rate: number;
  readonly messages: number;
  /** Most messages at the destination at a time. */
  readonly atOnce: number;
}

async function deliver(bed: Bed, postgres: Postgres, processes: number): Promise<Shared> {
  const url = await postgres.createDatabase(`processes${processes}`);
  const store = await openPostgresStore({ url });
  const messages = await fillBacklog(store, processes * INSTANCES, UPDATES);
  await store.close();
  const stub = await bed.server('ordered-stub.ts', String(MESSAGE_MS));
  const options = { store: { kind: 'postgres', url }, concurrency: CONCURRENCY };
  const starting = Array.from({ length: processes }, () =>
    bed.storeAndForward(`http://127.0.0.1:${stub.port}`, options),
  );
  const gateways = await Promise.all(starting);
  const rates: number[] = [];
  for (let window = 0; window <= WINDOWS; window++) {
    const [before, start] = [await countsOf(stub), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, WINDOW_MS));
    const after = await countsOf(stub);
    if (after.answered >= messages) throw new Error(`${messages} messages were too few for ${processes} processes`);
    // The first is to get going.
    if (window > 0) rates.push(perSecond(after.answered - before.answered, performance.now() - start));
  }
  await untilAnswered(stub, messages);
  const { atOnce } = await countsOf(stub);
  for (const gateway of gateways) await gateway.running.stop();
  await stub.running.stop();
  return { rate: median(rates), messages, atOnce };
}

export async function sharedSpoolRows(bed: Bed): Promise<Row[]> {
  const postgres = await startPostgres();
  bed.cleanup.add(() => postgres.remove());
  const one = await deliver(bed, postgres, 1);
  const several = await deliver(bed, postgres, PROCESSES);
  return [
    {
      name: `${PROCESSES} processes on PostgreSQL, ${MESSAGE_MS} ms per message, ${CONCURRENCY} at a time each, rate / one process`,
      value: several.rate / one.rate,
      unit: '×',
      target: { atLeast: 2.5 },
      detail:
        `${rate(several.rate)} (${several.atOnce} at once), one ${rate(one.rate)} (${one.atOnce} at once); ` +
        `${several.messages + one.messages} messages, every one in order`,
    },
  ];
}
