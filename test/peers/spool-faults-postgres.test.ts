/**
 * Nothing is lost on PostgreSQL either: three gateways behind a balancer share a data base, and are killed, lose their
 * connections to it and the server itself (proxy flows 11, status mapping 8).
 */
import { afterEach, expect, jest, test } from '@jest/globals';
import { startPostgres } from '../../scripts/peers/postgres.ts';
import type { Postgres } from '../../scripts/peers/postgres.ts';
import { Balancer } from '../support/spool-faults/balancer.ts';
import { FaultBed } from '../support/spool-faults/bed.ts';
import type { GatewayProcess } from '../support/spool-faults/bed.ts';
import { killAndRestart, takeAway } from '../support/spool-faults/chaos.ts';
import { livesOf } from '../support/spool-faults/lives.ts';
import { expectAllArrived } from '../support/spool-faults/proof.ts';
import type { Random } from '../support/spool-faults/random.ts';
import { seedOfRun } from '../support/spool-faults/random.ts';

jest.setTimeout(600_000);

const LIVES = Number(process.env['SPOOL_FAULTS_POSTGRES_LIVES'] ?? 1_000);
/** Of each gateway. */
const KILLS = Math.ceil(LIVES / 60);
const DATABASE = 'faults';
/** A lane that a killed gateway held is taken over when its lease has ended: attemptTimeout and 30 s. */
const DRAIN_MS = 75_000;

let bed: FaultBed;
afterEach(() => bed.close());

test('kill -9 of three gateways, lost connections and a crash of the server: every acknowledgement is true, every message arrives once and in order', async () => {
  const seed = seedOfRun();
  const lives = livesOf(seed, LIVES, 0.01);
  const messages = lives.reduce((sum, life) => sum + life.messages.length, 0);
  const started = performance.now();
  bed = await FaultBed.open(seed);
  const server = await startPostgres();
  bed.cleanup.add(() => server.remove());
  const url = await server.createDatabase(DATABASE);
  await bed.startDestinations({ hasFaults: true, rejects: true });
  const gateways = await startThree(url);
  const ports = { ward: await balanced(gateways, 'ward'), web: await balanced(gateways, 'web') };

  // A commit whose answer was lost with the connection may have been one.
  const ward = bed.ward(ports, { sources: 8, busyIsUnsure: true });
  const chaos = bed.chaos(ward, messages);
  for (const [index, gateway] of gateways.entries()) {
    chaos.begin(`gateway ${index}`, KILLS, (random) => killAndRestart(gateway, ward, random, 30_000));
  }
  for (const [index, destination] of bed.destinations.entries()) {
    chaos.begin(`destination ${index}`, KILLS, (random) => takeAway(destination, random));
  }
  let ended = 0;
  chaos.begin('connections', KILLS * 2, async (random) => {
    ended += await endConnections(server, random);
  });
  chaos.begin('server', 1, async () => {
    await server.stop('SIGQUIT');
    await server.start();
  });
  await ward.send(lives);
  expect({ seed, problems: ward.problems }).toEqual({ seed, problems: [] });
  await chaos.over();
  const kills = [...gateways, ...bed.destinations].map((each) => each.kills).join(' + ');
  await expectAllArrived(bed, gateways[0] as GatewayProcess, lives, DRAIN_MS);
  bed.tell(
    `${LIVES} lives of ${messages} messages, ${ward.repeated} sent again, ${ward.busy.dimse + ward.busy.dicomweb} told to come again, ${kills} kills, ` +
      `${ended} connections ended`,
    performance.now() - started,
  );
});

async function startThree(url: string): Promise<GatewayProcess[]> {
  const names = ['one', 'two', 'three'];
  const gateways = await Promise.all(names.map((name) => bed.gateway(name, { kind: 'postgres', url })));
  // All at once: the first makes the tables.
  await Promise.all(gateways.map((gateway) => gateway.start()));
  return gateways;
}

async function balanced(gateways: readonly GatewayProcess[], listener: 'ward' | 'web'): Promise<number> {
  const balancer = await Balancer.start(gateways.map(({ ports }) => ports[listener]));
  bed.cleanup.add(() => balancer.close());
  return balancer.port;
}

/** Ends half of the gateways' connections to the data base; gives how many. */
async function endConnections(server: Postgres, random: Random): Promise<number> {
  try {
    const rows = await server.query(`SELECT pid FROM pg_stat_activity WHERE datname = '${DATABASE}'`);
    const pids = rows.map(({ pid }) => Number(pid)).filter(() => random.chance(0.5));
    for (const pid of pids) await server.query(`SELECT pg_terminate_backend(${pid})`);
    return pids.length;
  } catch {
    // The server is away itself.
    return 0;
  }
}
