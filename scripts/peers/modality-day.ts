/**
 * `npm run day`: the whole day of a modality, in both directions, with programs that nobody here wrote at every
 * far end: worklist, create, two updates, complete, retrieve. Prints what each side got, and each hop's messages as they
 * were on the wire (tshark's reading of the PDUs, HTTP messages with their bodies). Exit status 1 when a step went wrong.
 *
 *   DIMSE modality: findscu, odil ──▶ dimseway ──▶ (web) ──▶ dimseway ──▶ wlmscpfs, DCMTK's library
 *   web modality:   curl ──▶ dimseway ──▶ wlmscpfs, odil
 */
import { isDeepStrictEqual } from 'node:util';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { completeOf, createOf, progressOf, scheduledStep, series } from '../../test/peers/mpps-cases.ts';
import type { JsonDataSet } from '../../test/peers/mpps-cases.ts';
import { startCapture, type Frame } from './capture.ts';
import { findWithDcmtk, makeDcmtkWorklist, startWlmscpfs, type WorklistScp } from './dcmtk.ts';
import { startGateway, type Gateway } from './gateway.ts';
import { sendMpps, startMppsScp, writeDicomFiles, type MppsScp, type MppsStep } from './mpps.ts';
import { Cleanup, runOrThrow } from './process.ts';
import { readBody, readFiles, readJson, type PlainAttribute, type PlainDataSet } from './read-dicom.ts';

const JSON_TYPE = 'application/dicom+json';
const WORKLIST_PATH = 'modality-scheduled-procedure-steps';
const MPPS_PATH = 'modality-performed-procedure-steps';
/** One entry of DCMTK's sample worklist. */
const ACCESSION_NUMBER = '00000';

const KEYS = [
  'PatientName',
  'PatientID',
  'PatientBirthDate',
  'PatientSex',
  `AccessionNumber=${ACCESSION_NUMBER}`,
  'StudyInstanceUID',
  'RequestedProcedureID',
  'RequestedProcedureDescription',
  'ScheduledProcedureStepSequence[0].Modality',
  'ScheduledProcedureStepSequence[0].ScheduledStationAETitle',
  'ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate',
  'ScheduledProcedureStepSequence[0].ScheduledProcedureStepID',
  'ScheduledProcedureStepSequence[0].ScheduledProcedureStepDescription',
];

interface Step {
  readonly title: string;
  readonly startMs: number;
  readonly endMs: number;
  /** The data set of the request, where it went by DIMSE. */
  readonly sent?: PlainDataSet;
  /** What the modality was told. */
  readonly answer: string;
}

interface Message {
  readonly title: string;
  readonly kind: 'create' | 'set';
  readonly dataSet: JsonDataSet;
}

const cleanup = new Cleanup();
let failures = 0;

function check(what: string, actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  failures++;
  console.log(`WRONG: ${what}\n  got      ${JSON.stringify(actual)}\n  expected ${JSON.stringify(expected)}`);
}

async function timed(title: string, work: () => Promise<string>): Promise<Step> {
  const startMs = Date.now();
  const answer = await work();
  const endMs = Date.now() + 1;
  // The clock of the frames is finer: no two steps share a millisecond.
  await setTimeout(2);
  return { title, startMs, endMs, answer };
}

/** What a modality copies from the worklist entry into its MPPS (IHE SWF, PS3.4 F.7.2.1.2). */
function dayOf(entry: PlainDataSet): Message[] {
  const [scheduled] = (entry['00400100']?.slice(1) ?? []) as PlainDataSet[];
  const copied = (source: PlainDataSet | undefined, ...tags: readonly string[]): JsonDataSet =>
    Object.fromEntries(tags.flatMap((tag) => (source?.[tag] === undefined ? [] : [[tag, toJson(source[tag])]])));
  const request = scheduledStep(1, {
    '00081110': { vr: 'SQ' },
    '00321064': { vr: 'SQ' },
    '00400008': { vr: 'SQ' },
    ...copied(entry, '0020000D', '00080050', '00321060', '00401001'),
    ...copied(scheduled, '00400007', '00400009'),
  });
  const patient = copied(entry, '00100010', '00100020', '00100030', '00100040');
  const create = createOf({ ...patient, ...copied(scheduled, '00080060') }, [request]);
  return [
    { title: 'create: the step is IN PROGRESS', kind: 'create', dataSet: create },
    { title: 'first update: a series', kind: 'set', dataSet: progressOf(series(1, 2)) },
    { title: 'second update: another series', kind: 'set', dataSet: progressOf(series(1, 2), series(2, 1)) },
    { title: 'complete', kind: 'set', dataSet: completeOf(series(1, 2), series(2, 1)) },
  ];
}

function toJson([vr, ...values]: PlainAttribute): { vr: string; Value?: unknown[] } {
  if (values.length === 0) return { vr };
  return { vr, Value: vr === 'PN' ? values.map((value) => ({ Alphabetic: value })) : values };
}

