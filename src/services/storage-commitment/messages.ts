/** The messages of the Storage Commitment Push Model: N-ACTION and N-EVENT-REPORT (PS3.4 J.3.2 and J.3.3). */
import { attribute, dataSetOf } from '../../dataset/model.ts';
import type { DataSet } from '../../dataset/model.ts';
import { ServiceFailure } from '../port.ts';
import {
  ALL_COMMITTED,
  FAILED_SOP_SEQUENCE,
  FAILURES_EXIST,
  REFERENCED_SOP_SEQUENCE,
  REQUEST_STORAGE_COMMITMENT,
  RETRIEVE_AE_TITLE,
  STORAGE_COMMITMENT_PUSH_MODEL,
  STORAGE_COMMITMENT_PUSH_MODEL_INSTANCE,
  TRANSACTION_UID,
} from './attributes.ts';
import type { CommitmentResult, SopReference, ToldEvent } from './commitment.ts';
import { sopForm, toFailedSopSequence, toldIn } from './modules.ts';
import { ReferenceReader, failureOfIssues } from './references.ts';

export type EventType = typeof ALL_COMMITTED | typeof FAILURES_EXIST;

export interface ActionRequest {
  readonly transactionUid: string;
  readonly references: readonly SopReference[];
}

export interface EventReport {
  readonly eventType: EventType;
  readonly attributes: DataSet;
}

/** The fields of a command that say what it is about. */
export interface CommandFields {
  readonly sopClassUid: string | undefined;
  readonly sopInstanceUid: string | undefined;
  /** Action Type ID or Event Type ID. */
  readonly typeId: number | undefined;
}

const TYPE_IDS: Readonly<Record<'request' | 'report', readonly (number | undefined)[]>> = {
  request: [REQUEST_STORAGE_COMMITMENT],
  report: [ALL_COMMITTED, FAILURES_EXIST],
};

/** Why a command is not about storage commitment: 0118H, 0112H, 0123H or 0113H by the table of outcomes. */
export function failureOfCommand(fields: CommandFields, operation: 'request' | 'report'): ServiceFailure | undefined {
  if (fields.sopClassUid !== STORAGE_COMMITMENT_PUSH_MODEL) return new ServiceFailure('NOT_SUPPORTED');
  if (fields.sopInstanceUid !== STORAGE_COMMITMENT_PUSH_MODEL_INSTANCE) return new ServiceFailure('NO_SUCH_INSTANCE');
  return TYPE_IDS[operation].includes(fields.typeId) ? undefined : new ServiceFailure('OPERATION_NOT_SUPPORTED');
}

/** Action Information of N-ACTION (PS3.4 Table J.3-1). */
export function actionInformation(transactionUid: string, references: readonly SopReference[]): DataSet {
  return dataSetOf({ [TRANSACTION_UID]: attribute('UI', transactionUid), ...sopForm(references) });
}

/**
 * What an N-ACTION asks for.
 * @throws ServiceFailure MISSING_ATTRIBUTE, MISSING_VALUE, INVALID_VALUE with every problem: 0115H
 */
export function actionRequestOf(actionInformation: DataSet): ActionRequest {
  const reader = new ReferenceReader(actionInformation);
  const transactionUid = reader.readUid(TRANSACTION_UID);
  const references = reader.readSopSequence(REFERENCED_SOP_SEQUENCE);
  if (reader.issues.length > 0) throw failureOfIssues(reader.issues);
  return {
    transactionUid,
    references: references.map(({ sopClassUid, sopInstanceUid }) => ({ sopClassUid, sopInstanceUid })),
  };
}

/**
 * Event Type and Event Information of N-EVENT-REPORT (PS3.4 Table J.3-2).
 * @param retrieveAeTitle where every committed instance can be had; left out when there is none
 */
export function eventReport(
  transactionUid: string,
  { committed, failed }: CommitmentResult,
  retrieveAeTitle?: string,
): EventReport {
  const attributes = dataSetOf({ [TRANSACTION_UID]: attribute('UI', transactionUid) });
  if (committed.length > 0) Object.assign(attributes, sopForm(committed));
  if (committed.length > 0 && retrieveAeTitle !== undefined) {
    attributes[RETRIEVE_AE_TITLE] = attribute('AE', retrieveAeTitle);
  }
  if (failed.length > 0) attributes[FAILED_SOP_SEQUENCE] = toFailedSopSequence(failed);
  return { eventType: failed.length > 0 ? FAILURES_EXIST : ALL_COMMITTED, attributes };
}

/**
 * What an N-EVENT-REPORT says. Its lists are for `settle`: neither they nor their agreement with the Event Type are
 * checked here, because what is wrong with them makes instances fail, not the event.
 * @throws ServiceFailure OPERATION_NOT_SUPPORTED for another Event Type; MISSING_ATTRIBUTE, MISSING_VALUE or
 *   INVALID_VALUE for the Transaction UID
 */
export function eventOf(eventType: number, attributes: DataSet): ToldEvent {
  if (!TYPE_IDS.report.includes(eventType)) throw new ServiceFailure('OPERATION_NOT_SUPPORTED');
  const reader = new ReferenceReader(attributes);
  const transactionUid = reader.readUid(TRANSACTION_UID);
  if (reader.issues.length > 0) throw failureOfIssues(reader.issues);
  return { transactionUid, ...toldIn(attributes) };
}
