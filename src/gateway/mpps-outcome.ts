/**
 * Learns the outcome of a write whose answer did not come (status mapping, "unknown outcome and retries"): by Retrieve
 * where the far end has it, else by sending the same once more, inside the patience of the one who asks.
 */
import type { DataSet } from '../dataset/model.ts';
import type { Logger } from '../observe/log.ts';
import { PERFORMED_PROCEDURE_STEP_STATUS } from '../services/mpps/attributes.ts';
import { isFinal, stateOf } from '../services/mpps/state.ts';
import { ServiceFailure } from '../services/port.ts';
import type { AttributeSelection, Completion, RequestContext, Upstream } from '../services/port.ts';

/**
 * Of the time that is left, the share of an attempt after which the outcome can still be looked up, and that of the
 * look-up: one far end that answers nothing must not use up the patience of the one who asks (status mapping 8).
 */
const FIRST_ATTEMPT = 2 / 3;
const LOOK_UP = 1 / 2;

const STATE: AttributeSelection = [[PERFORMED_PROCEDURE_STEP_STATUS]];

/**
 * Creates an instance; a duplicate is success when the same create was sent before and never answered.
 * @param wasSent an earlier attempt of ours is without an answer
 * @throws ServiceFailure, OUTCOME_UNKNOWN (ambiguous) when it could not be learned
 */
export async function createOnce(
  upstream: Upstream,
  uid: string,
  attributes: DataSet,
  context: RequestContext,
  wasSent: boolean,
  logger: Logger,
): Promise<Completion> {
  try {
    return await upstream.createMpps(uid, attributes, withPartOf(context, FIRST_ATTEMPT));
  } catch (error) {
    if (wasSent && isFailure(error, 'DUPLICATE_INSTANCE')) return { uid };
    if (!isAmbiguous(error)) throw error;
    logger.warn('no answer to an MPPS create, its outcome is looked up', { traceId: context.traceId, uid });
    if ((await isThere(upstream, uid, context)) === true) return { uid };
    return again(error, context, async () => {
      try {
        return await upstream.createMpps(uid, attributes, context);
      } catch (second) {
        if (isFailure(second, 'DUPLICATE_INSTANCE')) return { uid };
        throw second;
      }
    });
  }
}

/**
 * Updates an instance. Repeating is harmless, since values and whole sequences replace; a repeat of a final update that
 * finds the instance final has arrived the first time.
 * @throws ServiceFailure, OUTCOME_UNKNOWN (ambiguous) when it could not be learned
 */
export async function updateOnce(
  upstream: Upstream,
  uid: string,
  modifications: DataSet,
  context: RequestContext,
  wasSent: boolean,
  logger: Logger,
): Promise<Completion> {
  const arrived = async (error: unknown): Promise<boolean> =>
    isFinal(stateOf(modifications)) && (await isFoundFinal(error, upstream, uid, context));
  try {
    return await upstream.updateMpps(uid, modifications, withPartOf(context, FIRST_ATTEMPT));
  } catch (error) {
    if (wasSent && (await arrived(error))) return { uid };
    if (!isAmbiguous(error)) throw error;
    logger.warn('no answer to an MPPS update, it is sent once more', { traceId: context.traceId, uid });
    return again(error, context, async () => {
      try {
        return await upstream.updateMpps(uid, modifications, context);
      } catch (second) {
        if (await arrived(second)) return { uid };
        throw second;
      }
    });
  }
}

/** Retrieves; changes nothing at the far end, so a lost answer is simply asked for once more. @throws ServiceFailure */
export async function retrieveOnce(
  upstream: Upstream,
  uid: string,
  selection: AttributeSelection,
  context: RequestContext,
): Promise<DataSet> {
  try {
    return await upstream.retrieveMpps(uid, selection, withPartOf(context, FIRST_ATTEMPT));
  } catch (error) {
    if (!isAmbiguous(error) || hasPassed(context)) throw error;
    return upstream.retrieveMpps(uid, selection, context);
  }
}

/** Whether the far end has the instance; undefined when it does not tell. */
export async function isThere(upstream: Upstream, uid: string, context: RequestContext): Promise<boolean | undefined> {
  if (hasPassed(context)) return undefined;
  try {
    await upstream.retrieveMpps(uid, STATE, withPartOf(context, LOOK_UP));
    return true;
  } catch (error) {
    return isFailure(error, 'NO_SUCH_INSTANCE') ? false : undefined;
  }
}

async function again(
  first: ServiceFailure,
  context: RequestContext,
  attempt: () => Promise<Completion>,
): Promise<Completion> {
  if (hasPassed(context)) throw unknown(first);
  try {
    return await attempt();
  } catch (error) {
    if (error instanceof ServiceFailure && !isVerdict(error)) throw unknown(first);
    throw error;
  }
}

/** What the far end says about a message itself, so that it would have said it of an earlier attempt too. */
const VERDICTS: ReadonlySet<ServiceFailure['code']> = new Set([
  'BAD_REQUEST',
  'CONVERSION_FAILED',
  'DUPLICATE_INSTANCE',
  'INSTANCE_CONFLICT',
  'INSTANCE_DELETED',
  'INSTANCE_FINAL',
  'INVALID_UID',
  'INVALID_VALUE',
  'LOOP_DETECTED',
  'MISSING_ATTRIBUTE',
  'MISSING_VALUE',
  'NO_SUCH_ATTRIBUTE',
  'NO_SUCH_INSTANCE',
]);

/** Otherwise (no connection, a general failure, a service refused) the outcome of an earlier attempt stays open. */
export function isVerdict(error: unknown): boolean {
  return error instanceof ServiceFailure && error.retry === 'permanent' && VERDICTS.has(error.code);
}

function unknown(cause: ServiceFailure): ServiceFailure {
  const errorId = cause.errorId ?? cause.httpStatus;
  return new ServiceFailure('OUTCOME_UNKNOWN', {
    retry: 'ambiguous',
    comment: `outcome unknown: ${cause.message}`,
    ...(errorId !== undefined && { errorId }),
    cause,
  });
}

/** Where nobody tells the state, 409 alone counts; a far end that shows another state has not taken the final update. */
async function isFoundFinal(
  error: unknown,
  upstream: Upstream,
  uid: string,
  context: RequestContext,
): Promise<boolean> {
  if (isFailure(error, 'INSTANCE_FINAL')) return true;
  if (!isFailure(error, 'INSTANCE_CONFLICT') || error.httpStatus !== 409 || hasPassed(context)) return false;
  try {
    return isFinal(stateOf(await upstream.retrieveMpps(uid, STATE, context)));
  } catch (failure) {
    return isFailure(failure, 'NOT_SUPPORTED') || isFailure(failure, 'OPERATION_NOT_SUPPORTED');
  }
}

export function isFailure(error: unknown, code: ServiceFailure['code']): error is ServiceFailure {
  return error instanceof ServiceFailure && error.code === code;
}

function isAmbiguous(error: unknown): error is ServiceFailure {
  return error instanceof ServiceFailure && error.retry === 'ambiguous';
}

function withPartOf(context: RequestContext, share: number): RequestContext {
  const now = performance.now();
  return { ...context, deadline: now + Math.max(0, context.deadline - now) * share };
}

function hasPassed({ deadline }: RequestContext): boolean {
  return performance.now() >= deadline;
}
