/** Every file of config/examples at work: what the table of README.md promises of it, route by route. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { modalityContext } from '../../src/cli/demo-play.ts';
import { labelOf } from '../../src/cli/demo-print.ts';
import type { Seen, SeenDimseRequest, SeenHttpRequest } from '../../src/cli/demo-seen.ts';
import { finalModifications } from '../../src/cli/mpps-final.ts';
import { searchWorklist } from '../../src/cli/worklist-search.ts';
import { attribute, createDataSet, dataSetOf, firstText, itemsOf } from '../../src/dataset/model.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { generateUid } from '../../src/dataset/uid.ts';
import { createFromWorklist } from '../../src/services/mpps/from-worklist.ts';
import { ServiceFailure } from '../../src/services/port.ts';
import type { Upstream } from '../../src/services/port.ts';
import type { SopReference, ToldEvent } from '../../src/services/storage-commitment/commitment.ts';
import { startExample } from '../support/example-bed.ts';
import type { BedOptions, ExampleBed, Passage } from '../support/example-bed.ts';
import { call } from '../support/http-client.ts';
import type { HttpReply } from '../support/http-client.ts';

const IMAGES: readonly SopReference[] = [1, 2, 3].map((number) => ({
  sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
  sopInstanceUid: `1.2.3.4.${number}`,
}));
const PATIENT_NAME = '00100010';
const PATIENT_ID = '00100020';
const CHARACTER_SET = '00080005';
const STATION = '00400001';
const STEPS = '00400100';
const PERFORMED_STATION = '00400241';
const STATE = '00400252';
const PATIENCE_MS = 10_000;

const context = (): ReturnType<typeof modalityContext> =>
  modalityContext(AbortSignal.timeout(PATIENCE_MS), PATIENCE_MS);

let beds: ExampleBed[] = [];
afterEach(async () => {
  for (const bed of beds) await bed.close();
  beds = [];
});

async function start(name: string, options: BedOptions = {}): Promise<ExampleBed> {
  const bed = await startExample(`examples/${name}`, options);
  beds.push(bed);
  return bed;
}

const search = (upstream: Upstream, ...keys: readonly string[]): Promise<DataSet[]> =>
  searchWorklist(upstream, { keys, include: [] }, context());

/** Begins a step for the one entry with that patient ID. */
async function begin(upstream: Upstream, patientId: string, station?: string): Promise<string> {
  const entries = await search(upstream, `PatientID=${patientId}`);
  expect(entries.length).toBe(1);
  const uid = generateUid();
  const step = createFromWorklist(entries, { now: new Date(), stationAeTitle: station });
  await upstream.createMpps(uid, step, context());
  return uid;
}

/** Ends a step without images (PS3.4 Table F.7.2-1 note 2). */
async function end(upstream: Upstream, uid: string): Promise<void> {
  const modifications = await finalModifications(upstream, uid, context(), {
    state: 'COMPLETED',
    given: createDataSet(),
    end: undefined,
    reason: undefined,
    emptySeries: true,
    protocol: 'Test',
    now: new Date(),
  });
  await upstream.updateMpps(uid, modifications, context());
}

const labels = ({ seen }: Passage): string[] => seen.map(labelOf);

function requests(passage: Passage, label: string): (SeenDimseRequest | SeenHttpRequest)[] {
  return passage.seen.filter(
    (seen): seen is SeenDimseRequest | SeenHttpRequest => seen.kind.endsWith('-request') && labelOf(seen) === label,
  );
}

/** The data set of the last DIMSE request of that name. */
function lastDataSet(passage: Passage, label: string): DataSet {
  const last = requests(passage, label).at(-1);
  if (last?.kind !== 'dimse-request' || last.data.first === undefined) throw new Error(`no ${label} with a data set`);
  return last.data.first;
}

/** The data set of the last DIMSE answer. */
function lastAnswer(passage: Passage): DataSet {
  const last = passage.seen.at(-1);
  if (last?.kind !== 'dimse-answer' || last.data.first === undefined) throw new Error('no answer with a data set');
  return last.data.first;
}

/** The body of the last POST of that kind. */
function lastBody(passage: Passage, label: string): Record<string, unknown> {
  const last = requests(passage, label).at(-1);
  if (last?.kind !== 'http-request' || last.data.first === undefined) throw new Error(`no ${label} with a data set`);
  return last.data.first;
}

