/** The suites over every store, on a real PostgreSQL server. */
import { afterAll, beforeAll, describe } from '@jest/globals';
import { startPostgres, type Postgres } from '../../scripts/peers/postgres.ts';
import { openPostgresStore } from '../../src/store/postgres.ts';
import type { StoreAbilities, StoreBed } from '../contract/suites/bed.ts';
import { describeCommitments } from '../contract/suites/commitments.ts';
import { describeMppsRecords } from '../contract/suites/mpps.ts';
import { describeRisRecords } from '../contract/suites/ris.ts';
import { describeSpool } from '../contract/suites/spool.ts';
import { describeStore } from '../contract/suites/store.ts';
import { describeSubscriptions } from '../contract/suites/subscriptions.ts';
import { describeWorkitemClaims } from '../contract/suites/workitem-claims.ts';
import { describeWorkitems } from '../contract/suites/workitems.ts';

const ABILITIES: StoreAbilities = { maximumBytes: false, now: false, sharing: true };

let server: Postgres;
let databases = 0;
/** URLs of data bases that are empty again: to make and drop one takes longer than most tests. */
const empty = new Map<string, string>();

beforeAll(async () => {
  server = await startPostgres({ fsync: false });
}, 60_000);
afterAll(() => server.remove());

async function postgresBed(): Promise<StoreBed> {
  const [name, url] = await emptyDatabase();
  const alter = async (sql: string): Promise<void> => void (await server.query(sql, name));
  return {
    open: () => openPostgresStore({ url, poolSize: 6 }),
    alter,
    remove: async () => {
      await alter(`SET lock_timeout = '5s'; DROP SCHEMA public CASCADE; CREATE SCHEMA public`);
      empty.set(name, url);
    },
  };
}

async function emptyDatabase(): Promise<[name: string, url: string]> {
  for (const [name, url] of empty) {
    empty.delete(name);
    return [name, url];
  }
  const name = `store_${databases++}`;
  return [name, await server.createDatabase(name)];
}

describe('PostgreSQL', () => {
  describe('a store', () => describeStore(postgresBed));
  describe('records of MPPS', () => describeMppsRecords(postgresBed, ABILITIES));
  describe('what the RIS keeps', () => describeRisRecords(postgresBed, ABILITIES));
  describe('the spool', () => describeSpool(postgresBed, ABILITIES));
  describe('storage commitments', () => describeCommitments(postgresBed, ABILITIES));
  describe('workitems', () => describeWorkitems(postgresBed, ABILITIES));
  describe('subscriptions', () => describeSubscriptions(postgresBed, ABILITIES));
  describe('claims of workitems', () => describeWorkitemClaims(postgresBed, ABILITIES));
});
