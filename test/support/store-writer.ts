/**
 * A process that writes to a store and says so: `node store-writer.ts PATH FIRST COUNT`. Writes the records FIRST,
 * FIRST+1, …, every second one `disk`, the others `process`, overwrites each at once with its final state, and prints
 * `<number> <state>` after each write. Without COUNT it goes on until it is killed; with it it ends without closing.
 */
import { writeSync } from 'node:fs';
import { GatewayError } from '../../src/errors.ts';
import { openStore } from '../../src/store/sqlite.ts';
import { numberedRecord } from './mpps-records.ts';

const [path = '', first = '0', count = 'Infinity'] = process.argv.slice(2);

try {
  const store = await openStore({ path });
  writeSync(1, 'open\n');
  for (let number = Number(first); number < Number(first) + Number(count); number++) {
    const record = numberedRecord(number);
    await store.mpps.put(record, number % 2 === 0 ? 'disk' : 'process');
    writeSync(1, `${number} IN PROGRESS\n`);
    await store.mpps.put({ ...record, state: 'COMPLETED' }, number % 2 === 0 ? 'process' : 'disk');
    writeSync(1, `${number} COMPLETED\n`);
  }
} catch (error) {
  if (!(error instanceof GatewayError)) throw error;
  writeSync(1, `${error.code}\n`);
}