const stationOf = (dataSet: DataSet): string | undefined => firstText(itemsOf(dataSet[STEPS])[0] ?? {}, STATION);

/** An answer to a request for that instance, of either protocol. */
const answersTo = (uid: string, label: string) => (seen: Seen) =>
  labelOf(seen) === label && JSON.stringify(seen).includes(uid);

describe('classic-modality-web-ris', () => {
  test('ct-scanners: worklist and MPPS cross to the web, stations renamed on the way there', async () => {
    const bed = await start('classic-modality-web-ris.yaml');
    const scanner = await bed.classic('ward', { calling: 'CT1' });
    const ris = bed.far('webRis').passage;
    await search(scanner, 'ScheduledProcedureStepSequence.ScheduledStationAETitle=CT1');
    expect(labels(ris)).toEqual(['GET', '204']);
    expect((requests(ris, 'GET')[0] as SeenHttpRequest).target).toContain('00400100.00400001=SCANNER_1');
    await end(scanner, await begin(scanner, 'MG-1001', 'CT1'));
    expect(labels(ris).slice(2)).toEqual(['GET', '200', 'POST', '201', 'POST', '200']);
    const create = requests(ris, 'POST')[0] as SeenHttpRequest;
    expect(create.data.first?.[PERFORMED_STATION]).toEqual({ vr: 'AE', Value: ['SCANNER_1'] });
  });

  test('ct-scanners: get Latin-1 where it suffices', async () => {
    const bed = await start('classic-modality-web-ris.yaml');
    await search(await bed.classic('ward', { calling: 'CT2' }), 'PatientID=MG-1002');
    expect(lastAnswer(bed.front('ward'))).toMatchObject({
      [CHARACTER_SET]: attribute('CS', 'ISO_IR 100'),
      [PATIENT_NAME]: attribute('PN', { Alphabetic: 'Müller^Jürgen^^Dr.' }),
    });
  });

  test('others: cross as they are; who is not on the list is rejected', async () => {
    const bed = await start('classic-modality-web-ris.yaml');
    const others = await bed.classic('ward', { calling: 'US1' });
    await begin(others, 'MG-1003');
    expect(lastBody(bed.far('webRis').passage, 'POST')[PERFORMED_STATION]).toEqual({ vr: 'AE', Value: ['US1'] });
    const stranger = await bed.classic('ward', { calling: 'STRANGER' });
    await expect(search(stranger)).rejects.toMatchObject({ code: 'UPSTREAM_REJECTED' });
  });
});

describe('web-modality-classic-ris', () => {
  test('web-modalities: worklist and MPPS cross to DIMSE; what a browser leaves out is supplied', async () => {
    const bed = await start('web-modality-classic-ris.yaml');
    const from = { localAddress: '127.1.0.9', headers: { 'Content-Type': 'application/dicom+json' } };
    const found = await call(bed.port('web'), '/dicomweb/modality-scheduled-procedure-steps?PatientID=MG-1001', from);
    const [entry] = JSON.parse(found.body.toString()) as [DataSet];
    const {
      [PERFORMED_STATION]: _station,
      '00080060': _modality,
      ...step
    } = createFromWorklist([entry], {
      now: new Date(),
      stationAeTitle: 'UNKNOWN',
    });
    const path = `/dicomweb/modality-performed-procedure-steps/${generateUid()}`;
    const created = await call(bed.port('web'), path, { ...from, method: 'POST', body: JSON.stringify(step) });
    expect([found.status, created.status]).toEqual([200, 201]);
    const ris = bed.far('oldRis').passage;
    expect(labels(ris)).toEqual(['C-FIND-RQ', 'C-FIND-RSP 0000H', 'N-CREATE-RQ', 'N-CREATE-RSP 0000H']);
    expect(lastDataSet(ris, 'C-FIND-RQ')['001021C0']).toBeUndefined();
    expect(lastDataSet(ris, 'N-CREATE-RQ')).toMatchObject({
      [PERFORMED_STATION]: attribute('AE', 'WEBUS'),
      '00080060': attribute('CS', 'US'),
    });
    // Of another network: no route.
    const elsewhere = await call(bed.port('web'), '/dicomweb/modality-scheduled-procedure-steps');
    expect(elsewhere.status).toBe(501);
  });

  test('web-modalities: the standby RIS answers when the first cannot be reached', async () => {
    const bed = await start('web-modality-classic-ris.yaml');
    await bed.far('oldRis').stop();
    const path = '/dicomweb/modality-scheduled-procedure-steps?PatientID=MG-1003';
    const found = await call(bed.port('web'), path, { localAddress: '127.1.0.9' });
    expect(found.status).toBe(200);
    expect(labels(bed.far('standbyRis').passage)).toEqual(['C-FIND-RQ', 'C-FIND-RSP 0000H']);
  });
});

