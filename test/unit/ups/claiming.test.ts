/** N-CREATE at a UPS-RS server: what is found, checked and claimed, and in which order (proxy flows 6.2, status mapping 11.1). */
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { attribute, createDataSet, dataSetOf, firstText, itemsOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { stepIdOf } from '../../../src/services/ups/step-id.ts';
import type { ClaimRecord } from '../../../src/store/workitem-records.ts';
import type { UpsOptions } from '../../../src/ups/options.ts';
import { createMessage, finalMessage, progressMessage } from '../../support/mpps.ts';
import { collect, contextOf, keepingLogger, queryOf } from '../../support/requests.ts';
import { UpstreamBed } from '../../support/ups/upstream-bed.ts';
import { scheduledWorkitem } from '../../support/ups/workitems.ts';

const MPPS_UID = '1.2.276.0.7230010.3.9.1';
const FIRST = '1.2.840.99.7.1';
const SECOND = '1.2.840.99.7.2';

let bed: UpstreamBed;
const logger = keepingLogger();
afterEach(() => bed.close());

const open = async (options: Partial<UpsOptions> = {}): Promise<void> => {
  bed = await UpstreamBed.open(options, {}, logger);
};
const create = (attributes: DataSet): Promise<unknown> => bed.upstream.createMpps(MPPS_UID, attributes, contextOf());
const update = (modifications: DataSet): Promise<unknown> =>
  bed.upstream.updateMpps(MPPS_UID, modifications, contextOf());
const states = (): (string | undefined)[] => bed.server.worklist.uids.map((uid) => bed.server.worklist.stateOf(uid));
const claim = (): Promise<ClaimRecord | undefined> => bed.store.claims.get('ups', MPPS_UID);
const writes = (): string[] => bed.server.account.filter((line) => !/^(search|retrieve)/.test(line));

/** An item of Scheduled Step Attributes Sequence. */
const item = (number: number, stepId = '', study = '1.2.3.4'): DataSet =>
  dataSetOf({
    '00080050': attribute('SH', `ACC-${number}`),
    '0020000D': attribute('UI', study),
    '00401001': attribute('SH', `RP${number}`),
    '00400009': stepId === '' ? attribute('SH') : attribute('SH', stepId),
  });
const mpps = (...items: readonly DataSet[]): DataSet =>
  dataSetOf({ ...createMessage(), '00400270': attribute('SQ', ...items) });

/** A workitem for these requests. */
const requested = (numbers: readonly number[], more: DataSet = {}): DataSet =>
  scheduledWorkitem('PID-1', {
    '0040A370': attribute(
      'SQ',
      ...numbers.map((number) =>
        dataSetOf({
          '00080050': attribute('SH', `ACC-${number}`),
          '0020000D': attribute('UI', '1.2.3.4'),
          '00401001': attribute('SH', `RP${number}`),
        }),
      ),
    ),
    ...more,
  });
const schedule = (uid: string, workitem: DataSet): void => bed.server.schedule(uid, workitem);

describe('the workitem of a step', () => {
  test('is the one that was shown under its study and Scheduled Procedure Step ID: no search is needed', async () => {
    await open();
    schedule(FIRST, requested([1]));
    schedule(SECOND, requested([1]));
    const [entry] = await collect(bed.upstream.search(queryOf(dataSetOf({})), contextOf()));
    const stepId = firstText(itemsOf(entry?.['00400100'])[0] ?? {}, '00400009') as string;
    const searches = bed.server.account.length;
    await create(mpps(item(7, stepId)));
    expect(bed.server.account.slice(searches).filter((line) => line.startsWith('search'))).toEqual([]);
    expect((await claim())?.workitems.map(({ workitemUid, phase }) => [workitemUid, phase])).toEqual([
      [[FIRST, SECOND].find((uid) => stepIdOf(uid) === stepId), 'claimed'],
    ]);
  });

  test('is found by patient, study, accession number and requested procedure', async () => {
    await open();
    schedule(FIRST, requested([1]));
    schedule(SECOND, requested([2]));
    await create(mpps(item(2)));
    expect(states()).toEqual(['SCHEDULED', 'IN PROGRESS']);
    const [search] = bed.server.requests.filter(({ transaction }) => transaction === 'search');
    const names = [...new URL(search?.target ?? '', 'http://x').searchParams.keys()];
    expect(names).toEqual(['00100020', '0020000D', '0040A370.00080050', '0040A370.00401001', 'includefield']);
  });

  test('of several is the one that is SCHEDULED, then the one of its generated step ID, else none (0110H)', async () => {
    await open();
    const third = '1.2.840.99.7.3';
    for (const uid of [FIRST, SECOND, third]) schedule(uid, requested([1]));
    bed.server.claimByAnother(FIRST);
    await expect(create(mpps(item(1)))).rejects.toMatchObject({
      code: 'NO_SUCH_INSTANCE',
      message: 'several workitems found',
    });
    await create(mpps(item(1, stepIdOf(third))));
    expect(states()).toEqual(['IN PROGRESS', 'SCHEDULED', 'IN PROGRESS']);
  });

  test('that was shown and is gone is looked for by its request', async () => {
    await open();
    schedule(FIRST, requested([1]));
    await bed.store.claims.see([{ upstream: 'ups', studyUid: '1.2.3.4', stepId: 'SPS', workitemUid: SECOND }]);
    await create(mpps(item(1, 'SPS')));
    expect(states()).toEqual(['IN PROGRESS']);
  });

  test('for several requests is claimed once and updated once, however many items name it', async () => {
    await open();
    schedule(FIRST, requested([1, 2]));
    await create(mpps(item(1), item(2)));
    expect(writes()).toEqual(['changeState 200', 'update 200']);
    await update(finalMessage());
    expect(states()).toEqual(['COMPLETED']);
  });
});

describe('nothing is claimed', () => {
  test('of a group, before all of it agrees with the MPPS: a claim cannot be taken back', async () => {
    await open();
    schedule(FIRST, requested([1]));
    schedule(SECOND, requested([2]));
    await bed.store.claims.see([{ upstream: 'ups', studyUid: '9.9', stepId: 'SPS', workitemUid: SECOND }]);
    const lines = logger.lines.length;
    await expect(create(mpps(item(1), item(2, 'SPS', '9.9')))).rejects.toMatchObject({
      code: 'INSTANCE_CONFLICT',
      retry: 'permanent',
      attributes: ['0020000D'],
    });
    expect([states(), writes(), await claim()]).toEqual([['SCHEDULED', 'SCHEDULED'], [], undefined]);
    expect(logger.lines.slice(lines)).toEqual([
      expect.objectContaining({ level: 'warn', uid: MPPS_UID, workitemUid: SECOND, attributes: ['0020000D'] }),
    ]);
  });

  test('where one of a group is claimed by another', async () => {
    await open();
    schedule(FIRST, requested([1]));
    schedule(SECOND, requested([2]));
    bed.server.claimByAnother(SECOND);
    await expect(create(mpps(item(1), item(2)))).rejects.toMatchObject({ message: 'workitem already claimed' });
    expect([states(), writes(), await claim()]).toEqual([['SCHEDULED', 'IN PROGRESS'], [], undefined]);
  });

  test('while the search fails; nothing is remembered then (0213H where it may be tried again)', async () => {
    await open();
    schedule(FIRST, requested([1]));
    bed.server.faults.search = [{ status: 503 }, { status: 500 }, { status: 409 }];
    await expect(create(mpps(item(1)))).rejects.toMatchObject({ code: 'OUT_OF_RESOURCES', retry: 'safe' });
    await expect(create(mpps(item(1)))).rejects.toMatchObject({ code: 'UPSTREAM_ERROR' });
    await expect(create(mpps(item(1)))).rejects.not.toMatchObject({ code: 'DUPLICATE_INSTANCE' });
    expect([states(), writes(), await claim()]).toEqual([['SCHEDULED'], [], undefined]);
    await create(mpps(item(1)));
    expect(states()).toEqual(['IN PROGRESS']);
  });
});

describe('a lock', () => {
  test('is on the disk before it is sent', async () => {
    await open();
    schedule(FIRST, requested([1]));
    const added = jest.spyOn(bed.store.claims, 'add');
    let before: ClaimRecord | undefined;
    bed.server.at = async (moment, transaction) => {
      if (moment === 'before' && transaction === 'changeState') before = await claim();
    };
    await create(mpps(item(1)));
    expect(added.mock.calls.map(([, durability]) => durability)).toEqual(['disk']);
    expect(before?.workitems).toEqual([
      {
        workitemUid: FIRST,
        transactionUid: bed.server.worklist.transactionUidOf(FIRST),
        phase: 'claiming',
        isCreated: false,
      },
    ]);
  });

  test('that was too late leaves nothing behind, and the workitem to the other', async () => {
    await open();
    schedule(FIRST, requested([1]));
    raceFor('changeState');
    await expect(create(mpps(item(1)))).rejects.toMatchObject({
      code: 'INSTANCE_CONFLICT',
      message: 'workitem already claimed',
    });
    expect([writes(), await claim()]).toEqual([['changeState 400'], undefined]);
  });

  test('that was too late gives way to a further workitem, when told so', async () => {
    await open({ append: 'create' });
    schedule(FIRST, requested([1]));
    raceFor('changeState');
    await create(mpps(item(1)));
    expect(states()).toEqual(['IN PROGRESS', 'IN PROGRESS']);
    const record = await claim();
    expect(record?.workitems).toEqual([expect.objectContaining({ phase: 'claimed', isCreated: true })]);
    expect(record?.workitems[0]?.workitemUid).not.toBe(FIRST);
  });

  test('without an answer is taken for ours by the state that is there, until its update tells otherwise', async () => {
    await open();
    schedule(FIRST, requested([1]));
    // Our claim is lost on its way, and another's comes.
    bed.server.faults.changeState = ['drop'];
    raceFor('changeState');
    await expect(create(mpps(item(1)))).rejects.toMatchObject({ message: 'workitem already claimed' });
    expect([writes(), await claim()]).toEqual([['changeState -', 'update 400'], undefined]);
  });

  test('of which nothing can be learned stays pending: the create that comes again goes on with it', async () => {
    await open();
    schedule(FIRST, requested([1]));
    bed.server.faults.changeState = ['lost'];
    const gone = { status: 500 };
    bed.server.at = (moment, transaction) => {
      if (moment === 'after' && transaction === 'changeState') bed.server.faults.retrieve = [gone];
    };
    await expect(create(mpps(item(1)))).rejects.toMatchObject({ retry: 'ambiguous' });
    const pending = await claim();
    expect([states(), pending?.workitems[0]?.phase, pending?.isComplete]).toEqual([['IN PROGRESS'], 'claiming', false]);
    await expect(update(progressMessage())).rejects.toMatchObject({ code: 'NO_SUCH_INSTANCE' });
    await expect(bed.upstream.retrieveMpps(MPPS_UID, 'all', contextOf())).rejects.toMatchObject({
      code: 'NO_SUCH_INSTANCE',
    });
    await bed.restart();
    await create(mpps(item(1)));
    expect((await claim())?.workitems).toEqual([{ ...pending?.workitems[0], phase: 'claimed' }]);
    expect(writes()).toEqual(['changeState -', 'changeState 409', 'update 200']);
  });

  test('goes on only with the same patient: what comes again may have been corrected', async () => {
    await open();
    schedule(FIRST, requested([1]));
    bed.server.faults.update = [{ status: 500 }];
    await expect(create(mpps(item(1)))).rejects.toMatchObject({ code: 'UPSTREAM_ERROR' });
    const other = dataSetOf({ ...mpps(item(1)), '00100020': attribute('LO', 'PID-2') });
    await expect(create(other)).rejects.toMatchObject({ code: 'INSTANCE_CONFLICT', attributes: ['00100020'] });
    const corrected = dataSetOf({ ...mpps(item(1)), '00400254': attribute('LO', 'corrected') });
    await create(corrected);
    expect((await claim())?.picture['00400254']).toEqual(attribute('LO', 'corrected'));
  });

  test('that does not open what was claimed is told as an alarm, and no repeat cures it (status mapping 11.1)', async () => {
    await open();
    schedule(FIRST, requested([1]));
    bed.server.at = (moment, transaction) => {
      if (moment === 'before' && transaction === 'update') bed.server.worklist.seize(FIRST);
    };
    const lines = logger.lines.length;
    await expect(create(mpps(item(1)))).rejects.toMatchObject({ code: 'INSTANCE_CONFLICT', retry: 'permanent' });
    expect(logger.lines.slice(lines)).toEqual([expect.objectContaining({ level: 'error', workitemUid: FIRST })]);
  });
});

describe('a workitem that is created', () => {
  test('has its UID on the disk before it is sent; one that exists gives way to another, once (409)', async () => {
    await open({ unscheduled: 'create' });
    const kept: (string | undefined)[] = [];
    bed.server.at = async (moment, transaction) => {
      if (moment === 'before' && transaction === 'create') kept.push((await claim())?.workitems[0]?.workitemUid);
    };
    bed.server.faults.create = [{ status: 409 }];
    await create(mpps(item(1)));
    const sent = bed.server.requests
      .filter(({ transaction }) => transaction === 'create')
      .map(({ target }) => target.split('?')[1]);
    expect(new Set(sent).size).toBe(2);
    expect([kept, bed.server.worklist.uids]).toEqual([sent, [sent[1]]]);

    await bed.close();
    await open({ unscheduled: 'create' });
    bed.server.faults.create = [{ status: 409 }, { status: 409 }];
    await expect(create(mpps(item(1)))).rejects.toMatchObject({ code: 'INSTANCE_CONFLICT' });
  });

  test('without an answer is looked for before it is created once more', async () => {
    await open({ unscheduled: 'create' });
    bed.server.faults.create = ['lost'];
    await create(mpps(item(1)));
    expect(writes()).toEqual(['create -', 'changeState 200', 'update 200']);
    expect(states()).toEqual(['IN PROGRESS']);
  });

  test('that arrives only after it was looked for is the one, and no second is left on the worklist (409)', async () => {
    await open({ unscheduled: 'create' });
    bed.server.faults.create = ['drop'];
    bed.server.at = (moment, transaction) => {
      if (moment !== 'after' || transaction !== 'retrieve') return;
      bed.server.at = undefined;
      const { target, payload } = bed.server.requests.find((each) => each.transaction === 'create') ?? {};
      bed.server.schedule(target?.split('?')[1] ?? '', payload ?? createDataSet());
    };
    await create(mpps(item(1)));
    expect(writes()).toEqual(['create -', 'create 409', 'changeState 200', 'update 200']);
    expect(states()).toEqual(['IN PROGRESS']);
  });

  test('goes on after a restart between its creation and its claim', async () => {
    await open({ unscheduled: 'create' });
    bed.server.faults.changeState = [{ status: 503 }];
    await expect(create(mpps(item(1)))).rejects.toMatchObject({ code: 'OUT_OF_RESOURCES' });
    await bed.restart();
    await create(mpps(item(1)));
    expect([states(), writes()]).toEqual([
      ['IN PROGRESS'],
      ['create 201', 'changeState 503', 'changeState 200', 'update 200'],
    ]);
  });

  test('for a step without any code has its label for one, so that it can be COMPLETED (final state code P)', async () => {
    await open({ unscheduled: 'create' });
    await create(mpps(item(1)));
    await update(finalMessage());
    expect(states()).toEqual(['COMPLETED']);
  });
});

/** Another performer is faster, once. */
function raceFor(what: 'changeState'): void {
  bed.server.at = (moment, transaction) => {
    if (moment !== 'before' || transaction !== what) return;
    bed.server.at = undefined;
    bed.server.claimByAnother(FIRST);
  };
}
