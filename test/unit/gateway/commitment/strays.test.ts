/** What becomes of transactions whose route or upstream was renamed or removed, in one process and beside others (status mapping 7.3). */
import { afterEach, expect, test } from '@jest/globals';
import type { CommitmentOptions, CommitmentTarget } from '../../../../src/gateway/commitment/route.ts';
import {
  ALL_DUPLICATE, ALL_FAILED, CommitmentBed, done, failing, HOUR_MS, OpenAssociation, RESULT, TOLD, UID, WEB,
} from '../../../support/commitment-bed.ts'; // prettier-ignore
import type { Process } from '../../../support/commitment-bed.ts';
import { contextOf, WARD } from '../../../support/requests.ts';

let bed: CommitmentBed;
const others: Process[] = [];

async function open(kind: 'checked' | 'reported', options: Partial<CommitmentOptions> = {}): Promise<void> {
  bed = await CommitmentBed.open(kind, { deadlineMs: 3 * HOUR_MS, ...options });
}
afterEach(async () => {
  const closed = others.splice(0).map(({ service }) => service.close(1_000));
  await bed.close();
  await Promise.all(closed);
});

const WARNING = 'storage commitments wait for an upstream that no route names';
const MINUTE_MS = 60_000;

const renamed = (): CommitmentTarget => ({ ...bed.target, route: 'everything' });

/** A process beside the first whose configuration has another name for the route. */
function startOther(): Process {
  const other = bed.start();
  other.service.replaceTargets([renamed()], bed.peers);
  others.push(other);
  return other;
}

/** The first process has gone without a word. */
function leaveOther(): void {
  bed.process.isDead = true;
  bed.process = others.pop() ?? bed.process;
}

function leaveNobody(): void {
  bed.process.isDead = true;
}

const reports = (): unknown[] => bed.modality.reports.map(({ uid, result }) => ({ uid, result }));

const GONE: Readonly<Record<string, () => CommitmentTarget[]>> = {
  'no target at all': () => [],
  'another name of the route': () => [renamed()],
  'another name of the upstream': () => [{ ...bed.target, upstream: { ...bed.target.upstream, name: 'pacs' } }],
};

test.each([
  ['checked', 'no target at all'],
  ['checked', 'another name of the route'],
  ['reported', 'another name of the upstream'],
] as const)('of a keeper that is %s, with %s: the deadline makes a result, which is reported', async (kind, what) => {
  await open(kind);
  await bed.settle(bed.request(WARD));
  bed.service.replaceTargets(GONE[what]?.() ?? [], bed.peers);
  await bed.clock.pass(3 * HOUR_MS - MINUTE_MS);
  expect(await bed.record()).toMatchObject({ phase: 'waiting', inDoubt: false });
  expect(reports()).toEqual([]);
  await bed.clock.pass(3 * MINUTE_MS);
  expect(reports()).toEqual([{ uid: UID, result: ALL_FAILED }]);
  expect(await bed.record()).toMatchObject({ phase: 'done', isSynthetic: true, upstreamUid: UID });
  expect(bed.texts().filter((text) => text === WARNING)).toHaveLength(1);
  expect(bed.keeper.checked).toEqual([]);
});

test('says of the result of the deadline why nobody was asked', async () => {
  await open('checked');
  const answer = bed.request(WEB);
  await bed.clock.pass(5_000);
  await answer;
  bed.service.replaceTargets([], bed.peers);
  await bed.clock.pass(3 * HOUR_MS + 2 * MINUTE_MS);
  expect(await bed.record()).toMatchObject({
    phase: 'done',
    result: ALL_FAILED,
    lastFailure: { code: 'UPSTREAM_UNREACHABLE' },
  });
});

