/** MPPS messages as scripted peers send them. */
import { encodeDataSet } from '../../src/dataset/binary/encode.ts';
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import type { CommandSet } from '../../src/dimse/command-set.ts';
import { SOP_CLASSES } from '../../src/dimse/uids.ts';
import type { ProposedContext } from '../../src/dimse/upper-layer/pdu.ts';
import { EXPLICIT, IMPLICIT, message } from './dimse-bytes.ts';

export const MPPS_UID = '1.2.826.0.1.3680043.9.7433.1.1';
const { mpps, mppsRetrieve } = SOP_CLASSES;

/** 1 MPPS, 3 MPPS Retrieve. */
export const MPPS_CONTEXTS: readonly ProposedContext[] = [
  { id: 1, abstractSyntax: mpps, transferSyntaxes: [EXPLICIT, IMPLICIT] },
  { id: 3, abstractSyntax: mppsRetrieve, transferSyntaxes: [EXPLICIT, IMPLICIT] },
];

export const IN_PROGRESS = dataSetOf({
  '00080060': attribute('CS', 'CT'),
  '00100010': attribute('PN', { Alphabetic: 'Doe^Jane' }),
  '00400252': attribute('CS', 'IN PROGRESS'),
  '00400270': attribute('SQ', dataSetOf({ '0020000D': attribute('UI', '1.2.3') })),
});

export const COMPLETED = dataSetOf({
  '00400252': attribute('CS', 'COMPLETED'),
  '00400340': attribute('SQ', dataSetOf({ '0020000E': attribute('UI', '1.2.3.4') })),
});

export function createRq(attributes: DataSet | Buffer = IN_PROGRESS, fields: Partial<CommandSet> = {}): Buffer {
  const command = { commandField: 0x0140, affectedSopClassUid: mpps, affectedSopInstanceUid: MPPS_UID, messageId: 1 };
  return message(1, { ...command, ...fields }, bytesOf(attributes));
}

export function setRq(modifications: DataSet | Buffer = COMPLETED, fields: Partial<CommandSet> = {}): Buffer {
  const command = { commandField: 0x0120, requestedSopClassUid: mpps, requestedSopInstanceUid: MPPS_UID, messageId: 1 };
  return message(1, { ...command, ...fields }, bytesOf(modifications));
}

export function getRq(fields: Partial<CommandSet> = {}): Buffer {
  const command = { commandField: 0x0110, requestedSopClassUid: mppsRetrieve, requestedSopInstanceUid: MPPS_UID };
  return message(3, { ...command, messageId: 1, ...fields });
}

function bytesOf(dataSet: DataSet | Buffer): Buffer {
  return Buffer.isBuffer(dataSet) ? dataSet : encodeDataSet(dataSet, EXPLICIT);
}
