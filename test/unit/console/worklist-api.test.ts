import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { worklistApi } from '../../../src/console/worklist-api.ts';
import { toJson } from '../../../src/dataset/json.ts';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import { GatewayError } from '../../../src/errors.ts';
import { entryIdOf } from '../../../src/ris/entry.ts';
import { Ris } from '../../../src/ris/ris.ts';
import { openMemoryStore } from '../../../src/store/sqlite.ts';
import type { Store } from '../../../src/store/store.ts';
import { openConsole } from '../../support/console.ts';
import type { ConsoleBed } from '../../support/console.ts';
import { collect, contextOf, entryOf, keepingLogger, queryOf } from '../../support/requests.ts';
import { begin, createOf, end } from '../../support/ris.ts';

const NOW = Date.UTC(2026, 2, 1, 6, 30);
const NOW_TEXT = '2026-03-01T06:30:00.000Z';

let store: Store;
let rises: Map<string, Ris>;
let bed: ConsoleBed;
let logger: ReturnType<typeof keepingLogger>;

beforeEach(async () => {
  store = await openMemoryStore({ now: () => NOW });
  logger = keepingLogger();
  rises = new Map([['sandbox', await openRis('sandbox')]]);
  bed = await openConsole([worklistApi({ rises: () => rises, log: logger })]);
  logger.lines.length = 0;
});
afterEach(async () => {
  await bed.close();
  await store.close();
});

function openRis(name: string): Promise<Ris> {
  return Ris.open(name, [], {}, store, keepingLogger(), () => NOW);
}

interface Listed {
  entries: { id: string; patientId: string; startDate: string; state: string; entry: unknown }[];
  next?: string;
}

async function list(query = ''): Promise<Listed> {
  const { status, body } = await bed.call('GET', `/api/worklist${query}`);
  expect(status).toBe(200);
  return body as Listed;
}

async function patients(query = ''): Promise<string[]> {
  return (await list(query)).entries.map((entry) => entry.patientId);
}

function plain(text: string): unknown {
  return JSON.parse(text) as unknown;
}

const SHORT_FORM = {
  PatientName: 'Doe^P1',
  PatientID: 'P1',
  AccessionNumber: 'ACC-P1',
  StudyInstanceUID: '1.2.3.4',
  ScheduledProcedureStepSequence: {
    Modality: 'CT',
    ScheduledStationAETitle: ['CT1', 'CT2'],
    ScheduledProcedureStepStartDate: 20260301,
    ScheduledProcedureStepStartTime: '0800',
    ScheduledProcedureStepID: 'SPS1',
  },
};

/** Another day for the step of an entry. */
function withStep(entry: typeof SHORT_FORM, ScheduledProcedureStepStartDate: number): typeof SHORT_FORM {
  const step = { ...entry.ScheduledProcedureStepSequence, ScheduledProcedureStepStartDate };
  return { ...entry, ScheduledProcedureStepSequence: step };
}

const P1 = dataSetOf({
  '00080050': attribute('SH', 'ACC-P1'),
  '00100010': attribute('PN', { Alphabetic: 'Doe^P1' }),
  '00100020': attribute('LO', 'P1'),
  '0020000D': attribute('UI', '1.2.3.4'),
  '00400100': attribute(
    'SQ',
    dataSetOf({
      '00080060': attribute('CS', 'CT'),
      '00400001': attribute('AE', 'CT1', 'CT2'),
      '00400002': attribute('DA', '20260301'),
      '00400003': attribute('TM', '0800'),
      '00400009': attribute('SH', 'SPS1'),
    }),
  ),
});
const ID = entryIdOf(P1);
const P1_ANSWER = {
  id: ID,
  upstream: 'sandbox',
  source: 'api',
  state: 'SCHEDULED',
  createdAt: NOW_TEXT,
  updatedAt: NOW_TEXT,
  startDate: '20260301',
  startTime: '0800',
  modality: 'CT',
  stations: ['CT1', 'CT2'],
  patientId: 'P1',
  accessionNumber: 'ACC-P1',
  studyInstanceUid: '1.2.3.4',
  stepId: 'SPS1',
  entry: plain(toJson(P1)),
};

