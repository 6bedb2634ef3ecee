/**
 * A classic modality in front of a UPS-RS server, over real sockets on both sides: it finds its work, performs it and ends it,
 * and the server sees a performer that keeps to the state table (proxy flows 6, status mapping 11.1).
 */
import { afterEach, describe, expect, test } from '@jest/globals';
import { attribute, dataSetOf, firstText, itemsOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { fillType2 } from '../../../src/services/mpps/complete.ts';
import type { Upstream } from '../../../src/services/port.ts';
import { TRANSACTION_UID_SPELLINGS } from '../../../src/services/ups/parameters.ts';
import type { UpsOptions } from '../../../src/ups/options.ts';
import { createMessage, finalMessage, progressMessage, seriesMessage } from '../../support/mpps.ts';
import { collect, contextOf, keepingLogger, queryOf } from '../../support/requests.ts';
import type { UpsManner } from '../../support/ups/answers.ts';
import { modalityOf, UpstreamBed } from '../../support/ups/upstream-bed.ts';
import { scheduledWorkitem } from '../../support/ups/workitems.ts';

const MPPS_UID = '1.2.276.0.7230010.3.9.1';
const UID = '1.2.840.99.7.1';
const SECOND = '1.2.840.99.7.2';

let bed: UpstreamBed;
let modality: Upstream;
let close = async (): Promise<void> => {};
const logger = keepingLogger();
afterEach(() => close());

async function open(options: Partial<UpsOptions> = {}, manner: UpsManner = {}): Promise<void> {
  bed = await UpstreamBed.open(options, manner, logger);
  const ward = await modalityOf(bed);
  modality = ward.modality;
  close = async () => {
    await ward.close();
    await bed.close();
  };
}

const create = (attributes: DataSet, uid = MPPS_UID): Promise<unknown> =>
  modality.createMpps(uid, attributes, contextOf());
const update = (modifications: DataSet, uid = MPPS_UID): Promise<unknown> =>
  modality.updateMpps(uid, modifications, contextOf());
const retrieve = (): Promise<DataSet> => modality.retrieveMpps(MPPS_UID, 'all', contextOf());

/** What the modality sees in the worklist, and what its N-CREATE takes over of it. */
const IDENTIFIER = dataSetOf({
  '00080050': attribute('SH'),
  '00100010': attribute('PN'),
  '00100020': attribute('LO'),
  '0020000D': attribute('UI'),
  '00401001': attribute('SH'),
  '00400100': attribute(
    'SQ',
    dataSetOf({
      '00080060': attribute('CS', 'CT'),
      '00400001': attribute('AE', 'CT1'),
      '00400002': attribute('DA', '20260301'),
      '00400003': attribute('TM'),
      '00400007': attribute('LO'),
      '00400009': attribute('SH'),
    }),
  ),
});

const worklist = (): Promise<DataSet[]> => collect(modality.search(queryOf(IDENTIFIER), contextOf()));

/** An N-CREATE as modalities make it of these entries. */
function createOf(...entries: readonly DataSet[]): DataSet {
  const items = entries.map((entry) => {
    const { '00080050': accession, '0020000D': study, '00401001': requested } = entry;
    const id = itemsOf(entry['00400100'])[0]?.['00400009'];
    return dataSetOf({
      ...(accession && { '00080050': accession }),
      ...(study && { '0020000D': study }),
      ...(requested && { '00401001': requested }),
      ...(id && { '00400009': id }),
    });
  });
  const whole = dataSetOf({ ...createMessage(), '00400281': attribute('SQ'), '00400270': attribute('SQ', ...items) });
  return fillType2(whole).attributes;
}

const workitem = (uid = UID): DataSet => bed.server.worklist.get(uid) as DataSet;
const performed = (uid = UID): DataSet => itemsOf(workitem(uid)['00741216'])[0] as DataSet;
const stateOf = (uid = UID): string | undefined => bed.server.worklist.stateOf(uid);
const failed = (dimseStatus: number, more: object = {}): object => ({ dimseStatus, ...more });
const requestedBy = (uid: string): DataSet =>
  scheduledWorkitem('PID-1', {
    '0040A370': attribute(
      'SQ',
      dataSetOf({
        '00080050': attribute('SH', `ACC-${uid.at(-1)}`),
        '0020000D': attribute('UI', '1.2.3.4'),
        '00401001': attribute('SH', `RP${uid.at(-1)}`),
      }),
    ),
  });

/** The whole life of one step, as the modality plays it. */
async function playLife(): Promise<void> {
  const [entry] = await worklist();
  await create(createOf(entry as DataSet));
  await update(seriesMessage(1));
  await update(dataSetOf({ ...seriesMessage(2), ...progressMessage('胸部 going on') }));
  await update(finalMessage('COMPLETED', 2));
}

describe('a step from the worklist to its end', () => {
  test('is claimed, reported and completed, and each message is what the server is asked for it (6.1 to 6.4)', async () => {
    await open();
    bed.server.schedule(UID, scheduledWorkitem());
    bed.server.schedule(SECOND, scheduledWorkitem('PID-2', { '00404005': attribute('DT', '20260302081500') }));
    const [entry, ...others] = await worklist();
    expect(others).toEqual([]);
    const step = itemsOf((entry as DataSet)['00400100'])[0] as DataSet;
    const texts = ['00080060', '00400001', '00400002', '00400003', '00400007'].map((tag) => firstText(step, tag));
    expect(texts).toEqual(['CT', 'CT1', '20260301', '081500', 'CT of the thorax']);
    expect(firstText(step, '00400009')?.length).toBeLessThanOrEqual(16);
    const heads = ['00080050', '00100020', '0020000D', '00401001'].map((tag) => firstText(entry as DataSet, tag));
    expect(heads).toEqual(['ACC-1', 'PID-1', '1.2.3.4', 'RP1']);
    expect(await worklist()).toEqual([entry]);

    await create(createOf(entry as DataSet));
    expect([stateOf(), firstText(performed(), '00404050')]).toEqual(['IN PROGRESS', '202603010815']);
    expect(await worklist()).toEqual([]);

    await update(seriesMessage(2, 1));
    const outputs = itemsOf(performed()['00404033']);
    expect(outputs.map((output) => [firstText(output, '0020000E'), itemsOf(output['00081199']).length])).toEqual([
      ['1.2.3.4.1', 2],
      ['1.2.3.4.2', 1],
    ]);
    await update(finalMessage('COMPLETED', 3));
    expect([stateOf(), firstText(performed(), '00404051')]).toEqual(['COMPLETED', '202603010830']);
    expect(itemsOf(performed()['00404033'])).toHaveLength(1);
    const writes = bed.server.account.filter((line) => !/^(search|retrieve)/.test(line));
    expect(writes).toEqual(['changeState 200', 'update 200', 'update 200', 'update 200', 'changeState 200']);
    await expect(update(progressMessage('too late'))).rejects.toMatchObject(failed(0x0110, { errorId: 0xa710 }));
    await expect(create(createMessage())).rejects.toMatchObject({ code: 'DUPLICATE_INSTANCE' });
  });

  test('is discontinued with its reason, or with the one of the configuration, what was acquired stays (6.5)', async () => {
    await open();
    for (const [uid, reason] of [
      [UID, '110514'],
      [SECOND, undefined],
    ] as const) {
      bed.server.schedule(uid, requestedBy(uid));
      const mppsUid = `${MPPS_UID}.${uid.at(-1)}`;
      const [entry] = await worklist();
      await create(createOf(entry as DataSet), mppsUid);
      await update(seriesMessage(1), mppsUid);
      const code = dataSetOf({
        '00080100': attribute('SH', reason ?? ''),
        '00080102': attribute('SH', 'DCM'),
        '00080104': attribute('LO', 'Incorrect worklist entry selected'),
      });
      const end = dataSetOf({ '00400252': attribute('CS', 'DISCONTINUED') });
      const given = reason === undefined ? {} : { '00400281': attribute('SQ', code) };
      await update(dataSetOf({ ...end, ...given }), mppsUid);
      const [progress] = itemsOf(workitem(uid)['00741002']);
      const told = firstText(itemsOf((progress as DataSet)['0074100E'])[0] as DataSet, '00080100');
      expect([stateOf(uid), told]).toEqual(['CANCELED', reason ?? '110513']);
      expect(itemsOf(performed(uid)['00404033'])).toHaveLength(1);
    }
    expect(bed.server.account.filter((line) => line.startsWith('requestCancellation'))).toEqual([]);
  });

  test('is read back as it was made: what a workitem cannot hold has been kept (6.7)', async () => {
    await open();
    bed.server.schedule(UID, scheduledWorkitem());
    const [entry] = await worklist();
    const made = createOf(entry as DataSet);
    await create(made);
    await update(seriesMessage(1));
    await update(finalMessage('COMPLETED', 2));
    const whole = { ...made, ...finalMessage('COMPLETED', 2) };
    const found = await retrieve();
    const { '00080005': _characterSet, ...rest } = found;
    expect(rest).toEqual({ ...whole });
  });

  test.each<[string, Partial<UpsOptions>, UpsManner]>([
    ['XML only', { mediaType: 'json' }, { mediaType: 'xml' }],
    ['searches that leave attributes out', { retrieveEach: true }, { sparse: true }],
    ...TRANSACTION_UID_SPELLINGS.map(
      (spelling) =>
        [`the lock named by ${spelling}`, { transactionUid: spelling }, { transactionUid: spelling }] as const,
    ).map(([title, options, manner]): [string, Partial<UpsOptions>, UpsManner] => [title, options, manner]),
  ])('lives at a server with %s (PS3.18 11.6)', async (_title, options, manner) => {
    await open(options, manner);
    bed.server.schedule(UID, scheduledWorkitem());
    await playLife();
    expect(stateOf()).toBe('COMPLETED');
  });

  test('survives each answer that is lost: what came of it is asked, and nothing is done twice (status mapping 8)', async () => {
    await open();
    bed.server.schedule(UID, scheduledWorkitem());
    const lost = 'lost' as const;
    bed.server.faults.changeState = [lost];
    bed.server.faults.update = [lost];
    const [entry] = await worklist();
    await create(createOf(entry as DataSet)).catch(() => create(createOf(entry as DataSet)));
    expect(stateOf()).toBe('IN PROGRESS');
    const lock = bed.server.worklist.transactionUidOf(UID);
    bed.server.faults.update = [lost];
    await update(seriesMessage(1)).catch(() => update(seriesMessage(1)));
    bed.server.faults.update = [lost];
    bed.server.faults.changeState = [lost];
    const end = finalMessage('COMPLETED', 2);
    await update(end).catch(() => update(end));
    expect([stateOf(), bed.server.worklist.transactionUidOf(UID)]).toEqual(['COMPLETED', lock]);
    expect(itemsOf(performed()['00404033'])).toHaveLength(1);
  });
});

describe('a step that cannot be claimed', () => {
  const ENTRY = dataSetOf({
    '00080050': attribute('SH', 'ACC-1'),
    '0020000D': attribute('UI', '1.2.3.4'),
    '00401001': attribute('SH', 'RP1'),
    '00400100': attribute('SQ', dataSetOf({ '00400009': attribute('SH', 'SPS1') })),
  });
  const writes = (): string[] => bed.server.account.filter((line) => !/^(search|retrieve)/.test(line));

  test('without a workitem is refused with 0110H, or gets one when told so (6.2 step 3)', async () => {
    await open();
    await expect(create(createOf(ENTRY))).rejects.toMatchObject(failed(0x0110));
    expect([writes(), bed.server.worklist.uids]).toEqual([[], []]);
    await close();
    await open({ unscheduled: 'create' });
    await create(createOf(ENTRY));
    await update(finalMessage('COMPLETED', 1));
    const [uid = '', ...others] = bed.server.worklist.uids;
    expect([stateOf(uid), others]).toEqual(['COMPLETED', []]);
    expect(firstText(workitem(uid), '00100020')).toBe('PID-1');
  });

  test('that has ended before it began is refused with 0106H, and claims nothing (PS3.4 F.7.2.1.2)', async () => {
    await open();
    bed.server.schedule(UID, scheduledWorkitem());
    const [entry] = await worklist();
    const made = dataSetOf({ ...createOf(entry as DataSet), ...finalMessage('COMPLETED', 1) });
    await expect(create(made)).rejects.toMatchObject(failed(0x0106));
    expect([stateOf(), writes()]).toEqual(['SCHEDULED', []]);
  });

  test.each<[string, DataSet]>([
    ['patient', dataSetOf({ '00100020': attribute('LO', 'PID-9') })],
    ['issuer of the patient ID', dataSetOf({ '00100021': attribute('LO', 'ELSEWHERE') })],
  ])('of another %s is refused with 0110H before anything is claimed, and goes to the log', async (_title, wrong) => {
    await open();
    bed.server.schedule(UID, scheduledWorkitem('PID-1', { '00100021': attribute('LO', 'HERE') }));
    const [entry] = await worklist();
    const lines = logger.lines.length;
    const made = dataSetOf({ ...createOf(entry as DataSet), '00100021': attribute('LO', 'HERE'), ...wrong });
    await expect(create(made)).rejects.toMatchObject(failed(0x0110));
    expect([stateOf(), writes()]).toEqual(['SCHEDULED', []]);
    const told = JSON.stringify(logger.lines.slice(lines));
    expect(told).toContain('warn');
    expect(told).not.toMatch(/PID-|HERE|Yamada/);
  });

  test('claimed by another is refused with 0110H, or goes on in a further workitem when told so', async () => {
    for (const append of ['refuse', 'create'] as const) {
      await open({ append });
      bed.server.schedule(UID, scheduledWorkitem());
      const [entry] = await worklist();
      const theirs = bed.server.claimByAnother(UID);
      const made = create(createOf(entry as DataSet));
      if (append === 'refuse') await expect(made).rejects.toMatchObject(failed(0x0110));
      else await made;
      expect(bed.server.worklist.transactionUidOf(UID)).toBe(theirs);
      const further = bed.server.worklist.uids.filter((uid) => uid !== UID).map((uid) => stateOf(uid));
      expect(further).toEqual(append === 'refuse' ? [] : ['IN PROGRESS']);
      await close();
    }
    close = async () => {};
  });

  test('of a group whose second workitem is taken keeps the first, and a repeat goes on with it (6.2, group case)', async () => {
    await open();
    for (const uid of [UID, SECOND]) bed.server.schedule(uid, requestedBy(uid));
    const entries = await worklist();
    expect(entries).toHaveLength(2);
    const made = createOf(...entries);
    // The claim of the second is refused for now, after the first was claimed.
    bed.server.at = (moment, transaction) => {
      const claimed = [UID, SECOND].filter((uid) => stateOf(uid) === 'IN PROGRESS').length;
      if (moment === 'before' && transaction === 'changeState' && claimed === 1) {
        bed.server.faults.changeState = [{ status: 503 }];
        bed.server.at = undefined;
      }
    };
    await expect(create(made)).rejects.toHaveProperty('dimseStatus');
    expect([stateOf(UID), stateOf(SECOND)].sort()).toEqual(['IN PROGRESS', 'SCHEDULED']);
    await create(made);
    await update(finalMessage('COMPLETED', 1));
    expect([stateOf(UID), stateOf(SECOND)]).toEqual(['COMPLETED', 'COMPLETED']);
  });

  test('claimed, but not updated, is not lost: a repeat of the N-CREATE goes on (status mapping 11.1)', async () => {
    await open();
    bed.server.schedule(UID, scheduledWorkitem());
    const [entry] = await worklist();
    bed.server.faults.update = [{ status: 503, headers: { 'Retry-After': '60' } }];
    await expect(create(createOf(entry as DataSet))).rejects.toMatchObject(failed(0x0213));
    expect(stateOf()).toBe('IN PROGRESS');
    await create(createOf(entry as DataSet));
    expect(firstText(performed(), '00404050')).toBe('202603010815');
    expect(bed.server.requests.filter(({ transaction }) => transaction === 'changeState')).toHaveLength(1);
  });
});

describe('a claim that is lost', () => {
  const claim = async (): Promise<void> => {
    await open();
    bed.server.schedule(UID, scheduledWorkitem());
    const [entry] = await worklist();
    await create(createOf(entry as DataSet));
  };

  test('to another lock is 0110H, and said in the log', async () => {
    await claim();
    bed.server.worklist.seize(UID);
    const lines = logger.lines.length;
    await expect(update(seriesMessage(1))).rejects.toMatchObject(failed(0x0110));
    expect(logger.lines.slice(lines).some(({ level }) => level === 'error' || level === 'warn')).toBe(true);
    expect(performed()['00404033']?.Value).toBeUndefined();
  });

  test('with the workitem itself is 0112H', async () => {
    await claim();
    bed.server.worklist.remove(UID);
    await expect(update(seriesMessage(1))).rejects.toMatchObject(failed(0x0112));
    await expect(retrieve()).rejects.toMatchObject(failed(0x0112));
  });

  test('never leaves: no lock stands in an answer or in the log (proxy flows 12)', async () => {
    await claim();
    const lock = bed.server.worklist.transactionUidOf(UID) as string;
    const found = await retrieve();
    expect(JSON.stringify([found, logger.lines])).not.toContain(lock);
  });
});

test('a server that is away is told as a lack of resources, and the same message works later (status mapping 2.2)', async () => {
  await open();
  bed.server.schedule(UID, scheduledWorkitem());
  const [entry] = await worklist();
  await bed.server.goAway();
  await expect(create(createOf(entry as DataSet))).rejects.toMatchObject(failed(0x0213));
  await expect(worklist()).rejects.toMatchObject({ dimseStatus: 0xc005 });
  await bed.server.comeBack();
  await create(createOf(entry as DataSet));
  expect(stateOf()).toBe('IN PROGRESS');
});
