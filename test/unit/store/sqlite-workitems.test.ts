/** What only the SQLite store has to do for workitems: older files, whose spool knows no events. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { MPPS_EVENT } from '../../../src/services/mpps/notification.ts';
import { MIGRATIONS } from '../../../src/store/migrations/migrations.ts';
import { createFile } from '../../../src/store/sqlite-file.ts';
import { openStore } from '../../../src/store/sqlite.ts';
import { toSpoolRow } from '../../../src/store/spool-rows.ts';
import { drained, eventOf, fullMessageOf, messageOf, RIS } from '../../support/spool-messages.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-store-'));
  path = join(folder, 'dimseway.db');
  createFile(path, MIGRATIONS.slice(0, 7));
});
afterEach(() => rm(folder, { recursive: true }));

/** Puts messages into the spool as version 7 did. */
function accept(...messages: ReturnType<typeof messageOf>[]): void {
  const database = new DatabaseSync(path);
  for (const message of messages) {
    const { event_type: _later, ...row } = toSpoolRow(message);
    const columns = Object.keys(row);
    const lane = { uid: message.uid, route: message.route, upstream: message.upstream };
    database.prepare('INSERT OR IGNORE INTO spool_lanes VALUES (:route, :upstream, :uid, 1, NULL, NULL)').run(lane);
    database
      .prepare(
        `INSERT INTO spool_messages (${columns.join()}, state, attempts, in_doubt, failed_at, failure_code,
           failure_problem, accepted_at)
         VALUES (${columns.map((column) => `:${column}`).join()}, 'queued', 3, 1, 17, 'UPSTREAM_TIMEOUT', 'late', 16)`,
      )
      .run(row);
  }
  database.close();
}

test('a spool of version 7 keeps its messages whole, their ids and their order', async () => {
  accept(fullMessageOf('1.1'), messageOf('1.1', 'next'), messageOf('1.2', 'other'));
  const store = await openStore({ path });
  const kept = {
    ...{ state: 'queued', attempts: 3, inDoubt: true, acceptedAt: 16 },
    lastFailure: { at: 17, code: 'UPSTREAM_TIMEOUT', problem: 'late' },
  };
  expect(await store.spool.list({})).toEqual([
    { ...fullMessageOf('1.1'), ...kept, id: 1 },
    { ...messageOf('1.1', 'next'), ...kept, id: 2 },
    { ...messageOf('1.2', 'other'), ...kept, id: 3 },
  ]);
  expect(await store.mpps.accept(undefined, [eventOf('1.1', MPPS_EVENT.completed)])).toEqual([4]);
  expect(await drained(store, RIS)).toEqual({ '1.1': ['full', 'next'], '1.2': ['other'] });
  await store.close();
});

test('an id of version 7 is never used twice, whatever was left in the spool', async () => {
  accept(messageOf('1.1'), messageOf('1.2'), messageOf('1.3'));
  const database = new DatabaseSync(path);
  database.exec('DELETE FROM spool_messages; DELETE FROM spool_lanes');
  database.close();
  const store = await openStore({ path });
  expect(await store.mpps.accept(undefined, [messageOf('1.4')])).toEqual([4]);
  await store.close();
});
