/** What the one who asks for storage commitment is told, and what becomes of it (proxy flows 8 and 9, status mapping 7). */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { CommitmentOptions } from '../../../../src/gateway/commitment/route.ts';
import { ServiceFailure } from '../../../../src/services/port.ts';
import type { ServiceFailureOptions } from '../../../../src/services/port.ts';
import { responseModule, sopForm } from '../../../../src/services/storage-commitment/modules.ts';
import {
  A, ALL_DUPLICATE, ALL_FAILED, B, codeOf, CommitmentBed, DAY_MS, done, failing, HOUR_MS, Keeper, moduleOf, MODULE,
  OpenAssociation, PENDING, RESULT, silent, TOLD, UID, unreachable, WEB,
} from '../../../support/commitment-bed.ts'; // prettier-ignore
import { manyReferences, treeForm } from '../../../support/commitments.ts';
import { contextOf, WARD } from '../../../support/requests.ts';

let bed: CommitmentBed;

async function open(kind: 'checked' | 'reported', options: Partial<CommitmentOptions> = {}): Promise<void> {
  bed = await CommitmentBed.open(kind, options);
}
afterEach(() => bed.close());

const PENDING_ANSWER = { state: 'pending', retryAfterMs: 10_000 };
const DONE_ANSWER = { state: 'done', module: responseModule(MODULE, RESULT) };
const FAILED_ANSWER = { state: 'done', module: responseModule(MODULE, ALL_FAILED) };
const ambiguous = failing('CONNECTION_LOST', { retry: 'ambiguous' });

describe('a request from the web to a keeper that reports (status mapping 7.1)', () => {
  test('is on the disk before it is sent, under the same UID, with every instance', async () => {
    await open('reported');
    let before: unknown;
    bed.keeper.onRequest = async () => {
      before = (await bed.record())?.phase;
      return { state: 'pending' };
    };
    const answer = bed.request(WEB);
    await bed.clock.pass(5_000);
    expect(await answer).toEqual(PENDING_ANSWER);
    expect(before).toBe('asking');
    expect(bed.keeper.asked.map(({ uid, references }) => ({ uid, references }))).toEqual([
      { uid: UID, references: [A, B] },
    ]);
    expect(bed.keeper.asked[0]?.context).toMatchObject({ holdMs: 5_000, traceId: 'test-trace', requester: WEB });
    expect(await bed.record()).toMatchObject({ phase: 'waiting', inDoubt: false });
  });

  test('is answered 200 when the report comes within the hold time', async () => {
    await open('reported');
    const answer = bed.request(WEB);
    await bed.clock.pass(4_000);
    await bed.report();
    expect(await bed.settle(answer)).toEqual(DONE_ANSWER);
    expect(await bed.check()).toEqual(DONE_ANSWER);
  });

  test('is answered 202 at the end of the hold time, and 200 at the Result Check after the report', async () => {
    await open('reported');
    const answer = bed.request(WEB);
    await bed.clock.pass(5_000);
    expect(await answer).toEqual(PENDING_ANSWER);
    expect(await bed.check()).toEqual(PENDING_ANSWER);
    await bed.report();
    expect(await bed.check()).toEqual(DONE_ANSWER);
    expect(await bed.record()).toMatchObject({ phase: 'done', isSynthetic: false });
  });

  test('tells its upstream when the report came elsewhere, before its answer or after it', async () => {
    await open('reported');
    const ends: string[] = [];
    bed.keeper.onRequest = async (_uid, context) => {
      context.onResult?.(() => ends.push('forgotten'))();
      context.onResult?.(() => ends.push('at once'));
      await bed.report();
      context.onResult?.(() => ends.push('known'));
      return PENDING;
    };
    expect(await bed.settle(bed.request(WEB))).toEqual(DONE_ANSWER);
    expect(ends).toEqual(['at once', 'known']);
    bed.keeper.onRequest = async (_uid, context) => {
      context.onResult?.(() => ends.push('later'));
      return PENDING;
    };
    const answer = bed.request(WEB, { uid: '1.2.3.4' });
    await bed.clock.rest();
    await bed.report(TOLD, '1.2.3.4');
    expect(ends).toEqual(['at once', 'known', 'later']);
    expect(await bed.settle(answer)).toEqual(DONE_ANSWER);
  });

  test('is not held longer than its client waits', async () => {
    await open('reported', { holdMs: 60_000 });
    const answer = bed.request(WEB, { patienceMs: 10_000 });
    await bed.clock.pass(9_100);
    expect(await answer).toEqual(PENDING_ANSWER);
  });

  test('a report on the association of the request, even before its answer, is taken (PS3.4 J.3.3)', async () => {
    await open('reported');
    bed.keeper.onRequest = async (transactionUid, context) => {
      await context.reported({ transactionUid, ...TOLD });
      expect(await bed.record()).toMatchObject({ phase: 'done', result: RESULT });
      return { state: 'pending' };
    };
    expect(await bed.settle(bed.request(WEB))).toEqual(DONE_ANSWER);
    expect(await bed.record()).toMatchObject({ phase: 'done', result: RESULT });
  });

  test('a report that another process took is seen at the end of the hold time', async () => {
    await open('reported');
    const answer = bed.request(WEB);
    await bed.clock.pass(1_000);
    const other = bed.start();
    await other.service.report({ transactionUid: UID, ...TOLD }, { ...contextOfArchive() });
    await bed.clock.pass(4_000);
    expect(await answer).toEqual(DONE_ANSWER);
    await other.service.close(0);
  });

  test('the answer has the form of the request: the tree of studies and series', async () => {
    await open('reported');
    const references = manyReferences(250);
    const module = treeForm(references);
    const answer = bed.request(WEB, { module });
    await bed.clock.pass(1_000);
    await bed.report({ committed: references.slice(1), failed: [] });
    const failed = references.slice(0, 1).map((each) => ({ ...each, reason: 0x0110 }));
    const expected = responseModule(module, { committed: references.slice(1), failed });
    expect(moduleOf(await bed.settle(answer))).toEqual(expected);
  });

  test('a request of ten thousand instances is asked, settled and answered whole', async () => {
    await open('reported');
    const references = manyReferences(10_000);
    const answer = bed.request(WEB, { module: sopForm(references) });
    await bed.clock.pass(1_000);
    await bed.report({ committed: references, failed: [] });
    expect(moduleOf(await bed.settle(answer))).toEqual(sopForm(references));
  });
});

