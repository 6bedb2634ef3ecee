import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { attribute, createDataSet, dataSetOf, firstText, itemsOf } from '../../../../src/dataset/model.ts';
import type { DataSet } from '../../../../src/dataset/model.ts';
import { checkCreate, checkFinal, checkUpdate } from '../../../../src/services/mpps/validate.ts';
import { isImageClass } from '../../../../src/services/ups/image-classes.ts';
import {
  mppsCreateOf,
  mppsFinalOf,
  mppsUpdateOf,
  refreshedWorkitem,
  unsettable,
} from '../../../../src/services/ups/performing.ts';
import { performedUpdate } from '../../../../src/services/ups/performed.ts';
import { workitemOf } from '../../../../src/services/ups/scheduled.ts';
import { codeOf, pictures } from '../../../support/workitem-mapping.ts';

const NOW = new Date(2025, 3, 7, 9, 30, 0).getTime();
const START = new Date(2025, 3, 7, 9, 5, 0).getTime();

const ENTRY = dataSetOf({
  '00080050': attribute('SH', 'A-1'),
  '00100010': attribute('PN', { Alphabetic: 'Okonkwo^Ada' }),
  '00100020': attribute('LO', 'P-1'),
  '0020000D': attribute('UI', '2.25.31'),
  '00401001': attribute('SH', 'R-1'),
  '00400100': attribute(
    'SQ',
    dataSetOf({
      '00080060': attribute('CS', 'CT'),
      '00400001': attribute('AE', 'CT_1'),
      '00400002': attribute('DA', '20250407'),
      '00400007': attribute('LO', 'Head'),
      '00400008': attribute('SQ', codeOf('HEAD')),
      '00400009': attribute('SH', 'SPS-1'),
    }),
  ),
});
const WORKITEM = workitemOf(ENTRY, { stationScheme: '99AET', uid: '2.25.9', nowMs: NOW });
const CREATE = { stationScheme: '99AET', mppsUid: '2.25.8', startMs: START };

function performing(item: DataSet, workitem = WORKITEM): DataSet {
  return dataSetOf({ ...workitem, '00741216': attribute('SQ', item) });
}

/** A workitem as its performer may describe it: what any MPPS would be there. */
const workitems = pictures.map((picture) =>
  dataSetOf({
    ...WORKITEM,
    ...performedUpdate(picture, WORKITEM, {
      stationScheme: '99AET',
      discontinuation: { value: '110513', scheme: 'DCM', meaning: 'Discontinued' },
      performer: { code: { value: 'U', scheme: '99X', meaning: 'Unknown' }, organization: 'Here' },
      nowMs: NOW,
    }),
  }),
);

describe('the N-CREATE of a claim (proxy flows 7.3, PS3.4 F.7.2.1)', () => {
  const create = mppsCreateOf(WORKITEM, ENTRY, CREATE);

  test('is whole, begins now, and has ready whatever is set later', () => {
    expect(checkCreate(create)).toEqual([]);
    expect(create).toMatchObject({
      '00080060': attribute('CS', 'CT'),
      '00400241': attribute('AE', 'CT_1'),
      '00400244': attribute('DA', '20250407'),
      '00400245': attribute('TM', '090500'),
      '00400281': { vr: 'SQ' },
      '00400340': { vr: 'SQ' },
    });
    expect(firstText(itemsOf(create['00400270'])[0] ?? createDataSet(), '00400009')).toBe('SPS-1');
    expect(firstText(create, '00400253')).toMatch(/^[A-Z2-7]{16}$/);
  });

  test('is of the station that is configured, where one is', () => {
    const other = mppsCreateOf(WORKITEM, ENTRY, { ...CREATE, stationAeTitle: 'VIEWER', modality: 'OT' });
    expect(other).toMatchObject({ '00400241': attribute('AE', 'VIEWER'), '00080060': attribute('CS', 'OT') });
  });

  test('of a workitem that is on no worklist has no step id, and a study in any case', () => {
    const { '0020000D': _study, '0040A370': _request, ...rest } = WORKITEM;
    const mpps = mppsCreateOf(dataSetOf(rest), createDataSet(), CREATE);
    expect(checkCreate(mpps)).toEqual([]);
    const [step = createDataSet()] = itemsOf(mpps['00400270']);
    expect(step['00400009']).toEqual({ vr: 'SH' });
    expect(firstText(step, '0020000D')).toMatch(/^2\.25\.\d+$/);
    expect(mppsCreateOf(dataSetOf(rest), createDataSet(), CREATE)).toEqual(mpps);
    const scheduled = mppsCreateOf(WORKITEM, createDataSet(), CREATE);
    expect(firstText(itemsOf(scheduled['00400270'])[0] ?? createDataSet(), '0020000D')).toBe('2.25.31');
  });
});

