/**
 * Golden pairs of the mapping between worklist and MPPS on one side and workitems on the other (proxy flows 6 and 7): what
 * IHE EBIW Table 4.130.4.1.2-2 and PS3.4 Table CC.2.5-3 leave open was decided here. Of a case there are the files that it
 * is about. Scheduled Procedure Step Modification DateTime is the moment of the mapping, and left out.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, test } from '@jest/globals';

import { fromJson } from '../../src/dataset/json.ts';
import { createDataSet, dataSetOf, itemsOf } from '../../src/dataset/model.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { checkCreate, checkUpdate } from '../../src/services/mpps/validate.ts';
import { createdWorkitem, performedUpdate } from '../../src/services/ups/performed.ts';
import { mppsCreateOf, mppsFinalOf } from '../../src/services/ups/performing.ts';
import { mppsOf } from '../../src/services/ups/retrieved.ts';
import { entryOf, workitemOf } from '../../src/services/ups/scheduled.ts';

const FOLDER = path.join(import.meta.dirname, 'ups');
/** Local times, so that the zone of the machine does not matter. */
const NOW = new Date(2025, 3, 7, 9, 30, 0).getTime();
const START = new Date(2025, 3, 7, 9, 5, 0).getTime();

const STATIONS = { stationScheme: '99AET' };
const PERFORMED = {
  ...STATIONS,
  performer: { code: { value: 'UNKNOWN', scheme: '99AET', meaning: 'Unknown' }, organization: 'Harbour Hospital' },
  discontinuation: { value: '110513', scheme: 'DCM', meaning: 'Discontinued for unspecified reason' },
  retrieveAeTitle: 'ARCHIVE',
  nowMs: NOW,
};

interface UpsCase {
  readonly title: string;
  readonly uid?: string;
  readonly state?: 'IN PROGRESS' | 'COMPLETED' | 'CANCELED';
}

function has(name: string, file: string): boolean {
  return existsSync(path.join(FOLDER, name, `${file}.json`));
}

function json(name: string, file: string): unknown {
  return JSON.parse(readFileSync(path.join(FOLDER, name, `${file}.json`), 'utf8'));
}

function read(name: string, file: string): DataSet {
  return fromJson(json(name, file));
}

function readAll(name: string, file: string): DataSet[] {
  return (json(name, file) as unknown[]).map(fromJson);
}

function withoutModified(workitem: DataSet): DataSet {
  const { '00404010': modified, ...rest } = workitem;
  expect(modified?.Value?.[0]).toMatch(/^20250407093000[+-]\d{4}$/);
  return dataSetOf(rest);
}

const cases = readdirSync(FOLDER).map((name) => ({ name, ...(json(name, 'case') as UpsCase) }));
const having = (...files: string[]): typeof cases => cases.filter(({ name }) => files.every((file) => has(name, file)));

describe('golden pairs of workitems', () => {
  test.each(having('entry', 'workitem'))('worklist entry to workitem: $title', ({ name, uid = '' }) => {
    const workitem = workitemOf(read(name, 'entry'), { ...STATIONS, uid, nowMs: NOW });
    expect(withoutModified(workitem)).toEqual(read(name, 'workitem'));
  });

  test.each(having('workitem', 'entries'))('workitem to worklist entries: $title', ({ name }) => {
    expect(entryOf(read(name, 'workitem'), STATIONS)).toEqual(readAll(name, 'entries'));
  });

  test.each(having('entry', 'create'))('claim to N-CREATE: $title', ({ name }) => {
    const options = { ...STATIONS, mppsUid: '2.25.800001', startMs: START };
    const create = mppsCreateOf(read(name, 'workitem'), read(name, 'entry'), options);
    expect(create).toEqual(read(name, 'create'));
    expect(checkCreate(create)).toEqual([]);
  });

  test.each(having('mpps', 'update'))('MPPS to the update of its workitem and back: $title', ({ name, state = '' }) => {
    const scheduled = read('scheduled-step', 'workitem');
    delete scheduled['00080201'];
    const progress = { vr: 'SQ', Value: [dataSetOf({ '00741004': { vr: 'DS', Value: [40] } })] } as const;
    const before = dataSetOf({ ...scheduled, '00741002': { vr: 'SQ', Value: [...progress.Value] } });
    const update = performedUpdate(read(name, 'mpps'), before, PERFORMED);
    expect(update).toEqual(read(name, 'update'));
    const after = dataSetOf({ ...before, ...update, '00741000': { vr: 'CS', Value: [state] } });
    expect(mppsOf(after, createDataSet(), STATIONS)).toEqual(read(name, 'retrieved'));
  });

  test.each(having('mpps', 'created'))('MPPS to a workitem of its own: $title', ({ name }) => {
    const mpps = read(name, 'mpps');
    const [item = createDataSet()] = itemsOf(mpps['00400270']);
    expect(createdWorkitem(mpps, item, { ...STATIONS, nowMs: NOW })).toEqual(read(name, 'created'));
  });

  test.each(having('workitem', 'final'))('workitem to the last N-SET: $title', ({ name, state }) => {
    const options = name === 'canceled-elsewhere' ? { protocolName: 'NONE', retrieveAeTitle: 'ARCHIVE' } : {};
    const isCompleted = state === 'COMPLETED';
    const final = mppsFinalOf(read(name, 'workitem'), isCompleted ? 'COMPLETED' : 'CANCELED', { nowMs: NOW, ...options });
    expect(final).toEqual(read(name, 'final'));
    expect(checkUpdate(final, undefined)).toEqual([]);
  });

  test('every file is compared with something', () => {
    const files = cases.flatMap(({ name }) => readdirSync(path.join(FOLDER, name)));
    const known = ['case', 'entry', 'workitem', 'entries', 'create', 'mpps', 'update', 'retrieved', 'created', 'final'];
    expect(new Set(files)).toEqual(new Set(known.map((file) => `${file}.json`)));
    expect(cases.length).toBe(9);
  });
});