const REFUSALS: readonly (readonly [string, ServiceFailureOptions])[] = [
  ['NO_SUCH_INSTANCE', { dimseStatus: 0x0112 }],
  ['NOT_SUPPORTED', { dimseStatus: 0x0118 }],
  ['INVALID_VALUE', { dimseStatus: 0x0115 }],
  ['NOT_AUTHORIZED', { dimseStatus: 0x0124 }],
  ['OUT_OF_RESOURCES', { dimseStatus: 0x0213, retry: 'safe' }],
  ['UPSTREAM_ERROR', { dimseStatus: 0x0110 }],
  ['DUPLICATE_INSTANCE', { dimseStatus: 0x0110, errorId: 0x0131 }],
  ['UPSTREAM_UNREACHABLE', { retry: 'safe' }],
  ['UPSTREAM_REJECTED', {}],
  ['LOOP_DETECTED', { httpStatus: 508 }],
];

describe('a refusal while the requestor waits (status mapping 7.1, 7.3)', () => {
  test.each(REFUSALS)('%s is passed on and nothing is kept: the UID can be used again', async (code, given) => {
    await open('reported');
    bed.keeper.onRequest = failing(code as 'NOT_SUPPORTED', given);
    await expect(bed.request(WEB)).rejects.toMatchObject({ code, ...given });
    expect(await bed.record()).toBeUndefined();
    bed.keeper.onRequest = async () => done(TOLD);
    expect(await bed.settle(bed.request(WEB))).toEqual(DONE_ANSWER);
  });

  test('of the module leaves nothing behind: no instance, one that is named twice', async () => {
    await open('reported');
    expect(await codeOf(bed.request(WEB, { module: sopForm([]) }))).toBe('MISSING_VALUE');
    expect(await codeOf(bed.request(WEB, { module: sopForm([A, A]) }))).toBe('INVALID_VALUE');
    expect(await codeOf(bed.request(WEB, { uid: '1.02' }))).toBe('INVALID_UID');
    expect(bed.keeper.asked).toEqual([]);
    expect(await bed.record()).toBeUndefined();
  });

  test.each([
    ['UPSTREAM_UNREACHABLE', { retry: 'safe' }],
    ['OUT_OF_RESOURCES', { retry: 'safe', httpStatus: 503 }],
    ['UPSTREAM_ERROR', { httpStatus: 500 }],
    ['UPSTREAM_REJECTED', {}],
  ] as const)('with store-and-forward %s is none: pending, and tried again until it is taken', async (code, given) => {
    await open('checked', { delivery: 'store-and-forward' });
    bed.keeper.onRequest = failing(code, given);
    expect(await bed.settle(bed.request(WARD))).toEqual(PENDING_ANSWER);
    await bed.clock.pass(HOUR_MS);
    const attempts = bed.keeper.asked.length;
    expect(attempts).toBeGreaterThan(5);
    expect(await bed.record()).toMatchObject({ phase: 'asking', lastFailure: { code } });
    bed.keeper.onRequest = async () => done(TOLD);
    await bed.clock.pass(600_000);
    expect(bed.modality.reports.map(({ result }) => result)).toEqual([RESULT]);
  });

  test('is waited for while it is taken back, however slowly: one who is told to wait is never told again', async () => {
    await open('checked');
    bed.keeper.onRequest = async () => {
      await new Promise<void>((resolve) => void bed.clock.setTimer(resolve, 7_000));
      throw new ServiceFailure('NOT_SUPPORTED');
    };
    bed.fateOf = (name) => (name === 'remove' ? 'slow' : 'done');
    const code = codeOf(bed.request(WARD, { patienceMs: 10_000 }));
    await bed.clock.pass(13_000);
    expect(await code).toBe('NOT_SUPPORTED');
    expect(await bed.record()).toBeUndefined();
  });

  test('with store-and-forward what cannot be done is still refused', async () => {
    await open('checked', { delivery: 'store-and-forward' });
    bed.keeper.onRequest = failing('NOT_SUPPORTED', { httpStatus: 501 });
    expect(await codeOf(bed.request(WARD))).toBe('NOT_SUPPORTED');
    expect(await bed.record()).toBeUndefined();
  });
});

