import { describe, expect, test } from '@jest/globals';
import { encodeDataSet } from '../../../src/dataset/binary/encode.ts';
import { decodeDataSet } from '../../../src/dataset/binary/decode.ts';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { actionMessage, eventMessage, readAction, readEvent } from '../../../src/dimse/commitment-message.ts';
import type { CommandSet } from '../../../src/dimse/command-set.ts';
import type { Message } from '../../../src/dimse/message.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import { commitmentDimseOutcome } from '../../../src/services/storage-commitment/outcomes.ts';
import { EXPLICIT, IMPLICIT } from '../../support/dimse-bytes.ts';

const PUSH = '1.2.840.10008.1.20.1';
const WELL_KNOWN = '1.2.840.10008.1.20.1.1';
const CONTEXT = { id: 1, abstractSyntax: PUSH, transferSyntax: EXPLICIT };
const UID = '1.2.826.0.1.3680043.10.511.1';
const CT = { sopClassUid: '1.2.840.10008.5.1.4.1.1.2', sopInstanceUid: '1.2.826.0.1.3680043.10.511.2' };
const MR = { sopClassUid: '1.2.840.10008.5.1.4.1.1.4', sopInstanceUid: '1.2.826.0.1.3680043.10.511.3' };

const action = actionMessage(CONTEXT, UID, [CT, MR]);
const event = eventMessage(CONTEXT, UID, { committed: [CT], failed: [{ ...MR, reason: 0x0112 }] }, 'ARCHIVE');
const item = ({ sopClassUid, sopInstanceUid }: typeof CT): DataSet =>
  dataSetOf({ '00081150': attribute('UI', sopClassUid), '00081155': attribute('UI', sopInstanceUid) });

function messageOf(fields: CommandSet, dataSet: Buffer | undefined): Message {
  return { contextId: 1, command: { ...fields, messageId: 1 }, dataSet };
}

/** `code 0115H`, as the one who sent it is told. */
function refusalOf(operation: 'request' | 'report', read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (!(error instanceof ServiceFailure)) throw error;
    return `${error.code} ${commitmentDimseOutcome(error, operation).status.toString(16)}`;
  }
  return 'none';
}

describe('N-ACTION (PS3.4 J.3.2, PS3.7 10.3.4)', () => {
  test('is about the well-known instance and holds Transaction UID and Referenced SOP Sequence', () => {
    expect(action.fields).toEqual({
      commandField: 0x0130,
      requestedSopClassUid: PUSH,
      requestedSopInstanceUid: WELL_KNOWN,
      actionTypeId: 1,
    });
    expect(decodeDataSet(action.dataSet, EXPLICIT)).toEqual(
      dataSetOf({ '00081195': attribute('UI', UID), '00081199': attribute('SQ', item(CT), item(MR)) }),
    );
  });

  test.each([EXPLICIT, IMPLICIT])('is read as it was written, in %s', (transferSyntax) => {
    const context = { ...CONTEXT, transferSyntax };
    const { fields, dataSet } = actionMessage(context, UID, [CT, MR]);
    expect(readAction(messageOf(fields, dataSet), context)).toEqual({ transactionUid: UID, references: [CT, MR] });
  });

  test('class and instance are read as Affected too, and the class may be left out', () => {
    const fields = { commandField: 0x0130, affectedSopInstanceUid: WELL_KNOWN, actionTypeId: 1 };
    expect(readAction(messageOf(fields, action.dataSet), CONTEXT).transactionUid).toBe(UID);
  });

  const empty = encodeDataSet(dataSetOf({ '00081195': attribute('UI', UID), '00081199': attribute('SQ') }), EXPLICIT);
  test.each<[string, string, Partial<CommandSet>, Buffer | undefined]>([
    ['another class', 'NOT_SUPPORTED 118', { requestedSopClassUid: '1.2.3' }, action.dataSet],
    ['another instance', 'NO_SUCH_INSTANCE 112', { requestedSopInstanceUid: '1.2.3' }, action.dataSet],
    ['another action', 'OPERATION_NOT_SUPPORTED 123', { actionTypeId: 2 }, action.dataSet],
    ['no data set', 'MISSING_ATTRIBUTE 115', {}, undefined],
    ['no instances', 'MISSING_VALUE 115', {}, empty],
    ['a data set cut short', 'BAD_REQUEST 110', {}, action.dataSet.subarray(0, -3)],
  ])('with %s it is %s', (_what, expected, fields, dataSet) => {
    const message = messageOf({ ...action.fields, ...fields }, dataSet);
    expect(refusalOf('request', () => readAction(message, CONTEXT))).toBe(expected);
  });
});

describe('N-EVENT-REPORT (PS3.4 J.3.3, PS3.7 10.3.1)', () => {
  test('with a failure is of type 2 and holds both lists, Retrieve AE Title and the reason', () => {
    expect(event.fields).toEqual({
      commandField: 0x0100,
      affectedSopClassUid: PUSH,
      affectedSopInstanceUid: WELL_KNOWN,
      eventTypeId: 2,
    });
    expect(decodeDataSet(event.dataSet, EXPLICIT)).toEqual(
      dataSetOf({
        '00080054': attribute('AE', 'ARCHIVE'),
        '00081195': attribute('UI', UID),
        '00081198': attribute('SQ', dataSetOf({ ...item(MR), '00081197': attribute('US', 0x0112) })),
        '00081199': attribute('SQ', item(CT)),
      }),
    );
  });

  test('without a failure it is of type 1 and has no Failed SOP Sequence', () => {
    const { fields, dataSet } = eventMessage(CONTEXT, UID, { committed: [CT, MR], failed: [] });
    expect(fields.eventTypeId).toBe(1);
    expect(decodeDataSet(dataSet, EXPLICIT)).toEqual(
      dataSetOf({ '00081195': attribute('UI', UID), '00081199': attribute('SQ', item(CT), item(MR)) }),
    );
  });

  test.each([EXPLICIT, IMPLICIT])('is read as it was written, in %s', (transferSyntax) => {
    const context = { ...CONTEXT, transferSyntax };
    const { fields, dataSet } = eventMessage(context, UID, { committed: [CT], failed: [{ ...MR, reason: 0x0112 }] });
    expect(readEvent(messageOf(fields, dataSet), context)).toEqual({
      transactionUid: UID,
      committed: [CT],
      failed: [{ ...MR, reason: 0x0112 }],
    });
  });

  test.each<[string, string, Partial<CommandSet>, Buffer | undefined]>([
    ['another class', 'NOT_SUPPORTED 118', { affectedSopClassUid: '1.2.3' }, event.dataSet],
    ['another instance', 'NO_SUCH_INSTANCE 112', { affectedSopInstanceUid: '1.2.3' }, event.dataSet],
    ['another type', 'OPERATION_NOT_SUPPORTED 113', { eventTypeId: 3 }, event.dataSet],
    ['no data set', 'MISSING_ATTRIBUTE 115', {}, undefined],
    ['a data set cut short: none of its lists count', 'BAD_REQUEST 110', {}, event.dataSet.subarray(0, -3)],
  ])('with %s it is %s', (_what, expected, fields, dataSet) => {
    const message = messageOf({ ...event.fields, ...fields }, dataSet);
    expect(refusalOf('report', () => readEvent(message, CONTEXT))).toBe(expected);
  });
});

test('a UID that no data set can hold is CONVERSION_FAILED before anything is sent', () => {
  expect(() => actionMessage(CONTEXT, UID, [{ ...CT, sopInstanceUid: '1.2\\3' }])).toThrow(
    expect.objectContaining({ code: 'CONVERSION_FAILED' }),
  );
});
