/**
 * The embedded RIS with 10,000 entries in a SQLite file: how long a search by date, modality and station takes (at the
 * port, and through a gateway by C-FIND and HTTP), how long the import of the files, and what one query that streams all of
 * them adds to the gateway's memory.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { decodeDataSet } from '../../src/dataset/binary/decode.ts';
import { TRANSFER_SYNTAXES } from '../../src/dataset/binary/transfer-syntax.ts';
import { lookupTag } from '../../src/dataset/dictionary.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { SILENT } from '../../src/observe/log.ts';
import { entryIdOf, indexOf, stepOf, TAGS, textOf } from '../../src/ris/entry.ts';
import { Ris } from '../../src/ris/ris.ts';
import { readSeed } from '../../src/ris/seed.ts';
import { openStore } from '../../src/store/sqlite.ts';
import type { JsonDataSet } from '../../test/peers/mpps-cases.ts';
import { contextOf, queryOf } from '../../test/support/requests.ts';
import { makeLoadWorklist } from '../peers/worklist.ts';
import { Bed, residentMegabytes } from './bed.ts';
import { median, ms, percentile, timeMs, type Row } from './measure.ts';
import { associate, find, release, WORKLIST } from './wire.ts';
import { broadIdentifier, identifierOf } from './worklist-item.ts';

const ENTRIES = 10_000;
const ROUNDS = 5;
const WARM_UP = 50;
const QUERIES = 200;
const COMMENT_LENGTH = 2_000;
const NAME = 'ris';

/** What a modality asks for: a day or some of them, its modality, its station. */
interface Question {
  readonly startDate: string;
  readonly modality: string;
  readonly station: string;
}

/** The question that each of `QUERIES` entries, spread over all, is an answer to. */
function questionsOf(entries: readonly DataSet[], days: number): Question[] {
  return Array.from({ length: QUERIES }, (_, i) => {
    const step = stepOf(entries[(i * 7_919) % entries.length] as DataSet);
    const from = textOf(step, TAGS.startDate);
    return {
      startDate: days === 1 ? from : `${from}-${dayAfter(from, days - 1)}`,
      modality: textOf(step, TAGS.modality),
      station: textOf(step, TAGS.stationAeTitle),
    };
  });
}

function dayAfter(date: string, days: number): string {
  const [year, month, day] = [date.slice(0, 4), date.slice(4, 6), date.slice(6)].map(Number) as [
    number,
    number,
    number,
  ];
  return new Date(Date.UTC(year, month - 1, day + days)).toISOString().slice(0, 10).replaceAll('-', '');
}

function identifierFor({ startDate, modality, station }: Question): Buffer {
  return identifierOf({
    ScheduledProcedureStepStartDate: startDate,
    Modality: modality,
    ScheduledStationAETitle: station,
  });
}

/** Gives how many entries were found. */
type Ask = (question: Question) => Promise<number>;

interface Asked {
  /** Median of the 95th percentiles of the rounds. */
  readonly p95: number;
  readonly p50: number;
  /** Results of one question on average. */
  readonly results: number;
}

async function askAll(ask: Ask, questions: readonly Question[]): Promise<Asked> {
  for (const question of questions.slice(0, WARM_UP)) await ask(question);
  const rounds: number[][] = [];
  let results = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const times: number[] = [];
    for (const question of questions) {
      times.push(await timeMs(async () => (results += await found(ask, question))));
    }
    rounds.push(times);
  }
  return {
    p95: median(rounds.map((times) => percentile(times, 95))),
    p50: median(rounds.map(median)),
    results: results / ROUNDS / questions.length,
  };
}

async function found(ask: Ask, question: Question): Promise<number> {
  const results = await ask(question);
  if (results === 0) throw new Error('A search found nothing');
  return results;
}

function askPort(ris: Ris): Ask {
  return async (question) => {
    const identifier = decodeDataSet(identifierFor(question), TRANSFER_SYNTAXES.explicitVrLittleEndian);
    let results = 0;
    for await (const _ of ris.search(queryOf(identifier), contextOf())) results++;
    return results;
  };
}

