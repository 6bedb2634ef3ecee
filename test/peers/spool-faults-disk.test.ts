/** A disk that is really full: sources are told to come again, and nothing is lost that was acknowledged (flows 4.1). */
import { afterEach, expect, jest, test } from '@jest/globals';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mountTmpfs } from '../../scripts/peers/tmpfs.ts';
import { FaultBed } from '../support/spool-faults/bed.ts';
import { livesOf } from '../support/spool-faults/lives.ts';
import { Ward } from '../support/spool-faults/modalities.ts';
import { expectAllArrived } from '../support/spool-faults/proof.ts';
import { seedOfRun } from '../support/spool-faults/random.ts';

jest.setTimeout(120_000);

const MEBIBYTE = 2 ** 20;
const LIVES = 200;

let bed: FaultBed;
afterEach(() => bed.close());

test('a full disk: 0213H and 503, until there is room, also after kill -9; nothing acknowledged is lost', async () => {
  const seed = seedOfRun();
  const lives = livesOf(seed, LIVES);
  const started = performance.now();
  bed = await FaultBed.open(seed);
  const folder = join(bed.folder, 'store');
  const disk = await mountTmpfs(folder, 3 * MEBIBYTE);
  bed.cleanup.add(() => disk.unmount());
  const gateway = await bed.gateway('gateway', { kind: 'sqlite', path: join(folder, 'dimseway.db') });
  await gateway.start();

  // The destinations are away: all that is acknowledged stays on the disk.
  const ward = new Ward({ ports: gateway.ports, seed, sources: 4 });
  const sent = ward.send(lives);
  await expectFull(ward);
  const before = ward.acknowledged;

  await disk.resize(5 * MEBIBYTE);
  await until(() => ward.acknowledged > before + 20);
  await expectFull(ward);

  await gateway.kill();
  await disk.resize(64 * MEBIBYTE);
  await gateway.start();
  await sent;
  expect({ seed, problems: ward.problems }).toEqual({ seed, problems: [] });
  await bed.startDestinations({ hasFaults: false, rejects: false });
  await expectAllArrived(bed, gateway, lives, 60_000);
  bed.tell(
    `disk full at ${before} messages, ${ward.busy.dimse} times 0213H, ${ward.busy.dicomweb} times 503`,
    performance.now() - started,
  );
});

/** Every source is told to come again, and none is acknowledged meanwhile: the disk has no room even for a small one. */
async function expectFull(ward: Ward): Promise<void> {
  for (let round = 0; round < 3;) {
    const { acknowledged, busy } = ward;
    const [dimse, dicomweb] = [busy.dimse + 8, busy.dicomweb + 8];
    await until(() => ward.acknowledged > acknowledged || (busy.dimse >= dimse && busy.dicomweb >= dicomweb));
    round = ward.acknowledged === acknowledged ? round + 1 : 0;
  }
}

/** The time limit of the test ends it otherwise. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(5);
}
