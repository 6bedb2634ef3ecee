/** How the result of a storage commitment gets to its SCU (proxy flows 8.8, status mapping 7.3). */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { CommitmentOptions } from '../../../../src/gateway/commitment/route.ts';
import { ServiceFailure } from '../../../../src/services/port.ts';
import { contextOf, WARD } from '../../../support/requests.ts';
import {
  CommitmentBed, DAY_MS, done, failing, HOUR_MS, OpenAssociation, RESULT, silent, TOLD, UID, unreachable,
} from '../../../support/commitment-bed.ts'; // prettier-ignore

let bed: CommitmentBed;
let association: OpenAssociation;

/** A request whose result is known at once, with its association open. */
async function asked(options: Partial<CommitmentOptions> = {}, onReport?: () => Promise<void>): Promise<void> {
  bed = await CommitmentBed.open('checked', options);
  bed.keeper.onRequest = async () => done(TOLD);
  association = new OpenAssociation();
  if (onReport !== undefined) association.onReport = onReport;
  await bed.settle(bed.request(WARD, { reporter: association }));
}

/** The same of an SCU that has released its association. */
async function askedAndLeft(onReport: () => Promise<void>): Promise<void> {
  bed = await CommitmentBed.open('checked');
  bed.keeper.onRequest = async () => done(TOLD);
  bed.modality.onReport = onReport;
  await bed.settle(bed.request(WARD));
}

afterEach(() => bed.close());

const reportsOnNew = (): unknown[] => bed.modality.reports.map(({ uid, result }) => ({ uid, result }));
const ONE_REPORT = [{ uid: UID, result: RESULT }];

describe('the way of a report', () => {
  test('is the association of the request while it is open, after its answer (PS3.4 J.3.3)', async () => {
    bed = await CommitmentBed.open('checked');
    bed.keeper.onRequest = async () => done(TOLD);
    association = new OpenAssociation();
    let isAnswered = false;
    association.onReport = async () => {
      expect(isAnswered).toBe(true);
    };
    const answer = bed.request(WARD, { reporter: association }).then(() => (isAnswered = true));
    await bed.settle(answer);
    expect(association.reports).toHaveLength(1);
    expect(bed.modality.attempts).toBe(0);
    expect(await bed.record()).toMatchObject({ phase: 'done' });
  });

  test('is a new one from the AE title that the SCU had called where the old one is closed', async () => {
    bed = await CommitmentBed.open('checked', { retrieveAeTitle: 'PACS' });
    association = new OpenAssociation();
    await bed.settle(bed.request(WARD, { reporter: association }));
    association.isOpen = false;
    bed.keeper.onCheck = async () => done(TOLD);
    await bed.clock.pass(10_000);
    expect(reportsOnNew()).toEqual(ONE_REPORT);
    expect(association.reports).toEqual([]);
    expect(bed.modality.reports[0]?.context).toMatchObject({
      callingAeTitle: 'DIMSEWAY',
      retrieveAeTitle: 'PACS',
      traceId: 'test-trace',
      requester: WARD,
    });
  });

  test('is a new one by option, though the old one is open', async () => {
    await asked({ reportOn: 'new-association' });
    expect(association.reports).toEqual([]);
    expect(reportsOnNew()).toEqual(ONE_REPORT);
  });

  test.each([
    ['safe', new ServiceFailure('CONNECTION_LOST', { retry: 'safe' })],
    ['refused', new ServiceFailure('NOT_SUPPORTED', { dimseStatus: 0x0118 })],
  ])('is a new one at once where the old one does not take it: %s', async (_how, failure) => {
    await asked({}, () => Promise.reject(failure));
    expect(reportsOnNew()).toEqual(ONE_REPORT);
    expect(await bed.record()).toMatchObject({ phase: 'done' });
  });

  test('is a new one at once where the SCU has gone without an answer, as most do that release at once', async () => {
    await asked({}, failing('CONNECTION_LOST', { retry: 'ambiguous' }));
    expect(reportsOnNew()).toEqual(ONE_REPORT);
  });

  test('is a new one after a pause where it may have been taken on the old one', async () => {
    await asked({}, failing('UPSTREAM_TIMEOUT', { retry: 'ambiguous' }));
    expect(reportsOnNew()).toEqual([]);
    await bed.clock.pass(10_000);
    expect(reportsOnNew()).toEqual(ONE_REPORT);
    expect(association.reports).toEqual([]);
  });

  test('without an address is told once, with what to configure, and found when there is one', async () => {
    bed = await CommitmentBed.open('checked');
    bed.keeper.onRequest = async () => done(TOLD);
    bed.service.replaceTargets([bed.target], []);
    await bed.settle(bed.request(WARD));
    await bed.clock.pass(HOUR_MS);
    const told = bed.logger.lines.filter(({ outcome }) => outcome === 'RESOURCE_NOT_FOUND');
    expect(told).toEqual([expect.objectContaining({ level: 'warn', uid: UID })]);
    expect(told[0]?.problem).toContain('no dimse upstream has the AE title CT1');
    bed.service.replaceTargets([bed.target], bed.peers);
    await bed.clock.pass(600_000);
    expect(reportsOnNew()).toEqual(ONE_REPORT);
  });
});