function askDimse(port: number): Ask {
  return async (question) => {
    const connection = await associate(port, { called: 'DIMSEWAY', abstractSyntax: WORKLIST });
    const { matches, status } = await find(connection, identifierFor(question));
    if (status !== 0) throw new Error(`C-FIND ended with ${status}`);
    await release(connection);
    return matches;
  };
}

function askWeb(port: number): Ask {
  const url = `http://127.0.0.1:${port}/dicomweb/modality-scheduled-procedure-steps`;
  return async ({ startDate, modality, station }) => {
    const parameters = `00400100.00400002=${startDate}&00400100.00080060=${modality}&00400100.00400001=${station}`;
    const response = await fetch(`${url}?${parameters}`, { headers: { accept: 'application/dicom+json' } });
    return ((await response.json()) as unknown[]).length;
  };
}

async function searchRows(bed: Bed, entries: readonly DataSet[]): Promise<Row[]> {
  const path = await fillStore(bed, entries);
  const day = questionsOf(entries, 1);
  const week = questionsOf(entries, 7);
  const row = (how: string, { p95, p50, results }: Asked, target?: Row['target']): Row => ({
    name: `search of 10,000 entries by date, modality and station, ${how}, p95`,
    value: p95,
    unit: 'ms',
    ...(target && { target }),
    detail: `${QUERIES} queries, ${results.toFixed(0)} results each, p50 ${ms(p50)}`,
  });

  const store = await openStore({ path });
  const ris = await Ris.open(NAME, [], {}, store, SILENT);
  const rows = [
    row('one day, at the port', await askAll(askPort(ris), day), { atMost: 10 }),
    row('a week, at the port', await askAll(askPort(ris), week), { atMost: 10 }),
  ];
  await store.close();

  const gateway = await bed.ris(path);
  rows.push(
    row('one day, C-FIND with association', await askAll(askDimse(gateway.port('ward')), day)),
    row('one day, HTTP', await askAll(askWeb(gateway.port('web')), day)),
  );
  await gateway.running.stop();
  return rows;
}

/** A store in which the entries are as if the API had brought them. */
async function fillStore(bed: Bed, entries: readonly DataSet[]): Promise<string> {
  const path = join(await bed.cleanup.folder(), 'store.db');
  const store = await openStore({ path });
  const rows = entries.map((scheduled) => ({
    upstream: NAME,
    id: entryIdOf(scheduled),
    source: 'api' as const,
    scheduled,
    index: indexOf(scheduled),
  }));
  await store.worklist.put(rows, 'disk');
  await store.close();
  return path;
}

/** As people write entries: keywords, and values alone where there is one. */
function inShortForm(dataSet: JsonDataSet): Record<string, unknown> {
  const formOf = (value: unknown, vr: string): unknown => {
    if (vr === 'SQ') return inShortForm(value as JsonDataSet);
    return vr === 'PN' ? (value as { Alphabetic: string }).Alphabetic : value;
  };
  const short = Object.entries(dataSet).map(([tag, { vr, Value: values = [] }]) => {
    const forms = values.map((value) => formOf(value, vr));
    return [lookupTag(tag)?.keyword ?? tag, forms.length === 0 ? null : forms.length === 1 ? forms[0] : forms];
  });
  return Object.fromEntries(short) as Record<string, unknown>;
}

/** From the files to a worklist that answers. */
async function importMs(bed: Bed, seed: string): Promise<{ read: number; first: number; again: number }> {
  const store = await openStore({ path: join(await bed.cleanup.folder(), 'store.db') });
  let entries: DataSet[] = [];
  const read = await timeMs(async () => (entries = await readSeed(seed)));
  if (entries.length !== ENTRIES) throw new Error(`${seed} has ${entries.length} entries`);
  const write = (): Promise<number> => timeMs(() => Ris.open(NAME, entries, {}, store, SILENT));
  const first = await write();
  const again = await write();
  await store.close();
  return { read, first: read + first, again: read + again };
}

