/** The decisions of storage commitment by themselves: what a record becomes by what has happened (status mapping 7). */
import fc from 'fast-check';
import { describe, expect, test } from '@jest/globals';
import {
  checkDelayMs,
  patienceAskedMs,
  reportDelayMs,
  retryDelayMs,
} from '../../../../src/gateway/commitment/delays.ts';
import { afterReport } from '../../../../src/gateway/commitment/report-transitions.ts';
import { afterAnswer, afterTold, restart, whenDue, whenStray } from '../../../../src/gateway/commitment/transitions.ts';
import type { Answer, Decision, Situation } from '../../../../src/gateway/commitment/transitions.ts';
import { FAILURE_CODES, ServiceFailure } from '../../../../src/services/port.ts';
import type {
  CommitmentStatus,
  SopReference,
  ToldCommitment,
} from '../../../../src/services/storage-commitment/commitment.ts';
import { sopForm } from '../../../../src/services/storage-commitment/modules.ts';
import { failAll, isDuplicateTransaction, settle } from '../../../../src/services/storage-commitment/settle.ts';
import type { CommitmentRecord } from '../../../../src/store/commitment-records.ts';
import {
  A,
  ALL_DUPLICATE,
  ALL_FAILED,
  B,
  DAY_MS,
  MODULE,
  OPTIONS,
  RESULT,
  TOLD,
  UID,
  WEB,
} from '../../../support/commitment-bed.ts';
import { WARD } from '../../../support/requests.ts';

const RECORD: CommitmentRecord = {
  id: 1, revision: 1, listener: 'ward', requestor: 'CT1', transactionUid: UID, route: 'all', upstream: 'archive',
  upstreamUid: UID, requester: WARD, traceId: 'trace', hops: [], module: MODULE, phase: 'asking', inDoubt: false,
  isRestarted: false, attempts: 0, isSynthetic: false, createdAt: 0, remainingMs: DAY_MS, isHeld: false,
}; // prettier-ignore

const SITUATION: Situation = { options: OPTIONS, isChecked: true, random: () => 0, newUid: () => '2.25.1' };
const REPORTED: Situation = { ...SITUATION, isChecked: false };

/** What the store makes of a change. */
function changed(record: CommitmentRecord, decision: Decision | undefined): CommitmentRecord {
  const { failure, dueInMs: _due, leaseMs: _lease, ...members } = decision?.change ?? {};
  const isNewPhase = members.phase !== undefined && members.phase !== record.phase;
  return {
    ...record,
    ...(isNewPhase && { attempts: 0 }),
    ...members,
    ...(failure && { lastFailure: { ...failure, at: 0 } }),
  };
}

const answer = (end: Answer['end'], more: Partial<Extract<Answer, { to: 'request' }>> = {}): Answer => ({
  to: 'request',
  upstreamUid: UID,
  isRepeat: false,
  end,
  ...more,
});
const checked = (end: Answer['end']): Answer => ({ to: 'check', upstreamUid: UID, end });
const failure = (...given: ConstructorParameters<typeof ServiceFailure>): ServiceFailure =>
  new ServiceFailure(...given);

