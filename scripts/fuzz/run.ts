/**
 * `npm run fuzz -- --seconds N [--seed N] [--keep] [TARGET...]`: reads mutated inputs for so many seconds, shared by the targets,
 * and ends with 1 when one of them threw something untyped, took more than a second, or left memory behind. A finding is
 * minimised and saved in the corpus, which `npm test` replays. `--keep` saves inputs with outcomes the corpus lacks.
 */
import { parseArgs } from 'node:util';
import { corpusOf, keep } from './corpus.ts';
import { hunt, Prober } from './hunter.ts';
import type { Found, Hunt } from './hunter.ts';
import { minimise } from './minimise.ts';
import { TARGETS } from './targets.ts';

const DEFAULT_SECONDS = 120;
const MINIMISE_MS = 60_000;
/** Inputs in the corpus of a target, before no more are added. */
const MAXIMUM_KEPT = 16;
const MAXIMUM_KEPT_BYTES = 2_048;

const { values, positionals } = parseArgs({
  options: { seconds: { type: 'string' }, seed: { type: 'string' }, keep: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const seconds = Number(values.seconds ?? DEFAULT_SECONDS);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32));
const targets = TARGETS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const unknown = positionals.filter((name) => !TARGETS.some((target) => target.name === name));
if (!(seconds > 0) || !Number.isInteger(seed) || unknown.length > 0) {
  console.error(
    `Usage: npm run fuzz -- [--seconds N] [--seed N] [--keep] [${TARGETS.map(({ name }) => name).join('|')} ...]`,
  );
  process.exit(2);
}

console.log(`${seconds} s, seed ${seed}`);
let findings = 0;
for (const { name } of targets) {
  const hunted = await hunt(name, seed, (seconds * 1_000) / targets.length);
  const { inputs, outcomes, slowestMs } = hunted;
  console.log(
    `${name.padEnd(14)} ${String(inputs).padStart(9)} inputs, ${outcomes} outcomes, slowest ${Math.round(slowestMs)} ms`,
  );
  for (const found of different(hunted)) {
    findings++;
    await report(name, found);
  }
  if (values.keep) keepNovel(name, hunted);
}
console.log(findings === 0 ? 'Nothing found' : `${findings} found`);
process.exitCode = findings === 0 ? 0 : 1;

function different({ found }: Hunt): Found[] {
  return [...Map.groupBy(found, ({ finding }) => finding.sameAs).values()].flatMap(([first]) => first ?? []);
}

async function report(name: string, { finding, input, number }: Found): Promise<void> {
  const prober = new Prober(name);
  const shortest = finding.kind === 'growth' ? undefined : await minimise(prober, input, finding, MINIMISE_MS);
  await prober.close();
  console.log(`  ${finding.kind} at input ${number}: ${finding.what}`);
  if (shortest === undefined) console.log('  not by this input alone: the seed and the number tell how it came');
  else console.log(`  ${shortest.length} bytes: ${keep(name, finding.kind, shortest)}`);
}

/** Some of every length. */
function keepNovel(name: string, { novel }: Hunt): void {
  const short = [...novel.values()].filter(({ length }) => length <= MAXIMUM_KEPT_BYTES);
  short.sort((a, b) => a.length - b.length);
  const room = Math.min(short.length, Math.max(0, MAXIMUM_KEPT - corpusOf(name).length));
  for (let i = 0; i < room; i++) keep(name, 'outcome', short[Math.floor((i * short.length) / room)] as Buffer);
}