async function importRow(bed: Bed, kind: string, seed: string): Promise<Row> {
  const times: Awaited<ReturnType<typeof importMs>>[] = [];
  for (let round = 0; round < ROUNDS; round++) times.push(await importMs(bed, seed));
  const seconds = (of: 'read' | 'first' | 'again'): number => median(times.map((each) => each[of])) / 1_000;
  return {
    name: `import of 10,000 entries, ${kind}`,
    value: seconds('first'),
    unit: 's',
    target: { atMost: 10 },
    detail: `reading the files ${seconds('read').toFixed(2)} s of it; once more, nothing new: ${seconds('again').toFixed(2)} s`,
  };
}

/** Resident memory in MB before the query, after a tenth of the answer, and at most from there on. */
interface Memory {
  readonly before: number;
  readonly atTenth: number;
  readonly most: number;
}

async function streamAll(bed: Bed, path: string): Promise<Memory> {
  const gateway = await bed.ris(path);
  const { pid } = gateway;
  const connection = await associate(gateway.port('ward'), { called: 'DIMSEWAY', abstractSyntax: WORKLIST });
  const before = await residentMegabytes(pid);
  let atTenth = 0;
  let most = 0;
  const outcome = await find(connection, broadIdentifier(), {
    onMatch: async (matches) => {
      if (matches < ENTRIES / 10 || matches % 100 !== 0) return;
      const now = await residentMegabytes(pid);
      if (matches === ENTRIES / 10) atTenth = now;
      most = Math.max(most, now);
    },
  });
  if (outcome.status !== 0 || outcome.matches !== ENTRIES) throw new Error(`Unexpected: ${JSON.stringify(outcome)}`);
  await release(connection);
  // A fresh process each time: what an earlier round made it keep must not hide the growth of the next.
  await gateway.running.stop();
  return { before, atTenth, most };
}

async function memoryRows(bed: Bed): Promise<Row[]> {
  const folder = await bed.cleanup.folder();
  const { itemsFile } = await makeLoadWorklist(folder, ENTRIES, { jsonOnly: true, commentLength: COMMENT_LENGTH });
  const path = await fillStore(bed, await readSeed(itemsFile));
  const rounds: Memory[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await streamAll(bed, path));
  const of = (growth: (memory: Memory) => number): { value: number; all: string } => {
    const growths = rounds.map(growth);
    return { value: median(growths), all: growths.map((mb) => mb.toFixed(0)).join(', ') };
  };
  const whole = of(({ before, most }) => most - before);
  const later = of(({ atTenth, most }) => most - atTenth);
  const name = 'C-FIND of all 10,000 entries of the RIS: growth of resident memory';
  const detail = (all: string): string => `each from a fresh process, entries of 2.7 kB; growths ${all}`;
  return [
    { name, value: whole.value, unit: 'MB', target: { atMost: 100 }, detail: detail(whole.all) },
    {
      name: `${name} after the first tenth`,
      value: later.value,
      unit: 'MB',
      target: { atMost: 20 },
      detail: detail(later.all),
    },
  ];
}

export async function benchRis(): Promise<Row[]> {
  const bed = new Bed();
  try {
    const folder = await bed.cleanup.folder();
    const { itemsFile } = await makeLoadWorklist(folder, ENTRIES, { aeTitle: 'OFFIS' });
    const yamlFile = join(folder, 'items.yaml');
    const items = JSON.parse(await readFile(itemsFile, 'utf8')) as JsonDataSet[];
    await writeFile(yamlFile, stringify(items.map(inShortForm)));
    return [
      ...(await searchRows(bed, await readSeed(itemsFile))),
      await importRow(bed, 'DICOM JSON', itemsFile),
      await importRow(bed, 'YAML with keywords', yamlFile),
      await importRow(bed, 'a folder of .wl files', join(folder, 'OFFIS')),
      ...(await memoryRows(bed)),
    ];
  } finally {
    await bed.close();
  }
}