describe('POST /api/worklist', () => {
  test.each([
    ['in the short form with keywords', SHORT_FORM],
    ['in the DICOM JSON model (PS3.18 F)', toJson(P1)],
    ['as an array of one', `[${toJson(P1)}]`],
  ])('enters an entry %s: 201, Location, and a search finds it', async (_title, body) => {
    const answer = await bed.call('POST', '/api/worklist', { body });
    expect(answer).toMatchObject({ status: 201, body: P1_ANSWER });
    expect(answer.headers.get('location')).toBe(`/api/worklist/${ID}`);
    expect(await bed.call('GET', `/api/worklist/${ID}`)).toMatchObject({ status: 200, body: P1_ANSWER });
    expect(await list()).toEqual({ entries: [P1_ANSWER] });
    const query = queryOf(dataSetOf({ '00100020': attribute('LO', 'P1') }), { returnKeys: 'all' });
    expect(await collect((rises.get('sandbox') as Ris).search(query, contextOf()))).toEqual([P1]);
  });

  test('an entry that is there is 409 with its Location, and stays as it was', async () => {
    await bed.call('POST', '/api/worklist', { body: SHORT_FORM });
    const again = await bed.call('POST', '/api/worklist', { body: { ...SHORT_FORM, PatientName: 'Other' } });
    expect(again).toMatchObject({ status: 409, body: { code: 'ENTRY_EXISTS', fix: expect.stringContaining(ID) } });
    expect(again.headers.get('location')).toBe(`/api/worklist/${ID}`);
    expect(await list()).toEqual({ entries: [P1_ANSWER] });
  });

  const withMore = (more: object): object => ({
    ...SHORT_FORM,
    ScheduledProcedureStepSequence: { ...SHORT_FORM.ScheduledProcedureStepSequence, ...more },
  });

  test.each([
    [
      'what an entry cannot do without',
      { PatientSex: 'F', ScheduledProcedureStepSequence: [{ Modality: 'CT' }] },
      ['PatientName', 'PatientID', 'StudyInstanceUID', 'ScheduledProcedureStepSequence.ScheduledProcedureStepID'],
    ],
    ['two steps', { ...SHORT_FORM, ScheduledProcedureStepSequence: [{}, {}] }, ['ScheduledProcedureStepSequence']],
    [
      'a time without its zero',
      withMore({ ScheduledProcedureStepStartTime: 830 }),
      ['ScheduledProcedureStepSequence.ScheduledProcedureStepStartTime'],
    ],
    ['a truth value', { ...SHORT_FORM, PatientComments: true }, ['PatientComments']],
    ['a keyword that is none', { ...SHORT_FORM, SECRET: 'x' }, []],
    ['a text', '"SECRET"', []],
    ['nothing', 'null', []],
  ])('%s is 422 with the attributes by keyword, and without values', async (_title, body, attributes) => {
    const answer = await bed.call('POST', '/api/worklist', { body });
    expect(answer).toMatchObject({ status: 422, body: { code: 'ENTRY_INVALID', fix: expect.any(String) } });
    expect(answer.headers.get('location')).toBeNull();
    const named = (answer.body as { attributes: string[] }).attributes;
    expect(named).toEqual(expect.arrayContaining(attributes));
    expect(named.length > 0).toBe(attributes.length > 0);
    expect(JSON.stringify(answer.body)).not.toMatch(/SECRET|Doe/);
    expect(await list()).toEqual({ entries: [] });
  });

  test.each([
    ['no JSON', '{"PatientName": "SECRET', 400, 'BODY_INVALID'],
    ['a property twice', '{"PatientID":"SECRET","PatientID":"2"}', 400, 'BODY_INVALID'],
    ['no body', '', 400, 'BODY_INVALID'],
    ['several entries', '[{},{}]', 400, 'BODY_INVALID'],
    ['bytes that are not UTF-8', Buffer.from('{"PatientName":"M\xfcller"}', 'latin1'), 400, 'BODY_INVALID'],
    ['nested without end', '['.repeat(500_000), 400, 'BODY_INVALID'],
    ['nested too deep', '['.repeat(500_000) + ']'.repeat(500_000), 400, 'BODY_INVALID'],
    ['more than 1 MiB', `"${'x'.repeat(1024 * 1024)}"`, 413, 'BODY_TOO_LARGE'],
  ])('%s is refused', async (_title, body, status, code) => {
    const answer = await bed.call('POST', '/api/worklist', { body });
    expect(answer).toMatchObject({ status, body: { code, message: expect.any(String), fix: expect.any(String) } });
    expect(JSON.stringify(answer.body)).not.toContain('SECRET');
  });

  test('a compressed body is measured when it is open', async () => {
    const headers = { 'content-encoding': 'gzip' };
    const entry = await bed.call('POST', '/api/worklist', { body: gzipSync(toJson(P1)), headers });
    expect(entry).toMatchObject({ status: 201 });
    const bomb = gzipSync(' '.repeat(20_000_000));
    expect(bomb.length).toBeLessThan(100_000);
    expect(await bed.call('POST', '/api/worklist', { body: bomb, headers })).toMatchObject({ status: 413 });
    const unknown = await bed.call('POST', '/api/worklist', { body: 'x', headers: { 'content-encoding': 'zip' } });
    expect(unknown).toMatchObject({ status: 415, body: { code: 'ENCODING_NOT_SUPPORTED' } });
  });
});