describe('an answer to the request', () => {
  test('that it is taken: its result is to come, on the disk', () => {
    expect(afterAnswer(RECORD, answer({ state: 'pending' }), SITUATION)).toEqual({
      change: { phase: 'waiting', inDoubt: false, failure: null },
      due: 10_000,
      durability: 'disk',
      notes: [],
    });
    expect(afterAnswer(RECORD, answer({ state: 'pending' }), REPORTED)?.due).toBe(DAY_MS);
  });

  test('with the result: to be reported at once, or there to be read', () => {
    const told = answer({ state: 'done', told: TOLD });
    expect(afterAnswer(RECORD, told, SITUATION)).toMatchObject({
      change: { phase: 'reporting', result: RESULT, isSynthetic: false },
      due: 'now',
      durability: 'disk',
    });
    const web = { ...RECORD, requester: WEB };
    expect(afterAnswer(web, told, SITUATION)).toMatchObject({ change: { phase: 'done', result: RESULT }, due: null });
  });

  test('about a UID that is not asked under any more changes nothing', () => {
    const old = { upstreamUid: '2.25.9' };
    for (const end of [{ state: 'pending' }, { state: 'done', told: TOLD }, failure('BAD_REQUEST')] as const) {
      expect(afterAnswer(RECORD, answer(end, old), SITUATION)).toBeUndefined();
    }
  });

  test.each(['waiting', 'reporting', 'done', 'forgotten'] as const)(
    'a refusal changes nothing in phase %s',
    (phase) => {
      const record = { ...RECORD, phase, ...(phase !== 'waiting' && { result: RESULT }) };
      expect(afterAnswer(record, answer(failure('BAD_REQUEST')), SITUATION)).toBeUndefined();
      expect(afterAnswer(record, answer({ state: 'pending' }), SITUATION)).toBeUndefined();
    },
  );

  test.each(FAILURE_CODES)(
    '%s without an answer that can be relied on never fails an instance before the deadline',
    (code) => {
      const ambiguous = answer(failure(code, { retry: 'ambiguous' }));
      for (const situation of [SITUATION, REPORTED]) {
        const decision = afterAnswer(RECORD, ambiguous, situation);
        expect(decision?.change?.result).toBeUndefined();
        expect(decision?.refusal).toBeUndefined();
      }
    },
  );

  test.each(FAILURE_CODES)(
    '%s that is safe is tried again; one who waits is told where the route delivers directly',
    (code) => {
      if (code === 'DUPLICATE_INSTANCE') return;
      const safe = failure(code, { retry: 'safe' });
      const direct = afterAnswer(RECORD, answer(safe), SITUATION);
      expect(direct).toMatchObject({ change: { attempts: 1, inDoubt: false }, refusal: safe });
      const options = { ...OPTIONS, delivery: 'store-and-forward' as const };
      expect(afterAnswer(RECORD, answer(safe), { ...SITUATION, options })?.refusal).toBeUndefined();
    },
  );

  test('that refuses for good fails every instance, and is what one who still waits is told', () => {
    const refused = failure('BAD_REQUEST', { httpStatus: 400 });
    expect(afterAnswer(RECORD, answer(refused), SITUATION)).toMatchObject({
      change: { phase: 'reporting', result: ALL_FAILED, isSynthetic: true, failure: { code: 'BAD_REQUEST' } },
      refusal: refused,
    });
  });

  test('of a repeat that it is a duplicate, or 0110H alone, is about the first: that is waited for (status mapping 8)', () => {
    for (const refused of [failure('DUPLICATE_INSTANCE'), failure('UPSTREAM_ERROR', { dimseStatus: 0x0110 })]) {
      const decision = afterAnswer(RECORD, answer(refused, { isRepeat: true }), REPORTED);
      expect(decision).toMatchObject({ change: { phase: 'waiting', inDoubt: true }, due: DAY_MS });
      expect(decision?.refusal).toBeUndefined();
    }
  });
});

describe('0131H of every instance (status mapping 7.2)', () => {
  const OWN = { ...RECORD, phase: 'waiting' as const, upstreamUid: '2.25.7' };

  test('with own upstream UIDs: once more under a new one', () => {
    const decision = afterTold(OWN, ALL_DUPLICATE, () => '2.25.8');
    expect(decision).toMatchObject({
      change: { phase: 'asking', upstreamUid: '2.25.8', isRestarted: true, inDoubt: false, attempts: 1 },
      due: 'now',
      durability: 'disk',
    });
    const again = afterTold({ ...OWN, isRestarted: true }, ALL_DUPLICATE, () => '2.25.8');
    expect(again?.change?.result?.failed.map(({ reason }) => reason)).toEqual([0x0131, 0x0131]);
  });

  test('of a request that may have been sent twice: the result of the first is waited for', () => {
    const twice = { ...RECORD, phase: 'waiting' as const, inDoubt: true };
    expect(afterTold(twice, ALL_DUPLICATE, () => '2.25.8')?.change).toBeUndefined();
    const decision = afterAnswer(twice, checked({ state: 'done', told: ALL_DUPLICATE }), SITUATION);
    expect(decision).toMatchObject({ change: { attempts: 1 }, due: 10_000 });
    expect(decision?.change?.result).toBeUndefined();
  });
});

describe('the deadline', () => {
  const LATE = { ...RECORD, remainingMs: 0 };

  test.each(['asking', 'waiting'] as const)('fails every instance in phase %s', (phase) => {
    const late = { ...LATE, phase };
    const made = { change: { phase: 'reporting', result: ALL_FAILED, isSynthetic: true }, due: 'now' };
    expect(whenDue(late)).toMatchObject(made);
    expect(afterAnswer(late, checked({ state: 'pending' }), SITUATION)).toMatchObject(made);
    expect(afterAnswer(late, checked(failure('UPSTREAM_UNREACHABLE', { retry: 'safe' })), SITUATION)).toMatchObject(
      made,
    );
  });

  test.each(['asking', 'waiting'] as const)(
    'where no route leads to the upstream, is waited for in phase %s',
    (phase) => {
      const at = (remainingMs: number): Decision => whenStray({ ...RECORD, phase, remainingMs });
      expect(at(DAY_MS)).toEqual({ change: {}, due: 55_000, durability: 'process', notes: [] });
      expect(at(2_000)).toMatchObject({ change: {}, due: 2_000 });
      // Another process that has the route asks for the last time now.
      expect(at(0)).toMatchObject({ change: {}, due: 5_000 });
      expect(at(-59_999)).toMatchObject({ change: {}, due: 5_000 });
      expect(at(-60_000)).toMatchObject({
        change: {
          phase: 'reporting',
          result: ALL_FAILED,
          isSynthetic: true,
          failure: {
            code: 'UPSTREAM_UNREACHABLE',
            problem: expect.stringContaining('no route leads to this upstream'),
          },
        },
        due: 'now',
      });
    },
  );

  test('does not undo a result, and what has none to come is left alone', () => {
    for (const phase of ['done', 'reporting'] as const) {
      const late = { ...LATE, phase, remainingMs: -DAY_MS, result: RESULT };
      for (const decide of [whenDue, whenStray]) expect(decide(late)).toMatchObject({ change: {}, due: null });
    }
  });

  test('a result that comes with it counts', () => {
    const late = { ...LATE, phase: 'waiting' as const };
    const decision = afterAnswer(late, checked({ state: 'done', told: TOLD }), SITUATION);
    expect(decision?.change?.result).toEqual(RESULT);
  });
});

