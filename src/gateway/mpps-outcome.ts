/**
 * Learns the outcome of a write whose answer did not come (status mapping, "unknown outcome and retries"): by Retrieve
 * where the far end has it, else by sending the same once more, inside the patience of the one who asks.
 */
import type { DataSet } from '../dataset/model.ts';
import type { Logger } from '../observe/log.ts';
import { isFinal, stateOf } from '../services/mpps/state.ts';
import { ServiceFailure } from '../services/port.ts';
import type { AttributeSelection, Completion, RequestContext, Upstream } from '../services/port.ts';

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
    return await upstream.createMpps(uid, attributes, context);
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
  const arrived = (error: unknown): boolean => isFinal(stateOf(modifications)) && isFailure(error, 'INSTANCE_FINAL');
  try {
    return await upstream.updateMpps(uid, modifications, context);
  } catch (error) {
    if (wasSent && arrived(error)) return { uid };
    if (!isAmbiguous(error)) throw error;
    logger.warn('no answer to an MPPS update, it is sent once more', { traceId: context.traceId, uid });
    return again(error, context, async () => {
      try {
        return await upstream.updateMpps(uid, modifications, context);
      } catch (second) {
        if (arrived(second)) return { uid };
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
    return await upstream.retrieveMpps(uid, selection, context);
  } catch (error) {
    if (!isAmbiguous(error) || hasPassed(context)) throw error;
    return upstream.retrieveMpps(uid, selection, context);
  }
}

/** Whether the far end has the instance; undefined when it does not tell. */
async function isThere(upstream: Upstream, uid: string, context: RequestContext): Promise<boolean | undefined> {
  if (hasPassed(context)) return undefined;
  try {
    await upstream.retrieveMpps(uid, [['00400252']], context);
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
    // A refusal that says nothing about the first attempt leaves that one's outcome open.
    if (error instanceof ServiceFailure && (error.retry !== 'permanent' || error.code === 'NOT_SUPPORTED'))
      throw unknown(first);
    throw error;
  }
}

function unknown(cause: ServiceFailure): ServiceFailure {
  return new ServiceFailure('OUTCOME_UNKNOWN', {
    retry: 'ambiguous',
    comment: `outcome unknown: ${cause.message}`,
    cause,
  });
}

function isFailure(error: unknown, code: ServiceFailure['code']): error is ServiceFailure {
  return error instanceof ServiceFailure && error.code === code;
}

function isAmbiguous(error: unknown): error is ServiceFailure {
  return error instanceof ServiceFailure && error.retry === 'ambiguous';
}

function hasPassed({ deadline }: RequestContext): boolean {
  return performance.now() >= deadline;
}
