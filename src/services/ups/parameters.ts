/** How targets name a workitem and its lock: as PS3.18 11.4 and 11.6 have it, and as it is spelled in the wild. */
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

/** `?1.2.3` or `?name=1.2.3`; empty: it goes into the payload. */
export function queryOfUid(uid: string, spelling: TransactionUidSpelling | CreateUidSpelling): string {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [uid, spelling] });
}

/**
 * The UID a target names, whichever way it is spelled: a bare parameter, or `names` without regard to case.
 * @param query without the question mark
 * @returns undefined: it names none
 * @throws ServiceFailure BAD_REQUEST for two, or for another parameter; INVALID_UID
 */
export function uidInQuery(query: string, names: readonly string[]): string | undefined {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [query, names] });
}
