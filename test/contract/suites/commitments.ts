/** The rules of what is remembered of storage commitments, over every store. */
import { describe, expect, test } from '@jest/globals';
import type { CommitmentChange, CommitmentRecord, NewCommitment } from '../../../src/store/commitment-records.ts';
import { NO_SUCH_OBJECT_INSTANCE } from '../../../src/services/storage-commitment/commitment.ts';
import { sopForm } from '../../../src/services/storage-commitment/modules.ts';
import { freshRecordOf, PACS, RESULT, transactionOf, VNA } from '../../support/commitment-records.ts';
import { manyReferences, treeForm } from '../../support/commitments.ts';
import { openedBed } from './bed.ts';
import type { MakeStoreBed, StoreAbilities } from './bed.ts';
import { describeCommitmentClaims } from './commitment-claims.ts';
import { describeCommitmentOperator } from './commitment-operator.ts';
import { describeCommitmentTimes } from './commitment-times.ts';

const MINUTE = 60_000;

export function describeCommitments(makeBed: MakeStoreBed, abilities: StoreAbilities): void {
  describe('what is added', () => describeIntake(makeBed, abilities));
  describe('a change', () => describeChanges(makeBed));
  describeCommitmentClaims(makeBed, abilities);
  describeCommitmentOperator(makeBed);
  if (abilities.now) describe('by the clock of the store', () => describeCommitmentTimes(makeBed));
}