describe('the N-SET of an update (proxy flows 7.4)', () => {
  const before = performing(dataSetOf({ '00400254': attribute('LO', 'Head') }));

  test('has what has changed and an MPPS can hold; nothing otherwise', () => {
    const after = performing(
      dataSetOf({ '00400254': attribute('LO', 'Head and neck'), '00404050': attribute('DT', '2025') }),
    );
    expect(mppsUpdateOf(before, after, {})).toEqual({ '00400254': attribute('LO', 'Head and neck') });
    expect(mppsUpdateOf(before, before, {})).toBeUndefined();
    const progress = dataSetOf({
      ...before,
      '00741002': attribute('SQ', dataSetOf({ '00741004': attribute('DS', 10) })),
    });
    expect(mppsUpdateOf(before, progress, {})).toBeUndefined();
  });

  test('is one that an MPPS takes, whatever has changed (PS3.4 Table F.7.2-1)', () => {
    const created = new Set(Object.keys(mppsCreateOf(WORKITEM, ENTRY, CREATE)));
    fc.assert(
      fc.property(workitems, workitems, (old, next) => {
        const update = mppsUpdateOf(old, next, {});
        if (update !== undefined) expect(checkUpdate(update, created)).toEqual([]);
      }),
    );
  });

  test('start and station are told as what can no longer be changed', () => {
    const item = dataSetOf({ '00404028': attribute('SQ', codeOf('CT_2')), '00404050': attribute('DT', '20250407') });
    expect(unsettable(before, performing(item))).toEqual(['00404028', '00404050']);
    expect(unsettable(performing(item), performing(item))).toEqual([]);
    expect(unsettable(performing(item), before)).toEqual([]);
  });
});

describe('the last N-SET (proxy flows 7.5 and 7.6, PS3.4 F.7.2.2)', () => {
  test('is one that an MPPS takes and ends with, whatever was performed', () => {
    const tags = new Set(Object.keys(mppsCreateOf(WORKITEM, ENTRY, CREATE)));
    fc.assert(
      fc.property(workitems, fc.constantFrom('COMPLETED' as const, 'CANCELED' as const), (workitem, state) => {
        const final = mppsFinalOf(workitem, state, { nowMs: NOW });
        expect(checkUpdate(final, tags)).toEqual([]);
        expect(checkFinal({ tags, modifications: final })).toEqual([]);
        expect(mppsFinalOf(workitem, state, { nowMs: NOW })).toEqual(final);
      }),
    );
  });

  test.each([
    [{ protocolName: 'Configured' }, WORKITEM, 'Configured'],
    [{}, WORKITEM, 'Head'],
    [{}, dataSetOf({ ...WORKITEM, '00741204': attribute('LO') }), 'code HEAD'],
    [{}, createDataSet(), 'Procedure step'],
  ])('Protocol Name is configured, else the label, else what the code means: %#', (options, workitem, name) => {
    const [series = createDataSet()] = itemsOf(
      mppsFinalOf(workitem, 'COMPLETED', { nowMs: NOW, ...options })['00400340'],
    );
    expect(firstText(series, '00181030')).toBe(name);
  });

  test('without output there is one series without instances (note 2 of Table F.7.2-1), the same each time', () => {
    const one = mppsFinalOf(WORKITEM, 'COMPLETED', { nowMs: NOW });
    const [series = createDataSet(), second] = itemsOf(one['00400340']);
    expect(second).toBeUndefined();
    expect(firstText(series, '0020000E')).toMatch(/^2\.25\.\d+$/);
    expect([series['00081140'], series['00400220']]).toEqual([{ vr: 'SQ' }, { vr: 'SQ' }]);
    expect(mppsFinalOf(WORKITEM, 'COMPLETED', { nowMs: NOW + 60_000 })['00400340']).toEqual(one['00400340']);
  });

  test('parts of one series become one; what is no series of DICOM is left out', () => {
    const reference = (uid: string): DataSet => dataSetOf({
      '00081150': attribute('UI', '1.2.840.10008.5.1.4.1.1.2'), '00081155': attribute('UI', uid),
    }); // prettier-ignore
    const part = (uid: string): DataSet => dataSetOf({
      '0020000E': attribute('UI', '2.25.4'), '00081199': attribute('SQ', reference(uid)),
    }); // prettier-ignore
    const film = dataSetOf({ '0040E020': attribute('CS', 'FILM') });
    const workitem = performing(dataSetOf({ '00404033': attribute('SQ', part('2.25.51'), film, part('2.25.52')) }));
    const series = itemsOf(mppsFinalOf(workitem, 'COMPLETED', { nowMs: NOW, retrieveAeTitle: 'PACS' })['00400340']);
    expect(series.map((item) => [item['0020000E'], item['00080054'], item['00081140']])).toEqual([
      [attribute('UI', '2.25.4'), attribute('AE', 'PACS'), attribute('SQ', reference('2.25.51'), reference('2.25.52'))],
    ]);
  });

  test.each([
    [{ '00404051': attribute('DT', '20250407094500') }, {}, '094500'],
    [{}, { '00404052': attribute('DT', '2025040709') }, '09'],
    [{}, {}, '093000'],
    [{ '00404051': attribute('DT', '20250407') }, {}, '000000'],
  ])('ends when the workitem says so, else now: %#', (performed, canceled, time) => {
    const workitem = dataSetOf({
      ...performing(dataSetOf(performed)),
      '00741002': attribute('SQ', dataSetOf(canceled)),
    });
    const final = mppsFinalOf(workitem, 'CANCELED', { nowMs: NOW });
    expect([firstText(final, '00400250'), firstText(final, '00400251')]).toEqual(['20250407', time]);
  });

  test('a reason is that of a discontinued step only', () => {
    const workitem = dataSetOf({
      ...WORKITEM,
      '00741002': attribute('SQ', dataSetOf({ '0074100E': attribute('SQ', codeOf('X')) })),
    });
    expect(mppsFinalOf(workitem, 'CANCELED', { nowMs: NOW })['00400281']).toEqual(attribute('SQ', codeOf('X')));
    expect(mppsFinalOf(workitem, 'COMPLETED', { nowMs: NOW })['00400281']).toBeUndefined();
  });

  test.each([
    ['1.2.840.10008.5.1.4.1.1.2', true],
    ['1.2.840.10008.5.1.4.1.1.77.1.4', true],
    ['1.2.840.10008.5.1.4.1.1.66.4', true],
    ['1.2.840.10008.5.1.4.1.1.481.1', true],
    ['1.2.840.10008.5.1.4.1.1.481.10', false],
    ['1.2.840.10008.5.1.4.1.1.88.67', false],
    ['1.2.840.10008.5.1.4.1.1.11.1', false],
    ['1.2.840.10008.5.1.4.1.1.9.1.1', false],
    ['1.2.840.10008.5.1.4.1.1.104.1', false],
    ['1.2.840.10008.5.1.4.1.1.66', false],
    ['1.2.3', false],
  ])('an instance of %s is an image: %p (PS3.6 A)', (sopClass, isImage) => {
    expect(isImageClass(sopClass)).toBe(isImage);
  });
});

