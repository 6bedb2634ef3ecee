/**
 * A process that remembers storage commitments: `node commitment-writer.ts PATH COUNT PROCESS`. Adds COUNT to a new SQLite
 * store one after another, changes each PROCESS times as `process`, and ends without closing.
 */
import { openStore } from '../../src/store/sqlite.ts';
import { transactionOf } from './commitment-records.ts';

const [path = '', count = '0', changes = '0'] = process.argv.slice(2);
const { commitments } = await openStore({ path });
for (let i = 0; i < Number(count); i++) {
  let { record } = await commitments.add(transactionOf(`1.${i}`), 0);
  for (let change = 0; change < Number(changes); change++) {
    record = (await commitments.change(record, { attempts: change, dueInMs: null }, 'process')) ?? record;
  }
}