function describeIntake(makeBed: MakeStoreBed, abilities: StoreAbilities): void {
  const bed = openedBed(makeBed);

  test('is there whole, in phase asking and held, before and after a restart, by key, by upstream and by id', async () => {
    const transaction = transactionOf('1.1', {
      upstreamUid: '2.25.1',
      module: treeForm(manyReferences(3)),
      hops: [{ instance: '0c0ffee0-0000-4000-8000-000000000000', route: 'elsewhere' }],
      requester: { listener: 'ward', protocol: 'dicomweb', address: '::1', basePath: '/Zürich', subject: '山田' },
    });
    const beganAt = Date.now();
    const { isNew, record } = await bed.store.commitments.add(transaction, MINUTE);
    expect(isNew).toBe(true);
    expect(record.isHeld).toBe(true);
    for (let round = 0; round < 2; round++) {
      const { commitments } = bed.store;
      const found = [
        await commitments.find(transaction),
        await commitments.findAtUpstream('pacs', '2.25.1'),
        await commitments.get(record.id),
        ...(await commitments.list({})),
      ];
      expect(found).toHaveLength(4);
      for (const each of found) {
        expect(each).toEqual({
          ...freshRecordOf(transaction),
          id: record.id,
          revision: record.revision,
          createdAt: record.createdAt,
          remainingMs: expect.any(Number),
          isHeld: round === 0 || abilities.sharing,
        });
        expect(Object.getPrototypeOf(each?.module)).toBeNull();
        expect(Math.abs((each?.createdAt ?? 0) - beganAt)).toBeLessThan(MINUTE);
        expect(each?.remainingMs).toBeGreaterThan(0);
        expect(each?.remainingMs).toBeLessThanOrEqual(MINUTE);
      }
      await bed.reopen();
    }
  });

  test('is not added under a key that is there: the first is given as it is, whatever else the second brings', async () => {
    const { commitments } = bed.store;
    const { record } = await commitments.add(transactionOf('1.1'), MINUTE);
    const second = transactionOf('1.1', {
      ...VNA,
      route: 'mr',
      upstreamUid: '1.9',
      module: sopForm(manyReferences(5)),
    });
    const again = await commitments.add(second, 0);
    expect(again).toEqual({ isNew: false, record: { ...record, remainingMs: expect.any(Number) } });
    expect(await commitments.list({})).toHaveLength(1);
    expect(await commitments.nextDueMs([{ route: 'mr', upstream: 'vna' }])).toBeUndefined();
  });

  test('is not added under an upstream UID that its upstream has been asked by: the first is given', async () => {
    const { commitments } = bed.store;
    const { record } = await commitments.add(transactionOf('1.1'), MINUTE);
    const second = transactionOf('1.1', { listener: 'web', requestor: 'CT2', route: 'mr' });
    expect(await commitments.add(second, MINUTE)).toMatchObject({ isNew: false, record: { id: record.id } });
    expect(await commitments.find(second)).toBeUndefined();
  });

  test('counts as used in every phase, as a tombstone too', async () => {
    const { commitments } = bed.store;
    let { record } = await commitments.add(transactionOf('1.1'), 0);
    const expectUsed = async (): Promise<void> => {
      const byKey = await commitments.add(transactionOf('1.1', { upstreamUid: '1.9' }), 0);
      const byUpstream = await commitments.add(transactionOf('1.9', { upstreamUid: '1.1' }), 0);
      expect([byKey, byUpstream]).toMatchObject([
        { isNew: false, record: { id: record.id, phase: record.phase } },
        { isNew: false, record: { id: record.id, phase: record.phase } },
      ]);
    };
    await expectUsed();
    for (const phase of ['waiting', 'reporting', 'done'] as const) {
      record = await changed(record, { phase });
      await expectUsed();
    }
    await commitments.expire({ resultsMs: -MINUTE, tombstonesMs: MINUTE });
    record = (await commitments.get(record.id)) as CommitmentRecord;
    expect(record.phase).toBe('forgotten');
    await expectUsed();
  });

  test('may have the Transaction UID of another requestor, of another listener, and of another upstream', async () => {
    const { commitments } = bed.store;
    const first = transactionOf('1.1');
    const others = [
      transactionOf('1.1', { requestor: 'CT2', upstreamUid: '2.25.2' }),
      transactionOf('1.1', { listener: 'web', upstreamUid: '2.25.3' }),
      transactionOf('1.1', { listener: 'web', requestor: '', upstream: 'vna' }),
    ];
    for (const each of [first, ...others]) {
      expect(await commitments.add(each, MINUTE)).toMatchObject({ isNew: true, record: freshRecordOf(each) });
    }
    expect(await commitments.find(first)).toMatchObject(freshRecordOf(first));
    expect(await commitments.findAtUpstream('pacs', '1.1')).toMatchObject(freshRecordOf(first));
    expect(await commitments.findAtUpstream('vna', '1.1')).toMatchObject({ requestor: '' });
    expect(await commitments.find({ ...first, requestor: 'ct1' })).toBeUndefined();
    expect(await commitments.findAtUpstream('vna', '2.25.2')).toBeUndefined();
  });

  test('of many that come at once under one key, or one upstream UID, one is new and all the others are given it', async () => {
    const { commitments } = bed.store;
    const many = (of: (i: number) => Partial<NewCommitment>): Promise<{ isNew: boolean; record: CommitmentRecord }[]> =>
      Promise.all(Array.from({ length: 12 }, (_, i) => commitments.add(transactionOf(`1.${i}`, of(i)), MINUTE)));
    const byKey = await many((i) => ({ transactionUid: '3.1', upstreamUid: `2.25.${i}` }));
    const byUpstream = await many((i) => ({ transactionUid: `4.${i}`, upstreamUid: '3.2' }));
    for (const each of [byKey, byUpstream]) {
      expect(each.filter(({ isNew }) => isNew)).toHaveLength(1);
      expect(new Set(each.map(({ record }) => record.id)).size).toBe(1);
    }
    expect(await commitments.list({})).toHaveLength(2);
  });

  test('may be ten thousand instances, and so may its result', async () => {
    const { commitments } = bed.store;
    const references = manyReferences(10_000);
    const transaction = transactionOf('1.1', { module: sopForm(references) });
    const { record } = await commitments.add(transaction, 0);
    const result = {
      committed: references.slice(1),
      failed: references.slice(0, 1).map((reference) => ({ ...reference, reason: NO_SUCH_OBJECT_INSTANCE })),
    };
    const settled = await commitments.change(record, { phase: 'reporting', result }, 'disk');
    const found = await commitments.findAtUpstream('pacs', '1.1');
    expect(found).toEqual({ ...settled, remainingMs: expect.any(Number) });
    expect(found?.result).toEqual(result);
    expect(found?.module).toEqual(transaction.module);
  });

  if (abilities.maximumBytes) {
    test('without room is STORE_FULL, nothing of it is kept, and what was acknowledged is there', async () => {
      await bed.reopen({ maximumBytes: 1_000_000 });
      const { commitments } = bed.store;
      const module = sopForm(manyReferences(500));
      const added: string[] = [];
      let refused: unknown;
      for (let i = 0; refused === undefined && i < 50; i++) {
        await commitments.add(transactionOf(`1.${i}`, { module }), 0).then(
          () => added.push(`1.${i}`),
          (error: unknown) => (refused = error),
        );
      }
      expect(refused).toMatchObject({ name: 'GatewayError', code: 'STORE_FULL' });
      expect(added.length).toBeGreaterThan(1);
      await bed.reopen();
      const found = await bed.store.commitments.list({});
      expect(found.map(({ transactionUid }) => transactionUid)).toEqual(added);
      for (const record of found) expect(record.module).toEqual(module);
    });
  }

  async function changed(record: CommitmentRecord, change: CommitmentChange): Promise<CommitmentRecord> {
    return (await bed.store.commitments.change(record, change, 'process')) as CommitmentRecord;
  }
}