describe('mpps-store-and-forward', () => {
  test('modalities: every destination gets every message in order, the registry without names', async () => {
    const bed = await start('mpps-store-and-forward.yaml');
    const modality = await bed.classic('ward', { calling: 'CT1' });
    const uid = await begin(modality, 'MG-1001');
    await end(modality, uid);
    const [ris, archive, registry] = ['ris', 'archive', 'doseRegistry'].map((name) => bed.far(name).passage);
    for (const scp of [ris, archive]) {
      await scp?.until(answersTo(uid, 'N-SET-RSP 0000H'));
      const mpps = scp === undefined ? [] : labels(scp).filter((label) => label.startsWith('N-'));
      expect(mpps).toEqual(['N-CREATE-RQ', 'N-CREATE-RSP 0000H', 'N-SET-RQ', 'N-SET-RSP 0000H']);
    }
    await registry?.until((seen) => labelOf(seen) === '200');
    const [create, update] = registry === undefined ? [] : (requests(registry, 'POST') as SeenHttpRequest[]);
    expect(create?.data.first).toMatchObject({ [PATIENT_ID]: { vr: 'LO', Value: ['MG-1001'] } });
    expect([PATIENT_NAME, '00100030'].filter((tag) => tag in (create?.data.first ?? {}))).toEqual([]);
    expect(update?.target).toContain(`${uid}?update`);
  });

  test('modalities: what came while the RIS was away is acknowledged, and arrives in order when it is back', async () => {
    const bed = await start('mpps-store-and-forward.yaml');
    const modality = await bed.classic('ward', { calling: 'CT1' });
    const [entry = {}] = await search(modality, 'PatientID=MG-1001');
    const ris = bed.far('ris');
    await ris.stop();
    const uid = generateUid();
    await modality.createMpps(uid, createFromWorklist([entry], { now: new Date() }), context());
    await end(modality, uid);
    await ris.restart();
    await ris.passage.until(answersTo(uid, 'N-SET-RSP 0000H'));
    const writes = labels(ris.passage).filter((label) => /^N-(CREATE|SET)-RSP/.test(label));
    expect(writes).toEqual(['N-CREATE-RSP 0000H', 'N-SET-RSP 0000H']);
  });
});

describe('downtime-worklist', () => {
  const entry = {
    PatientName: 'Carter^Helen',
    PatientID: 'DOWN-1',
    PatientBirthDate: '19580614',
    PatientSex: 'F',
    AccessionNumber: 'A1',
    StudyInstanceUID: '1.2.826.0.1.3680043.10.1462.2.9001',
    RequestedProcedureID: 'RP1',
    RequestedProcedureDescription: 'CT chest',
    ScheduledProcedureStepSequence: {
      Modality: 'CT',
      ScheduledStationAETitle: 'CT1',
      ScheduledProcedureStepStartDate: '20990302',
      ScheduledProcedureStepStartTime: '0930',
      ScheduledProcedureStepDescription: 'Thorax',
      ScheduledProcedureStepID: 'SPS1',
    },
  };

  test('both routes: the list of the RIS while it is there, else what the API was fed; MPPS waits for the RIS', async () => {
    const bed = await start('downtime-worklist.yaml');
    const fed = await call(bed.consolePort, '/api/worklist', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(entry),
    });
    expect(fed.status).toBe(201);
    const modalities = [await bed.classic('ward', { calling: 'CT1' }), await bed.web('web')];
    for (const modality of modalities) {
      expect((await search(modality)).map((found) => firstText(found, PATIENT_ID))).not.toContain('DOWN-1');
    }
    const ris = bed.far('ris');
    await ris.stop();
    const uids: string[] = [];
    for (const modality of modalities) {
      expect((await search(modality)).map((found) => firstText(found, PATIENT_ID))).toEqual(['DOWN-1']);
      uids.push(await begin(modality, 'DOWN-1'));
    }
    await ris.restart();
    for (const uid of uids) await ris.passage.until(answersTo(uid, 'N-CREATE-RSP 0000H'));
    // The list follows what is performed.
    for (const [i, modality] of modalities.entries()) await end(modality, uids[i] ?? '');
    const stateOf = async (): Promise<unknown> => {
      const { entries } = JSON.parse(String((await call(bed.consolePort, '/api/worklist')).body)) as {
        entries: { state: string }[];
      };
      return entries[0]?.state;
    };
    while ((await stateOf()) !== 'COMPLETED');
    await ris.stop();
    for (const modality of modalities) expect(await search(modality)).toEqual([]);
  });
});

