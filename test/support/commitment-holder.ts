/**
 * A gateway process that is in the middle of its work: `node commitment-holder.ts URL LEASE_MS`. Opens the store in
 * PostgreSQL, takes every storage commitment that is due, prints `holding` and stays.
 */
import { writeSync } from 'node:fs';
import { openPostgresStore } from '../../src/store/postgres.ts';
import { PACS } from './commitment-records.ts';

const [url = '', leaseMs = ''] = process.argv.slice(2);
const store = await openPostgresStore({ url });
const claims = await store.commitments.claim([PACS], 1_000, Number(leaseMs));
writeSync(1, `holding ${claims.length}\n`);
await new Promise((resolve) => setTimeout(resolve, 600_000));