describe('PUT /api/worklist/{id}', () => {
  test('creates (201), then replaces (200), as often as it is repeated', async () => {
    const put = (body: object): Promise<unknown> => bed.call('PUT', `/api/worklist/${ID}`, { body });
    expect(await put(SHORT_FORM)).toMatchObject({ status: 201, body: P1_ANSWER });
    expect(await put(SHORT_FORM)).toMatchObject({ status: 200, body: P1_ANSWER });
    expect(await put(withStep(SHORT_FORM, 20260302))).toMatchObject({
      status: 200,
      body: { id: ID, startDate: '20260302' },
    });
    expect(await list()).toMatchObject({ entries: [{ id: ID, startDate: '20260302' }] });
  });

  test('an entry of another id is 422: it would leave the old one behind', async () => {
    const answer = await bed.call('PUT', `/api/worklist/${ID}`, { body: { ...SHORT_FORM, AccessionNumber: 'OTHER' } });
    expect(answer).toMatchObject({ status: 422, body: { code: 'ENTRY_INVALID' } });
    expect(await list()).toEqual({ entries: [] });
  });

  test('what has been performed of an entry stays with it', async () => {
    const ris = rises.get('sandbox') as Ris;
    await bed.call('POST', '/api/worklist', { body: SHORT_FORM });
    await begin(ris, '1.2.3', createOf('P1', { accession: 'ACC-P1' }));
    expect(await list()).toMatchObject({ entries: [{ id: ID, state: 'STARTED' }] });
    const answer = await bed.call('PUT', `/api/worklist/${ID}`, { body: SHORT_FORM });
    expect(answer).toMatchObject({ status: 200, body: { state: 'STARTED' } });
  });
});

describe('DELETE /api/worklist/{id}', () => {
  test('cancels: 204, then 404, and a search finds nothing', async () => {
    await bed.call('POST', '/api/worklist', { body: SHORT_FORM });
    expect(await bed.call('DELETE', `/api/worklist/${ID}`)).toMatchObject({ status: 204, body: undefined });
    const again = await bed.call('DELETE', `/api/worklist/${ID}`);
    expect(again).toMatchObject({ status: 404, body: { code: 'ENTRY_NOT_FOUND' } });
    expect(await bed.call('GET', `/api/worklist/${ID}`)).toMatchObject({ status: 404 });
    const query = queryOf(dataSetOf({}), { returnKeys: 'all' });
    expect(await collect((rises.get('sandbox') as Ris).search(query, contextOf()))).toEqual([]);
  });
});

