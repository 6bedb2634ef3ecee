/**
 * The same on PostgreSQL: two gateways behind a balancer share a data base, they die at every step, one goes on with what the
 * other left, and once the server crashes (PS3.4 J.3, PS3.18 13).
 */
import { afterEach, expect, jest, test } from '@jest/globals';
import { startPostgres } from '../../scripts/peers/postgres.ts';
import { CommitmentBed } from '../support/commitment-faults/bed.ts';
import type { GatewayProcess } from '../support/commitment-faults/bed.ts';
import { Balancer } from '../support/spool-faults/balancer.ts';
import { seedOfRun } from '../support/spool-faults/random.ts';

jest.setTimeout(300_000);

/** Kills at each step. */
const KILLS = Number(process.env['COMMITMENT_FAULTS_KILLS'] ?? 1);
/** What a killed gateway held is taken over when its lease has ended: attemptTimeout and 30 s. */
const DRAIN_MS = 75_000;

let bed: CommitmentBed;
afterEach(() => bed.cleanup.run());

test('kill -9 of two gateways at every step, and a crash of the server: what was taken is told, once in effect, and nothing else', async () => {
  const seed = seedOfRun();
  const started = performance.now();
  bed = new CommitmentBed({
    ...{ seed, hasFaults: true },
    routes: {
      ward: { transactionUids: 'own', delivery: 'store-and-forward' },
      web: { transactionUids: 'same', delivery: 'direct', deadline: '35s' },
    },
  });
  const server = await startPostgres();
  bed.cleanup.add(() => server.remove());
  const url = await server.createDatabase('commitments');
  const ports = [await CommitmentBed.ports(), await CommitmentBed.ports()];
  const balanced = async (listener: 'ward' | 'web'): Promise<number> => {
    const balancer = await Balancer.start(ports.map((each) => each[listener]));
    bed.cleanup.add(() => balancer.close());
    return balancer.port;
  };
  await bed.open({ ward: await balanced('ward'), web: await balanced('web') });
  const gateways: GatewayProcess[] = [];
  for (const [i, each] of ports.entries())
    gateways.push(await bed.gateway(`gateway-${i}`, each, { kind: 'postgres', url }));
  await Promise.all(gateways.map((gateway) => gateway.start()));

  const kills = await bed.workThroughKills(gateways, KILLS, 30_000, async () => {
    await server.stop('SIGQUIT');
    await server.start();
  });
  expect({ seed, isOver: kills.isOver, steps: kills.report }).toMatchObject({ isOver: true });
  const killedMs = performance.now() - started;
  const waiting = await bed.drain(DRAIN_MS);
  const problems = await bed.problems();
  const { asked, repeated, requested, nothing } = bed.numbers;
  bed.tell(
    `${asked} + ${requested} transactions, ${kills.kills} kills in ${Math.round(killedMs / 1_000)} s, ${repeated} reported again, ${nothing} without a word`,
    performance.now() - started,
  );
  expect({ seed, waiting, problems }).toEqual({ seed, waiting: [], problems: [] });
  expect(repeated).toBeLessThanOrEqual(8 * kills.kills);
});
