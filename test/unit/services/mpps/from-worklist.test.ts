import { describe, expect, test } from '@jest/globals';

import { attribute, dataSetOf, itemsOf } from '../../../../src/dataset/model.ts';
import type { DataSet } from '../../../../src/dataset/model.ts';
import { createFromWorklist } from '../../../../src/services/mpps/from-worklist.ts';
import { checkCreate } from '../../../../src/services/mpps/validate.ts';

const NOW = new Date(2025, 0, 2, 3, 4, 5);

function code(value: string): DataSet {
  return dataSetOf({
    '00080100': attribute('SH', value),
    '00080102': attribute('SH', 'L'),
    '00080104': attribute('LO', `code ${value}`),
  });
}

function entry(number: number, patientId = 'P1'): DataSet {
  return dataSetOf({
    '00080005': attribute('CS', 'ISO_IR 192'),
    '00080050': attribute('SH', `A${number}`),
    '00081110': attribute('SQ'),
    '00081120': attribute('SQ', dataSetOf({ '00081150': attribute('UI'), '00081155': attribute('UI') })),
    '00100010': attribute('PN', { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎' }),
    '00100020': attribute('LO', patientId),
    '00100030': attribute('DA', '19700101'),
    '00100040': attribute('CS', 'M'),
    '00104000': attribute('LT', 'not copied'),
    '0020000D': attribute('UI', `1.2.${number}`),
    '00321060': attribute('LO', 'Head'),
    '00321064': attribute('SQ', code('HEAD')),
    '00380010': attribute('LO', 'ADM1'),
    '00401001': attribute('SH', `R${number}`),
    '00400100': attribute(
      'SQ',
      dataSetOf({
        '00080060': attribute('CS', 'CT'),
        '00400001': attribute('AE', 'CT1'),
        '00400002': attribute('DA', '20241231'),
        '00400007': attribute('LO', 'Head native'),
        '00400008': attribute('SQ', code('NATIVE'), code('THIN')),
        '00400009': attribute('SH', `S${number}`),
      }),
    ),
  });
}

describe('an N-CREATE from the worklist (PS3.4 F.7.2.1, dimse.md 11)', () => {
  test('copies the request and the patient, and is complete', () => {
    const create = createFromWorklist([entry(1)], { now: NOW, stepId: 'PPS1' });
    expect(checkCreate(create)).toEqual([]);
    expect(create).toMatchObject({
      '00080060': { vr: 'CS', Value: ['CT'] },
      '00081120': { vr: 'SQ' },
      '00100010': entry(1)['00100010'],
      '00100020': { vr: 'LO', Value: ['P1'] },
      '00100030': { vr: 'DA', Value: ['19700101'] },
      '00100040': { vr: 'CS', Value: ['M'] },
      '00380010': { vr: 'LO', Value: ['ADM1'] },
      '00400241': { vr: 'AE', Value: ['CT1'] },
      '00400244': { vr: 'DA', Value: ['20250102'] },
      '00400245': { vr: 'TM', Value: ['030405'] },
      '00400252': { vr: 'CS', Value: ['IN PROGRESS'] },
      '00400253': { vr: 'SH', Value: ['PPS1'] },
      '00400281': { vr: 'SQ' },
      '00400340': { vr: 'SQ' },
    });
    for (const tag of ['00104000', '00400100', '00080005', '0020000D']) expect(create).not.toHaveProperty(tag);
    expect(itemsOf(create['00400270'])).toEqual([
      dataSetOf({
        '00080050': attribute('SH', 'A1'),
        '00081110': attribute('SQ'),
        '0020000D': attribute('UI', '1.2.1'),
        '00321060': attribute('LO', 'Head'),
        '00321064': attribute('SQ', code('HEAD')),
        '00400007': attribute('LO', 'Head native'),
        '00400008': attribute('SQ', code('NATIVE'), code('THIN')),
        '00400009': attribute('SH', 'S1'),
        '00401001': attribute('SH', 'R1'),
      }),
    ]);
  });

  test('what is said about the performed step wins over what was scheduled', () => {
    const create = createFromWorklist([entry(1)], { now: NOW, stationAeTitle: 'CT2', modality: 'MR' });
    expect(create).toMatchObject({ '00080060': { Value: ['MR'] }, '00400241': { Value: ['CT2'] } });
    expect(create['00400253']?.Value?.[0]).toMatch(/^P[0-9A-Z]{1,15}$/);
  });

  test('the group case has one item a step, each with its study', () => {
    const create = createFromWorklist([entry(1), entry(2)], { now: NOW });
    expect(checkCreate(create)).toEqual([]);
    const steps = itemsOf(create['00400270']);
    expect(steps.map((step) => [step['00400009']?.Value, step['0020000D']?.Value])).toEqual([
      [['S1'], ['1.2.1']],
      [['S2'], ['1.2.2']],
    ]);
  });

  test('in one study for all, the other studies are referenced', () => {
    const create = createFromWorklist([entry(1), entry(2)], { now: NOW, studyInstanceUid: '1.2.1' });
    expect(checkCreate(create)).toEqual([]);
    const [first, second] = itemsOf(create['00400270']);
    expect(first?.['00081110']).toEqual({ vr: 'SQ' });
    expect(second?.['0020000D']).toEqual({ vr: 'UI', Value: ['1.2.1'] });
    expect(itemsOf(second?.['00081110']).map((item) => item['00081155']?.Value)).toEqual([['1.2.2']]);
  });

  test('steps of several patients are never one', () => {
    expect(() => createFromWorklist([entry(1), entry(2, 'P2')], { now: NOW })).toThrow(
      expect.objectContaining({ code: 'INVALID_VALUE', attributes: ['00100020'] }),
    );
  });

  test('there is none of nothing', () => {
    expect(() => createFromWorklist([], { now: NOW })).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }));
  });
});
