/** What a request to the spool asks for, checked: every parameter and member is known and has a value that can be used. */
import type { Request } from 'express';
import { isUid } from '../dataset/uid.ts';
import { SPOOL_STATES } from '../store/spool-records.ts';
import type { Destination, SpoolState } from '../store/spool-records.ts';
import { jsonOf } from './json-body.ts';
import { Refusal } from './refusal.ts';
import type { SpoolQuery } from './spool-operator.ts';

const MAXIMUM_LIMIT = 1_000;
const MAXIMUM_REASON_LENGTH = 500;

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

/** Body `{"reason"}`. @throws Refusal BODY_INVALID, REASON_NEEDED */
export function reasonOf(request: Request): string {
  const reason = texts(jsonOf(request), ['reason'], reasonNeeded).reason?.trim() ?? '';
  if (reason !== '' && reason.length <= MAXIMUM_REASON_LENGTH) return reason;
  throw reasonNeeded(`reason is not a text of 1 to ${MAXIMUM_REASON_LENGTH} characters`);
}

type Refuse = (problem: string) => Refusal;

const parameterInvalid: Refuse = (problem) =>
  new Refusal(400, 'PARAMETER_INVALID', `A parameter cannot be understood: ${problem}`, 'Mend the parameters.');

const destinationInvalid: Refuse = (problem) =>
  new Refusal(
    422,
    'DESTINATION_INVALID',
    `The body names no destination: ${problem}`,
    'Send {"route": …, "upstream": …} as GET /api/spool has them; "state": "dead" or "queued" for these only.',
  );

const reasonNeeded: Refuse = (problem) =>
  new Refusal(
    422,
    'REASON_NEEDED',
    `Nothing is discarded without a reason: ${problem}`,
    'Send {"reason": "why"}: it goes into the log, so without the name of a patient.',
  );

/** The text of each of the names that is given; what is given must be known. */
function texts<Name extends string>(
  given: unknown,
  names: readonly Name[],
  refuse: Refuse,
): { readonly [Key in Name]?: string } {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw refuse('it is no object');
  const found: { [Key in Name]?: string } = {};
  for (const [key, value] of Object.entries(given)) {
    const name = names.find((each) => each === key);
    if (name === undefined) throw refuse(`there is one that is none of ${names.join(', ')}`);
    if (typeof value !== 'string' || value === '') throw refuse(`${name} is not one text, or is empty`);
    found[name] = value;
  }
  return found;
}

function stateFrom(text: string, refuse: Refuse): SpoolState {
  const state = SPOOL_STATES.find((each) => each === text);
  if (state === undefined) throw refuse(`state is none of ${SPOOL_STATES.join(', ')}`);
  return state;
}

function count(name: string, text: string, least: number, most: number): number {
  const number = /^[0-9]{1,16}$/.test(text) ? Number(text) : NaN;
  if (number >= least && number <= most) return number;
  throw parameterInvalid(`${name} is not a whole number from ${least} to ${most}`);
}