describe('dimse-bridge', () => {
  const entries = [
    dataSetOf({
      [PATIENT_NAME]: attribute('PN', { Alphabetic: 'Carter^Helen' }),
      [PATIENT_ID]: attribute('LO', '0000123456'),
      '00100040': attribute('CS'),
      '0020000D': attribute('UI', '1.2.826.0.1.3680043.10.1462.2.9002'),
      '00401001': attribute('SH', 'RP1'),
      [STEPS]: attribute(
        'SQ',
        dataSetOf({
          '00080060': attribute('CS', 'CT'),
          [STATION]: attribute('AE', 'CT_ROOM_1'),
          '00400002': attribute('DA', '20990302'),
          '00400003': attribute('TM', '0930'),
          '00400009': attribute('SH', 'SPS1'),
        }),
      ),
    }),
  ];

  test('scanners: are answered under the old title, by their own titles, with their own names and numbers', async () => {
    const bed = await start('dimse-bridge.yaml', { entries });
    const scanner = await bed.classic('ward', { calling: 'CT_OLD', called: 'OLDRIS' });
    const step = 'ScheduledProcedureStepSequence.ScheduledStationAETitle=CT_OLD';
    const found = await search(scanner, 'PatientID=123456', step);
    expect(found.map((each) => [firstText(each, PATIENT_ID), firstText(each, '00100040'), stationOf(each)])).toEqual([
      ['123456', 'O', 'CT_OLD'],
    ]);
    const ris = bed.far('newRis').passage;
    const [asked] = requests(ris, 'C-FIND-RQ') as SeenDimseRequest[];
    expect(asked).toMatchObject({ callingAeTitle: 'CT_OLD', calledAeTitle: 'NEWRIS' });
    const identifier = lastDataSet(ris, 'C-FIND-RQ');
    expect([firstText(identifier, PATIENT_ID), stationOf(identifier)]).toEqual(['0000123456', 'CT_ROOM_1']);
    expect(identifier['001021C0']).toBeUndefined();

    const uid = await begin(scanner, '123456');
    const create = lastDataSet(ris, 'N-CREATE-RQ');
    expect([firstText(create, PATIENT_ID), firstText(create, PERFORMED_STATION)]).toEqual(['0000123456', 'CT_ROOM_1']);
    await end(scanner, uid);
    expect(lastDataSet(ris, 'N-SET-RQ')[PATIENT_ID]).toBeUndefined();
    const kept = await scanner.retrieveMpps(uid, [[PERFORMED_STATION]], context());
    expect(firstText(kept, PERFORMED_STATION)).toBe('CT_OLD');
  });
});

describe('old-web-server', () => {
  test('web-modalities: the server is asked in its own ways', async () => {
    const bed = await start('old-web-server.yaml', { env: { OLD_SERVER_TOKEN: 'opensesame' } });
    const modality = await bed.web('web');
    const keys = ['PatientID=MG-1001'];
    await searchWorklist(modality, { keys, include: ['PatientAddress', 'PatientComments'] }, context());
    await end(modality, await begin(modality, 'MG-1001'));
    const server = bed.far('oldServer').passage;
    expect(labels(server)).toEqual(['GET', '200', 'GET', '200', 'PUT', '201', 'PATCH', '200']);
    const all = server.seen.filter((seen): seen is SeenHttpRequest => seen.kind === 'http-request');
    expect(all.map(({ fields }) => fields.get('authorization'))).toEqual(all.map(() => 'Bearer opensesame'));
    expect(all[0]?.fields.get('accept')).toContain('application/dicom+xml');
    expect(all[0]?.target).toBe(
      '/services/dicom/modality-scheduled-procedure-steps' +
        '?PatientID=MG-1001&includefield=PatientAddress&includefield=PatientComments',
    );
    expect(requests(server, 'PUT').map((put) => (put as SeenHttpRequest).fields.get('content-type'))).toEqual([
      'application/dicom+xml',
    ]);
  });
});