describe('a report that is not taken', () => {
  const REPORTING = { ...RECORD, phase: 'reporting' as const, result: RESULT };

  test('in another phase than reporting says nothing', () => {
    for (const phase of ['asking', 'waiting', 'done', 'forgotten'] as const) {
      expect(afterReport({ ...REPORTING, phase }, undefined, () => 0)).toBeUndefined();
    }
  });

  test('no failure of the way to the SCU ever ends it', () => {
    for (const code of FAILURE_CODES) {
      const away = { ...REPORTING, attempts: 1_000, lastFailure: { code, problem: '', at: 0 } };
      const decision = afterReport(away, failure(code, { retry: 'safe' }), () => 0);
      expect(decision?.change).toMatchObject({ attempts: 1_001 });
      expect(decision?.change?.phase).toBeUndefined();
    }
  });
});

describe('pauses', () => {
  test('double from the first to the longest, up to a quarter shorter', () => {
    const at = (checks: number): number => checkDelayMs(SITUATION, checks);
    expect([0, 1, 2, 5, 6, 100].map(at)).toEqual([10_000, 20_000, 40_000, 320_000, 600_000, 600_000]);
    expect(checkDelayMs({ ...SITUATION, random: () => 0.999 }, 0)).toBe(7_503);
    expect([0, 1, 6, 100].map((failures) => reportDelayMs(() => 0, failures, failure('CONNECTION_LOST')))).toEqual([
      10_000, 20_000, 600_000, 600_000,
    ]);
  });

  test('are those of Retry-After, from a second to an hour', () => {
    expect([0, 90_000, 1e9].map((ms) => checkDelayMs(SITUATION, 3, ms))).toEqual([1_000, 90_000, 3_600_000]);
    expect(retryDelayMs(SITUATION, 0, failure('OUT_OF_RESOURCES', { retryAfter: 120 }))).toBe(120_000);
  });

  test('of a user agent grow with the age of its request', () => {
    const told = (ageMs: number): number => patienceAskedMs({ remainingMs: DAY_MS - ageMs }, OPTIONS);
    expect([0, 30_000, 1e7, 2 * DAY_MS].map(told)).toEqual([10_000, 30_000, 600_000, 600_000]);
  });
});

