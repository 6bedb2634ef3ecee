/**
 * One attempt to deliver a message of the spool, and what becomes of the message (proxy flows 11.5, status mapping 8). Codes
 * decide: what the far end says about the message itself waits for a person, an outcome in doubt is learned first, and
 * everything else is tried again.
 */
import type { DataSet } from '../dataset/model.ts';
import type { Logger } from '../observe/log.ts';
import {
  isFixedAtCreate,
  PERFORMED_PROCEDURE_STEP_STATUS,
  PERFORMED_SERIES_SEQUENCE,
} from '../services/mpps/attributes.ts';
import { digestsOf, EMPTY_DIGEST, sequencesOf, shrunkSequences } from '../services/mpps/digest.ts';
import { mppsOutcomeOf } from '../services/mpps/outcomes.ts';
import { isFinal, stateOf } from '../services/mpps/state.ts';
import { ServiceFailure } from '../services/port.ts';
import type { AttributeSelection, RequestContext, Upstream } from '../services/port.ts';
import type { Claim, SpoolFailure } from '../store/spool-records.ts';
import { problemTextOf } from './exchange.ts';
import { applied, toFailure } from './mapping.ts';
import type { Mapping } from './mapping.ts';
import { isFailure, isThere, isVerdict } from './mpps-outcome.ts';

/** How a message of one destination is delivered. */
export interface DeliveryWay {
  readonly upstream: Upstream;
  readonly request: Mapping | undefined;
  /** The message reached its own upstream already: one that went in a circle has arrived everywhere. */
  readonly isForward: boolean;
}

/**
 * `arrived`: it is there, though this attempt was not the one that was taken. `refused`: an SCU has not taken an event, for
 * good: all there is to do is to say so.
 */
export type AttemptEnd =
  | { readonly end: 'delivered' | 'arrived' | 'loop' }
  | { readonly end: 'dead' | 'refused'; readonly failure: ServiceFailure }
  | { readonly end: 'later'; readonly failure: ServiceFailure; readonly inDoubt: boolean };

/** To the one who waits a limit as any other; the same message meets it each time. */
const CONTENT_TOO_LARGE = 413;
/** Says nothing by itself: also of a step that is final. */
const PROCESSING_FAILURE = 0x0110;

/** Never rejects. Rules run at each attempt: mending one cures what it spoilt. */
export async function attemptDelivery(
  way: DeliveryWay,
  claim: Claim,
  context: RequestContext,
  logger: Logger,
): Promise<AttemptEnd> {
  const { upstream, request, isForward } = way;
  const { message, wasInDoubt } = claim;
  const { kind, uid, received } = message;
  if (kind === 'event') return attemptEvent(upstream, claim, context, logger);
  let mapped = received;
  try {
    mapped = applied(request, 'request', received);
    if (kind === 'create') {
      if (wasInDoubt && (await isThere(upstream, uid, context)) === true) return { end: 'arrived' };
      await upstream.createMpps(uid, mapped, context);
    } else {
      await upstream.updateMpps(uid, mapped, context);
    }
    return { end: 'delivered' };
  } catch (error) {
    const failure = toFailure(error, logger, context.traceId);
    if (isForward && failure.code === 'LOOP_DETECTED') return { end: 'loop' };
    const arrived = await arrival(failure, { upstream, kind, uid, mapped, wasInDoubt, context, logger });
    if (arrived === true) return { end: 'arrived' };
    if (arrived !== false) return { end: 'later', failure: arrived, inDoubt: wasInDoubt };
    if (isVerdict(failure) || failure.httpStatus === CONTENT_TOO_LARGE) return { end: 'dead', failure };
    return { end: 'later', failure, inDoubt: wasInDoubt || failure.retry === 'ambiguous' };
  }
}

/** An event may be told twice, so that nothing is in doubt about it that would have to be learned. */
async function attemptEvent(
  upstream: Upstream,
  { message: { uid, eventType }, wasInDoubt }: Claim,
  context: RequestContext,
  logger: Logger,
): Promise<AttemptEnd> {
  if (eventType === undefined) {
    return { end: 'dead', failure: new ServiceFailure('INTERNAL_ERROR', { comment: 'an event without its type' }) };
  }
  try {
    await upstream.notifyMpps({ uid, type: eventType }, context);
    return { end: 'delivered' };
  } catch (error) {
    const failure = toFailure(error, logger, context.traceId);
    // An SCU that has answered means it, but for 0213H (status mapping 6).
    if (failure.dimseStatus !== undefined && failure.code !== 'OUT_OF_RESOURCES') return { end: 'refused', failure };
    return { end: 'later', failure, inDoubt: wasInDoubt || failure.retry === 'ambiguous' };
  }
}

