/** The store that an operator's request is about. */
import type { Store } from '../store/store.ts';
import { Refusal } from './refusal.ts';

/** @throws Refusal STORE_ABSENT */
export function openStoreOf(store: Store | undefined): Store {
  if (store !== undefined) return store;
  const fix = 'A store is opened where a route has `mpps` or `storageCommitment`, or an upstream is a RIS.';
  throw new Refusal(404, 'STORE_ABSENT', 'This gateway has no store', fix);
}
