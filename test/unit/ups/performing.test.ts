/** N-SET and N-GET of an MPPS whose workitems are at a UPS-RS server (proxy flows 6.3 to 6.7, status mapping 11.1). */
import { afterEach, describe, expect, test } from '@jest/globals';
import { attribute, dataSetOf, firstText, itemsOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import type { ClaimRecord } from '../../../src/store/workitem-records.ts';
import type { UpsOptions } from '../../../src/ups/options.ts';
import { createMessage, finalMessage, progressMessage, seriesMessage } from '../../support/mpps.ts';
import { contextOf, keepingLogger } from '../../support/requests.ts';
import { UpstreamBed } from '../../support/ups/upstream-bed.ts';
import { scheduledWorkitem } from '../../support/ups/workitems.ts';

const MPPS_UID = '1.2.276.0.7230010.3.9.1';
const FIRST = '1.2.840.99.7.1';
const SECOND = '1.2.840.99.7.2';
const STUDIES: Readonly<Record<string, string>> = { [FIRST]: '1.2.3.4', [SECOND]: '1.2.3.5' };

let bed: UpstreamBed;
const logger = keepingLogger();
afterEach(() => bed.close());

const update = (modifications: DataSet): Promise<unknown> =>
  bed.upstream.updateMpps(MPPS_UID, modifications, contextOf());
const retrieve = (uid = MPPS_UID): Promise<DataSet> => bed.upstream.retrieveMpps(uid, 'all', contextOf());
const states = (): (string | undefined)[] => bed.server.worklist.uids.map((uid) => bed.server.worklist.stateOf(uid));
const claim = async (): Promise<ClaimRecord> => (await bed.store.claims.get('ups', MPPS_UID)) as ClaimRecord;
const performed = (uid = FIRST): DataSet => itemsOf(bed.server.worklist.get(uid)?.['00741216'])[0] as DataSet;

/** Requests from here on. */
let begun = 0;
const account = (): string[] => bed.server.account.slice(begun);

/** An MPPS in progress, for a workitem in each of these studies. */
async function begin(uids: readonly string[] = [FIRST], options: Partial<UpsOptions> = {}): Promise<void> {
  bed = await UpstreamBed.open(options, {}, logger);
  for (const uid of uids) bed.server.schedule(uid, workitemOf(uid));
  const items = uids.map((uid) => dataSetOf({ '0020000D': attribute('UI', STUDIES[uid] as string) }));
  const attributes = dataSetOf({ ...createMessage(), '00400270': attribute('SQ', ...items) });
  await bed.upstream.createMpps(MPPS_UID, attributes, contextOf());
  begun = bed.server.account.length;
}

function workitemOf(uid: string): DataSet {
  const study = dataSetOf({ '0020000D': attribute('UI', STUDIES[uid] as string) });
  return scheduledWorkitem('PID-1', { ...study, '0040A370': attribute('SQ', study) });
}

const CODE = dataSetOf({
  '00080100': attribute('SH', 'P1'),
  '00080102': attribute('SH', '99LOCAL'),
  '00080104': attribute('LO', 'Protocol'),
});

describe('an update', () => {
  test('brings whole sequences of the MPPS as it stands, since UPS replaces them (6.3)', async () => {
    await begin();
    await update(progressMessage('first'));
    await update(seriesMessage(1));
    expect([firstText(performed(), '00400254'), itemsOf(performed()['00404033']).length]).toEqual(['first', 1]);
  });

  test('goes to every workitem of its MPPS', async () => {
    await begin([FIRST, SECOND]);
    await update(progressMessage('both'));
    expect([FIRST, SECOND].map((uid) => firstText(performed(uid), '00400254'))).toEqual(['both', 'both']);
  });

  test('asks for the workitem only where the MPPS has no code of its own', async () => {
    await begin();
    await update(progressMessage());
    expect(account()).toEqual(['retrieve 200', 'update 200']);
    await update(dataSetOf({ '00400260': attribute('SQ', CODE) }));
    await update(progressMessage());
    expect(account()).toEqual(['retrieve 200', 'update 200', 'update 200', 'update 200']);
    expect(itemsOf(performed()['00404019'])).toEqual([CODE]);
  });

  test('that was refused is not part of the MPPS', async () => {
    await begin();
    bed.server.faults.update = [{ status: 400 }];
    await expect(update(progressMessage('refused'))).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await update(seriesMessage(1));
    expect(firstText(performed(), '00400254')).toBeUndefined();
  });

  test('without an answer is sent once more, and no more than that', async () => {
    await begin();
    bed.server.faults.update = ['lost', 'drop'];
    await expect(update(progressMessage())).rejects.toMatchObject({ retry: 'ambiguous' });
    bed.server.faults.update = ['lost'];
    await update(progressMessage());
    expect(account().filter((line) => line.startsWith('update'))).toEqual([
      'update -',
      'update -',
      'update -',
      'update 200',
    ]);
  });

  test('of an MPPS that nobody created is 0112H', async () => {
    await begin();
    await expect(bed.upstream.updateMpps('1.2.3', progressMessage(), contextOf())).rejects.toMatchObject({
      code: 'NO_SUCH_INSTANCE',
    });
  });

  test('of a workitem that somebody else has ended is 0110H with A710H, and so is the next', async () => {
    await begin();
    const lock = bed.server.worklist.transactionUidOf(FIRST) as string;
    const canceled = dataSetOf({ '00741002': attribute('SQ', dataSetOf({ '0074100E': attribute('SQ', CODE) })) });
    bed.server.worklist.update(FIRST, lock, canceled);
    bed.server.worklist.changeState(FIRST, lock, 'CANCELED');
    await expect(update(seriesMessage(1))).rejects.toMatchObject({ code: 'INSTANCE_FINAL', retry: 'permanent' });
    begun = bed.server.account.length;
    await expect(update(finalMessage())).rejects.toMatchObject({ code: 'INSTANCE_FINAL' });
    expect(account()).toEqual(['retrieve 200']);
    expect(firstText(await retrieve(), '00400252')).toBe('DISCONTINUED');
  });
});

describe('the end', () => {
  test('whose state the server refuses leaves the step open, names the workitem, and may come again (C304H)', async () => {
    await begin();
    bed.server.faults.changeState = [{ status: 409 }];
    await expect(update(finalMessage())).rejects.toMatchObject({
      code: 'INSTANCE_CONFLICT',
      message: `final state refused: ${FIRST}`,
      httpStatus: 409,
    });
    expect([states(), (await claim()).workitems[0]?.phase]).toEqual([['IN PROGRESS'], 'claimed']);
    await update(finalMessage());
    expect(states()).toEqual(['COMPLETED']);
  });

  test('of a group that stopped halfway goes on with those that are left', async () => {
    await begin([FIRST, SECOND]);
    bed.server.at = (moment, transaction) => {
      if (moment === 'after' && transaction === 'changeState') bed.server.faults.update = [{ status: 503 }];
    };
    await expect(update(finalMessage())).rejects.toMatchObject({ code: 'OUT_OF_RESOURCES', retry: 'safe' });
    expect(states()).toEqual(['COMPLETED', 'IN PROGRESS']);
    expect(firstText(await retrieve(), '00400252')).toBe('IN PROGRESS');
    bed.server.at = undefined;
    await bed.restart();
    begun = bed.server.account.length;
    await update(finalMessage());
    expect([states(), account()]).toEqual([
      ['COMPLETED', 'COMPLETED'],
      ['retrieve 200', 'update 200', 'changeState 200'],
    ]);
    expect(firstText(await retrieve(), '00400252')).toBe('COMPLETED');
    await expect(update(finalMessage())).rejects.toMatchObject({ code: 'INSTANCE_FINAL' });
  });

  test('without an answer is looked up, and found', async () => {
    await begin();
    bed.server.faults.changeState = ['lost'];
    await update(finalMessage());
    expect(account()).toEqual(['retrieve 200', 'update 200', 'changeState -', 'retrieve 200']);
    expect((await claim()).workitems[0]?.phase).toBe('final');
  });

  test('that got through unseen is known when it comes again: the update is refused, the state is the wanted one', async () => {
    await begin();
    bed.server.faults.changeState = ['lost'];
    bed.server.at = (moment, transaction) => {
      if (moment === 'after' && transaction === 'changeState') bed.server.faults.retrieve = [{ status: 500 }];
    };
    await expect(update(finalMessage())).rejects.toMatchObject({ retry: 'ambiguous' });
    await bed.restart();
    await update(finalMessage());
    expect([states(), (await claim()).workitems[0]?.phase]).toEqual([['COMPLETED'], 'final']);
  });

  test('by DISCONTINUED is asked for where the configuration says so, as drafts had it (6.5)', async () => {
    await begin([FIRST], { cancel: 'request' });
    await update(dataSetOf({ '00400252': attribute('CS', 'DISCONTINUED'), '00400281': attribute('SQ', CODE) }));
    expect(account()).toEqual(['retrieve 200', 'update 200', 'requestCancellation 202']);
    const { payload } = bed.server.requests.at(-1) ?? {};
    expect(payload).toEqual(dataSetOf({ '0074100E': attribute('SQ', CODE) }));
    expect(states()).toEqual(['IN PROGRESS']);
    await expect(update(progressMessage())).rejects.toMatchObject({ code: 'INSTANCE_FINAL' });
  });
});

describe('a retrieval', () => {
  test('of a workitem that others perform goes by its own UID; before it is begun there is no MPPS (6.7)', async () => {
    await begin();
    bed.server.schedule(SECOND, workitemOf(SECOND));
    await expect(retrieve(SECOND)).rejects.toMatchObject({ code: 'NO_SUCH_INSTANCE' });
    bed.server.claimByAnother(SECOND);
    const found = await retrieve(SECOND);
    const texts = ['00100020', '00400252'].map((tag) => firstText(found, tag));
    expect(texts).toEqual(['PID-1', 'IN PROGRESS']);
    await expect(retrieve('1.2.3')).rejects.toMatchObject({ code: 'NO_SUCH_INSTANCE' });
  });

  test('of what the server has deleted is 0112H', async () => {
    await begin();
    bed.server.worklist.remove(FIRST);
    await expect(retrieve()).rejects.toMatchObject({ code: 'INSTANCE_DELETED' });
  });

  test('gives what is selected', async () => {
    await begin();
    const found = await bed.upstream.retrieveMpps(MPPS_UID, [['00400252'], ['00100020']], contextOf());
    expect(Object.keys(found).sort()).toEqual(['00100020', '00400252']);
  });
});

test('what UPS-RS does not have is said with why', async () => {
  await begin();
  const { upstream } = bed;
  const failure = { code: 'NOT_SUPPORTED', message: expect.stringContaining('UPS-RS') };
  await expect(upstream.requestCommitment()).rejects.toMatchObject(failure);
  await expect(upstream.checkCommitment()).rejects.toMatchObject(failure);
  await expect(upstream.reportCommitment()).rejects.toMatchObject(failure);
  await expect(upstream.notifyMpps()).rejects.toMatchObject(failure);
  await upstream.verify(contextOf());
});