function describeChanges(makeBed: MakeStoreBed): void {
  const bed = openedBed(makeBed);
  const added = async (uid = '1.1', more: Partial<NewCommitment> = {}): Promise<CommitmentRecord> =>
    (await bed.store.commitments.add(transactionOf(uid, more), 0)).record;
  const change = (record: CommitmentRecord, members: CommitmentChange): Promise<CommitmentRecord | undefined> =>
    bed.store.commitments.change(record, members, 'process');

  const FAILURE = { code: 'UPSTREAM_TIMEOUT', problem: 'no answer in 60 s' };
  const EMPTY = { committed: [], failed: [] };
  const at: unknown = expect.any(Number);

  test('changes what it names and nothing else, for good', async () => {
    const cases: [CommitmentChange, Partial<Record<keyof CommitmentRecord, unknown>>][] = [
      [{}, {}],
      [{ phase: 'waiting' }, { phase: 'waiting', attempts: 0 }],
      [{ phase: 'asking' }, {}],
      [
        { phase: 'waiting', attempts: 7 },
        { phase: 'waiting', attempts: 7 },
      ],
      [{ upstreamUid: '2.25.9' }, { upstreamUid: '2.25.9' }],
      [{ inDoubt: false }, { inDoubt: false }],
      [{ isRestarted: true }, { isRestarted: true }],
      [{ attempts: 4 }, { attempts: 4 }],
      [{ failure: FAILURE }, { lastFailure: { ...FAILURE, at } }],
      [{ failure: null }, { lastFailure: undefined }],
      [{ result: RESULT }, { result: RESULT, settledAt: at }],
      [{ result: EMPTY }, { result: EMPTY, settledAt: at }],
      [{ isSynthetic: true }, { isSynthetic: true }],
      [{ leaseMs: MINUTE }, { isHeld: true }],
      [{ dueInMs: null }, {}],
    ];
    for (const [i, [members, expected]] of cases.entries()) {
      const before = await change(await added(`1.${i}`), {
        inDoubt: true,
        attempts: 3,
        failure: { code: 'CONNECTION_LOST', problem: 'first' },
      });
      const after = await change(before as CommitmentRecord, members);
      const { lastFailure, ...rest } = { ...before, ...expected };
      expect([members, after]).toEqual([
        members,
        {
          ...rest,
          ...(lastFailure === undefined ? {} : { lastFailure }),
          revision: expect.any(Number),
          remainingMs: expect.any(Number),
        },
      ]);
      expect(after?.revision).toBeGreaterThan(before?.revision ?? Infinity);
      expect(await bed.store.commitments.get(before?.id ?? 0)).toEqual({ ...after, remainingMs: expect.any(Number) });
    }
  });

  test('puts a later result in place of one that nobody told', async () => {
    const synthetic = await change(await added(), {
      phase: 'done',
      result: {
        committed: [],
        failed: [{ sopClassUid: '1.2', sopInstanceUid: '1.3', reason: 1 }],
      },
      isSynthetic: true,
    });
    const told = await change(synthetic as CommitmentRecord, { result: RESULT, isSynthetic: false });
    expect(told).toMatchObject({ result: RESULT, isSynthetic: false });
    await bed.reopen();
    expect(await bed.store.commitments.get(told?.id ?? 0)).toMatchObject({ result: RESULT, isSynthetic: false });
  });

  test('from a revision that is not the current one changes nothing, neither by change nor by remove', async () => {
    const first = await added();
    const second = await change(first, { phase: 'waiting' });
    expect(await change(first, { phase: 'done', result: RESULT })).toBeUndefined();
    expect(await bed.store.commitments.remove(first, 'disk')).toBe(false);
    expect(await change({ ...first, id: first.id + 1 }, { phase: 'done' })).toBeUndefined();
    expect(await bed.store.commitments.get(first.id)).toEqual({ ...second, remainingMs: expect.any(Number) });
  });

  test('of many from one revision at once one is made, and only that one', async () => {
    const record = await added();
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, (_, attempts) =>
        bed.store.commitments.change(record, { attempts }, attempts % 2 === 0 ? 'disk' : 'process'),
      ),
    );
    const made = outcomes.filter((outcome) => outcome !== undefined);
    expect(made).toHaveLength(1);
    expect(await bed.store.commitments.get(record.id)).toMatchObject({ attempts: made[0]?.attempts });
  });

  test('and a removal of the same revision at once: one of them is done', async () => {
    for (let round = 0; round < 10; round++) {
      const record = await added(`1.${round}`);
      const [removed, changed] = await Promise.all([
        bed.store.commitments.remove(record, 'disk'),
        change(record, { phase: 'waiting' }),
      ]);
      expect(removed).toBe(changed === undefined);
      expect(await bed.store.commitments.find(record)).toEqual(
        changed && { ...changed, remainingMs: expect.any(Number) },
      );
    }
  });

  test('is found by the new upstream UID from then on, and by the old one no more', async () => {
    const record = await added();
    await change(record, { upstreamUid: '2.25.9', isRestarted: true });
    expect(await bed.store.commitments.findAtUpstream('pacs', '2.25.9')).toMatchObject({ id: record.id });
    expect(await bed.store.commitments.findAtUpstream('pacs', '1.1')).toBeUndefined();
    expect(await bed.store.commitments.find(record)).toMatchObject({ upstreamUid: '2.25.9' });
  });

  test('to the upstream UID of another transaction is refused and changes nothing', async () => {
    const [first, second] = [await added('1.1'), await added('1.2')];
    await expect(change(first, { upstreamUid: '1.2', attempts: 9 })).rejects.toMatchObject({ name: 'GatewayError' });
    const found = [await bed.store.commitments.get(first.id), await bed.store.commitments.get(second.id)];
    expect(found).toEqual([first, second].map((each) => ({ ...each, remainingMs: expect.any(Number) })));
  });

  test('remove forgets a transaction as if it had never been: its UIDs are free, its id is not used again', async () => {
    const record = await added();
    expect(await bed.store.commitments.remove(record, 'disk')).toBe(true);
    expect(await bed.store.commitments.remove(record, 'disk')).toBe(false);
    expect(await bed.store.commitments.find(record)).toBeUndefined();
    expect(await bed.store.commitments.get(record.id)).toBeUndefined();
    expect(await bed.store.commitments.nextDueMs()).toBeUndefined();
    const again = await bed.store.commitments.add(transactionOf('1.1'), 0);
    expect(again).toMatchObject({ isNew: true, record: { phase: 'asking', attempts: 0 } });
    expect(again.record.id).toBeGreaterThan(record.id);
    expect(await bed.store.commitments.nextDueMs([PACS])).toBe(0);
  });
}
