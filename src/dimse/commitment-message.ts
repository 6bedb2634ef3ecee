/** N-ACTION and N-EVENT-REPORT of the Storage Commitment Push Model as messages (PS3.4 J.3.2 and J.3.3, PS3.7 10.1). */
import { decodeDataSet } from '../dataset/binary/decode.ts';
import { encodeDataSet } from '../dataset/binary/encode.ts';
import { createDataSet } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import { GatewayError } from '../errors.ts';
import { ServiceFailure } from '../services/port.ts';
import {
  REQUEST_STORAGE_COMMITMENT,
  STORAGE_COMMITMENT_PUSH_MODEL_INSTANCE,
} from '../services/storage-commitment/attributes.ts';
import type { CommitmentResult, SopReference, ToldEvent } from '../services/storage-commitment/commitment.ts';
import {
  actionInformation,
  actionRequestOf,
  eventOf,
  eventReport,
  failureOfCommand,
} from '../services/storage-commitment/messages.ts';
import type { ActionRequest } from '../services/storage-commitment/messages.ts';
import { COMMAND_FIELD } from './command-set.ts';
import type { CommandSet } from './command-set.ts';
import type { Message } from './message.ts';
import type { AcceptedContext } from './message-channel.ts';

/** A request that is ready to be sent but for its Message ID. */
export interface CommitmentMessage {
  readonly fields: CommandSet;
  /** In the transfer syntax of the context. */
  readonly dataSet: Buffer;
}

/**
 * What an N-ACTION-RQ asks for.
 * @throws ServiceFailure NOT_SUPPORTED (0118H), NO_SUCH_INSTANCE (0112H), OPERATION_NOT_SUPPORTED (0123H), BAD_REQUEST for
 * a data set that cannot be read (0110H); MISSING_ATTRIBUTE, MISSING_VALUE and INVALID_VALUE for what it holds (0115H)
 */
export function readAction(message: Message, context: AcceptedContext): ActionRequest {
  checkCommand(message, context, 'request', message.command.actionTypeId);
  return actionRequestOf(dataSetOf(message, context));
}

/**
 * What an N-EVENT-REPORT-RQ tells, unchecked but for the Transaction UID: only `settle` makes a result of it.
 * @throws ServiceFailure NOT_SUPPORTED (0118H), NO_SUCH_INSTANCE (0112H), OPERATION_NOT_SUPPORTED (0113H), BAD_REQUEST for
 * a data set that cannot be read (0110H); MISSING_ATTRIBUTE, MISSING_VALUE and INVALID_VALUE for the UID (0115H)
 */
export function readEvent(message: Message, context: AcceptedContext): ToldEvent {
  const { eventTypeId } = message.command;
  checkCommand(message, context, 'report', eventTypeId);
  return eventOf(eventTypeId ?? 0, dataSetOf(message, context));
}

/** @throws ServiceFailure CONVERSION_FAILED */
export function actionMessage(
  context: AcceptedContext,
  transactionUid: string,
  references: readonly SopReference[],
): CommitmentMessage {
  const fields = {
    commandField: COMMAND_FIELD.nActionRq,
    requestedSopClassUid: context.abstractSyntax,
    requestedSopInstanceUid: STORAGE_COMMITMENT_PUSH_MODEL_INSTANCE,
    actionTypeId: REQUEST_STORAGE_COMMITMENT,
  };
  return { fields, dataSet: encode(actionInformation(transactionUid, references), context) };
}

/**
 * @param retrieveAeTitle where every committed instance can be had; left out when there is none
 * @throws ServiceFailure CONVERSION_FAILED
 */
export function eventMessage(
  context: AcceptedContext,
  transactionUid: string,
  result: CommitmentResult,
  retrieveAeTitle?: string,
): CommitmentMessage {
  const { eventType, attributes } = eventReport(transactionUid, result, retrieveAeTitle);
  const fields = {
    commandField: COMMAND_FIELD.nEventReportRq,
    affectedSopClassUid: context.abstractSyntax,
    affectedSopInstanceUid: STORAGE_COMMITMENT_PUSH_MODEL_INSTANCE,
    eventTypeId: eventType,
  };
  return { fields, dataSet: encode(attributes, context) };
}

/** Class and instance are Requested in N-ACTION, Affected in N-EVENT-REPORT; they are read wherever they stand. */
function checkCommand(
  { command }: Message,
  { abstractSyntax }: AcceptedContext,
  operation: 'request' | 'report',
  typeId: number | undefined,
): void {
  const sopClassUid = command.affectedSopClassUid ?? command.requestedSopClassUid ?? abstractSyntax;
  const sopInstanceUid = command.affectedSopInstanceUid ?? command.requestedSopInstanceUid;
  const failure = failureOfCommand({ sopClassUid, sopInstanceUid, typeId }, operation);
  if (failure !== undefined) throw failure;
}

/** A message without data set lacks each attribute. */
function dataSetOf({ dataSet }: Message, { transferSyntax }: AcceptedContext): DataSet {
  if (dataSet === undefined) return createDataSet();
  try {
    return decodeDataSet(dataSet, transferSyntax);
  } catch (cause) {
    if (!(cause instanceof GatewayError)) throw cause;
    throw new ServiceFailure('BAD_REQUEST', { comment: 'data set unreadable', cause });
  }
}

function encode(dataSet: DataSet, { transferSyntax }: AcceptedContext): Buffer {
  try {
    return encodeDataSet(dataSet, transferSyntax);
  } catch (cause) {
    if (!(cause instanceof GatewayError)) throw cause;
    throw new ServiceFailure('CONVERSION_FAILED', { comment: `data set not convertible: ${cause.code}`, cause });
  }
}
