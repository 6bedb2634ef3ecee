/** What a request to the spool asks for, checked: every parameter and member is known and has a value that can be used. */
import type { Request } from 'express';
import { isUid } from '../dataset/uid.ts';
import { SPOOL_STATES } from '../store/spool-records.ts';
import type { Destination, SpoolState } from '../store/spool-records.ts';
import { jsonOf } from './json-body.ts';
import { Refusal } from './refusal.ts';
import { count, MAXIMUM_LIMIT, oneOf, parameterInvalid, texts } from './request-members.ts';
import type { Refuse } from './request-members.ts';
import type { SpoolQuery } from './spool-operator.ts';

/** @throws Refusal SPOOL_MESSAGE_UNKNOWN */
export function idOf(request: Request): number {
  const { id } = request.params;
  if (typeof id === 'string' && /^[1-9][0-9]{0,14}$/.test(id)) return Number(id);
  const fix = 'Messages have numbers: `dimseway spool list` shows them.';
  throw new Refusal(404, 'SPOOL_MESSAGE_UNKNOWN', 'The path names no message', fix);
}

/** @param paged whether `limit` and `after` are known @throws Refusal PARAMETER_INVALID */
export function queryOf({ query }: Request, paged: boolean): SpoolQuery {
  const names = ['route', 'upstream', 'uid', 'state', ...(paged ? (['limit', 'after'] as const) : [])] as const;
  const { route, upstream, uid, state, limit, after } = texts(query, names, parameterInvalid);
  if (uid !== undefined && !isUid(uid)) throw parameterInvalid('uid is not a UID: digits and dots, at most 64');
  return {
    ...(route !== undefined && { route }),
    ...(upstream !== undefined && { upstream }),
    ...(uid !== undefined && { uid }),
    ...(state !== undefined && { state: stateFrom(state, parameterInvalid) }),
    ...(limit !== undefined && { limit: count('limit', limit, 1, MAXIMUM_LIMIT) }),
    ...(after !== undefined && { after: count('after', after, 0, Number.MAX_SAFE_INTEGER) }),
  };
}

/** @throws Refusal PARAMETER_INVALID */
export function wantsDataSet({ query }: Request): boolean {
  const { dataset = 'false' } = texts(query, ['dataset'], parameterInvalid);
  if (dataset === 'true' || dataset === 'false') return dataset === 'true';
  throw parameterInvalid('dataset is neither true nor false');
}

/** Body `{"route", "upstream"[, "state"]}`. @throws Refusal BODY_INVALID, DESTINATION_INVALID */
export function destinationOf(request: Request): { readonly destination: Destination; readonly state?: SpoolState } {
  const { route, upstream, state } = texts(jsonOf(request), ['route', 'upstream', 'state'], destinationInvalid);
  if (route === undefined || upstream === undefined) throw destinationInvalid('route or upstream is missing');
  return {
    destination: { route, upstream },
    ...(state !== undefined && { state: stateFrom(state, destinationInvalid) }),
  };
}

const destinationInvalid: Refuse = (problem) =>
  new Refusal(
    422,
    'DESTINATION_INVALID',
    `The body names no destination: ${problem}`,
    'Send {"route": …, "upstream": …} as GET /api/spool has them; "state": "dead" or "queued" for these only.',
  );

function stateFrom(text: string, refuse: Refuse): SpoolState {
  return oneOf('state', SPOOL_STATES, text, refuse);
}