describe('character-sets', () => {
  const cases = [
    ['japanese', 'US_TOKYO', 'MG-1003', ['', 'ISO 2022 IR 87'], 'Yamada^Tarou=山田^太郎=やまだ^たろう'],
    ['korean', 'CR_SEOUL', 'MG-1004', ['', 'ISO 2022 IR 149'], 'Hong^Gildong=洪^吉洞=홍^길동'],
    ['cyrillic', 'XA_SOFIA', 'MG-1005', ['ISO_IR 144'], 'Люксембург^Роза'],
    ['others', 'CT1', 'MG-1002', ['ISO_IR 100'], 'Müller^Jürgen^^Dr.'],
    ['others', 'CT1', 'MG-1005', ['ISO_IR 100'], '??????????^????'],
  ] as const;

  test.each(cases)('%s: %s gets %s in a character set it can show', async (_route, calling, patientId, set, name) => {
    const bed = await start('character-sets.yaml');
    const modality = await bed.classic('ward', { calling });
    await search(modality, `PatientID=${patientId}`);
    const answer = lastAnswer(bed.front('ward'));
    const [{ Alphabetic = '', Ideographic, Phonetic }] = answer[PATIENT_NAME]?.Value as [Record<string, string>];
    const text = [Alphabetic, Ideographic, Phonetic].filter((each) => each !== undefined).join('=');
    const terms = (answer[CHARACTER_SET]?.Value ?? []).map((term) => term ?? '');
    expect([terms, text]).toEqual([set, name]);
    await begin(modality, patientId);
    expect(lastBody(bed.far('ris').passage, 'POST')[PATIENT_ID]).toEqual({ vr: 'LO', Value: [patientId] });
  });
});

describe('two-ris', () => {
  const FOUND = { northRis: ['C-FIND-RQ', 'C-FIND-RSP 0000H'], southRis: ['GET', '200'] };
  const MPPS = { northRis: ['N-CREATE-RQ', 'N-CREATE-RSP 0000H'], southRis: ['POST', '201'] };
  const classic = [
    ['north-by-called-title', 'CT_SOUTH', 'NORTHRIS', 'northRis', 'southRis'],
    ['south-by-called-title', 'CT9', 'SOUTHRIS', 'southRis', 'northRis'],
    ['south-scanners', 'MR_SOUTH', 'DIMSEWAY', 'southRis', 'northRis'],
    ['north-scanners', 'CT9', 'DIMSEWAY', 'northRis', 'southRis'],
  ] as const;

  test.each(classic)('%s: %s calling %s gets %s', async (_route, calling, called, ris, other) => {
    const bed = await start('two-ris.yaml');
    await begin(await bed.classic('ward', { calling, called }), 'MG-1001');
    expect(labels(bed.far(ris).passage)).toEqual([...FOUND[ris], ...MPPS[ris]]);
    expect(labels(bed.far(other).passage)).toEqual([]);
  });

  const web = [
    ['south-web', '127.2.0.9', 'southRis', 'northRis'],
    ['north-web', '127.1.0.9', 'northRis', 'southRis'],
  ] as const;

  test.each(web)('%s: a web modality at %s gets %s', async (_route, localAddress, ris, other) => {
    const bed = await start('two-ris.yaml');
    const path = '/dicomweb/modality-scheduled-procedure-steps?PatientID=MG-1001';
    expect((await call(bed.port('web'), path, { localAddress })).status).toBe(200);
    expect(labels(bed.far(ris).passage)).toEqual(FOUND[ris]);
    expect(labels(bed.far(other).passage)).toEqual([]);
  });
});