function sqlite(folder: string, name: string): object {
  return { kind: 'sqlite', path: join(folder, `${name}.db`) };
}

/** web → DIMSE: worklist from one SCP, MPPS to another. */
async function startWebGateway(folder: string, name: string, worklist: WorklistScp, mpps: MppsScp): Promise<Gateway> {
  const upstream = ({ port, aeTitle }: { port: number; aeTitle: string }): object => ({
    protocol: 'dimse',
    host: '127.0.0.1',
    port,
    aeTitle,
    callingAeTitle: 'DIMSEWAY',
  });
  const gateway = await startGateway(
    folder,
    {
      listeners: { web: { protocol: 'dicomweb', port: 0, basePath: '/dicomweb' } },
      upstreams: { ris: upstream(worklist), mppsScp: upstream(mpps) },
      routes: [{ name: 'web-to-dimse', worklist: { to: 'ris' }, mpps: { to: 'mppsScp' } }],
      store: sqlite(folder, name),
      console: { port: 0 },
      log: { level: 'warn' },
    },
    name,
  );
  cleanup.add(() => gateway.running.stop());
  return gateway;
}

async function startWardGateway(folder: string, baseUrl: string): Promise<Gateway> {
  const gateway = await startGateway(
    folder,
    {
      listeners: { ward: { protocol: 'dimse', aeTitle: 'DIMSEWAY', port: 0 } },
      upstreams: { web: { protocol: 'dicomweb', baseUrl } },
      routes: [{ name: 'dimse-to-web', worklist: { to: 'web' }, mpps: { to: 'web' } }],
      store: sqlite(folder, 'ward'),
      console: { port: 0 },
      log: { level: 'warn' },
    },
    'ward',
  );
  cleanup.add(() => gateway.running.stop());
  return gateway;
}

/** The one entry that findscu gets, and its day by odil. */
async function dimseDay(folder: string, port: number, uid: string, scp: MppsScp): Promise<Step[]> {
  const target = { port, aeTitle: 'DIMSEWAY' };
  const steps: Step[] = [];
  let entry: PlainDataSet = {};
  steps.push(
    await timed('worklist (findscu)', async () => {
      const outputFolder = join(folder, 'found');
      const found = await findWithDcmtk({ ...target, keys: KEYS, outputFolder });
      const entries = await readFiles(found.files);
      check('entries of the worklist', [found.code, entries.length], [0, 1]);
      entry = entries[0] ?? {};
      return `${entries.length} entry: ${JSON.stringify(entry)}`;
    }),
  );
  const day = dayOf(entry);
  const files = await writeDicomFiles(
    folder,
    day.map(({ dataSet }, i) => ({ name: `day-${i}`, dataSet, characterSet: ['ISO_IR 100'] })),
  );
  const send = async (step: MppsStep): Promise<PlainDataSet | undefined> => {
    const [answer] = await sendMpps('odil', folder, target, [step]);
    check(step, answer?.status, '0000');
    return answer?.dataSet;
  };
  for (const [i, { title, kind }] of day.entries()) {
    const work = async (): Promise<string> => {
      await send(`${kind}:${uid}:${files[i]}`);
      return '0000H';
    };
    const [sent = {}] = await readFiles([files[i] ?? '']);
    steps.push({ ...(await timed(`${title} (odil)`, work)), sent });
  }
  steps.push(
    await timed('retrieve (odil)', async () => {
      const got = await send(`get:${uid}`);
      const [kept] = await readJson(folder, [Object.assign({}, ...day.map(({ dataSet }) => dataSet)) as object]);
      check('what was retrieved', got, kept);
      return `0000H ${JSON.stringify(got)}`;
    }),
  );
  await checkArrived(folder, scp, uid, day);
  return steps;
}

interface CurlAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

async function curl(...args: readonly string[]): Promise<CurlAnswer> {
  const told = '\n%{http_code} %{content_type}';
  const { stdout } = await runOrThrow('curl', ['-sS', '-H', `Accept: ${JSON_TYPE}`, '-w', told, ...args]);
  const at = stdout.lastIndexOf('\n');
  const [status, ...type] = stdout.slice(at + 1).split(' ');
  return { status: Number(status), contentType: type.join(' '), body: stdout.slice(0, at) };
}

