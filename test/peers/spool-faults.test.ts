/**
 * Nothing is lost: lives of performed procedure steps through a gateway on SQLite that is killed again and again, to
 * destinations that answer slowly, wrongly, not at all, and are killed too (proxy flows 11, status mapping 8).
 */
import { afterEach, expect, jest, test } from '@jest/globals';
import { join } from 'node:path';
import { FaultBed } from '../support/spool-faults/bed.ts';
import { killAndRestart, takeAway } from '../support/spool-faults/chaos.ts';
import { livesOf } from '../support/spool-faults/lives.ts';
import { expectAllArrived } from '../support/spool-faults/proof.ts';
import { seedOfRun } from '../support/spool-faults/random.ts';

jest.setTimeout(300_000);

const LIVES = Number(process.env['SPOOL_FAULTS_LIVES'] ?? 1_000);
const KILLS = Math.ceil(LIVES / 25);

let bed: FaultBed;
afterEach(() => bed.close());

test('kill -9 of gateway and destinations: every acknowledgement is true, every message arrives once and in order', async () => {
  const seed = seedOfRun();
  const lives = livesOf(seed, LIVES, 0.01);
  const messages = lives.reduce((sum, life) => sum + life.messages.length, 0);
  const started = performance.now();
  bed = await FaultBed.open(seed);
  await bed.startDestinations({ hasFaults: true, rejects: true });
  const gateway = await bed.gateway('gateway', { kind: 'sqlite', path: join(bed.folder, 'dimseway.db') });
  await gateway.start();

  const ward = bed.ward(gateway.ports, { sources: 8 });
  const chaos = bed.chaos(ward, messages);
  chaos.begin('gateway', KILLS, (random) => killAndRestart(gateway, ward, random));
  for (const [index, destination] of bed.destinations.entries()) {
    chaos.begin(`destination ${index}`, Math.ceil(KILLS / 5), (random) => takeAway(destination, random));
  }
  await ward.send(lives);
  expect({ seed, problems: ward.problems }).toEqual({ seed, problems: [] });
  await chaos.over();
  const kills = [gateway, ...bed.destinations].map((each) => each.kills).join(' + ');
  await expectAllArrived(bed, gateway, lives, 60_000);
  bed.tell(
    `${LIVES} lives of ${messages} messages, ${ward.repeated} sent again, ${kills} kills`,
    performance.now() - started,
  );
});
