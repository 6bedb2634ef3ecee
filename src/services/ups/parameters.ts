/** How targets name a workitem and its lock: as PS3.18 11.4 and 11.6 have it, and as it is spelled in the wild. */
import { isUid } from '../../dataset/uid.ts';
import { ServiceFailure } from '../port.ts';

export const TRANSACTION_UID_SPELLINGS = [
  'bare',
  'transaction-uid',
  'Transaction-uid',
  'transactionUID',
  'payload',
] as const;
export type TransactionUidSpelling = (typeof TRANSACTION_UID_SPELLINGS)[number];

export const CREATE_UID_SPELLINGS = ['bare', 'workitem', 'payload'] as const;
export type CreateUidSpelling = (typeof CREATE_UID_SPELLINGS)[number];

/** Names of the parameter that the lock may come under, besides none at all. */
export const TRANSACTION_UID_NAMES = ['transaction-uid', 'transactionuid'] as const;
/** The same of the UID of a workitem that is created. */
export const CREATE_UID_NAMES = ['workitem'] as const;

/** `?1.2.3` or `?name=1.2.3`; empty: it goes into the payload. */
export function queryOfUid(uid: string, spelling: TransactionUidSpelling | CreateUidSpelling): string {
  if (spelling === 'payload') return '';
  return spelling === 'bare' ? `?${uid}` : `?${spelling}=${uid}`;
}

/**
 * The UID a target names, whichever way it is spelled: a parameter that is a UID itself, or one of `names` whatever their
 * case.
 * @param query without the question mark
 * @param names in lower case
 * @returns undefined: it names none
 * @throws ServiceFailure BAD_REQUEST for two of them, or for a parameter that is not known; INVALID_UID
 */
export function uidInQuery(query: string, names: readonly string[]): string | undefined {
  const parts = query.split('&').filter((part) => part !== '');
  const [uid, second] = new Set(parts.map((part) => uidOf(part, names)));
  if (second !== undefined) throw new ServiceFailure('BAD_REQUEST', { comment: 'the target names two UIDs' });
  return uid;
}

function uidOf(part: string, names: readonly string[]): string {
  const equals = part.indexOf('=');
  const name = equals < 0 ? undefined : decoded(part.slice(0, equals)).toLowerCase();
  if (name !== undefined && !names.includes(name)) {
    throw new ServiceFailure('BAD_REQUEST', {
      comment: 'the target has a parameter that this transaction does not know',
    });
  }
  const uid = decoded(part.slice(equals + 1));
  if (!isUid(uid)) throw new ServiceFailure('INVALID_UID', { comment: 'the target names what is no UID' });
  return uid;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw new ServiceFailure('BAD_REQUEST', { comment: 'the target has a broken percent-encoding', cause: error });
  }
}