describe('a result that another process took while the request is under way', () => {
  test('answers the request, then is reported on its association', async () => {
    bed = await CommitmentBed.open('reported');
    bed.keeper.onRequest = silent;
    association = new OpenAssociation();
    let isAnswered = false;
    const answer = bed.request(WARD, { reporter: association }).then(() => (isAnswered = true));
    await bed.clock.rest();
    const other = bed.start();
    other.service.replaceTargets([], bed.peers);
    const context = { ...contextOf(), requester: { ...WARD, callingAeTitle: 'ARCHIVE' } };
    await other.service.report({ transactionUid: UID, ...TOLD }, context);
    expect(isAnswered).toBe(false);
    bed.service.wake();
    await bed.settle(answer);
    expect(association.reports.map(({ uid, result }) => ({ uid, result }))).toEqual(ONE_REPORT);
    await other.service.close(0);
  });
});

describe('a report that is not taken (status mapping 7.3)', () => {
  test('an SCU that cannot be reached for a day gets it when it is back, within ten minutes, once', async () => {
    await askedAndLeft(unreachable);
    await bed.clock.pass(DAY_MS);
    expect(bed.modality.attempts).toBeGreaterThan(140);
    expect(bed.modality.attempts).toBeLessThan(160);
    expect(await bed.record()).toMatchObject({ phase: 'reporting', lastFailure: { code: 'UPSTREAM_UNREACHABLE' } });
    bed.modality.onReport = () => Promise.resolve();
    await bed.clock.pass(600_000);
    expect(reportsOnNew()).toEqual(ONE_REPORT);
    await bed.clock.pass(DAY_MS);
    expect(reportsOnNew()).toEqual(ONE_REPORT);
    const warned = bed.logger.lines.filter(({ outcome }) => outcome === 'UPSTREAM_UNREACHABLE');
    expect(warned).toHaveLength(1);
  });

  test.each([
    ['OUT_OF_RESOURCES', { dimseStatus: 0x0213 }],
    ['UPSTREAM_TIMEOUT', { retry: 'ambiguous' }],
    ['UPSTREAM_REJECTED', {}],
    ['CONNECTION_LOST', { retry: 'ambiguous' }],
  ] as const)('%s: again and again', async (code, given) => {
    await askedAndLeft(failing(code, given));
    await bed.clock.pass(HOUR_MS);
    expect(bed.modality.attempts).toBeGreaterThan(8);
    expect(await bed.record()).toMatchObject({ phase: 'reporting' });
  });

  test.each([
    ['UPSTREAM_ERROR', 0x0110],
    ['INVALID_VALUE', 0x0115],
  ] as const)('%s, %p: three times', async (code, dimseStatus) => {
    await askedAndLeft(failing(code, { dimseStatus }));
    await bed.clock.pass(DAY_MS);
    expect(bed.modality.attempts).toBe(3);
    expect(await bed.record()).toMatchObject({ phase: 'done', lastFailure: { code } });
  });

  test('one that was away for long and then refuses is told three times from then on', async () => {
    await askedAndLeft(unreachable);
    await bed.clock.pass(HOUR_MS);
    const away = bed.modality.attempts;
    bed.modality.onReport = failing('INVALID_VALUE', { dimseStatus: 0x0115 });
    await bed.clock.pass(DAY_MS);
    expect(bed.modality.attempts).toBe(away + 3);
  });

  test.each([
    ['OPERATION_NOT_SUPPORTED', 0x0113],
    ['NOT_SUPPORTED', 0x0118],
    ['OPERATION_NOT_SUPPORTED', 0x0211],
  ] as const)('%s, %p: it has answered for good', async (code, dimseStatus) => {
    await askedAndLeft(failing(code, { dimseStatus }));
    await bed.clock.pass(DAY_MS);
    expect(bed.modality.attempts).toBe(1);
    expect(await bed.record()).toMatchObject({ phase: 'done', lastFailure: { code } });
  });

  test('an SCU that never answers is given its time, and is never told twice at a time', async () => {
    let atOnce = 0;
    let most = 0;
    await askedAndLeft(async () => {
      most = Math.max(most, ++atOnce);
      await new Promise<void>((resolve) => void bed.clock.setTimer(resolve, 63_000));
      atOnce--;
      throw new ServiceFailure('UPSTREAM_TIMEOUT', { retry: 'ambiguous' });
    });
    const other = bed.start();
    await bed.clock.pass(HOUR_MS);
    expect(most).toBe(1);
    expect(bed.modality.attempts).toBeGreaterThan(4);
    await other.service.close(0);
  });

  test('a report that was taken while the store fails is not sent again for that', async () => {
    await askedAndLeft(async () => {
      bed.fateOf = () => 'fails';
    });
    await bed.clock.pass(HOUR_MS);
    expect(reportsOnNew()).toEqual(ONE_REPORT);
    bed.fateOf = () => 'done';
    await bed.clock.pass(HOUR_MS);
    expect(reportsOnNew()).toEqual(ONE_REPORT);
    expect(await bed.record()).toMatchObject({ phase: 'done' });
    expect(bed.texts().filter((text) => text === 'the store failed storage commitment')).toHaveLength(1);
  });
});

