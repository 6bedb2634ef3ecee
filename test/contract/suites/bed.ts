/** What the suites over every store are given. */
import { afterEach, beforeEach } from '@jest/globals';
import type { Store } from '../../../src/store/store.ts';

/** One data base for one test. */
export interface StoreBed {
  /** Opens it; the options only where the store has the ability of that name. */
  open(options?: StoreBedOptions): Promise<Store>;
  /** Runs SQL past its stores, as damage or another program would. */
  alter(sql: string): Promise<void>;
  /** Removes the data base; its stores are closed. */
  remove(): Promise<void>;
}

export interface StoreBedOptions {
  /** So many bytes, then it is full. */
  readonly maximumBytes?: number;
  /** Its wall clock, ms since 1970. */
  readonly now?: () => number;
}

/** What a kind of store can be told in a test. Where it cannot, the suite says so and holds it to the rule as far as it can. */
export interface StoreAbilities {
  readonly maximumBytes: boolean;
  readonly now: boolean;
  /** Several processes may have it open at a time. */
  readonly sharing: boolean;
}

export type MakeStoreBed = () => Promise<StoreBed>;

/** A fresh data base for each test, opened, and closed at its end. */
export interface OpenedBed {
  readonly store: Store;
  /** Closes the store and opens it again: what a restart of the process leaves. */
  reopen(options?: StoreBedOptions): Promise<void>;
  alter(sql: string): Promise<void>;
}

export function openedBed(makeBed: MakeStoreBed, options?: StoreBedOptions): OpenedBed {
  let bed: StoreBed;
  let store: Store;
  beforeEach(async () => {
    bed = await makeBed();
    store = await bed.open(options);
  });
  afterEach(async () => {
    await store.close();
    await bed.remove();
  });
  return {
    get store() {
      return store;
    },
    async reopen(again = options) {
      await store.close();
      store = await bed.open(again);
    },
    alter: (sql) => bed.alter(sql),
  };
}
