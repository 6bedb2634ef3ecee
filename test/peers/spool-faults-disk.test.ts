/** A disk without room: sources are told to come again, and nothing is lost that was acknowledged (proxy flows 4.1). */
import { afterEach, expect, jest, test } from '@jest/globals';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mountTmpfs } from '../../scripts/peers/tmpfs.ts';
import { FaultBed } from '../support/spool-faults/bed.ts';
import { livesOf } from '../support/spool-faults/lives.ts';
import type { Ward } from '../support/spool-faults/modalities.ts';
import { expectAllArrived } from '../support/spool-faults/proof.ts';
import { seedOfRun } from '../support/spool-faults/random.ts';

jest.setTimeout(60_000);

const MEBIBYTE = 2 ** 20;
const LIVES = 300;
/** What the store leaves for delivery. */
const RESERVE = 16 * MEBIBYTE;

let bed: FaultBed;
afterEach(() => bed.close());

test('a full disk: 0213H and 503 until there is room, which delivery makes by itself; nothing acknowledged is lost, also by kill -9', async () => {
  const seed = seedOfRun();
  const lives = livesOf(seed, LIVES);
  const started = performance.now();
  bed = await FaultBed.open(seed);
  const folder = join(bed.folder, 'store');
  const disk = await mountTmpfs(folder, RESERVE + 2 * MEBIBYTE);
  bed.cleanup.add(() => disk.unmount());
  const gateway = await bed.gateway('gateway', { kind: 'sqlite', path: join(folder, 'dimseway.db') });
  await gateway.start();

  // The destinations are away: all that is acknowledged stays on the disk.
  const ward = bed.ward(gateway.ports, { sources: 4 });
  const sent = ward.send(lives);
  await expectFull(ward);
  const whenFull = ward.acknowledged;

  // Nobody makes room: what is delivered does, and the sources go on.
  await bed.startDestinations({ hasFaults: false, rejects: false });
  await until(ward, () => ward.acknowledged > whenFull + 100);

  const filler = join(folder, 'of-another-program');
  await fill(filler);
  await expectFull(ward);
  await gateway.kill();
  await gateway.start();
  await expectFull(ward);
  await rm(filler);

  await sent;
  expect({ seed, problems: ward.problems }).toEqual({ seed, problems: [] });
  await expectAllArrived(bed, gateway, lives, 30_000);
  bed.tell(
    `disk full at ${whenFull} messages, ${ward.busy.dimse} times 0213H, ${ward.busy.dicomweb} times 503`,
    performance.now() - started,
  );
});

/** Writes a file until the disk has no byte left. */
async function fill(path: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (let size = MEBIBYTE; size >= 1;) {
      try {
        await file.write(Buffer.alloc(size));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        size = Math.floor(size / 2);
      }
    }
  } finally {
    await file.close();
  }
}

/** Every source is told to come again, and none is acknowledged meanwhile: the disk has no room even for a small one. */
async function expectFull(ward: Ward): Promise<void> {
  for (let round = 0; round < 3;) {
    const { acknowledged, busy } = ward;
    const [dimse, dicomweb] = [busy.dimse + 8, busy.dicomweb + 8];
    await until(ward, () => ward.acknowledged > acknowledged || (busy.dimse >= dimse && busy.dicomweb >= dicomweb));
    round = ward.acknowledged === acknowledged ? round + 1 : 0;
  }
}

async function until({ acknowledged, busy, problems }: Ward, isSo: () => boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(JSON.stringify({ acknowledged, busy, problems }));
    await sleep(5);
  }
}