describe('GET /api/worklist', () => {
  const enter = async (...entries: ReturnType<typeof entryOf>[]): Promise<void> => {
    for (const entry of entries) await (rises.get('sandbox') as Ris).entries.create(entry);
  };

  test('is in the order of a search, in pages that go on where the last one ended', async () => {
    const ids = Array.from({ length: 7 }, (_, i) => `P${i + 1}`);
    await enter(...ids.toReversed().map((id) => entryOf(id)));
    expect(await patients()).toEqual(ids);
    const seen: string[][] = [];
    for (let query: string | undefined = '?limit=3'; query !== undefined;) {
      const page: Listed = await list(query);
      seen.push(page.entries.map((entry) => entry.patientId));
      query = page.next && `?limit=3&after=${page.next}`;
    }
    expect(seen).toEqual([['P1', 'P2', 'P3'], ['P4', 'P5', 'P6'], ['P7']]);
    expect((await list('?limit=7')).next).toBeUndefined();
  });

  test('loses nothing when the last entry of a page is cancelled or moved, and tells no patient in the URL', async () => {
    await enter(entryOf('P1'), entryOf('P2'), entryOf('P3'));
    const first = await list('?limit=2');
    expect(Buffer.from(first.next ?? '', 'base64url').toString()).not.toMatch(/P2|ACC/);
    await bed.call('DELETE', `/api/worklist/${first.entries[1]?.id}`);
    expect(await patients(`?after=${first.next}`)).toEqual(['P1', 'P3']);
    const { next, entries } = await list('?limit=1');
    const moved = await bed.call('PUT', `/api/worklist/${entries[0]?.id}`, { body: withStep(SHORT_FORM, 20260315) });
    expect(moved.status).toBe(200);
    expect(await patients(`?after=${next}`)).toEqual(['P3', 'P1']);
  });

  test('matches again what the store lets through', async () => {
    const { entries } = rises.get('sandbox') as Ris;
    await enter(entryOf('P1'), entryOf('P2', 'SPS1', 'MR'));
    rises.set('sandbox', { entries: { find: () => entries.find({}) } } as unknown as Ris);
    expect(await patients('?modality=MR')).toEqual(['P2']);
    expect(await patients('?state=COMPLETED')).toEqual([]);
    expect(await patients('?dateFrom=20260302')).toEqual([]);
    expect(await patients('?dateTo=20260228')).toEqual([]);
  });

  test('filters by state, date, modality, station, patient, order and study', async () => {
    const ris = rises.get('sandbox') as Ris;
    const later = structuredClone(SHORT_FORM);
    later.ScheduledProcedureStepSequence.ScheduledProcedureStepStartDate = 20260315;
    later.ScheduledProcedureStepSequence.ScheduledProcedureStepID = 'SPS2';
    later.StudyInstanceUID = '1.2.3.5';
    later.PatientID = 'P3';
    await enter(entryOf('P1'), entryOf('P2', 'SPS1', 'MR'));
    expect(await bed.call('POST', '/api/worklist', { body: later })).toMatchObject({ status: 201 });
    await begin(ris, '1.2.3', createOf('P1', { accession: 'ACC-P1' }));
    await end(ris, '1.2.3', 'COMPLETED');
    expect(await patients()).toEqual(['P1', 'P2', 'P3']);
    expect(await patients('?state=COMPLETED')).toEqual(['P1']);
    expect(await patients('?state=scheduled&state=COMPLETED')).toEqual(['P1', 'P2', 'P3']);
    expect(await patients('?dateFrom=20260302')).toEqual(['P3']);
    expect(await patients('?dateFrom=20260301&dateTo=20260314')).toEqual(['P1', 'P2']);
    expect(await patients('?modality=MR')).toEqual(['P2']);
    expect(await patients('?modality=MR&modality=CT&dateTo=20260301')).toEqual(['P1', 'P2']);
    expect(await patients('?station=CT2')).toEqual(['P3']);
    expect(await patients('?patientId=P2')).toEqual(['P2']);
    expect(await patients('?accessionNumber=ACC-P2')).toEqual(['P2']);
    expect(await patients('?studyInstanceUid=1.2.3.5')).toEqual(['P3']);
    expect(await patients('?studyInstanceUid=1.2.3.5&modality=MR')).toEqual([]);
  });

  test.each([
    ['?limit=0'],
    ['?limit=1001'],
    ['?limit=x'],
    ['?limit=1&limit=2'],
    ['?after=x'],
    ['?state=DONE'],
    ['?dateFrom=2026-03-01'],
    ['?dateTo=20260230'],
    ['?patientID=P1'],
  ])('%s is 400', async (query) => {
    expect(await bed.call('GET', `/api/worklist${query}`)).toMatchObject({
      status: 400,
      body: { code: 'PARAMETER_INVALID', message: expect.any(String), fix: expect.any(String) },
    });
  });
});

