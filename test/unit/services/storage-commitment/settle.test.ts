import fc from 'fast-check';
import { describe, expect, test } from '@jest/globals';

import type { SopReference, ToldCommitment } from '../../../../src/services/storage-commitment/commitment.ts';
import { failAll, isDuplicateTransaction, settle } from '../../../../src/services/storage-commitment/settle.ts';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const MR = '1.2.840.10008.5.1.4.1.1.4';

function instance(uid: string, sopClassUid = CT): SopReference {
  return { sopClassUid, sopInstanceUid: uid };
}

function failed(uid: string, reason?: number): SopReference & { reason?: number } {
  return reason === undefined ? instance(uid) : { ...instance(uid), reason };
}

const REQUESTED = [instance('1.1'), instance('1.2'), instance('1.3')];
const NOTHING: ToldCommitment = { committed: [], failed: [] };

describe('what a keeper says of the requested instances (PS3.4 J.3.3, PS3.18 J.2)', () => {
  test('committed and failed pass, each with its own reason, in the order of the request', () => {
    const told = { committed: [instance('1.3'), instance('1.1')], failed: [failed('1.2', 0x0112)] };
    expect(settle(REQUESTED, told)).toEqual({
      result: { committed: [instance('1.1'), instance('1.3')], failed: [failed('1.2', 0x0112)] },
      unrequested: 0,
      doublyListed: 0,
      unlisted: 0,
    });
  });

  test('a reason that is unknown to the standard passes unchanged (PS3.3 C.14.1.1)', () => {
    const told = { committed: [], failed: [failed('1.1', 0xa900), failed('1.2', 0xffff), failed('1.3', 1)] };
    expect(settle(REQUESTED, told).result.failed).toEqual(told.failed);
  });

  test('an instance in neither list has failed, 0110H', () => {
    const { result, unlisted } = settle(REQUESTED, { committed: [instance('1.2')], failed: [] });
    expect(result).toEqual({ committed: [instance('1.2')], failed: [failed('1.1', 0x0110), failed('1.3', 0x0110)] });
    expect(unlisted).toBe(2);
  });

  test('an empty answer fails every instance', () => {
    expect(settle(REQUESTED, NOTHING)).toMatchObject({ result: failAll(REQUESTED), unlisted: 3 });
  });

  test('an instance that was not requested is dropped, whatever is said of it', () => {
    const told = { committed: [...REQUESTED, instance('9.1')], failed: [failed('9.2', 0x0112), failed('', 0x0112)] };
    expect(settle(REQUESTED, told)).toEqual({
      result: { committed: REQUESTED, failed: [] },
      unrequested: 3,
      doublyListed: 0,
      unlisted: 0,
    });
  });

  test.each([[0x0213], [undefined]])('an instance in both lists has failed: its reason, else 0110H (%p)', (reason) => {
    const told = { committed: REQUESTED, failed: [failed('1.2', reason)] };
    expect(settle(REQUESTED, told)).toEqual({
      result: { committed: [instance('1.1'), instance('1.3')], failed: [failed('1.2', reason ?? 0x0110)] },
      unrequested: 0,
      doublyListed: 1,
      unlisted: 0,
    });
  });

  test('an instance that is committed twice is committed once, and counted', () => {
    const told = { committed: [...REQUESTED, instance('1.1')], failed: [] };
    expect(settle(REQUESTED, told)).toMatchObject({ result: { committed: REQUESTED, failed: [] }, doublyListed: 1 });
  });

  test('the first reason of an instance that failed twice stays; one that is missing gives way', () => {
    const told = {
      committed: [],
      failed: [
        failed('1.1', 0x0112),
        failed('1.1', 0x0213),
        failed('1.2'),
        failed('1.2', 0x0122),
        failed('1.3', 0x0119),
      ],
    };
    const { result, doublyListed } = settle(REQUESTED, told);
    expect(result.failed.map(({ reason }) => reason)).toEqual([0x0112, 0x0122, 0x0119]);
    expect(doublyListed).toBe(2);
  });

  test.each([undefined, 0, -1, 1.5, Number.NaN, 0x10000])('%p is no Failure Reason: 0110H', (reason) => {
    const told = { committed: [], failed: [{ ...instance('1.1'), reason }] };
    expect(settle([instance('1.1')], told).result.failed).toEqual([failed('1.1', 0x0110)]);
  });

  test.each([MR, ''])(
    'committed with the SOP class "%s" instead of the requested one has failed, 0119H',
    (sopClass) => {
      const told = { committed: [instance('1.1', sopClass), instance('1.2')], failed: [failed('1.3', 0x0110)] };
      const { result } = settle(REQUESTED, told);
      expect(result.committed).toEqual([instance('1.2')]);
      expect(result.failed).toEqual([failed('1.1', 0x0119), failed('1.3', 0x0110)]);
    },
  );

  test.each([
    ['the right one first', [CT, MR]],
    ['the right one last', [MR, CT]],
    ['the right one twice', [CT, MR, CT]],
  ])('committed with several SOP classes has failed, 0119H: %s', (_title, classes) => {
    const told = { committed: classes.map((sopClass) => instance('1.1', sopClass)), failed: [] };
    expect(settle([instance('1.1')], told).result).toEqual({ committed: [], failed: [failed('1.1', 0x0119)] });
  });

  test('failed with another SOP class has failed with its reason', () => {
    const told = { committed: REQUESTED, failed: [{ ...instance('1.1', MR), reason: 0x0119 }] };
    expect(settle(REQUESTED, told).result.failed).toEqual([failed('1.1', 0x0119)]);
  });

  test('UIDs are compared whole: a longer or shorter one is another instance', () => {
    const told = { committed: [instance('1.1.'), instance('1.11'), instance('1'), instance(' 1.1')], failed: [] };
    expect(settle([instance('1.1')], told)).toMatchObject({ result: { committed: [] }, unrequested: 4, unlisted: 1 });
  });

  test('names that every object has are no instances', () => {
    const told = { committed: [instance('constructor'), instance('__proto__')], failed: [] };
    expect(settle(REQUESTED, told)).toMatchObject({ result: failAll(REQUESTED), unrequested: 2 });
  });
});

