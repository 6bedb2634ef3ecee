import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { attribute, createDataSet, dataSetOf, firstText, itemsOf } from '../../../../src/dataset/model.ts';
import type { DataSet, Tag } from '../../../../src/dataset/model.ts';
import { hasValue } from '../../../../src/services/mpps/conditions.ts';
import { stateOf } from '../../../../src/services/mpps/state.ts';
import { missingForFinal } from '../../../../src/services/ups/final-state.ts';
import { createdWorkitem, performedUpdate } from '../../../../src/services/ups/performed.ts';
import { mppsOf } from '../../../../src/services/ups/retrieved.ts';
import { workitemOf } from '../../../../src/services/ups/scheduled.ts';
import { workitemStateOfMpps } from '../../../../src/services/ups/state.ts';
import { codeOf, pictures } from '../../../support/workitem-mapping.ts';

const STATIONS = { stationScheme: '99AET' };
const OPTIONS = {
  ...STATIONS,
  discontinuation: { value: '110513', scheme: 'DCM', meaning: 'Discontinued for unspecified reason' },
  nowMs: Date.UTC(2025, 3, 7, 10),
};

/** As a server has it that was found on the worklist. */
const SCHEDULED = workitemOf(
  dataSetOf({
    '0020000D': attribute('UI', '2.25.31'),
    '00400100': attribute(
      'SQ',
      dataSetOf({ '00400002': attribute('DA', '20250407'), '00400008': attribute('SQ', codeOf('SCHEDULED')) }),
    ),
  }),
  { ...STATIONS, uid: '2.25.9', nowMs: 0 },
);

/** What the server has once it has taken the update and the state. */
function updated(picture: DataSet, workitem = SCHEDULED): DataSet {
  const state = workitemStateOfMpps(stateOf(picture) ?? 'IN PROGRESS');
  const update = performedUpdate(picture, workitem, OPTIONS);
  return dataSetOf({ ...workitem, ...update, '00741000': attribute('CS', state) });
}

/** An empty attribute and none say the same. */
function valuesIn(dataSet: DataSet, tag: Tag): unknown {
  return dataSet[tag]?.Value ?? [];
}

function performedOf(picture: DataSet, options: Partial<Parameters<typeof performedUpdate>[2]> = {}): DataSet {
  const update = performedUpdate(picture, SCHEDULED, { ...OPTIONS, ...options });
  return itemsOf(update['00741216'])[0] ?? createDataSet();
}