describe('an upstream that is slower than the patience of the requestor (status mapping 7.3)', () => {
  async function late(end: () => Promise<never>): Promise<void> {
    await open('checked');
    const gate = Promise.withResolvers<undefined>();
    bed.keeper.onRequest = () => gate.promise.then(end);
    const answer = bed.request(WARD, { patienceMs: 10_000 });
    await bed.clock.pass(9_500);
    expect(await answer).toEqual(PENDING_ANSWER);
    gate.resolve(undefined);
    await bed.clock.rest();
  }

  test('a refusal becomes a report that every instance has failed, 0110H', async () => {
    await late(failing('BAD_REQUEST', { httpStatus: 400 }));
    expect(bed.modality.reports.map(({ uid, result }) => ({ uid, result }))).toEqual([
      { uid: UID, result: ALL_FAILED },
    ]);
    expect(await bed.record()).toMatchObject({ phase: 'done', isSynthetic: true });
  });

  test('one that was not reached is asked again', async () => {
    await late(unreachable);
    expect(await bed.record()).toMatchObject({ phase: 'asking', attempts: 1 });
    bed.keeper.onRequest = async () => done(TOLD);
    await bed.clock.pass(10_000);
    expect(bed.modality.reports.map(({ result }) => result)).toEqual([RESULT]);
  });

  test('one that never answers is given its time, then asked what it knows', async () => {
    await open('checked');
    bed.keeper.onRequest = silent;
    const answer = bed.request(WARD, { patienceMs: 10_000 });
    await bed.clock.pass(61_000);
    expect(await answer).toEqual(PENDING_ANSWER);
    expect(bed.keeper.asked[0]?.context.signal.aborted).toBe(true);
    bed.keeper.onCheck = async () => done(TOLD);
    await bed.clock.pass(20_000);
    expect(bed.keeper.checked).toEqual([UID]);
    expect(bed.keeper.asked).toHaveLength(1);
    expect(bed.modality.reports.map(({ result }) => result)).toEqual([RESULT]);
  });
});