/** What a person reads of a failure: codes, statuses and tags. The words of a far end may name a patient. */
export function problemOf(failure: ServiceFailure): SpoolFailure {
  return { code: failure.code, problem: problemTextOf(failure, mppsOutcomeOf(failure.code).comment) };
}

interface Refused {
  readonly upstream: Upstream;
  readonly kind: 'create' | 'update';
  readonly uid: string;
  readonly mapped: DataSet;
  readonly wasInDoubt: boolean;
  readonly context: RequestContext;
  readonly logger: Logger;
}

/** Whether a refusal means that the message had arrived before; a failure: that could not be asked just now. */
async function arrival(failure: ServiceFailure, refused: Refused): Promise<boolean | ServiceFailure> {
  const { kind, mapped, wasInDoubt } = refused;
  const { code, httpStatus, dimseStatus } = failure;
  if (kind === 'create') {
    if (code !== 'DUPLICATE_INSTANCE') return false;
    // A loss of power takes back that it was delivered, and even that it was tried.
    return wasInDoubt || asked(refused, 'all', false, (found) => isSameStep(found, mapped));
  }
  if (!isFinal(stateOf(mapped))) return false;
  if (code === 'INSTANCE_FINAL' || (code === 'INSTANCE_CONFLICT' && httpStatus === 409)) {
    return showsFinal(refused, wasInDoubt);
  }
  return wasInDoubt && code === 'UPSTREAM_ERROR' && dimseStatus === PROCESSING_FAILURE && showsFinal(refused, false);
}

/** The far end shows the same final state and series. @param otherwise the answer for a far end that has no Retrieve */
function showsFinal(refused: Refused, otherwise: boolean): Promise<boolean | ServiceFailure> {
  const { mapped } = refused;
  const selection = [[PERFORMED_PROCEDURE_STEP_STATUS], [PERFORMED_SERIES_SEQUENCE]];
  return asked(
    refused,
    selection,
    otherwise,
    (found) => stateOf(found) === stateOf(mapped) && hasSameSeries(found, mapped),
  );
}

/** @param otherwise the answer for a far end that has no Retrieve */
async function asked(
  { upstream, uid, context, logger }: Refused,
  selection: AttributeSelection,
  otherwise: boolean,
  isSame: (found: DataSet) => boolean,
): Promise<boolean | ServiceFailure> {
  try {
    return isSame(await upstream.retrieveMpps(uid, selection, context));
  } catch (error) {
    if (isFailure(error, 'NOT_SUPPORTED') || isFailure(error, 'OPERATION_NOT_SUPPORTED')) return otherwise;
    const failure = toFailure(error, logger, context.traceId);
    // Only what it says of the instance counts: a far end that just fails is asked again.
    return isVerdict(failure) ? false : failure;
  }
}

/** What a create fixes for good says whose step it is; sequences a far end may have completed. */
function isSameStep(found: DataSet, sent: DataSet): boolean {
  const [theirs, ours] = [digestsOf(found), digestsOf(sent)];
  const fixed = Object.keys(ours).filter((tag) => isFixedAtCreate(tag) && sent[tag]?.vr !== 'SQ');
  return fixed.length > 0 && fixed.every((tag) => ours[tag] === EMPTY_DIGEST || ours[tag] === theirs[tag]);
}

/** A final update without series says nothing about them. */
function hasSameSeries(found: DataSet, sent: DataSet): boolean {
  if (sent[PERFORMED_SERIES_SEQUENCE] === undefined) return true;
  const series = (dataSet: DataSet): Record<string, readonly string[]> => ({
    [PERFORMED_SERIES_SEQUENCE]: sequencesOf(dataSet)[PERFORMED_SERIES_SEQUENCE] ?? [],
  });
  const [theirs, ours] = [series(found), series(sent)];
  return shrunkSequences(ours, theirs).length === 0 && shrunkSequences(theirs, ours).length === 0;
}