describe('results without an answer', () => {
  test('the deadline claims nothing: every instance failed with 0110H, once', () => {
    expect(failAll([...REQUESTED, instance('1.1')])).toEqual({
      committed: [],
      failed: [failed('1.1', 0x0110), failed('1.2', 0x0110), failed('1.3', 0x0110)],
    });
  });

  test('a refused Transaction UID is one that failed every instance with 0131H', () => {
    const refused = failAll(REQUESTED, 0x0131);
    expect(refused.failed.map(({ reason }) => reason)).toEqual([0x0131, 0x0131, 0x0131]);
    expect(isDuplicateTransaction(refused)).toBe(true);
    expect(isDuplicateTransaction({ ...refused, committed: [instance('1.4')] })).toBe(false);
    expect(isDuplicateTransaction({ ...refused, failed: [...refused.failed, failed('1.4', 0x0110) as never] })).toBe(
      false,
    );
    expect(isDuplicateTransaction({ committed: [], failed: [] })).toBe(false);
  });
});

describe('an instance counts as committed only where the keeper said so: every told answer', () => {
  // Few UIDs and classes, so that lists overlap, repeat and contradict each other.
  const uid = fc.constantFrom('1.1', '1.2', '1.3', '1.4', '1.5', '');
  const reference = fc.record({ sopClassUid: fc.constantFrom(CT, MR, ''), sopInstanceUid: uid });
  const reason = fc.option(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.double()), { nil: undefined });
  const toldFailure = fc.tuple(reference, reason).map(([each, why]) => ({ ...each, reason: why }));
  const told = fc.record({
    committed: fc.array(reference, { maxLength: 8 }),
    failed: fc.array(toldFailure, { maxLength: 4 }),
  });
  const requested = fc.array(reference, { maxLength: 6 });

  const uids = (list: readonly SopReference[]): string[] => list.map(({ sopInstanceUid }) => sopInstanceUid);
  const keys = (list: readonly SopReference[]): Set<string> =>
    new Set(list.map(({ sopClassUid, sopInstanceUid }) => `${sopClassUid} ${sopInstanceUid}`));

  test('committed is among what was requested and committed, and not among what failed', () => {
    fc.assert(
      fc.property(requested, told, (wanted, words) => {
        const { result } = settle(wanted, words);
        const [asked, said] = [keys(wanted), keys(words.committed)];
        const denied = new Set(uids(words.failed));
        for (const key of keys(result.committed)) expect([asked.has(key), said.has(key)]).toEqual([true, true]);
        for (const each of uids(result.committed)) expect(denied.has(each)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  test('every requested instance is in exactly one list, and no other is', () => {
    fc.assert(
      fc.property(requested, told, (wanted, words) => {
        const { result } = settle(wanted, words);
        const settled = [...uids(result.committed), ...uids(result.failed)];
        expect(settled.sort()).toEqual([...new Set(uids(wanted))].sort());
        for (const { reason: why } of result.failed) {
          expect(Number.isInteger(why) && why > 0 && why <= 0xffff).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('an answer without contradictions that is cut anywhere commits nothing that the whole one does not', () => {
    fc.assert(
      fc.property(requested, fc.array(reference, { maxLength: 8 }), fc.nat(8), (wanted, committed, length) => {
        const whole = settle(wanted, { committed, failed: [] });
        fc.pre(whole.result.failed.every(({ reason: why }) => why !== 0x0119));
        const cut = settle(wanted, { committed: committed.slice(0, length), failed: [] });
        const all = keys(whole.result.committed);
        for (const key of keys(cut.result.committed)) expect(all.has(key)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('settling a result again changes nothing', () => {
    fc.assert(
      fc.property(requested, told, (wanted, words) => {
        const { result } = settle(wanted, words);
        expect(settle(wanted, result)).toMatchObject({ result, unrequested: 0, doublyListed: 0, unlisted: 0 });
      }),
      { numRuns: 300 },
    );
  });
});