describe('an MPPS as the performed part of its workitem (proxy flows 6.2 to 6.5)', () => {
  test('has all that its final state needs (final state codes of Table CC.2.5-3)', () => {
    fc.assert(
      fc.property(pictures, (picture) => {
        const state = stateOf(picture);
        if (state === 'COMPLETED') expect(missingForFinal(updated(picture), 'COMPLETED')).toEqual([]);
        if (state === 'DISCONTINUED') expect(missingForFinal(updated(picture), 'CANCELED')).toEqual([]);
      }),
    );
  });

  test('is retrieved as it was, from the workitem and what is kept (proxy flows 6.7)', () => {
    fc.assert(
      fc.property(pictures, (picture) => {
        const retrieved = mppsOf(updated(picture), picture, STATIONS);
        if (stateOf(picture) === 'DISCONTINUED' && !hasValue(picture['00400281'])) {
          expect(itemsOf(retrieved['00400281'])).toEqual([
            expect.objectContaining({ '00080100': attribute('SH', '110513') }),
          ]);
          retrieved['00400281'] = attribute('SQ');
        }
        expect(retrieved).toEqual(picture);
      }),
    );
  });

  test('an N-GET of what others perform has all that the table asks for (Table F.8.2-1)', () => {
    fc.assert(
      fc.property(pictures, (picture) => {
        const retrieved = mppsOf(updated(picture), createDataSet(), STATIONS);
        const same = [
          '00080060',
          '00400241',
          '00400244',
          '00400245',
          '00400250',
          '00400251',
          '00400252',
          '00400254',
          '00400280',
        ];
        for (const tag of same) expect([tag, valuesIn(retrieved, tag)]).toEqual([tag, valuesIn(picture, tag)]);
        const withInstances = itemsOf(picture['00400340']).filter(
          (item) => hasValue(item['00081140']) || hasValue(item['00400220']),
        );
        const told = (item: DataSet): unknown => [item['0020000E'], item['00081140'], item['00400220']];
        expect(itemsOf(retrieved['00400340']).map(told)).toEqual(withInstances.map(told));
        for (const item of itemsOf(retrieved['00400340'])) expect(hasValue(item['00181030'])).toBe(true);
      }),
    );
  });

  test('sequences are whole each time: a step that goes on is told from its beginning (PS3.18 11.6)', () => {
    fc.assert(
      fc.property(pictures, (picture) => {
        expect(updated(picture, updated(picture))).toEqual(updated(picture));
      }),
    );
  });

  const picture = dataSetOf({
    '00080060': attribute('CS', 'CT'),
    '00400241': attribute('AE', 'CT_1'),
    '00400244': attribute('DA', '20250407'),
    '00400252': attribute('CS', 'IN PROGRESS'),
  });
  const series = (more: DataSet): DataSet =>
    dataSetOf({
      ...picture,
      '00400340': attribute('SQ', dataSetOf({ '0020000E': attribute('UI', '2.25.4'), ...more })),
    });

  test.each([
    [{ '00400260': attribute('SQ', codeOf('P')), '00081032': attribute('SQ', codeOf('R')) }, 'P'],
    [{ '00400260': attribute('SQ'), '00081032': attribute('SQ', codeOf('R')) }, 'R'],
    [{ '00400260': attribute('SQ') }, 'SCHEDULED'],
  ])('the workitem code is the protocol, else the procedure, else what was scheduled: %#', (codes, value) => {
    const [code = createDataSet()] = itemsOf(performedOf(dataSetOf({ ...picture, ...codes }))['00404019']);
    expect(firstText(code, '00080100')).toBe(value);
  });

  test('the station is a code of the AE title, whose meaning is its name unless the AE title stands there', () => {
    const named = dataSetOf({ ...picture, '00400242': attribute('SH', 'Scanner 1') });
    const code = (meaning: string): unknown => attribute('SQ', dataSetOf({
      '00080100': attribute('SH', 'CT_1'), '00080102': attribute('SH', '99AET'), '00080104': attribute('LO', meaning),
    })); // prettier-ignore
    expect(performedOf(named)['00404028']).toEqual(code('Scanner 1'));
    expect(performedOf(picture)['00404028']).toEqual(code('CT_1'));
    expect(performedOf(named, { stationAeTitle: 'meaning' })['00404028']).toEqual(code('CT_1'));
  });

  test('performers need a code and an organization: who has none of his own gets the configured, or is left out', () => {
    const person = dataSetOf({ '00401101': attribute('SQ', codeOf('42')), '00080080': attribute('LO', 'Harbour') });
    const of = series(
      dataSetOf({
        '00081050': attribute('PN', { Alphabetic: 'Known^Kim' }),
        '00081052': attribute('SQ', person),
        '00081070': attribute('PN', { Alphabetic: 'Named^Nia' }, { Alphabetic: 'Named^Nia' }),
      }),
    );
    const namesIn = (item: DataSet): unknown[] => itemsOf(item['00404035']).map((each) => each['00404037']?.Value?.[0]);
    expect(namesIn(performedOf(of))).toEqual([{ Alphabetic: 'Known^Kim' }]);
    const uncoded = dataSetOf({ '00080080': attribute('LO', 'Harbour') });
    const named = dataSetOf({
      '00081070': attribute('PN', { Alphabetic: 'Named^Nia' }),
      '00081072': attribute('SQ', uncoded),
    });
    expect(performedOf(series(named))['00404035']).toBeUndefined();
    const performer = { code: { value: 'U', scheme: '99X', meaning: 'Unknown' }, organization: 'Here' };
    const whole = performedOf(of, { performer });
    expect(namesIn(whole)).toEqual([{ Alphabetic: 'Known^Kim' }, { Alphabetic: 'Named^Nia' }]);
    expect(itemsOf(whole['00404035'])[0]).toEqual({
      '00404009': attribute('SQ', codeOf('42')),
      '00404036': attribute('LO', 'Harbour'),
      '00404037': attribute('PN', { Alphabetic: 'Known^Kim' }),
    });
  });

  test('a step in another zone says so in its times (00080201)', () => {
    const zoned = dataSetOf({ ...picture, '00080201': attribute('SH', '-0500'), '00400245': attribute('TM', '0915') });
    expect(firstText(performedOf(zoned), '00404050')).toBe('202504070915-0500');
  });

  test('a step that ends without saying when ends now; one in progress has no end', () => {
    expect(performedOf(picture)['00404051']).toBeUndefined();
    const ended = dataSetOf({ ...picture, '00400252': attribute('CS', 'COMPLETED') });
    expect(firstText(performedOf(ended), '00404051')).toMatch(/^20250407\d{6}[+-]\d{4}$/);
  });
});

describe('an MPPS that others have ended (proxy flows 6.7)', () => {
  test('is retrieved with the state, the end and the reason that the server has', () => {
    const picture = dataSetOf({
      '00400241': attribute('AE', 'CT_1'),
      '00400252': attribute('CS', 'IN PROGRESS'),
      '00400250': attribute('DA'),
      '00400251': attribute('TM'),
    });
    const canceled = dataSetOf({
      '00404052': attribute('DT', '20250407101112'),
      '0074100E': attribute('SQ', codeOf('X')),
    });
    const workitem = dataSetOf({
      ...updated(picture),
      '00741000': attribute('CS', 'CANCELED'),
      '00741002': attribute('SQ', canceled),
    });
    expect(mppsOf(workitem, picture, STATIONS)).toMatchObject({
      '00400250': attribute('DA', '20250407'),
      '00400251': attribute('TM', '101112'),
      '00400252': attribute('CS', 'DISCONTINUED'),
      '00400281': attribute('SQ', codeOf('X')),
    });
  });
});

describe('a workitem for an MPPS that has none (proxy flows 6.2)', () => {
  test('has what it must have, no UID, no lock, and nothing performed (PS3.4 CC.2.5.1.3)', () => {
    fc.assert(
      fc.property(pictures, (picture) => {
        const [item = createDataSet()] = itemsOf(picture['00400270']);
        const created = createdWorkitem(picture, item, { ...STATIONS, nowMs: OPTIONS.nowMs });
        for (const tag of ['00404005', '00404041', '00741000', '00741200', '00741204', '0020000D']) {
          expect([tag, hasValue(created[tag])]).toEqual([tag, true]);
        }
        for (const tag of ['00081195', '00741002', '00741216']) expect(hasValue(created[tag])).toBe(false);
        expect(created['00080018']).toBeUndefined();
        expect(created['00741000']).toEqual(attribute('CS', 'SCHEDULED'));
      }),
    );
  });
});