describe('the end of a process (close)', () => {
  test('waits for a report under way', async () => {
    const gate = Promise.withResolvers<undefined>();
    await askedAndLeft(() => gate.promise);
    const closed = bed.service.close(10_000);
    await bed.clock.pass(5_000);
    gate.resolve(undefined);
    await closed;
    expect(await bed.record()).toMatchObject({ phase: 'done' });
    expect(reportsOnNew()).toEqual(ONE_REPORT);
  });

  test('ends what takes longer; another process goes on at once', async () => {
    await askedAndLeft(() => new Promise((resolve) => void bed.clock.setTimer(resolve, 600_000)));
    bed.modality.reportCommitment = (_uid, _result, context) =>
      new Promise((_resolve, reject) => {
        context?.signal.addEventListener('abort', () => reject(context.signal.reason as Error));
      });
    await bed.clock.pass(90_000);
    const closed = bed.service.close(5_000);
    await bed.clock.pass(6_000);
    await closed;
    expect(await bed.record()).toMatchObject({ phase: 'reporting', isHeld: false });
    Reflect.deleteProperty(bed.modality, 'reportCommitment');
    bed.modality.onReport = () => Promise.resolve();
    bed.process = bed.start();
    await bed.clock.rest();
    expect(reportsOnNew()).toEqual(ONE_REPORT);
  });

  test('begins nothing that follows from what it lets finish: another process goes on at once', async () => {
    bed = await CommitmentBed.open('checked');
    const gate = Promise.withResolvers<undefined>();
    bed.keeper.onRequest = () => gate.promise.then(() => done(TOLD));
    const answer = bed.request(WARD);
    await bed.clock.pass(1_000);
    const closed = bed.service.close(10_000);
    await bed.clock.rest();
    gate.resolve(undefined);
    await bed.settle(Promise.all([closed, answer]));
    expect(bed.modality.attempts).toBe(0);
    expect(await bed.record()).toMatchObject({ phase: 'reporting', result: RESULT, isHeld: false });
    bed.process = bed.start();
    await bed.clock.rest();
    expect(reportsOnNew()).toEqual(ONE_REPORT);
  });

  test('answers who waits, and takes nothing new', async () => {
    bed = await CommitmentBed.open('reported');
    const answer = bed.request({ ...WARD, protocol: 'dicomweb', subject: 'nuc1' });
    await bed.clock.pass(1_000);
    await bed.service.close(5_000);
    expect(await answer).toEqual({ state: 'pending', retryAfterMs: 10_000 });
    await expect(bed.request(WARD, { uid: '1.2.9' })).rejects.toMatchObject({ code: 'SHUTTING_DOWN', retry: 'safe' });
    await bed.report();
    expect(await bed.record()).toMatchObject({ phase: 'done', result: RESULT });
  });

  test('a request that is under way is ended, and goes on in another process by what is known of it', async () => {
    bed = await CommitmentBed.open('checked');
    bed.keeper.onRequest = (_uid, context) =>
      new Promise((_resolve, reject) => {
        context.signal.addEventListener('abort', () => reject(context.signal.reason as Error));
      });
    const answer = bed.request(WARD);
    await bed.clock.pass(1_000);
    const closed = bed.service.close(5_000);
    await bed.clock.pass(6_000);
    await closed;
    expect(await answer).toMatchObject({ state: 'pending' });
    bed.keeper.onCheck = async () => done(TOLD);
    bed.process = bed.start();
    await bed.clock.rest();
    expect(bed.keeper.asked).toHaveLength(1);
    expect(reportsOnNew()).toEqual(ONE_REPORT);
  });
});
