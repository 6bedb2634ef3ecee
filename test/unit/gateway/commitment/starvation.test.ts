/** One far end that is slow or gone must not keep others from what they wait for. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { CommitmentTarget } from '../../../../src/gateway/commitment/route.ts';
import type { Requester } from '../../../../src/services/port.ts';
import {
  CommitmentBed, done, HOUR_MS, Keeper, Modality, MODULE, OPTIONS, silent, TOLD, UID,
} from '../../../support/commitment-bed.ts'; // prettier-ignore
import { contextOf, WARD } from '../../../support/requests.ts';

let bed: CommitmentBed;

afterEach(() => bed.close());

const MANY = 100;
const CT2: Requester = { ...WARD, callingAeTitle: 'CT2' };

async function requestMany(): Promise<void> {
  for (let i = 0; i < MANY; i++) await bed.settle(bed.request(WARD, { uid: `${UID}.${i}` }));
}

describe('an archive that is silent, with many open transactions', () => {
  test('does not keep the results of another archive', async () => {
    bed = await CommitmentBed.open('checked');
    const other = new Keeper('checked');
    const elsewhere: CommitmentTarget = { route: 'b', upstream: { name: 'other', upstream: other }, options: OPTIONS };
    bed.service.replaceTargets([bed.target, elsewhere], bed.peers);
    await requestMany();
    bed.keeper.onCheck = silent;
    await bed.clock.pass(15_000);
    other.onCheck = () => Promise.resolve(done(TOLD));
    await bed.settle(bed.service.request(elsewhere, UID, MODULE, contextOf(WARD)));
    await bed.clock.pass(15_000);
    expect(other.checked).toHaveLength(1);
    expect(bed.modality.reports).toHaveLength(1);
  });

  test('is told of by itself, not by each transaction, and is asked about each when it is back', async () => {
    bed = await CommitmentBed.open('checked');
    await requestMany();
    bed.keeper.onCheck = silent;
    await bed.clock.pass(HOUR_MS);
    const texts = bed.texts().filter((text) => text.includes('silent'));
    expect(texts).toEqual([
      'a far end of storage commitment is silent: one attempt at a time goes there until it answers',
    ]);
    const lines = bed.texts().filter((text) => text.includes('could not be asked for'));
    expect(lines.length).toBeLessThan(MANY / 5);
    bed.keeper.onCheck = () => Promise.resolve(done(TOLD));
    await bed.clock.pass(HOUR_MS);
    expect(bed.texts()).toContain('a far end of storage commitment answers again');
    expect(bed.modality.reports).toHaveLength(MANY);
  });

  test('is tried at once when an operator says so', async () => {
    bed = await CommitmentBed.open('checked');
    await requestMany();
    bed.keeper.onCheck = silent;
    await bed.clock.pass(HOUR_MS);
    await bed.clock.pass(61_000);
    bed.keeper.onCheck = () => Promise.resolve(done(TOLD));
    const waiting = await bed.store.commitments.list({ phase: 'waiting' });
    const free = waiting.filter(({ isHeld }) => !isHeld).slice(0, 2);
    const before = bed.keeper.checked.length;
    for (const record of free) await bed.store.commitments.change(record, { dueInMs: 0 }, 'process');
    bed.service.wake();
    await bed.clock.rest();
    const asked = bed.keeper.checked.slice(before);
    expect(asked).toEqual(expect.arrayContaining(free.map(({ upstreamUid }) => upstreamUid)));
  });

  test('keeps reports of its own route for no longer than two attempts', async () => {
    bed = await CommitmentBed.open('reported');
    await requestMany();
    const modality = new Modality();
    bed.service.replaceTargets(
      [bed.target],
      [...bed.peers, { upstream: { name: 'ct2', upstream: modality }, aeTitle: 'CT2', unknownReports: 'refuse' }],
    );
    bed.modality.onReport = silent;
    for (let i = 0; i < MANY; i++) await bed.report(TOLD, `${UID}.${i}`);
    await bed.settle(bed.request(CT2));
    await bed.report();
    await bed.clock.pass(130_000);
    expect(modality.reports).toHaveLength(1);
    await bed.clock.pass(HOUR_MS);
    bed.modality.onReport = () => Promise.resolve();
    await bed.clock.pass(HOUR_MS);
    expect(bed.modality.reports).toHaveLength(MANY);
  });
});
