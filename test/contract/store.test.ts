/** One set of suites over every store that needs nothing installed. */
import { describe } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openStore } from '../../src/store/sqlite.ts';
import type { StoreAbilities, StoreBed } from './suites/bed.ts';
import { describeCommitments } from './suites/commitments.ts';
import { describeMppsRecords } from './suites/mpps.ts';
import { describeRisRecords } from './suites/ris.ts';
import { describeSpool } from './suites/spool.ts';
import { describeStore } from './suites/store.ts';
import { describeSubscriptions } from './suites/subscriptions.ts';
import { describeWorkitemClaims } from './suites/workitem-claims.ts';
import { describeWorkitems } from './suites/workitems.ts';

const ABILITIES: StoreAbilities = { maximumBytes: true, now: true, sharing: false };

async function sqliteBed(): Promise<StoreBed> {
  const folder = await mkdtemp(join(tmpdir(), 'dimseway-store-'));
  const path = join(folder, 'a', 'b', 'dimseway.db');
  return {
    open: (options = {}) => openStore({ path, ...options }),
    alter: async (sql) => {
      const database = new DatabaseSync(path);
      database.exec(sql);
      database.close();
    },
    remove: () => rm(folder, { recursive: true }),
  };
}

describe('SQLite', () => {
  describe('a store', () => describeStore(sqliteBed));
  describe('records of MPPS', () => describeMppsRecords(sqliteBed, ABILITIES));
  describe('what the RIS keeps', () => describeRisRecords(sqliteBed, ABILITIES));
  describe('the spool', () => describeSpool(sqliteBed, ABILITIES));
  describe('storage commitments', () => describeCommitments(sqliteBed, ABILITIES));
  describe('workitems', () => describeWorkitems(sqliteBed, ABILITIES));
  describe('subscriptions', () => describeSubscriptions(sqliteBed, ABILITIES));
  describe('claims of workitems', () => describeWorkitemClaims(sqliteBed, ABILITIES));
});