async function webDay(folder: string, baseUrl: string, uid: string, scp: MppsScp): Promise<Step[]> {
  const steps: Step[] = [];
  const url = `${baseUrl}/${MPPS_PATH}/${uid}`;
  let entry: PlainDataSet = {};
  steps.push(
    await timed('worklist (curl)', async () => {
      const { status, contentType, body } = await curl(
        `${baseUrl}/${WORKLIST_PATH}?AccessionNumber=${ACCESSION_NUMBER}`,
      );
      const entries = await readBody(folder, contentType, Buffer.from(body));
      check('entries of the worklist', [status, entries.length], [200, 1]);
      entry = entries[0] ?? {};
      return `${status}`;
    }),
  );
  const day = dayOf(entry);
  for (const { title, kind, dataSet } of day) {
    const work = async (): Promise<string> => {
      const to = kind === 'create' ? url : `${url}?update`;
      const { status, body } = await curl(
        '-H',
        `Content-Type: ${JSON_TYPE}`,
        '--data-binary',
        JSON.stringify(dataSet),
        to,
      );
      check(title, [status, body], [kind === 'create' ? 201 : 200, '']);
      return String(status);
    };
    steps.push(await timed(`${title} (curl)`, work));
  }
  steps.push(
    await timed('retrieve (curl)', async () => {
      const { status, contentType, body } = await curl(url);
      const [kept] = await readJson(folder, [Object.assign({}, ...day.map(({ dataSet }) => dataSet)) as object]);
      check('what was retrieved', [status, await readBody(folder, contentType, Buffer.from(body))], [200, [kept]]);
      return String(status);
    }),
  );
  await checkArrived(folder, scp, uid, day);
  return steps;
}

async function checkArrived(folder: string, scp: MppsScp, uid: string, day: readonly Message[]): Promise<void> {
  const writes = (await scp.received()).filter((one) => one.uid === uid && one.message !== 'N-GET');
  const sent = await readJson(
    folder,
    day.map(({ dataSet }) => dataSet),
  );
  check(
    'what arrived at the SCP',
    writes.map(({ dataSet }) => dataSet),
    sent,
  );
}

function print(steps: readonly Step[], frames: readonly Frame[], names: ReadonlyMap<number, string>): void {
  const nameOf = ({ from, to }: Frame): string => {
    const server = names.get(to) ?? names.get(from) ?? '?';
    return names.has(to) ? `→ ${server}` : `← ${server}`;
  };
  for (const { title, startMs, endMs, sent, answer } of steps) {
    console.log(`\n--- ${title}`);
    if (sent !== undefined) console.log(`  the modality sent: ${JSON.stringify(sent)}`);
    for (const frame of frames.filter(({ atMs }) => atMs >= startMs && atMs <= endMs)) {
      console.log(`  ${nameOf(frame).padEnd(24)} ${frame.info}`);
      if (frame.body !== '') console.log(`    ${frame.body}`);
    }
    console.log(`  the modality got: ${answer}`);
  }
}

async function main(): Promise<void> {
  const folder = await cleanup.folder();
  const capture = await startCapture(folder);
  cleanup.add(() => capture.stop());
  await makeDcmtkWorklist(join(folder, 'OFFIS'));
  const worklist = await startWlmscpfs(folder);
  cleanup.add(() => worklist.running.stop());
  const byDcmtk = await startMppsScp('dcmtk', folder);
  cleanup.add(() => byDcmtk.running.stop());
  const byOdil = await startMppsScp('odil', folder);
  cleanup.add(() => byOdil.running.stop());
  const far = await startWebGateway(folder, 'far', worklist, byDcmtk);
  const near = await startWardGateway(folder, `http://127.0.0.1:${far.port('web')}/dicomweb`);
  const web = await startWebGateway(folder, 'web', worklist, byOdil);

  const root = `2.25.${BigInt(Date.now())}`;
  const dimse = await dimseDay(folder, near.port('ward'), `${root}1`, byDcmtk);
  const http = await webDay(folder, `http://127.0.0.1:${web.port('web')}/dicomweb`, `${root}2`, byOdil);
  for (const { running } of [near, far, web]) await running.stop();

  const names = new Map([
    [near.port('ward'), 'dimseway (SCP)'],
    [far.port('web'), 'dimseway (web)'],
    [web.port('web'), 'dimseway (web)'],
    [worklist.port, 'wlmscpfs'],
    [byDcmtk.port, 'DCMTK (MPPS SCP)'],
    [byOdil.port, 'odil (MPPS SCP)'],
  ]);
  const dicomPorts = [near.port('ward'), worklist.port, byDcmtk.port, byOdil.port];
  const frames = await capture.frames(dicomPorts, [far.port('web'), web.port('web')]);
  const { problems } = await capture.judge(dicomPorts);
  console.log('=== A DIMSE modality: findscu, odil → dimseway → web → dimseway → wlmscpfs, DCMTK');
  print(dimse, frames, names);
  console.log('\n=== A web modality: curl → dimseway → wlmscpfs, odil');
  print(http, frames, names);
  console.log(`\nproblems: ${problems.length}`);
  for (const problem of problems) console.log(problem);
  if (failures > 0 || problems.length > 0) process.exitCode = 1;
  else console.log('the day went well in both directions');
}

try {
  await main();
} finally {
  await cleanup.run();
}
