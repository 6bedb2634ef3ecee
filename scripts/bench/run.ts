/**
 * `npm run bench [-- --json] [-- NAME...]`: every measure of the project in one run, as ratios within that run, medians of at
 * least five. It tells; it does not fail a build: machines differ, and a table is read by a person.
 */
import { cpus } from 'node:os';
import { DCMTK_ENVIRONMENT } from '../peers/dcmtk.ts';
import { findMissingPrograms, INSTALL_COMMAND } from '../peers/programs.ts';
import { benchDataset } from './dataset.ts';
import { benchEcho } from './echo.ts';
import { benchFind } from './find.ts';
import { benchGet } from './get.ts';
import { benchLatency } from './latency.ts';
import { reaches, type Row } from './measure.ts';
import { benchMemory } from './memory.ts';
import { benchMpps } from './mpps.ts';
import { benchObserve } from './observe.ts';
import { benchRis } from './ris.ts';
import { benchSizes } from './sizes.ts';
import { benchSpool } from './spool.ts';

const BENCHES: Readonly<Record<string, () => Row[] | Promise<Row[]>>> = {
  dataset: benchDataset,
  find: benchFind,
  get: benchGet,
  latency: benchLatency,
  echo: benchEcho,
  mpps: benchMpps,
  ris: benchRis,
  spool: benchSpool,
  observe: benchObserve,
  memory: benchMemory,
  sizes: benchSizes,
};

const PEERS = {
  'wlmscpfs, findscu': `TCP_NODELAY=${DCMTK_ENVIRONMENT.TCP_NODELAY} (DCMTK leaves Nagle on by itself, about 40 ms per answer turn)`,
  'raw client, canned SCP, HTTP stub': 'TCP_NODELAY set',
  'dcmjs-dimse': 'as the library sets it (Nagle on)',
} as const;

const args = process.argv.slice(2);
const asJson = args.includes('--json');
const names = args.filter((arg) => !arg.startsWith('--'));

const missing = findMissingPrograms();
if (missing.length > 0) {
  console.error(`The benches need programs that are not here: ${missing.join(', ')}. Install: ${INSTALL_COMMAND}`);
  process.exit(1);
}
const unknown = names.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(`Unknown bench: ${unknown.join(', ')}. There are: ${Object.keys(BENCHES).join(', ')}`);
  process.exit(2);
}

function figure(row: Row): string {
  return `${row.value.toFixed(row.unit === 'MB' ? 0 : 2)} ${row.unit}`;
}

function target({ target: wanted, unit }: Row): string {
  if (wanted === undefined) return '';
  return 'atLeast' in wanted ? `≥ ${wanted.atLeast} ${unit}` : `≤ ${wanted.atMost} ${unit}`;
}

function print(row: Row): void {
  const reached = reaches(row);
  const verdict = reached === undefined ? 'INFO ' : reached ? 'PASS ' : 'SHORT';
  console.log(`${verdict}  ${figure(row).padStart(10)}  ${target(row).padStart(9)}  ${row.name}`);
  console.log(`${' '.repeat(30)}${row.detail}`);
}

const machine = { node: process.version, processors: cpus().length, model: cpus()[0]?.model.trim() ?? 'unknown' };
if (!asJson) {
  console.log(`Node ${machine.node}, ${machine.processors} × ${machine.model}, all on loopback`);
  for (const [peer, setting] of Object.entries(PEERS)) console.log(`${peer}: ${setting}`);
  console.log();
}
const rows: Row[] = [];
for (const [name, bench] of Object.entries(BENCHES)) {
  if (names.length > 0 && !names.includes(name)) continue;
  const measured = await bench();
  rows.push(...measured);
  if (!asJson) measured.forEach(print);
}
if (asJson) {
  const results = rows.map((row) => ({ ...row, reached: reaches(row) }));
  console.log(JSON.stringify({ machine, peers: PEERS, results }, undefined, 2));
} else {
  const held = rows.filter(({ target: wanted }) => wanted !== undefined);
  console.log(`\n${held.filter(reaches).length} of ${held.length} targets reached`);
}
