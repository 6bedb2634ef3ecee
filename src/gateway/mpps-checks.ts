/** What the gateway checks of an MPPS message before anything is done with it, by its own record (PS3.4 F.7.2). */
import type { DataSet, Tag } from '../dataset/model.ts';
import { generateUid } from '../dataset/uid.ts';
import type { Logger } from '../observe/log.ts';
import { sequencesOf, shrunkSequences, tagsWithValue } from '../services/mpps/digest.ts';
import { isFinal, stateOf } from '../services/mpps/state.ts';
import { checkCreate, checkFinal, checkInstanceUid, checkUpdate, failureOfIssues } from '../services/mpps/validate.ts';
import type { MppsIssue } from '../services/mpps/validate.ts';
import { ServiceFailure } from '../services/port.ts';
import type { RequestContext } from '../services/port.ts';
import type { MppsRecord } from '../store/store.ts';
import type { MppsTarget } from './mpps-route.ts';
import { completedCreate, settableUpdate } from './mpps-web-client.ts';

/** @throws ServiceFailure INVALID_UID */
export function instanceUid(requested: string | undefined, { options }: MppsTarget): string {
  if (requested === undefined || requested === '') {
    if (options.missingInstanceUid === 'generate') return generateUid();
    throw new ServiceFailure('INVALID_UID', { comment: 'no SOP Instance UID was given' });
  }
  const issues = checkInstanceUid(requested);
  if (issues.length > 0) throw failureOfIssues(issues);
  return requested;
}

/** Waited too long behind other messages of the instance: nothing was done, the one who asks may try again. */
export function refuseWhenLate({ deadline }: RequestContext): void {
  if (performance.now() < deadline) return;
  throw new ServiceFailure('OUT_OF_RESOURCES', { retry: 'safe', comment: 'waited too long behind an earlier message' });
}

/** The create as it is accepted: with what the route adds for web clients. @param nowMs wall clock @throws ServiceFailure */
export function checkedCreate(
  target: MppsTarget,
  received: DataSet,
  nowMs: number,
  context: RequestContext,
  logger: Logger,
): DataSet {
  const attributes = completedCreate(target.options, received, nowMs, context);
  check(target, checkCreate(attributes), context, logger);
  return attributes;
}

/** The update as it is accepted, after the state of the instance and what it was created with. @throws ServiceFailure */
export function checkedUpdate(
  target: MppsTarget,
  received: DataSet,
  record: MppsRecord | undefined,
  context: RequestContext,
  logger: Logger,
): DataSet {
  if (record?.phase === 'deleted') throw new ServiceFailure('INSTANCE_DELETED');
  if (record !== undefined && isFinal(record.state)) throw new ServiceFailure('INSTANCE_FINAL');
  const modifications = settableUpdate(target.options, received, record, context);
  const issues = checkUpdate(modifications, record && new Set<Tag>(Object.keys(record.created)));
  if (record !== undefined && isFinal(stateOf(modifications))) {
    issues.push(...checkFinal({ tags: tagsWithValue(record.created, record.set), modifications }));
  }
  check(target, issues, context, logger);
  return modifications;
}

/** A sequence replaces the stored one as a whole: who leaves an item out is told (PS3.18 B.38 note). */
export function warnOfShrunk(record: MppsRecord | undefined, modifications: DataSet, context: RequestContext): void {
  const shrunk = record === undefined ? [] : shrunkSequences(record.sequences, sequencesOf(modifications));
  if (shrunk.length === 0) return;
  context.warn({
    code: 'SEQUENCE_SHRANK',
    text: `a sequence lost items: ${shrunk.join(', ')}`,
    attributes: shrunk,
  });
}

function check(target: MppsTarget, issues: readonly MppsIssue[], context: RequestContext, logger: Logger): void {
  const { validation } = target.options;
  if (issues.length === 0 || validation === 'off') return;
  if (validation === 'strict' || context.requester.protocol === 'dicomweb') throw failureOfIssues(issues);
  logger.warn('MPPS breaks Table F.7.2-1 and is passed on', {
    traceId: context.traceId,
    route: target.route,
    problems: issues.map(({ code, text }) => `${code}: ${text}`),
  });
}