describe('which RIS', () => {
  test('none: 404 says what to configure', async () => {
    rises.clear();
    expect(await bed.call('POST', '/api/worklist', { body: SHORT_FORM })).toMatchObject({
      status: 404,
      body: { code: 'RIS_NOT_FOUND', fix: expect.stringContaining('protocol: ris') },
    });
  });

  test('of several one must be named, and only that one is meant', async () => {
    rises.set('downtime', await openRis('downtime'));
    const unnamed = await bed.call('POST', '/api/worklist', { body: SHORT_FORM });
    expect(unnamed).toMatchObject({
      status: 400,
      body: { code: 'UPSTREAM_NEEDED', fix: expect.stringContaining('sandbox, downtime') },
    });
    const named = await bed.call('POST', '/api/worklist?upstream=downtime', { body: SHORT_FORM });
    expect(named).toMatchObject({ status: 201, body: { upstream: 'downtime' } });
    expect(named.headers.get('location')).toBe(`/api/worklist/${ID}?upstream=downtime`);
    expect(await patients('?upstream=downtime')).toEqual(['P1']);
    expect(await patients('?upstream=sandbox')).toEqual([]);
    expect(await bed.call('DELETE', `/api/worklist/${ID}?upstream=sandbox`)).toMatchObject({ status: 404 });
    expect(await bed.call('DELETE', `/api/worklist/${ID}?upstream=downtime`)).toMatchObject({ status: 204 });
  });

  test('one that is none is 404 with the names', async () => {
    expect(await bed.call('GET', '/api/worklist?upstream=other')).toMatchObject({
      status: 404,
      body: { code: 'RIS_NOT_FOUND', fix: expect.stringContaining('sandbox') },
    });
  });
});

describe('every request', () => {
  test.each([
    ['POST', '/api/worklist'],
    ['PUT', `/api/worklist/${ID}`],
    ['DELETE', `/api/worklist/${ID}`],
  ])('%s needs application/json: no page of another site can send it', async (method, path) => {
    const answer = await bed.call(method, path, { headers: { 'content-type': 'text/plain' } });
    expect(answer).toMatchObject({ status: 415, body: { code: 'CONTENT_TYPE_NEEDED' } });
  });

  test('another method is 405 with Allow', async () => {
    const onList = await bed.call('DELETE', '/api/worklist');
    expect([onList.status, onList.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST']);
    const onOne = await bed.call('POST', `/api/worklist/${ID}`, { body: SHORT_FORM });
    expect([onOne.status, onOne.headers.get('allow')]).toEqual([405, 'GET, HEAD, PUT, DELETE']);
  });

  test('a write leaves one line: what, where, by whom, and nothing of the patient; what was refused leaves none', async () => {
    await bed.call('POST', '/api/worklist', { body: SHORT_FORM });
    await bed.call('POST', '/api/worklist', { body: SHORT_FORM });
    await bed.call('PUT', `/api/worklist/${ID}`, { body: SHORT_FORM });
    await bed.call('DELETE', `/api/worklist/${ID}`);
    await bed.call('DELETE', `/api/worklist/${ID}`);
    await bed.call('GET', '/api/worklist?patientId=P1');
    const line = { level: 'info', upstream: 'sandbox', entry: ID, by: '127.0.0.1' };
    expect(logger.lines).toEqual([
      { ...line, message: 'worklist entry created' },
      { ...line, message: 'worklist entry replaced' },
      { ...line, message: 'worklist entry cancelled' },
    ]);
  });

  test('a store that is full or closed is 503 with its code', async () => {
    rises.set('sandbox', {
      entries: { create: () => Promise.reject(new GatewayError('STORE_FULL', 'SECRET', { fix: 'Free space.' })) },
    } as unknown as Ris);
    const full = await bed.call('POST', '/api/worklist', { body: SHORT_FORM });
    expect(full).toMatchObject({ status: 503, body: { code: 'STORE_FULL', fix: 'Free space.' } });
    rises.set('sandbox', await openRis('sandbox'));
    await store.close();
    expect(await bed.call('GET', '/api/worklist')).toMatchObject({ status: 503, body: { code: 'STORE_FAILED' } });
  });

  test('a path that is damaged is 400', async () => {
    expect(await bed.call('GET', '/api/worklist/%E0%A4%A')).toMatchObject({
      status: 400,
      body: { code: 'BODY_INVALID' },
    });
  });
});
