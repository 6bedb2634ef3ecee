import { describe, expect, test } from '@jest/globals';

import { attribute as a, createDataSet, dataSetOf } from '../../../../src/dataset/model.ts';
import type { DataSet } from '../../../../src/dataset/model.ts';
import { ServiceFailure } from '../../../../src/services/port.ts';
import {
  actionInformation,
  actionRequestOf,
  eventOf,
  eventReport,
  failureOfCommand,
} from '../../../../src/services/storage-commitment/messages.ts';
import { commitmentDimseOutcome } from '../../../../src/services/storage-commitment/outcomes.ts';
import { settle } from '../../../../src/services/storage-commitment/settle.ts';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const PUSH_MODEL = '1.2.840.10008.1.20.1';
const WELL_KNOWN = '1.2.840.10008.1.20.1.1';
const TRANSACTION = '2.25.4711';

const REFERENCES = ['1.1', '1.2'].map((sopInstanceUid) => ({ sopClassUid: CT, sopInstanceUid }));
const [FIRST, SECOND] = REFERENCES as [(typeof REFERENCES)[0], (typeof REFERENCES)[0]];
const items = REFERENCES.map(({ sopInstanceUid }) =>
  dataSetOf({ '00081150': a('UI', CT), '00081155': a('UI', sopInstanceUid) }),
);
const [FIRST_ITEM, SECOND_ITEM] = items as [DataSet, DataSet];
const ACTION = dataSetOf({ '00081195': a('UI', TRANSACTION), '00081199': a('SQ', ...items) });

function statusOf(operation: 'request' | 'report', run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (!(error instanceof ServiceFailure)) throw error;
    return commitmentDimseOutcome(error, operation).status.toString(16);
  }
  return '0';
}

describe('the command (PS3.4 J.3.2.1, J.3.3.1)', () => {
  const right = { sopClassUid: PUSH_MODEL, sopInstanceUid: WELL_KNOWN, typeId: 1 };
  test.each<['request' | 'report', object, number]>([
    ['request', { sopClassUid: '1.2.840.10008.3.1.2.3.3' }, 0x0118],
    ['report', { sopClassUid: undefined }, 0x0118],
    ['request', { sopInstanceUid: '1.2.3' }, 0x0112],
    ['report', { sopInstanceUid: undefined }, 0x0112],
    ['request', { typeId: 2 }, 0x0123],
    ['request', { typeId: undefined }, 0x0123],
    ['report', { typeId: 3 }, 0x0113],
    ['report', { typeId: 0 }, 0x0113],
  ])('%s with %j is answered by its own status', (operation, wrong, status) => {
    const failure = failureOfCommand({ ...right, ...wrong }, operation) as ServiceFailure;
    expect(commitmentDimseOutcome(failure, operation).status).toBe(status);
  });

  test('class, instance, action type 1 and event types 1 and 2 are right', () => {
    expect(failureOfCommand(right, 'request')).toBeUndefined();
    expect(failureOfCommand(right, 'report')).toBeUndefined();
    expect(failureOfCommand({ ...right, typeId: 2 }, 'report')).toBeUndefined();
  });
});