describe('a request without an answer (status mapping 7.1, 7.3, 8)', () => {
  test('from a keeper that is asked for results: Result Check says that it was taken', async () => {
    await open('checked');
    bed.keeper.onRequest = ambiguous;
    expect(await bed.settle(bed.request(WARD))).toEqual(PENDING_ANSWER);
    expect(await bed.record()).toMatchObject({ phase: 'asking', inDoubt: true });
    await bed.clock.pass(10_000);
    expect(await bed.record()).toMatchObject({ phase: 'waiting', inDoubt: false });
    expect(bed.keeper.asked).toHaveLength(1);
  });

  test('404 at Result Check: it is sent again with the same UID', async () => {
    await open('checked');
    bed.keeper.onRequest = ambiguous;
    await bed.settle(bed.request(WARD));
    bed.keeper.onCheck = failing('NO_SUCH_INSTANCE', { httpStatus: 404 });
    bed.keeper.onRequest = async () => done(TOLD);
    await bed.clock.pass(10_000);
    expect(bed.keeper.asked.map(({ uid }) => uid)).toEqual([UID, UID]);
    expect(bed.modality.reports.map(({ result }) => result)).toEqual([RESULT]);
  });

  test('409 at that repeat: the first had arrived, its result is waited for', async () => {
    await open('checked');
    bed.keeper.onRequest = ambiguous;
    await bed.settle(bed.request(WARD));
    bed.keeper.onCheck = failing('NO_SUCH_INSTANCE', { httpStatus: 404 });
    bed.keeper.onRequest = failing('DUPLICATE_INSTANCE', { httpStatus: 409 });
    await bed.clock.pass(10_000);
    expect(await bed.record()).toMatchObject({ phase: 'waiting', inDoubt: true });
    bed.keeper.onCheck = async () => done(TOLD);
    await bed.clock.pass(10_000);
    expect(bed.modality.reports.map(({ result }) => result)).toEqual([RESULT]);
  });

  test('of a process that is gone is checked until that is answered, and not sent again before (status mapping 8)', async () => {
    await open('checked');
    bed.keeper.onRequest = silent;
    void bed.request(WARD);
    await bed.clock.rest();
    bed.restart();
    bed.keeper.onCheck = failing('UPSTREAM_ERROR', { httpStatus: 500 });
    await bed.clock.pass(120_000);
    expect(await bed.record()).toMatchObject({ phase: 'asking', inDoubt: true });
    bed.keeper.onCheck = async () => done(TOLD);
    await bed.clock.pass(HOUR_MS);
    expect(bed.keeper.asked).toHaveLength(1);
    expect(bed.modality.reports.map(({ result }) => result)).toEqual([RESULT]);
  });

  test('from a keeper that reports: pending, never sent again, and its report is taken', async () => {
    await open('reported');
    bed.keeper.onRequest = ambiguous;
    const answer = bed.request(WEB);
    await bed.clock.pass(5_000);
    expect(await answer).toEqual(PENDING_ANSWER);
    await bed.clock.pass(HOUR_MS);
    expect(bed.keeper.asked).toHaveLength(1);
    expect(await bed.record()).toMatchObject({ phase: 'waiting', lastFailure: { code: 'CONNECTION_LOST' } });
    await bed.report();
    expect(await bed.check()).toEqual(DONE_ANSWER);
  });
});

