/** The rules of claims of workitems at UPS-RS servers, and of what searches found there, over every store. */
import { describe, expect, test } from '@jest/globals';
import { dataSetOf } from '../../../src/dataset/model.ts';
import { MPPS_EVENT } from '../../../src/services/mpps/notification.ts';
import type { Durability } from '../../../src/store/store.ts';
import type { Claim, ClaimRecord, ClaimRetention, SeenStep } from '../../../src/store/workitem-records.ts';
import { claimOf } from '../../support/workitem-records.ts';
import { openedBed } from './bed.ts';
import type { MakeStoreBed, StoreAbilities } from './bed.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NONE: ClaimRetention = { finalMs: DAY, openMs: DAY, seenMs: DAY };

export function describeWorkitemClaims(makeBed: MakeStoreBed, abilities: StoreAbilities): void {
  describe('a claim', () => describeRecords(makeBed, abilities));
  describe('a step that a search found', () => describeSteps(makeBed, abilities));
}

function describeRecords(makeBed: MakeStoreBed, abilities: StoreAbilities): void {
  let nowMs = 1_800_000_000_000;
  const bed = openedBed(makeBed, { now: () => nowMs });
  const add = async (claim: Claim): Promise<ClaimRecord> =>
    (await bed.store.claims.add(claim, 'process')) as ClaimRecord;
  const openUids = async (after?: string, limit = 100): Promise<string[]> =>
    (await bed.store.claims.listOpen('ups', after, limit)).map(({ mppsUid }) => mppsUid);

  test.each<Durability>(['disk', 'process'])('is there whole, before and after a restart (%s)', async (durability) => {
    const claims: Claim[] = [
      claimOf('1.1', {
        workitems: [
          { workitemUid: '1.5', transactionUid: '2.25.1', phase: 'claimed', isCreated: false },
          { workitemUid: '1.6', transactionUid: '2.25.2', phase: 'final', isCreated: true },
        ],
        isComplete: true,
        told: MPPS_EVENT.completed,
        isOpen: false,
      }),
      claimOf('1.2', { workitems: [] }),
    ];
    const records: (ClaimRecord | undefined)[] = [];
    for (const claim of claims) records.push(await bed.store.claims.add(claim, durability));
    for (let round = 0; round < 2; round++) {
      for (const [i, claim] of claims.entries()) {
        const found = await bed.store.claims.get('ups', claim.mppsUid);
        const times = { createdAt: expect.any(Number), updatedAt: expect.any(Number) };
        expect(found).toEqual({ ...claim, ...times, revision: expect.any(Number) });
        expect(found).toEqual(records[i]);
        expect(Object.getPrototypeOf(found?.picture)).toBeNull();
      }
      await bed.reopen();
    }
    expect(await bed.store.claims.get('other', '1.1')).toBeUndefined();
    expect(await bed.store.claims.get('ups', '1.3')).toBeUndefined();
  });

  test('is not added where its MPPS has one at this upstream', async () => {
    const record = await add(claimOf('1.1'));
    expect(
      await bed.store.claims.add(claimOf('1.1', { createDigest: 'other', workitems: [] }), 'disk'),
    ).toBeUndefined();
    expect(await bed.store.claims.get('ups', '1.1')).toEqual(record);
    expect(await bed.store.claims.findByWorkitem('ups', '1.1.5')).toEqual(record);
    expect(await add(claimOf('1.1', { upstream: 'other' }))).toMatchObject({ upstream: 'other' });
  });

  test('is written whole by a change, and is found by the workitems it has then', async () => {
    const { claims } = bed.store;
    const before = await add(claimOf('1.1', { told: MPPS_EVENT.inProgress }));
    const claim = claimOf('1.1', {
      workitems: [
        { workitemUid: '1.6', transactionUid: '2.25.2', phase: 'claimed', isCreated: true },
        { workitemUid: '1.7', transactionUid: '2.25.3', phase: 'claimed', isCreated: false },
      ],
      createDigest: 'other',
      isComplete: true,
      picture: dataSetOf({}),
      isOpen: false,
    });
    const changed = await claims.change(claim, before.revision, 'disk');
    expect(changed).toEqual({
      ...claim,
      revision: changed?.revision,
      createdAt: before.createdAt,
      updatedAt: changed?.updatedAt,
    });
    expect(changed?.revision).toBeGreaterThan(before.revision);
    expect(await claims.get('ups', '1.1')).toEqual(changed);
    expect(await claims.findByWorkitem('ups', '1.1.5')).toBeUndefined();
    for (const uid of ['1.6', '1.7']) expect(await claims.findByWorkitem('ups', uid)).toEqual(changed);
    expect(await claims.findByWorkitem('other', '1.6')).toBeUndefined();
  });

  test('is not changed or removed from another revision than the current one', async () => {
    const { claims } = bed.store;
    const before = await add(claimOf('1.1'));
    const changed = (await claims.change(
      claimOf('1.1', { isComplete: true }),
      before.revision,
      'process',
    )) as ClaimRecord;
    for (const revision of [before.revision, changed.revision + 1]) {
      expect(await claims.change(claimOf('1.1', { workitems: [] }), revision, 'disk')).toBeUndefined();
      expect(await claims.remove('ups', '1.1', revision)).toBe(false);
    }
    expect(await claims.get('ups', '1.1')).toEqual(changed);
    expect(await claims.findByWorkitem('ups', '1.1.5')).toEqual(changed);
    expect(await claims.remove('ups', '1.1', changed.revision)).toBe(true);
    expect(await claims.get('ups', '1.1')).toBeUndefined();
    expect(await claims.findByWorkitem('ups', '1.1.5')).toBeUndefined();
  });

  test('that was removed and made anew is another: who knew the first changes nothing', async () => {
    const { claims } = bed.store;
    const { revision, createdAt } = await add(claimOf('1.1'));
    await claims.remove('ups', '1.1', revision);
    nowMs += 1;
    let anew = await add(claimOf('1.1'));
    while (anew.createdAt === createdAt) {
      await claims.remove('ups', '1.1', anew.revision);
      anew = await add(claimOf('1.1'));
    }
    expect(await claims.change(claimOf('1.1', { isOpen: false }), revision, 'disk')).toBeUndefined();
    expect(await claims.get('ups', '1.1')).toEqual(anew);
  });

  test('of a workitem that several have had is the open one, else the newest', async () => {
    const workitems = [{ workitemUid: '1.5', transactionUid: '2.25.1', phase: 'final', isCreated: false }] as const;
    const found = async (): Promise<string | undefined> =>
      (await bed.store.claims.findByWorkitem('ups', '1.5'))?.mppsUid;
    await add(claimOf('1.2', { workitems, isOpen: false }));
    await add(claimOf('1.1', { workitems, isOpen: false }));
    expect(await found()).toBe('1.1');
    await add(claimOf('1.3', { workitems, isOpen: true }));
    await add(claimOf('1.4', { workitems, isOpen: false }));
    expect(await found()).toBe('1.3');
  });

  test('is listed while it is open, of one upstream, in the order of the MPPS UIDs, page by page', async () => {
    for (const uid of ['1.9', '1.10', '1.3', '1.2']) await add(claimOf(uid));
    await add(claimOf('1.4', { isOpen: false }));
    await add(claimOf('1.5', { upstream: 'other' }));
    expect(await openUids()).toEqual(['1.10', '1.2', '1.3', '1.9']);
    expect([await openUids(undefined, 3), await openUids('1.3', 3)]).toEqual([['1.10', '1.2', '1.3'], ['1.9']]);
  });

  test('is counted by upstream while it is open, with the age of the oldest', async () => {
    expect(await bed.store.claims.openCounts()).toEqual([]);
    for (const uid of ['1.1', '1.2']) await add(claimOf(uid));
    await add(claimOf('1.3', { isOpen: false }));
    await add(claimOf('1.4', { upstream: 'other' }));
    if (abilities.now) nowMs += HOUR;
    const counts = await bed.store.claims.openCounts();
    const oldestMs = abilities.now ? HOUR : expect.any(Number);
    expect(counts.toSorted((a, b) => (a.upstream < b.upstream ? -1 : 1))).toEqual([
      { upstream: 'other', count: 1, oldestMs },
      { upstream: 'ups', count: 2, oldestMs },
    ]);
  });

  test('that cannot be read is STORE_DAMAGED for who asks for it, and is left out of the list', async () => {
    await add(claimOf('1.1'));
    await add(claimOf('1.2'));
    await bed.alter(`UPDATE claims SET picture = '{' WHERE mpps_uid = '1.1'`);
    const failure = { name: 'GatewayError', code: 'STORE_DAMAGED' };
    await expect(bed.store.claims.get('ups', '1.1')).rejects.toMatchObject(failure);
    await expect(bed.store.claims.findByWorkitem('ups', '1.1.5')).rejects.toMatchObject(failure);
    expect(await openUids()).toEqual(['1.2']);
  });

  test('of several who make or change it at once exactly one wins', async () => {
    const shared = await makeBed();
    const first = await shared.open();
    const second = abilities.sharing ? await shared.open() : first;
    const digests = ['a', 'b', 'c', 'd', 'e', 'f'];
    const storeOf = (i: number): typeof first => (i % 2 === 0 ? first : second);
    const made = await Promise.all(
      digests.map((createDigest, i) => storeOf(i).claims.add(claimOf('1.1', { createDigest }), 'disk')),
    );
    const [winner, ...others] = made.filter((record) => record !== undefined);
    expect(others).toEqual([]);
    const changed = await Promise.all(
      digests.map((createDigest, i) =>
        storeOf(i).claims.change(claimOf('1.1', { createDigest }), winner?.revision ?? 0, 'disk'),
      ),
    );
    const [last, ...more] = changed.filter((record) => record !== undefined);
    expect(more).toEqual([]);
    expect(await first.claims.get('ups', '1.1')).toEqual(last);
    await first.close();
    if (second !== first) await second.close();
    await shared.remove();
  });

  test('ages out by whether it is open, no more than the limit at a time, and its workitems forget it', async () => {
    const { claims } = bed.store;
    for (const uid of ['1.1', '1.2', '1.3']) await add(claimOf(uid, { isOpen: false }));
    await add(claimOf('1.4'));
    expect(await claims.expire(NONE)).toBe(0);
    expect(await claims.expire({ ...NONE, finalMs: -HOUR, limit: 2 })).toBe(2);
    expect(await claims.expire({ ...NONE, finalMs: -HOUR, limit: 2 })).toBe(1);
    for (const uid of ['1.1', '1.2', '1.3']) {
      expect(await claims.get('ups', uid)).toBeUndefined();
      expect(await claims.findByWorkitem('ups', `${uid}.5`)).toBeUndefined();
    }
    expect(await openUids()).toEqual(['1.4']);
    expect([await claims.expire({ ...NONE, openMs: -HOUR }), await openUids()]).toEqual([1, []]);
  });

  if (abilities.now) {
    test('ages from its last change, to the millisecond', async () => {
      const { claims } = bed.store;
      const { revision } = await add(claimOf('1.1'));
      nowMs += DAY;
      expect(await claims.change(claimOf('1.1'), revision, 'process')).toMatchObject({
        createdAt: nowMs - DAY,
        updatedAt: nowMs,
      });
      nowMs += HOUR;
      expect(await claims.expire({ ...NONE, openMs: HOUR })).toBe(0);
      nowMs += 1;
      expect(await claims.expire({ ...NONE, openMs: HOUR })).toBe(1);
    });
  }
}