describe('N-ACTION (PS3.4 Table J.3-1)', () => {
  test('holds Transaction UID and Referenced SOP Sequence, and reads back', () => {
    expect(actionInformation(TRANSACTION, REFERENCES)).toEqual(ACTION);
    expect(actionRequestOf(ACTION)).toEqual({ transactionUid: TRANSACTION, references: REFERENCES });
  });

  test('media file sets, retired and private attributes pass', () => {
    const fileSet = { '00880130': a('SH', 'DISK7'), '00880140': a('UI', '1.9') };
    const action = dataSetOf({
      ...ACTION,
      ...fileSet,
      '00081111': a('SQ', createDataSet()),
      '00081110': a('SQ'),
      '00081199': a('SQ', dataSetOf({ ...FIRST_ITEM, ...fileSet }), SECOND_ITEM),
    });
    expect(actionRequestOf(action)).toEqual({ transactionUid: TRANSACTION, references: REFERENCES });
  });

  test.each<[string, Record<string, ReturnType<typeof a> | undefined>]>([
    ['no Transaction UID', { '00081195': undefined }],
    ['an empty Transaction UID', { '00081195': a('UI') }],
    ['a Transaction UID that is none', { '00081195': a('UI', '1.2.x') }],
    ['no Referenced SOP Sequence', { '00081199': undefined }],
    ['an empty Referenced SOP Sequence', { '00081199': a('SQ') }],
    ['an item without instance', { '00081199': a('SQ', dataSetOf({ '00081150': a('UI', CT) })) }],
    ['an instance twice', { '00081199': a('SQ', FIRST_ITEM, FIRST_ITEM) }],
    ['only the tree of the web', { '00081199': undefined, '00081110': a('SQ', createDataSet()) }],
  ])('%s is 0115H', (_title, changes) => {
    const action = dataSetOf({ ...ACTION });
    for (const [tag, value] of Object.entries(changes)) {
      if (value === undefined) delete action[tag];
      else action[tag] = value;
    }
    expect(statusOf('request', () => actionRequestOf(action))).toBe('115');
  });
});

describe('N-EVENT-REPORT (PS3.4 Table J.3-2)', () => {
  const failed = [{ ...SECOND, reason: 0x0112 }];
  const failedItem = dataSetOf({ ...SECOND_ITEM, '00081197': a('US', 0x0112) });

  test('type 1 where every instance is committed', () => {
    expect(eventReport(TRANSACTION, { committed: REFERENCES, failed: [] })).toEqual({
      eventType: 1,
      attributes: ACTION,
    });
  });

  test('type 2 where some failed, with their reasons', () => {
    expect(eventReport(TRANSACTION, { committed: [FIRST], failed })).toEqual({
      eventType: 2,
      attributes: dataSetOf({
        '00081195': a('UI', TRANSACTION),
        '00081198': a('SQ', failedItem),
        '00081199': a('SQ', FIRST_ITEM),
      }),
    });
  });

  test('type 2 without Referenced SOP Sequence where all failed; Retrieve AE Title is of committed instances', () => {
    const attributes = dataSetOf({ '00081195': a('UI', TRANSACTION), '00081198': a('SQ', failedItem) });
    expect(eventReport(TRANSACTION, { committed: [], failed }, 'ARCHIVE')).toEqual({ eventType: 2, attributes });
    const { attributes: some } = eventReport(TRANSACTION, { committed: [FIRST], failed }, 'ARCHIVE');
    expect(some['00080054']).toEqual(a('AE', 'ARCHIVE'));
  });

  test('reads back what it says', () => {
    const { eventType, attributes } = eventReport(TRANSACTION, { committed: [FIRST], failed }, 'ARCHIVE');
    expect(eventOf(eventType, attributes)).toEqual({ transactionUid: TRANSACTION, committed: [FIRST], failed });
  });

  test('the lists count, not the type: type 1 with failures, type 2 without', () => {
    const { attributes } = eventReport(TRANSACTION, { committed: [FIRST], failed });
    expect(settle(REFERENCES, eventOf(1, attributes)).result).toEqual({ committed: [FIRST], failed });
    expect(settle(REFERENCES, eventOf(2, ACTION)).result).toEqual({ committed: REFERENCES, failed: [] });
  });

  test('type 1 without any list claims nothing', () => {
    const event = eventOf(1, dataSetOf({ '00081195': a('UI', TRANSACTION) }));
    expect(settle(REFERENCES, event).result.committed).toEqual([]);
  });

  test('without a Transaction UID it is 0115H, of another type 0113H', () => {
    for (const transaction of [undefined, a('UI'), a('UI', 'x'), a('UI', '1.1', '1.2')]) {
      const attributes = dataSetOf({ ...ACTION, ...(transaction && { '00081195': transaction }) });
      if (transaction === undefined) delete attributes['00081195'];
      expect(statusOf('report', () => eventOf(1, attributes))).toBe('115');
    }
    for (const type of [0, 3, Number.NaN]) expect(statusOf('report', () => eventOf(type, ACTION))).toBe('113');
  });
});