describe('a Transaction UID that is used already (status mapping 7.1, 7.3)', () => {
  test.each([WEB, WARD])('is refused while it is pending, finished and forgotten (%#)', async (requester) => {
    await open('reported');
    const answer = bed.request(requester);
    await bed.clock.pass(5_000);
    await answer;
    expect(await codeOf(bed.request(requester))).toBe('DUPLICATE_INSTANCE');
    await bed.report();
    await bed.clock.rest();
    expect(await codeOf(bed.request(requester))).toBe('DUPLICATE_INSTANCE');
    await bed.clock.pass(HOUR_MS);
    await bed.store.commitments.expire({ resultsMs: 1, tombstonesMs: DAY_MS });
    expect(await codeOf(bed.request(requester))).toBe('DUPLICATE_INSTANCE');
    expect(await codeOf(bed.check(requester))).toBe('INSTANCE_DELETED');
    expect(await codeOf(bed.report())).toBe('INSTANCE_DELETED');
    expect(bed.keeper.asked).toHaveLength(1);
  });

  test('of another requestor is refused too, and one with own upstream UIDs goes through', async () => {
    await open('checked');
    await bed.settle(bed.request(WARD));
    const other = { ...WARD, callingAeTitle: 'MR1' };
    expect(await codeOf(bed.request(other))).toBe('DUPLICATE_INSTANCE');
    bed.options = { ...bed.options, transactionUids: 'own' };
    expect(await bed.settle(bed.request(other))).toEqual(PENDING_ANSWER);
    expect(bed.keeper.asked.map(({ uid }) => uid === UID)).toEqual([true, false]);
  });

  test('is answered as it stands where the route says so, for the very same request of a web client only', async () => {
    await open('reported', { repeatedRequest: 'answer' });
    const answer = bed.request(WEB);
    await bed.clock.pass(5_000);
    await answer;
    expect(await bed.request(WEB)).toEqual(PENDING_ANSWER);
    await bed.report();
    expect(await bed.request(WEB)).toEqual(DONE_ANSWER);
    expect(await codeOf(bed.request(WEB, { module: sopForm([A]) }))).toBe('DUPLICATE_INSTANCE');
    expect(await codeOf(bed.request({ ...WEB, subject: 'nuc2' }))).toBe('DUPLICATE_INSTANCE');
    expect(bed.keeper.asked).toHaveLength(1);
  });

  test('Result Check of another owner is 404 (status mapping 7.2)', async () => {
    await open('reported');
    await bed.clock.pass(0);
    const answer = bed.request(WEB);
    await bed.clock.pass(5_000);
    await answer;
    expect(await codeOf(bed.check({ ...WEB, subject: 'nuc2' }))).toBe('NO_SUCH_INSTANCE');
    expect(await codeOf(bed.check(WEB, '1.2.3'))).toBe('NO_SUCH_INSTANCE');
  });
});

describe('a keeper that calls the UID a duplicate (status mapping 7.2, 7.3)', () => {
  test('with own upstream UIDs it is asked once more under another, then it is believed', async () => {
    await open('checked', { transactionUids: 'own' });
    bed.keeper.onRequest = failing('DUPLICATE_INSTANCE', { httpStatus: 409 });
    expect(await codeOf(bed.settle(bed.request(WEB)))).toBe('DUPLICATE_INSTANCE');
    expect(new Set(bed.keeper.asked.map(({ uid }) => uid)).size).toBe(2);
    expect(await bed.record()).toBeUndefined();
  });

  test('the second UID may do: the requestor never learns of it', async () => {
    await open('checked', { transactionUids: 'own' });
    bed.keeper.onRequest = async () => {
      if (bed.keeper.asked.length === 1) throw new ServiceFailure('DUPLICATE_INSTANCE', { httpStatus: 409 });
      return done(TOLD);
    };
    expect(await bed.settle(bed.request(WEB))).toEqual(DONE_ANSWER);
  });

  test('by a report with every instance 0131H: once more under another UID, the next 0131H is passed on', async () => {
    await open('reported', { transactionUids: 'own' });
    const answer = bed.request(WEB);
    await bed.clock.pass(5_000);
    await answer;
    const [first] = bed.keeper.asked;
    await bed.report(ALL_DUPLICATE, first?.uid);
    await bed.clock.rest();
    expect(await bed.check()).toEqual({ state: 'pending', retryAfterMs: 10_000 });
    const [, second] = bed.keeper.asked;
    expect(second?.uid).not.toBe(first?.uid);
    expect(await codeOf(bed.report(TOLD, first?.uid))).toBe('INVALID_VALUE');
    await bed.report(ALL_DUPLICATE, second?.uid);
    const { failed } = ALL_DUPLICATE as typeof ALL_FAILED;
    expect(await bed.check()).toEqual({ state: 'done', module: responseModule(MODULE, { committed: [], failed }) });
    expect(bed.keeper.asked).toHaveLength(2);
  });

  test('a restart by a report that comes before the answer to the request is not undone by that answer', async () => {
    await open('reported', { transactionUids: 'own' });
    bed.keeper.onRequest = async (transactionUid, context) => {
      if (bed.keeper.asked.length === 1) await context.reported({ transactionUid, ...ALL_DUPLICATE });
      return { state: 'pending' };
    };
    const answer = bed.request(WEB);
    await bed.clock.pass(20_000);
    expect(await answer).toEqual(PENDING_ANSWER);
    await bed.report(TOLD, bed.keeper.asked[1]?.uid);
    expect(await bed.check()).toEqual(DONE_ANSWER);
  });

  test('without own UIDs 0131H is the result', async () => {
    await open('reported');
    const answer = bed.request(WEB);
    await bed.clock.pass(1_000);
    await bed.report(ALL_DUPLICATE);
    const { failed } = ALL_DUPLICATE as typeof ALL_FAILED;
    expect(await bed.settle(answer)).toEqual({
      state: 'done',
      module: responseModule(MODULE, { committed: [], failed }),
    });
  });
});

