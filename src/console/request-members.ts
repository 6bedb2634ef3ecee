/** Parameters and members of requests, checked: each is known, is given once, and has a value that can be used. */
import type { Request } from 'express';
import { jsonOf } from './json-body.ts';
import { Refusal } from './refusal.ts';

/** Entries of one page of a list. */
export const MAXIMUM_LIMIT = 1_000;
const MAXIMUM_REASON_LENGTH = 500;

export type Refuse = (problem: string) => Refusal;

export const parameterInvalid: Refuse = (problem) =>
  new Refusal(400, 'PARAMETER_INVALID', `A parameter cannot be understood: ${problem}`, 'Mend the parameters.');

/** Body `{"reason"}`. @throws Refusal BODY_INVALID, REASON_NEEDED */
export function reasonOf(request: Request): string {
  const reason = texts(jsonOf(request), ['reason'], reasonNeeded).reason?.trim() ?? '';
  if (reason !== '' && reason.length <= MAXIMUM_REASON_LENGTH) return reason;
  throw reasonNeeded(`reason is not a text of 1 to ${MAXIMUM_REASON_LENGTH} characters`);
}

/** The text of each of the names that is given; what is given must be known. */
export function texts<Name extends string>(
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

/** One of the words that are known. */
export function oneOf<Word extends string>(name: string, words: readonly Word[], text: string, refuse: Refuse): Word {
  const word = words.find((each) => each === text);
  if (word === undefined) throw refuse(`${name} is none of ${words.join(', ')}`);
  return word;
}

/** @throws Refusal PARAMETER_INVALID */
export function count(name: string, text: string, least: number, most: number): number {
  const number = /^[0-9]{1,16}$/.test(text) ? Number(text) : NaN;
  if (number >= least && number <= most) return number;
  throw parameterInvalid(`${name} is not a whole number from ${least} to ${most}`);
}

const reasonNeeded: Refuse = (problem) =>
  new Refusal(
    422,
    'REASON_NEEDED',
    `Nothing is discarded without a reason: ${problem}`,
    'Send {"reason": "why"}: it goes into the log, so without the name of a patient.',
  );
