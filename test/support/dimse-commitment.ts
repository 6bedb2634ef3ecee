/** Storage commitment messages as scripted peers send them, on context 1. */
import { encodeDataSet } from '../../src/dataset/binary/encode.ts';
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import type { CommandSet } from '../../src/dimse/command-set.ts';
import type { ProposedContext } from '../../src/dimse/upper-layer/pdu.ts';
import type { CommitmentResult, SopReference } from '../../src/services/storage-commitment/commitment.ts';
import { actionInformation, eventReport } from '../../src/services/storage-commitment/messages.ts';
import { EXPLICIT, IMPLICIT, message } from './dimse-bytes.ts';

export const PUSH_MODEL = '1.2.840.10008.1.20.1';
export const PUSH_MODEL_INSTANCE = '1.2.840.10008.1.20.1.1';
export const TRANSACTION_UID = '1.2.826.0.1.3680043.9.7433.5.1';

export const COMMITMENT_CONTEXTS: readonly ProposedContext[] = [
  { id: 1, abstractSyntax: PUSH_MODEL, transferSyntaxes: [EXPLICIT, IMPLICIT] },
];

/** `count` CT images. */
export function references(count: number): SopReference[] {
  return Array.from({ length: count }, (_value, i) => ({
    sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
    sopInstanceUid: `1.2.826.0.1.3680043.9.7433.6.20261120.${i + 1}`,
  }));
}

export const REFERENCES = references(2);

/** The first of `REFERENCES` is committed, the second is not known. */
export const RESULT: CommitmentResult = {
  committed: REFERENCES.slice(0, 1),
  failed: REFERENCES.slice(1).map((reference) => ({ ...reference, reason: 0x0112 })),
};

export function actionRq(
  information: DataSet | Buffer = actionInformation(TRANSACTION_UID, REFERENCES),
  fields: Partial<CommandSet> = {},
): Buffer {
  const command = {
    commandField: 0x0130,
    requestedSopClassUid: PUSH_MODEL,
    requestedSopInstanceUid: PUSH_MODEL_INSTANCE,
    actionTypeId: 1,
    messageId: 1,
  };
  return message(1, { ...command, ...fields }, bytesOf(information));
}

export function eventRq(
  information: DataSet | Buffer = eventReport(TRANSACTION_UID, RESULT).attributes,
  fields: Partial<CommandSet> = {},
): Buffer {
  const command = {
    commandField: 0x0100,
    affectedSopClassUid: PUSH_MODEL,
    affectedSopInstanceUid: PUSH_MODEL_INSTANCE,
    eventTypeId: 2,
    messageId: 1,
  };
  return message(1, { ...command, ...fields }, bytesOf(information));
}

export function eventRsp(messageIdBeingRespondedTo: number, status = 0, fields: Partial<CommandSet> = {}): Buffer {
  return message(1, { commandField: 0x8100, messageIdBeingRespondedTo, status, ...fields });
}

/** Event Information as it stands in an N-EVENT-REPORT-RQ of type 2 about `RESULT`. */
export const EVENT_INFORMATION = dataSetOf({
  '00081195': attribute('UI', TRANSACTION_UID),
  '00081198': attribute('SQ', failedItem(REFERENCES[1])),
  '00081199': attribute('SQ', item(REFERENCES[0])),
});

function item(reference: SopReference | undefined): DataSet {
  if (reference === undefined) throw new Error('no such reference');
  return dataSetOf({
    '00081150': attribute('UI', reference.sopClassUid),
    '00081155': attribute('UI', reference.sopInstanceUid),
  });
}

function failedItem(reference: SopReference | undefined): DataSet {
  return dataSetOf({ ...item(reference), '00081197': attribute('US', 0x0112) });
}

function bytesOf(dataSet: DataSet | Buffer): Buffer {
  return Buffer.isBuffer(dataSet) ? dataSet : encodeDataSet(dataSet, EXPLICIT);
}
