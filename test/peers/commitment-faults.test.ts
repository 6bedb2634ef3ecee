/**
 * kill -9 of a gateway on SQLite between any two steps of storage commitment, in both directions, with archives and
 * modalities that are late, wrong, silent or gone: every transaction that was taken is told its end, once in effect, and
 * nothing is told as committed that the archive did not commit (PS3.4 J.3, PS3.18 13).
 */
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { join } from 'node:path';
import { CommitmentBed } from '../support/commitment-faults/bed.ts';
import { seedOfRun } from '../support/spool-faults/random.ts';

jest.setTimeout(300_000);

/** Kills at each step. */
const KILLS = Number(process.env['COMMITMENT_FAULTS_KILLS'] ?? 1);

const ROUTES = [
  {
    ward: { transactionUids: 'same', delivery: 'direct' },
    web: { transactionUids: 'own', delivery: 'store-and-forward', deadline: '15s' },
  },
  {
    ward: { transactionUids: 'own', delivery: 'store-and-forward', reportOn: 'new-association' },
    web: { transactionUids: 'same', delivery: 'direct', deadline: '15s' },
  },
];

describe('storage commitment on SQLite', () => {
  let bed: CommitmentBed;
  afterEach(() => bed.cleanup.run());

  test('without faults everything is told exactly once', async () => {
    const seed = seedOfRun();
    bed = new CommitmentBed({ seed, hasFaults: false, routes: ROUTES[0] as (typeof ROUTES)[0] });
    const ports = await CommitmentBed.ports();
    await bed.open(ports);
    const gateway = await bed.gateway('gateway', ports, { kind: 'sqlite', path: join(bed.folder, 'dimseway.db') });
    await gateway.start();
    const end = performance.now() + 3_000;
    await bed.work(() => performance.now() < end);
    expect({ seed, waiting: await bed.drain(5_000), problems: await bed.problems() }).toEqual({
      ...{ seed, waiting: [], problems: [] },
    });
    const { repeated, nothing, asked, requested } = bed.numbers;
    expect({ repeated, nothing }).toEqual({ repeated: 0, nothing: 0 });
    expect(Math.min(asked, requested)).toBeGreaterThan(20);
    bed.tell(`${asked} + ${requested} transactions`, 3_000);
  });

  test('kill -9 at every step, with one of two configurations by the seed', async () => {
    const seed = seedOfRun();
    const routes = ROUTES[seed % ROUTES.length] as (typeof ROUTES)[0];
    const started = performance.now();
    bed = new CommitmentBed({ seed, hasFaults: true, routes });
    const ports = await CommitmentBed.ports();
    await bed.open(ports);
    const gateway = await bed.gateway('gateway', ports, { kind: 'sqlite', path: join(bed.folder, 'dimseway.db') });
    await gateway.start();

    const kills = await bed.workThroughKills([gateway], KILLS);
    expect({ seed, isOver: kills.isOver, steps: kills.report }).toMatchObject({ isOver: true });
    const killedMs = performance.now() - started;
    const waiting = await bed.drain(60_000);
    const problems = await bed.problems();
    const { asked, repeated, requested, nothing } = bed.numbers;
    bed.tell(
      `${asked} + ${requested} transactions, ${kills.kills} kills in ${Math.round(killedMs / 1_000)} s, ${repeated} reported again, ${nothing} without a word`,
      performance.now() - started,
    );
    expect({ seed, waiting, problems }).toEqual({ seed, waiting: [], problems: [] });
    // Reports under way when the gateway died: eight at a time at most.
    expect(repeated).toBeLessThanOrEqual(8 * kills.kills);
  });
});