function describeSteps(makeBed: MakeStoreBed, abilities: StoreAbilities): void {
  let nowMs = 1_800_000_000_000;
  const bed = openedBed(makeBed, { now: () => nowMs });
  const stepOf = (stepId: string, workitemUid: string, more: Partial<SeenStep> = {}): SeenStep => ({
    upstream: 'ups',
    studyUid: '1.7',
    stepId,
    workitemUid,
    ...more,
  });
  const find = (stepId: string, studyUid = '1.7', upstream = 'ups'): Promise<string | undefined> =>
    bed.store.claims.findStep(upstream, studyUid, stepId);

  test('is found by its upstream, study and step, after a restart too; the last sight counts', async () => {
    const { claims } = bed.store;
    await claims.see([]);
    await claims.see([
      stepOf('S1', '1.1'),
      stepOf('S2', '1.2'),
      stepOf('S1', '1.3', { studyUid: '1.8' }),
      stepOf('S1', '1.4', { upstream: 'other' }),
    ]);
    await claims.see([stepOf('S2', '1.8'), stepOf('S2', '1.9')]);
    await bed.reopen();
    expect(await Promise.all([find('S1'), find('S2'), find('S1', '1.8'), find('S1', '1.7', 'other')])).toEqual([
      '1.1',
      '1.9',
      '1.3',
      '1.4',
    ]);
    expect([await find('S3'), await find('S2', '1.8'), await find('S2', '1.7', 'other')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('ages out, no more than the limit at a time', async () => {
    const { claims } = bed.store;
    await claims.see(['S1', 'S2', 'S3'].map((stepId) => stepOf(stepId, '1.1')));
    expect(await claims.expire(NONE)).toBe(0);
    const expire = (): Promise<number> => claims.expire({ ...NONE, seenMs: -HOUR, limit: 2 });
    expect([await expire(), await expire(), await expire()]).toEqual([2, 1, 0]);
    expect(await find('S1')).toBeUndefined();
  });

  if (abilities.now) {
    test('does not age while it is found', async () => {
      const { claims } = bed.store;
      await claims.see([stepOf('S1', '1.1'), stepOf('S2', '1.2')]);
      for (let hours = 0; hours < 30; hours += 3) {
        nowMs += 3 * HOUR;
        await claims.see([stepOf('S2', '1.2')]);
      }
      nowMs += 1;
      expect(await claims.expire(NONE)).toBe(1);
      expect([await find('S1'), await find('S2')]).toEqual([undefined, '1.2']);
    });
  }
}
