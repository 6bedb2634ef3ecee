/**
 * `npm run soak -- --minutes N [--seed N]`: mixed load with peers that fail at random; ends with 1 when the gateway keeps more
 * at the end than after the first part, or when an exchange was not settled once.
 */
import { parseArgs } from 'node:util';
import { troubleIn } from './soak/limits.ts';
import { soak } from './soak/soak.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } });
const minutes = Number(values.minutes ?? 30);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32));
if (!(minutes > 0) || !Number.isInteger(seed)) {
  console.error('Usage: npm run soak -- [--minutes N] [--seed N]');
  process.exit(2);
}
console.log(`${minutes} minutes, seed ${seed}`);
const report = await soak({ seed, ms: minutes * 60_000, tell: (line) => console.log(line) });
const { searches, mpps, commitments } = report.exchanges;
console.log(
  `${searches} searches (${report.failedSearches} failed by their far ends), ${mpps} MPPS messages to two destinations each, ${commitments} storage commitments, ${report.reloads} reloads`,
);
const trouble = troubleIn(report);
console.log(trouble.length === 0 ? 'Flat, and everything settled once' : trouble.slice(0, 50).join('\n'));
process.exitCode = trouble.length === 0 ? 0 : 1;