describe('several-processes-postgres', () => {
  test('both routes: worklist at once, MPPS from the store (over PostgreSQL in test/peers)', async () => {
    const bed = await start('several-processes-postgres.yaml');
    const ris = bed.far('ris').passage;
    for (const [index, modality] of [await bed.classic('ward', { calling: 'CT1' }), await bed.web('web')].entries()) {
      const uid = await begin(modality, index === 0 ? 'MG-1001' : 'MG-1002');
      await end(modality, uid);
      await ris.until(answersTo(uid, 'N-SET-RSP 0000H'));
    }
  });
});

describe('sandbox', () => {
  test('both routes: one worklist that stays as it is, and a judge of MPPS', async () => {
    const bed = await start('sandbox.yaml');
    const classic = await bed.classic('ward', { calling: 'ANYBODY', called: 'SANDBOX' });
    for (const modality of [classic, await bed.web('web')]) {
      expect((await search(modality)).length).toBe(13);
      const uid = await begin(modality, 'MG-1001');
      await end(modality, uid);
      expect(firstText(await modality.retrieveMpps(uid, [[STATE]], context()), STATE)).toBe('COMPLETED');
      expect((await search(modality)).length).toBe(13);
      const bad = dataSetOf({ [STATE]: attribute('CS', 'IN PROGRESS') });
      await expect(modality.createMpps(generateUid(), bad, context())).rejects.toThrow(ServiceFailure);
    }
  });
});

describe('classic-modality-web-archive', () => {
  test('modalities: a modality asks, the archive is asked, and its word comes back as a report', async () => {
    const bed = await start('classic-modality-web-archive.yaml');
    const modality = await bed.classic('ward', { calling: 'CT1' });
    const reported = Promise.withResolvers<ToldEvent>();
    const uid = generateUid();
    const asking = { ...context(), holdMs: PATIENCE_MS, reported: async (event: ToldEvent) => reported.resolve(event) };
    expect(await modality.requestCommitment(uid, IMAGES, asking)).toEqual({ state: 'pending' });
    expect(await reported.promise).toEqual({ transactionUid: uid, committed: IMAGES, failed: [] });
    expect(labels(bed.far('webArchive').passage)).toEqual(['POST', '200']);
  });
});

describe('web-modality-classic-archive', () => {
  test('web-modalities: a request is answered with the report of the archive, and stays to be read', async () => {
    const bed = await start('web-modality-classic-archive.yaml');
    const modality = await bed.web('web');
    const uid = generateUid();
    const told = { committed: IMAGES, failed: [] };
    const asking = { ...context(), holdMs: 0, reported: () => Promise.resolve() };
    expect(await modality.requestCommitment(uid, IMAGES, asking)).toEqual({ state: 'done', told });
    expect(await modality.checkCommitment(uid, context())).toEqual({ state: 'done', told });
    expect(await modality.requestCommitment(uid, IMAGES, asking)).toEqual({ state: 'done', told });
    const archive = bed.far('archive').passage;
    expect(labels(archive).filter((label) => /^N-/.test(label))).toEqual([
      ...['N-ACTION-RQ', 'N-ACTION-RSP 0000H', 'N-EVENT-REPORT-RQ', 'N-EVENT-REPORT-RSP 0000H'],
    ]);
    // The archive knows the transaction by a UID of the gateway.
    expect(JSON.stringify(archive.seen)).not.toContain(uid);
  });
});

describe('classic-modality-ups-rs', () => {
  test('modalities: search, claim and end of a workitem, and the board hears of both from the server', async () => {
    const bed = await start('classic-modality-ups-rs.yaml');
    const modality = await bed.classic('ward', { calling: 'CT1' });
    const board = bed.far('board').passage;
    const heard = (count: number): Promise<Seen> =>
      board.until(() => labels(board).filter((label) => label === 'N-EVENT-REPORT-RSP 0000H').length === count);
    const uid = await begin(modality, 'MG-1001', 'CT1');
    await heard(1);
    await end(modality, uid);
    await heard(2);
    const reports = requests(board, 'N-EVENT-REPORT-RQ');
    expect(reports.map((report) => JSON.stringify(report).includes(uid))).toEqual([true, true]);
    // Claimed, and completed once the last update was in.
    expect(labels(bed.far('workitems').passage).filter((label) => /^(PUT|POST)/.test(label))).toEqual([
      ...['POST', 'PUT', 'POST', 'POST', 'PUT'],
    ]);
  });
});

