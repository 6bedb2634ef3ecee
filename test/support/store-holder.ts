/**
 * A gateway process that is in the middle of its work: `node store-holder.ts URL KEY LEASE_MS`. Opens the store in
 * PostgreSQL, takes the work of a key, leads, claims every lane of the spool that is due, prints `holding` and stays.
 */
import { writeSync } from 'node:fs';
import { openPostgresStore } from '../../src/store/postgres.ts';
import { RIS } from './spool-messages.ts';

const [url = '', key = '', leaseMs = ''] = process.argv.slice(2);
const store = await openPostgresStore({ url });
await store.exclusively(key, async () => {
  const claims = await store.spool.claim(RIS, 1_000, Number(leaseMs));
  writeSync(1, `holding ${claims.length} ${await store.leads()}\n`);
  await new Promise((resolve) => setTimeout(resolve, 600_000));
});