describe('the rule: an instance is committed only where the keeper said so of exactly this instance (PS3.4 J.3.3)', () => {
  const CLASSES = [A.sopClassUid, '1.2.840.10008.5.1.4.1.1.4', ''];
  const UIDS = ['1.2.3.1', '1.2.3.2', '1.2.3.3', '9.9', ''];
  const reference = fc.record<SopReference>({
    sopClassUid: fc.constantFrom(...CLASSES),
    sopInstanceUid: fc.constantFrom(...UIDS),
  });
  const told: fc.Arbitrary<ToldCommitment> = fc.record({
    committed: fc.array(reference, { maxLength: 5 }),
    failed: fc.array(
      fc.record({
        sopClassUid: fc.constantFrom(...CLASSES),
        sopInstanceUid: fc.constantFrom(...UIDS),
        reason: fc.constantFrom(undefined, 0, 0x0110, 0x0112, 0x0131),
      }),
      { maxLength: 5 },
    ),
  });
  const REQUESTED = [A, B, { ...A, sopInstanceUid: '1.2.3.3' }];

  type Happening = (record: CommitmentRecord, situation: Situation) => Decision | undefined;
  /** What was told so far, in order. */
  const words: ToldCommitment[] = [];
  const telling = (what: ToldCommitment, decision: () => Decision | undefined): Decision | undefined => {
    words.push(what);
    return decision();
  };
  const aFailure = fc
    .record({
      code: fc.constantFrom(...FAILURE_CODES),
      retry: fc.constantFrom('safe', 'ambiguous', 'permanent'),
      dimseStatus: fc.constantFrom(undefined, 0x0110, 0x0115, 0x0213),
    })
    .map(({ code, retry, dimseStatus }) => failure(code, { retry, ...(dimseStatus !== undefined && { dimseStatus }) }));
  const end: fc.Arbitrary<CommitmentStatus | ServiceFailure> = fc.oneof(
    fc.constant<CommitmentStatus>({ state: 'pending' }),
    aFailure,
    told.map((what): CommitmentStatus => ({ state: 'done', told: what })),
  );
  const answered = fc
    .record({ end, isRepeat: fc.boolean(), to: fc.constantFrom('request', 'check'), isOld: fc.boolean() })
    .map(({ end: what, isRepeat, to, isOld }): Happening => (record, situation) => {
      const upstreamUid = isOld ? '0.0' : record.upstreamUid;
      const given = { to, upstreamUid, isRepeat, end: what } as Answer;
      const decide = (): Decision | undefined => afterAnswer(record, given, situation);
      return 'state' in what && what.state === 'done' && !isOld ? telling(what.told, decide) : decide();
    });
  const happening: fc.Arbitrary<Happening> = fc.oneof(
    { weight: 4, arbitrary: answered },
    told.map(
      (what): Happening =>
        (record, { newUid }) =>
          telling(what, () => afterTold(record, what, newUid)),
    ),
    fc.constant<Happening>((record) => whenDue(record)),
    fc.constant<Happening>((record) => whenDue({ ...record, remainingMs: 0 })),
    fc.constant<Happening>((record, { newUid }) => (record.phase === 'asking' ? restart(record, newUid) : undefined)),
    fc.constant<Happening>((record) => afterReport(record, undefined, () => 0)),
    aFailure.map(
      (why): Happening =>
        (record) =>
          afterReport(record, why, () => 0),
    ),
  );

  test('through any order of answers, reports, failures and deadlines', () => {
    let settled = 0;
    let committed = 0;
    fc.assert(
      fc.property(
        fc.record({ isWeb: fc.boolean(), isOwn: fc.boolean(), isChecked: fc.boolean() }),
        fc.array(happening, { minLength: 1, maxLength: 12 }),
        ({ isWeb, isOwn, isChecked }, happenings) => {
          words.length = 0;
          let uids = 0;
          const situation: Situation = { ...SITUATION, isChecked, newUid: () => `2.25.${++uids}` };
          let record: CommitmentRecord = {
            ...RECORD,
            module: sopForm(REQUESTED),
            upstreamUid: isOwn ? '2.25.0' : UID,
            requester: isWeb ? WEB : WARD,
          };
          for (const happens of happenings) {
            const before = record;
            const decision = happens(record, situation);
            record = changed(record, decision);
            const { result } = record;
            if (result === undefined) {
              expect(['asking', 'waiting']).toContain(record.phase);
              continue;
            }
            if (result === before.result) continue;
            settled++;
            const meant = words.at(-1);
            // Made by the gateway, it claims nothing; else it is what exactly one message meant, the last.
            if (record.isSynthetic) expect(result.committed).toEqual([]);
            else expect(result).toEqual(settle(REQUESTED, meant as ToldCommitment).result);
            committed += result.committed.length;
            // Only what the gateway had made is ever replaced, and only where it is read.
            if (before.result !== undefined) {
              expect({ isSynthetic: before.isSynthetic, isWeb, phase: before.phase }).toEqual({
                isSynthetic: true,
                isWeb: true,
                phase: 'done',
              });
            }
            for (const { sopInstanceUid } of result.committed) {
              expect(meant?.committed.some((each) => each.sopInstanceUid === sopInstanceUid)).toBe(true);
              expect(meant?.failed.some((each) => each.sopInstanceUid === sopInstanceUid)).toBe(false);
            }
          }
        },
      ),
      { numRuns: 3_000 },
    );
    // It must have had something to judge.
    expect(settled).toBeGreaterThan(1_000);
    expect(committed).toBeGreaterThan(200);
  });

  test('a result says something of every instance that was asked for, once', () => {
    fc.assert(
      fc.property(told, (what) => {
        const record = { ...RECORD, module: sopForm(REQUESTED) };
        const result = afterTold(record, what, () => '2.25.1')?.change?.result ?? failAll(REQUESTED);
        const listed = [...result.committed, ...result.failed].map(({ sopInstanceUid }) => sopInstanceUid);
        expect(listed.toSorted()).toEqual(REQUESTED.map(({ sopInstanceUid }) => sopInstanceUid));
        expect(isDuplicateTransaction(result) && result.committed.length > 0).toBe(false);
      }),
    );
  });
});