describe('ups-modality-classic-ris', () => {
  test('web-modalities: a claim is an N-CREATE, an update an N-SET, the end the final N-SET', async () => {
    const bed = await start('ups-modality-classic-ris.yaml');
    const { port } = bed.front('web').tap;
    const lock = generateUid();
    const ask = async (method: string, path: string, body?: DataSet): Promise<HttpReply> =>
      call(port, `/dicomweb/workitems${path}`, {
        method,
        headers: { 'content-type': 'application/dicom+json' },
        ...(body && { body: JSON.stringify(body) }),
      });
    const found = JSON.parse(String((await ask('GET', '?PatientID=MG-1001')).body)) as DataSet[];
    const uid = firstText(found[0] ?? createDataSet(), '00080018');
    const change = (state: string): Promise<HttpReply> =>
      ask('PUT', `/${uid}/state`, dataSetOf({ '00741000': attribute('CS', state), '00081195': attribute('UI', lock) }));
    const station = dataSetOf({
      '00080100': attribute('SH', 'CT1'),
      '00080102': attribute('SH', '99AET'),
      '00080104': attribute('LO', 'CT1'),
    });
    const performed = dataSetOf({
      '00404028': attribute('SQ', station),
      '00404019': attribute('SQ', station),
      '00404050': attribute('DT', '20260302081500'),
      '00404051': attribute('DT', '20260302083000'),
      '00404033': attribute('SQ'),
    });
    expect((await change('IN PROGRESS')).status).toBe(200);
    expect((await ask('POST', `/${uid}?${lock}`, dataSetOf({ '00741216': attribute('SQ', performed) }))).status).toBe(
      200,
    );
    expect((await change('COMPLETED')).status).toBe(200);
    expect((await ask('GET', `/${uid}`)).status).toBe(200);
    const ris = labels(bed.far('oldRis').passage).filter((label) => /^N-(CREATE|SET)/.test(label));
    expect(ris).toEqual([
      'N-CREATE-RQ',
      'N-CREATE-RSP 0000H',
      'N-SET-RQ',
      'N-SET-RSP 0000H',
      'N-SET-RQ',
      'N-SET-RSP 0000H',
    ]);
  });
});

describe('mpps-notifications', () => {
  test('modalities: what the RIS has accepted is told to the board, in order, and copied to the dose system', async () => {
    const bed = await start('mpps-notifications.yaml');
    const modality = await bed.classic('ward', { calling: 'CT1' });
    const board = bed.far('board').passage;
    const heard = (count: number): Promise<Seen> =>
      board.until(() => requests(board, 'N-EVENT-REPORT-RQ').length === count);
    const uid = await begin(modality, 'MG-1001');
    await heard(1);
    await end(modality, uid);
    await heard(2);
    const reports = requests(board, 'N-EVENT-REPORT-RQ').flatMap((report) =>
      report.kind === 'dimse-request' ? [report.command] : [],
    );
    expect(reports.map(({ affectedSopInstanceUid, eventTypeId }) => [affectedSopInstanceUid, eventTypeId])).toEqual([
      [uid, 1],
      [uid, 2],
    ]);
    const dose = bed.far('dose').passage;
    await dose.until(() => labels(dose).filter((label) => label === 'POST').length === 2);
    expect(requests(dose, 'POST').every((post) => JSON.stringify(post).includes(uid))).toBe(true);
  });
});

test('every file of config/examples is at work here', () => {
  const files = readdirSync(join(import.meta.dirname, '../../config/examples')).sort();
  expect(files).toEqual(
    [
      'character-sets',
      'classic-modality-ups-rs',
      'classic-modality-web-archive',
      'classic-modality-web-ris',
      'dimse-bridge',
      'downtime-worklist',
      'mpps-notifications',
      'mpps-store-and-forward',
      'old-web-server',
      'sandbox',
      'secured',
      'several-processes-postgres',
      'two-ris',
      'ups-modality-classic-ris',
      'web-modality-classic-archive',
      'web-modality-classic-ris',
    ].map((name) => `${name}.yaml`),
  );
});
