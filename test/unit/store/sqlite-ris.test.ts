/** What only the SQLite store has of the RIS: how it finds things, and what it makes of older files. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { toJson } from '../../../src/dataset/json.ts';
import { migrate } from '../../../src/store/migrate.ts';
import { MIGRATIONS } from '../../../src/store/migrations/migrations.ts';
import type { RisEntryFilter } from '../../../src/store/ris-records.ts';
import { SqliteConnection } from '../../../src/store/sqlite-connection.ts';
import { createFile } from '../../../src/store/sqlite-file.ts';
import { SqliteRisEntries } from '../../../src/store/sqlite-ris-entries.ts';
import { openStore } from '../../../src/store/sqlite.ts';
import { collect } from '../../support/requests.ts';
import { changeOf, entryOf, STEP, UPSTREAM } from '../../support/ris-records.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-store-'));
  path = join(folder, 'dimseway.db');
});
afterEach(() => rm(folder, { recursive: true }));

function alter(sql: string, ...values: string[]): void {
  const database = new DatabaseSync(path);
  database.prepare(sql).run(...values);
  database.close();
}

describe('steps of the RIS of version 2', () => {
  const put = 'INSERT INTO ris_steps (upstream, uid, attributes) VALUES (?, ?, ?)';

  test('have revision 1, and their state counts for entries that are linked to them', async () => {
    createFile(path, MIGRATIONS.slice(0, 2));
    const steps = {
      '1': 'IN PROGRESS',
      '2': 'COMPLETED',
      '3': 'DISCONTINUED ',
    };
    const attributesOf = (uid: string): ReturnType<typeof changeOf>['attributes'] => {
      const { attributes } = changeOf();
      return { ...attributes, '00400252': { vr: 'CS', Value: [steps[uid as '1']] } };
    };
    for (const uid of Object.keys(steps)) alter(put, UPSTREAM, uid, toJson(attributesOf(uid)));

    const store = await openStore({ path });
    await store.worklist.put(
      Object.keys(steps).map((uid) => entryOf(`e${uid}`)),
      'process',
    );
    for (const uid of Object.keys(steps)) {
      const step = await store.steps.get({ upstream: UPSTREAM, uid });
      expect(step).toEqual({ upstream: UPSTREAM, uid, attributes: attributesOf(uid), revision: 1 });
      const mismatches = [{ entryId: `e${uid}`, attributes: [] }];
      await store.steps.save(changeOf({ uid: `4.${uid}`, state: 'COMPLETED', mismatches }), 'process');
    }
    await store.close();
    // As if each had named its entry.
    alter(`UPDATE ris_exceptions SET uid = substr(uid, 3)`);
    const again = await openStore({ path });
    for (const { id } of await again.exceptions.list()) await again.exceptions.resolve(id, 'merged', 'the same');
    const entries = await collect(again.worklist.find(UPSTREAM, {}));
    expect(entries.map(({ state }) => state)).toEqual(['STARTED', 'COMPLETED', 'DISCONTINUED']);
    await again.close();
  });

  test('that cannot be read do not keep the store from opening', async () => {
    createFile(path, MIGRATIONS.slice(0, 2));
    alter(put, UPSTREAM, '1', '{');
    alter(put, UPSTREAM, '2', '{}');
    const store = await openStore({ path });
    await expect(store.steps.get({ upstream: UPSTREAM, uid: '1' })).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
    expect(await store.steps.get({ upstream: UPSTREAM, uid: '2' })).toMatchObject({ revision: 1, attributes: {} });
    await store.close();
  });
});

test('an entry, a step or an exception that cannot be read is STORE_DAMAGED', async () => {
  const store = await openStore({ path });
  await store.worklist.put([entryOf('e1')], 'process');
  await store.steps.save(changeOf({ mismatches: [{ entryId: 'e1', attributes: ['00100020'] }] }), 'process');
  alter(`UPDATE ris_entries SET scheduled = '{'`);
  alter(`UPDATE ris_steps SET attributes = '{'`);
  alter(`UPDATE ris_exceptions SET attributes = '{'`);
  const damaged = { name: 'GatewayError', code: 'STORE_DAMAGED' };
  await expect(store.worklist.get({ upstream: UPSTREAM, id: 'e1' })).rejects.toMatchObject(damaged);
  await expect(collect(store.worklist.find(UPSTREAM, {}))).rejects.toMatchObject(damaged);
  await expect(store.steps.get(STEP)).rejects.toMatchObject(damaged);
  await expect(store.exceptions.list()).rejects.toMatchObject(damaged);
  await store.close();
});

describe('a search', () => {
  /** Notes what it is asked to prepare. */
  class NotingConnection extends SqliteConnection {
    readonly prepared: string[] = [];
    override prepare(sql: string): ReturnType<SqliteConnection['prepare']> {
      (this.prepared as string[] | undefined)?.push(sql);
      return super.prepare(sql);
    }
  }
  const WALKED = 'SEARCH ris_entries USING INDEX ris_entries_in_order (upstream=? AND (sort_key,id)>(?,?))';
  let connection: NotingConnection;
  let entries: SqliteRisEntries;

  beforeEach(async () => {
    connection = new NotingConnection(':memory:', { busyTimeoutMs: 0 });
    migrate(connection.database, MIGRATIONS);
    entries = new SqliteRisEntries(
      connection,
      (detail) => new Error(detail) as never,
      () => 0,
    );
    const many = Array.from({ length: 1_500 }, (_, i) => {
      const startDate = i < 1_400 ? '20261121' : '20261122';
      return entryOf(`e${i}`, { index: { startDate, stepId: i < 1_400 ? '1' : `S${i}`, studyInstanceUid: `1.${i}` } });
    });
    await entries.put(many, 'process');
  });
  afterEach(() => connection.close());

  /** Of the statement that reads the pages. */
  async function planOf(filter: RisEntryFilter): Promise<string[]> {
    await collect(entries.find(UPSTREAM, filter));
    const plan = connection.database.prepare(`EXPLAIN QUERY PLAN ${connection.prepared.at(-1) ?? ''}`).all();
    return plan.map(({ detail }) => String(detail)).filter((detail) => / ris_entries|TEMP B-TREE/.test(detail));
  }

  test.each<[RisEntryFilter]>([
    [{}],
    [{ modalities: ['CT'] }],
    [{ stations: ['CT1'], states: ['SCHEDULED'] }],
    [{ startDateFrom: '20260101' }],
    [{ startDateFrom: '20261121', startDateTo: '20261121', modalities: ['CT'] }],
    [{ stepIds: ['1'] }],
    [{ patientIds: ['P1'] }],
    [{ accessionNumbers: ['A1'], stepIds: ['1'] }],
  ])('of many walks through them in their order and never sorts: %j', async (filter) => {
    expect(await planOf(filter)).toEqual([WALKED]);
  });

  test.each<[RisEntryFilter, string]>([
    [{ id: 'e1', stepIds: ['1'] }, 'ris_entries_by_id (upstream=? AND id=?)'],
    [
      { studyInstanceUids: ['1.1', '1.2'], stepIds: ['1'] },
      'ris_entries_by_study (upstream=? AND study_instance_uid=?)',
    ],
    [{ accessionNumbers: ['A7'] }, 'ris_entries_by_accession (upstream=? AND accession_number=?)'],
    [{ stepIds: ['S1450'], patientIds: ['P1'] }, 'ris_entries_by_step (upstream=? AND step_id=?)'],
    [{ patientIds: ['P2'] }, 'ris_entries_by_patient (upstream=? AND patient_id=?)'],
    [
      { startDateFrom: '20261122', startDateTo: '20261123', modalities: ['CT'], stations: ['CT1'] },
      'ris_entries_by_date (upstream=? AND start_date>? AND start_date<?)',
    ],
    [
      { stepIds: ['1'], startDateFrom: '20261122' },
      'ris_entries_by_date (upstream=? AND start_date>? AND start_date<?)',
    ],
  ])('of few goes to them by the index that has them: %j', async (filter, by) => {
    const [search] = await planOf(filter);
    expect(search).toBe(`SEARCH ris_entries USING INDEX ${by}`);
  });
});
