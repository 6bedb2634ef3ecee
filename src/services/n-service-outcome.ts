/**
 * How an N-service (PS3.7 10) and its web form fail, as far as that is the same for each: what a row of the table of a
 * service and the failure at hand make of an answer.
 */
import type { Tag } from '../dataset/model.ts';
import { statusToHex } from './answer.ts';
import type { ServiceFailure } from './port.ts';

/** Processing failure: says nothing by itself, and is what an operation answers where no other status is its own. */
export const PROCESSING_FAILURE = 0x0110;

/** The same in all three operations of a service, or one for each in their order. */
export type Statuses = number | readonly [number, number, number];

/** A canonical failure in both protocols. */
export interface NServiceOutcome {
  readonly dimseStatus: Statuses;
  readonly httpStatus: Statuses;
  /** At most 64 characters of the default repertoire: it goes into Error Comment (0000,0902). */
  readonly comment: string;
  /** Seconds after which another try makes sense. */
  readonly retryAfter?: number;
}

export interface NServiceHttpOutcome {
  readonly status: number;
  readonly comment: string;
  /** Attributes at fault. */
  readonly attributes: readonly Tag[];
  /** Four hex digits of the status that the SCP or another gateway gave, for the Status Report. */
  readonly dimseStatus?: string;
  /** Four hex digits, e.g. `A710`. */
  readonly errorId?: string;
  /** Seconds. */
  readonly retryAfter?: number;
}

/** @param operation its place among the three of the service */
export function statusIn(statuses: Statuses, operation: number): number {
  return typeof statuses === 'number' ? statuses : (statuses[operation] as number);
}

/** @param ownErrorId of a failure whose Error ID the standard says */
export function nServiceHttpOutcome(
  failure: ServiceFailure,
  row: NServiceOutcome,
  operation: number,
  ownErrorId: number | undefined,
): NServiceHttpOutcome {
  const errorId = ownErrorId ?? failure.errorId;
  const retryAfter = row.retryAfter === undefined ? undefined : (failure.retryAfter ?? row.retryAfter);
  return {
    status: statusIn(row.httpStatus, operation),
    comment: commentOf(failure, row),
    attributes: failure.attributes,
    ...(failure.dimseStatus !== undefined && { dimseStatus: statusToHex(failure.dimseStatus) }),
    ...(errorId !== undefined && { errorId: statusToHex(errorId) }),
    ...(retryAfter !== undefined && { retryAfter }),
  };
}

/** The code the far end gave besides its status, or else that status in so far as it is not passed on itself. */
export function errorIdOf(failure: ServiceFailure, ownErrorId: number | undefined): number | undefined {
  const status = failure.dimseStatus === PROCESSING_FAILURE ? undefined : failure.dimseStatus;
  return ownErrorId ?? failure.errorId ?? failure.httpStatus ?? status;
}

/** What a person at an SCU reads: the HTTP status comes first. */
export function dimseCommentOf(failure: ServiceFailure, row: NServiceOutcome): string {
  const text = commentOf(failure, row);
  const http = failure.httpStatus === undefined || text.startsWith('HTTP ') ? '' : `HTTP ${failure.httpStatus} `;
  return `${http}${text}`;
}

function commentOf(failure: ServiceFailure, row: NServiceOutcome): string {
  const isOwn = failure.message === failure.code || failure.message === '';
  return isOwn ? row.comment : failure.message;
}
