/** Mapping rules at work, and what becomes of errors on the way: every request ends in results or a `ServiceFailure`. */
import type { DataSet } from '../dataset/model.ts';
import { GatewayError } from '../errors.ts';
import { errorFacts } from '../observe/error-facts.ts';
import type { Logger } from '../observe/log.ts';
import { ServiceFailure } from '../services/port.ts';

/** Mapping rules, compiled: a new data set, the argument untouched. */
export type Mapping = (dataSet: DataSet) => DataSet;

/**
 * Rules that do not fit the values they meet end the request with what the operator has to mend, not as a riddle.
 * @throws ServiceFailure CONVERSION_FAILED
 */
export function applied(mapping: Mapping | undefined, direction: 'request' | 'response', dataSet: DataSet): DataSet {
  if (mapping === undefined) return dataSet;
  try {
    return mapping(dataSet);
  } catch (cause) {
    if (!(cause instanceof GatewayError)) throw cause;
    throw new ServiceFailure('CONVERSION_FAILED', { comment: `rules.${direction}: ${cause.message}`, cause });
  }
}

/**
 * A store that cannot be written is a local limit: nothing was done, another try makes sense. Anything else that is no
 * `ServiceFailure` is a fault of ours: the peer gets INTERNAL_ERROR, the log the stack (the message may quote a value).
 */
export function toFailure(error: unknown, logger: Logger, traceId: string): ServiceFailure {
  if (error instanceof ServiceFailure) return error;
  if (error instanceof GatewayError && error.code.startsWith('STORE_')) {
    logger.error('the store failed', { traceId, code: error.code, problem: error.message });
    return new ServiceFailure('OUT_OF_RESOURCES', {
      retry: 'safe',
      comment: 'the store of the gateway failed',
      cause: error,
    });
  }
  logger.error('unexpected error', { traceId, ...errorFacts(error) });
  return new ServiceFailure('INTERNAL_ERROR', { cause: error });
}