test('one that is still to be asked fails at the deadline and not before, and is not sent meanwhile', async () => {
  await open('checked', { delivery: 'store-and-forward' });
  bed.keeper.onRequest = failing('UPSTREAM_UNREACHABLE', { retry: 'safe' });
  await bed.settle(bed.request(WARD));
  const before = await bed.record();
  bed.service.replaceTargets([renamed()], bed.peers);
  await bed.clock.pass(3 * HOUR_MS - MINUTE_MS);
  // What a restart would have to know of it has not changed.
  const { phase, inDoubt, attempts, upstreamUid, lastFailure } = before ?? {};
  expect(await bed.record()).toMatchObject({ phase, inDoubt, attempts, upstreamUid, lastFailure });
  expect(bed.keeper.asked).toHaveLength(1);
  await bed.clock.pass(3 * MINUTE_MS);
  expect(reports()).toEqual([{ uid: UID, result: ALL_FAILED }]);
});

test('is reported where its result is known, also on the open association of its SCU', async () => {
  await open('reported');
  const association = new OpenAssociation();
  await bed.settle(bed.request(WARD, { reporter: association }));
  await bed.settle(bed.request(WARD, { uid: '1.2.3' }));
  bed.service.replaceTargets([], bed.peers);
  await bed.clock.rest();
  await bed.report();
  await bed.report(TOLD, '1.2.3');
  await bed.clock.rest();
  // Another process may have the association of the second, and comes first.
  expect(reports()).toEqual([]);
  await bed.clock.pass(10_000);
  expect(association.reports.map(({ uid, result }) => ({ uid, result }))).toEqual([{ uid: UID, result: RESULT }]);
  expect(reports()).toEqual([{ uid: '1.2.3', result: RESULT }]);
});

test('is reported when its SCU is back, though the names are gone meanwhile', async () => {
  await open('reported');
  bed.modality.onReport = failing('UPSTREAM_UNREACHABLE', { retry: 'safe' });
  await bed.settle(bed.request(WARD));
  await bed.report();
  await bed.clock.rest();
  bed.service.replaceTargets([], bed.peers);
  await bed.clock.pass(HOUR_MS);
  bed.modality.onReport = () => Promise.resolve();
  await bed.clock.pass(10 * MINUTE_MS);
  expect(reports()).toEqual([{ uid: UID, result: RESULT }]);
});

test('is reported after an operator has discarded it, at once', async () => {
  await open('checked');
  startOther();
  await bed.settle(bed.request(WARD));
  leaveOther();
  const record = await bed.record();
  const change = { phase: 'reporting', result: ALL_FAILED, dueInMs: 0 } as const;
  await bed.store.commitments.change(record as NonNullable<typeof record>, change, 'disk');
  bed.service.wake();
  await bed.clock.rest();
  expect(reports()).toEqual([{ uid: UID, result: ALL_FAILED }]);
});

test('is found though another process has taken it since the targets were replaced', async () => {
  await open('checked');
  const other = startOther();
  other.service.replaceTargets([], bed.peers);
  await bed.settle(bed.request(WARD));
  leaveOther();
  await bed.clock.pass(5 * HOUR_MS);
  expect(reports()).toEqual([{ uid: UID, result: ALL_FAILED }]);
  expect(bed.texts()).toContain(WARNING);
});

test('is taken over at once by the target whose names come back', async () => {
  await open('checked');
  await bed.settle(bed.request(WARD));
  bed.service.replaceTargets([renamed()], bed.peers);
  await bed.clock.pass(HOUR_MS);
  expect(bed.keeper.checked).toEqual([]);
  bed.keeper.onCheck = async () => done(TOLD);
  bed.service.replaceTargets([bed.target], bed.peers);
  await bed.clock.rest();
  expect(bed.keeper.checked).toEqual([UID]);
  expect(reports()).toEqual([{ uid: UID, result: RESULT }]);
});

test('beside a process that has the route it is asked about there as before, the last time at the deadline', async () => {
  await open('checked');
  startOther();
  await bed.settle(bed.request(WARD));
  others[0]?.service.wake();
  await bed.clock.pass(3 * HOUR_MS - MINUTE_MS);
  // Every ten minutes, and up to a minute later each time.
  expect(bed.keeper.checked.length).toBeGreaterThan(15);
  bed.keeper.onCheck = async () => done(TOLD);
  // The other is quicker, again and again.
  await bed.clock.pass(MINUTE_MS - 7_000);
  for (let i = 0; i < 7; i++) {
    await bed.clock.pass(7_000);
    others[0]?.service.wake();
  }
  await bed.clock.pass(MINUTE_MS);
  expect(reports()).toEqual([{ uid: UID, result: RESULT }]);
});