describe('what an N-GET tells of a workitem (proxy flows 7.2)', () => {
  const OPTIONS = { stationScheme: '99AET', nowMs: NOW };

  test('is added; what its performer has said stays', () => {
    const mpps = dataSetOf({
      '00400241': attribute('AE', 'CT_1'),
      '00400252': attribute('CS', 'IN PROGRESS'),
      '00400254': attribute('LO', 'as the RIS has it'),
      '00400280': attribute('ST', 'a comment'),
    });
    const known = performing(dataSetOf({ '00400254': attribute('LO', 'as performed') }));
    const refreshed = refreshedWorkitem(known, mpps, OPTIONS);
    expect(refreshed['00741000']).toEqual(attribute('CS', 'IN PROGRESS'));
    expect(itemsOf(refreshed['00741216'])[0]).toMatchObject({
      '00400254': attribute('LO', 'as performed'),
      '00400280': attribute('ST', 'a comment'),
    });
  });

  test('a second time changes nothing, so that polling finds no news', () => {
    fc.assert(
      fc.property(workitems, pictures, (workitem, mpps) => {
        const once = refreshedWorkitem(workitem, mpps, OPTIONS);
        expect(refreshedWorkitem(once, mpps, OPTIONS)).toEqual(once);
      }),
    );
  });

  test('that it was discontinued comes with a reason; a final state is left by nothing', () => {
    const mpps = dataSetOf({ '00400252': attribute('CS', 'DISCONTINUED') });
    const canceled = refreshedWorkitem(WORKITEM, mpps, OPTIONS);
    expect(canceled['00741000']).toEqual(attribute('CS', 'CANCELED'));
    const [progress = createDataSet()] = itemsOf(canceled['00741002']);
    expect(firstText(itemsOf(progress['0074100E'])[0] ?? createDataSet(), '00080100')).toBe('110513');
    const late = dataSetOf({ '00400252': attribute('CS', 'IN PROGRESS') });
    expect(refreshedWorkitem(canceled, late, OPTIONS)['00741000']).toEqual(attribute('CS', 'CANCELED'));
  });
});