describe('results (status mapping 7.2, 7.3)', () => {
  test('a keeper is asked after Retry-After, else ever more rarely', async () => {
    await open('checked');
    bed.keeper.onRequest = async () => ({ state: 'pending', retryAfterMs: 90_000 });
    expect(await bed.settle(bed.request(WARD))).toEqual({ state: 'pending', retryAfterMs: 90_000 });
    await bed.clock.pass(89_000);
    expect(bed.keeper.checked).toEqual([]);
    await bed.clock.pass(2_000);
    expect(bed.keeper.checked).toHaveLength(1);
    await bed.clock.pass(DAY_MS - 200_000);
    // Ten seconds doubled to ten minutes, and then each ten minutes.
    expect(bed.keeper.checked.length).toBeGreaterThan(140);
    expect(bed.keeper.checked.length).toBeLessThan(155);
  });

  test.each([
    ['OUT_OF_RESOURCES', { httpStatus: 503, retry: 'safe' }],
    ['UPSTREAM_UNREACHABLE', { retry: 'safe' }],
    ['ANSWER_UNREADABLE', { retry: 'safe' }],
    ['NOT_AUTHORIZED', { httpStatus: 401 }],
  ] as const)('%s at Result Check: asked again until the deadline', async (code, given) => {
    await open('checked');
    await bed.settle(bed.request(WARD));
    bed.keeper.onCheck = failing(code, given);
    await bed.clock.pass(DAY_MS - 700_000);
    expect(await bed.record()).toMatchObject({ phase: 'waiting', lastFailure: { code } });
    bed.keeper.onCheck = async () => done(TOLD);
    await bed.clock.pass(600_000);
    expect(bed.modality.reports.map(({ result }) => result)).toEqual([RESULT]);
  });

  test.each([
    ['NOT_AUTHORIZED', 'error'],
    ['UPSTREAM_UNTRUSTED', 'error'],
    ['UPSTREAM_ERROR', 'warn'],
  ] as const)(
    '%s at Result Check is told once as %s: somebody has to mend the credentials, or nobody',
    async (code, level) => {
      await open('checked');
      await bed.settle(bed.request(WARD));
      bed.keeper.onCheck = failing(code, { httpStatus: 401 });
      await bed.clock.pass(HOUR_MS);
      const told = bed.logger.lines.filter(({ message }) => message.startsWith('the result of a storage commitment'));
      expect(told.map((line) => line.level)).toEqual([level]);
    },
  );

  test.each([
    ['NO_SUCH_INSTANCE', 404],
    ['INSTANCE_DELETED', 410],
    ['BAD_REQUEST', 400],
    ['NO_COMMON_MEDIA_TYPE', 406],
  ] as const)('%s at Result Check: no result will come, every instance has failed', async (code, httpStatus) => {
    await open('checked');
    await bed.settle(bed.request(WARD));
    bed.keeper.onCheck = failing(code, { httpStatus });
    await bed.clock.pass(10_000);
    expect(bed.modality.reports.map(({ result }) => result)).toEqual([ALL_FAILED]);
    expect(bed.keeper.checked).toHaveLength(1);
  });

  test.each(['checked', 'reported'] as const)(
    'an archive that is silent for a day (%s): every instance has failed',
    async (kind) => {
      await open(kind);
      await bed.settle(bed.request(WARD));
      await bed.clock.pass(DAY_MS - 1_000);
      expect(bed.modality.attempts).toBe(0);
      await bed.clock.pass(2_000);
      expect(bed.modality.reports.map(({ uid, result }) => ({ uid, result }))).toEqual([
        { uid: UID, result: ALL_FAILED },
      ]);
      expect(await bed.record()).toMatchObject({ phase: 'done', isSynthetic: true });
      expect(bed.texts()).toContain('storage commitment got no result in time: every instance has failed');
    },
  );

  test('at the deadline a keeper that is asked for results is asked once more, however long nobody could', async () => {
    await open('checked');
    await bed.settle(bed.request(WARD));
    bed.process.isDead = true;
    await bed.clock.pass(2 * DAY_MS);
    bed.keeper.onCheck = async () => done(TOLD);
    bed.restart();
    await bed.clock.rest();
    expect(bed.modality.reports.map(({ result }) => result)).toEqual([RESULT]);
  });

  test('a report after the deadline replaces what the gateway had made, where it is read', async () => {
    await open('reported');
    const answer = bed.request(WEB);
    await bed.clock.pass(DAY_MS + 1_000);
    await answer;
    expect(await bed.check()).toEqual(FAILED_ANSWER);
    await bed.report();
    expect(await bed.check()).toEqual(DONE_ANSWER);
    await bed.report({ committed: [A, B], failed: [] });
    expect(await bed.check()).toEqual(DONE_ANSWER);
  });

  test('a report after the deadline changes nothing where that was reported: an SCU is told once', async () => {
    await open('reported');
    await bed.settle(bed.request(WARD));
    await bed.clock.pass(DAY_MS + 1_000);
    await bed.report();
    await bed.clock.pass(HOUR_MS);
    expect(bed.modality.reports.map(({ result }) => result)).toEqual([ALL_FAILED]);
  });

  test('a second report with other content is acknowledged, told of in the log, and the first is kept', async () => {
    await open('reported');
    await bed.settle(bed.request(WARD));
    await bed.report();
    await bed.report();
    expect(bed.texts().filter((text) => text.startsWith('another result'))).toEqual([]);
    await bed.report({ committed: [A, B], failed: [] });
    await bed.clock.pass(HOUR_MS);
    expect(bed.texts().filter((text) => text.startsWith('another result'))).toHaveLength(1);
    expect(bed.modality.reports.map(({ result }) => result)).toEqual([RESULT]);
  });

  test('what a keeper lists beside the request, twice or not at all is counted in the log', async () => {
    await open('reported');
    await bed.settle(bed.request(WARD));
    const other = { ...A, sopInstanceUid: '9.9' };
    await bed.report({ committed: [A, other], failed: [A] });
    expect(bed.logger.lines).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        message: 'storage commitment has its result',
        uid: UID,
        committed: 0,
        failed: 2,
        unrequested: 1,
        doublyListed: 1,
        unlisted: 1,
      }),
    );
  });
});