test('beside a process that is asking or told, nothing is taken from it', async () => {
  await open('checked', { transactionUids: 'own' });
  startOther();
  const gate = Promise.withResolvers<undefined>();
  bed.keeper.onRequest = () => gate.promise.then(() => ({ state: 'pending' }));
  const answer = bed.request(WARD);
  await bed.clock.rest();
  const asking = await bed.record();
  others[0]?.service.wake();
  await bed.clock.pass(50_000);
  expect(await bed.record()).toMatchObject({ revision: asking?.revision, phase: 'asking', isHeld: true });
  gate.resolve(undefined);
  expect(await bed.settle(answer)).toMatchObject({ state: 'pending' });
  expect(await bed.record()).toMatchObject({ phase: 'waiting', upstreamUid: asking?.upstreamUid });
});

test('of many that somebody else may still ask about a few at a time are put off; those that nobody has ended go at once', async () => {
  await open('checked');
  const uids = Array.from({ length: 20 }, (_, i) => `1.2.3.${i}`);
  for (const uid of uids) await bed.settle(bed.request(WARD, { uid }));
  startOther();
  await bed.clock.rest();
  leaveOther();
  const changes: number[] = [];
  bed.fateOf = (call) => {
    if (call === 'change') changes.push(bed.clock.now());
    return 'done';
  };
  await bed.clock.pass(10 * MINUTE_MS);
  const most = Math.max(...changes.map((at) => changes.filter((other) => other >= at && other < at + 10_000).length));
  expect(most).toBe(8);
  leaveNobody();
  await bed.clock.pass(3 * HOUR_MS);
  bed.restart();
  bed.service.replaceTargets([], bed.peers);
  await bed.clock.rest();
  expect(reports()).toHaveLength(20);
});

test('never goes on under another UID: that is for one who can ask', async () => {
  await open('reported', { transactionUids: 'own' });
  bed.keeper.onRequest = () => new Promise<never>(() => undefined);
  void bed.request(WARD).catch(() => undefined);
  await bed.clock.rest();
  const before = await bed.record();
  // Its process has gone while it asked: who has the route begins anew under another UID.
  bed.process.isDead = true;
  startOther();
  await bed.clock.pass(2 * HOUR_MS);
  expect(await bed.record()).toMatchObject({
    phase: 'asking',
    isRestarted: false,
    upstreamUid: before?.upstreamUid,
    attempts: 0,
  });
  bed.keeper.onRequest = () => Promise.resolve(done(TOLD));
  bed.restart();
  await bed.clock.pass(MINUTE_MS);
  expect(await bed.record()).toMatchObject({ isRestarted: true, phase: 'done' });
  expect(reports()).toEqual([{ uid: UID, result: RESULT }]);
});

test('a keeper that calls its UID a duplicate is asked again when the names are back', async () => {
  await open('reported', { transactionUids: 'own' });
  await bed.settle(bed.request(WARD));
  const first = await bed.record();
  bed.service.replaceTargets([], bed.peers);
  await bed.clock.rest();
  await bed.report(ALL_DUPLICATE, first?.upstreamUid);
  await bed.clock.pass(HOUR_MS);
  expect(bed.keeper.asked).toHaveLength(1);
  expect(await bed.record()).toMatchObject({ phase: 'asking', isRestarted: true });
  bed.keeper.onRequest = () => Promise.resolve(done(TOLD));
  bed.service.replaceTargets([bed.target], bed.peers);
  await bed.clock.rest();
  expect(reports()).toEqual([{ uid: UID, result: RESULT }]);
});

test('a Result Check of its user agent is answered as before', async () => {
  await open('checked');
  const answer = bed.request(WEB);
  await bed.clock.pass(5_000);
  await answer;
  bed.service.replaceTargets([], bed.peers);
  await bed.clock.pass(HOUR_MS);
  expect(await bed.service.check(bed.target, UID, contextOf(WEB))).toMatchObject({ state: 'pending' });
});
