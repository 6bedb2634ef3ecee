/** What an answer of a UPS-RS server means for the MPPS it was asked for (status mapping 11.1): never that the MPPS exists. */
import { failureOf } from '../dicomweb/mpps-refusal.ts';
import type { Refusal } from '../dicomweb/mpps-refusal.ts';
import { readAnswer } from '../services/answer.ts';
import type { MppsOperation } from '../services/mpps/outcomes.ts';
import { ServiceFailure } from '../services/port.ts';
import type { FailureCode } from '../services/port.ts';

/** The words of PS3.18 11.6.3 and 11.7.3, and C301H. */
const ABOUT_LOCK = /transaction uid|did not reference a claimed workitem/i;
const WRONG_TRANSACTION_UID = 0xc301;

/** What an operation on a workitem ends in when the server refuses it; of an MPPS it says nothing by itself. */
export function failureOfRefusal(refusal: Refusal, operation: MppsOperation): ServiceFailure {
  const failure = failureOf(refusal, operation);
  switch (failure.code) {
    case 'DUPLICATE_INSTANCE':
    case 'INSTANCE_FINAL':
      return changed(failure, 'INSTANCE_CONFLICT');
    // A claim or an update of what was found a moment ago.
    case 'RESOURCE_NOT_FOUND':
      return changed(failure, 'NO_SUCH_INSTANCE', 'workitem not found');
    case 'INSTANCE_DELETED':
    case 'NO_SUCH_INSTANCE':
      return changed(failure, failure.code, 'workitem not found');
    default:
      return failure;
  }
}

/** The server says that the lock is another's. */
export function isAboutLock({ status, content }: Refusal): boolean {
  if (status !== 400 && status !== 409) return false;
  const { given, words } = readAnswer(content);
  return given === WRONG_TRANSACTION_UID || ABOUT_LOCK.test(words);
}

/** The server says that the workitem is not in a state for it: claimed, final, or not complete. */
export function isAboutState({ status }: Refusal): boolean {
  return status === 400 || status === 409;
}

function changed(failure: ServiceFailure, code: FailureCode, comment = failure.message): ServiceFailure {
  const { retry, words, attributes, httpStatus } = failure;
  return new ServiceFailure(code, {
    retry,
    comment,
    words,
    attributes,
    ...(httpStatus !== undefined && { httpStatus }),
  });
}