describe('a report of an SCP (status mapping 7.2)', () => {
  test('about a UID that nobody asked about, or of an SCP that was not asked, is refused: 0115H', async () => {
    await open('reported');
    await bed.settle(bed.request(WARD));
    expect(await codeOf(bed.report(TOLD, '1.2.3'))).toBe('INVALID_VALUE');
    expect(await codeOf(bed.report(TOLD, UID, WARD))).toBe('INVALID_VALUE');
    expect(await codeOf(bed.report(TOLD, UID, { ...WARD, callingAeTitle: 'NOBODY' }))).toBe('INVALID_VALUE');
    expect(await bed.record()).toMatchObject({ phase: 'waiting' });
  });

  test('about a UID that nobody asked about is taken from one that would repeat it for ever, by option', async () => {
    await open('reported');
    bed.peers = bed.peers.map((peer) => ({ ...peer, unknownReports: 'accept' }));
    bed.service.replaceTargets([bed.target], bed.peers);
    expect(await codeOf(bed.report(TOLD, '1.2.3'))).toBe('none');
    expect(await codeOf(bed.report(TOLD, '1.2.3', { ...WARD, callingAeTitle: 'NOBODY' }))).toBe('INVALID_VALUE');
  });

  test('of an AE title that two archives have, about a UID that both were asked about, counts for neither', async () => {
    await open('reported');
    const twin = { name: 'twin', upstream: new Keeper('reported') };
    const other = { ...bed.target, route: 'other', upstream: twin };
    const twins = [...bed.peers, { upstream: twin, aeTitle: 'ARCHIVE', unknownReports: 'accept' as const }];
    bed.service.replaceTargets([bed.target, other], twins);
    await bed.settle(bed.request(WARD));
    await bed.settle(bed.service.request(other, UID, MODULE, contextOf({ ...WARD, listener: 'wing' })));
    expect(await codeOf(bed.report())).toBe('INVALID_VALUE');
    const records = await bed.store.commitments.list({});
    expect(records.map(({ phase, upstream }) => ({ phase, upstream }))).toEqual([
      { phase: 'waiting', upstream: 'archive' },
      { phase: 'waiting', upstream: 'twin' },
    ]);
    expect(bed.logger.lines.at(-1)).toMatchObject({ level: 'error', uid: UID, upstreams: 'archive, twin' });
  });

  test('that cannot be stored is not acknowledged: 0213H, and its repeat is taken', async () => {
    await open('reported');
    await bed.settle(bed.request(WARD));
    for (const call of ['change', 'findAtUpstream']) {
      bed.fateOf = (name) => (name === call ? 'fails' : 'done');
      expect(await codeOf(bed.report())).toBe('OUT_OF_RESOURCES');
    }
    bed.fateOf = () => 'done';
    expect(await bed.record()).toMatchObject({ phase: 'waiting' });
    await bed.report();
    await bed.clock.rest();
    expect(bed.modality.reports.map(({ result }) => result)).toEqual([RESULT]);
  });

  test('is taken though its route is gone, and reported on', async () => {
    await open('reported');
    await bed.settle(bed.request(WARD));
    bed.service.replaceTargets([], bed.peers);
    await bed.clock.rest();
    expect(bed.texts()).toContain('storage commitments wait for an upstream that no route names');
    await bed.report();
    await bed.clock.pass(10_000);
    expect(bed.modality.reports.map(({ result }) => result)).toEqual([RESULT]);
  });

  test('that can come no more, since its upstream is in no route: at the deadline a user agent reads that all has failed', async () => {
    await open('checked');
    const answer = bed.request(WEB);
    await bed.clock.pass(5_000);
    await answer;
    bed.service.replaceTargets([], bed.peers);
    await bed.clock.pass(DAY_MS - 6_000);
    expect(await bed.check()).toMatchObject({ state: 'pending' });
    await bed.clock.pass(1_000);
    expect(await bed.check()).toEqual(FAILED_ANSWER);
    expect(await bed.record()).toMatchObject({ phase: 'done', isSynthetic: true });
  });

  test('comes on the open association of its SCU at once', async () => {
    await open('reported', { retrieveAeTitle: 'PACS' });
    const association = new OpenAssociation();
    await bed.settle(bed.request(WARD, { reporter: association }));
    await bed.report();
    await bed.clock.rest();
    expect(association.reports).toEqual([{ uid: UID, result: RESULT, retrieveAeTitle: 'PACS' }]);
    expect(bed.modality.attempts).toBe(0);
  });
});

function contextOfArchive(): Parameters<CommitmentBed['service']['report']>[1] {
  return {
    signal: new AbortController().signal,
    deadline: performance.now() + 10_000,
    traceId: 'other',
    requester: { ...WARD, callingAeTitle: 'ARCHIVE' },
    warn: () => undefined,
  };
}
