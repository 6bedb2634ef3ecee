/** Rows and differences of data sets, as the pages of the console show them. */
import { describe, expect, test } from '@jest/globals';
import { compare, rowsOf } from '../../../../src/console/web/data-set.ts';
import type { DataSetJson } from '../../../../src/console/web/data-set.ts';

const cs = (...values: string[]): object => ({ vr: 'CS', Value: values });
const items = (...values: DataSetJson[]): object => ({ vr: 'SQ', Value: values });

describe('rows of a data set (PS3.18 F.2)', () => {
  test('stand in the order of tags, items below their sequence', () => {
    const dataSet = { '00400100': items({ '00080060': cs('CT') }, {}), '00080005': cs('ISO_IR 192') };
    expect(rowsOf(dataSet)).toEqual([
      { path: '00080005', tag: '00080005', keyword: 'SpecificCharacterSet', vr: 'CS', depth: 0, value: 'ISO_IR 192' },
      {
        ...{ path: '00400100', tag: '00400100', keyword: 'ScheduledProcedureStepSequence' },
        ...{ vr: 'SQ', depth: 0, value: '2 items' },
      },
      { path: '00400100[1].00080060', tag: '00080060', keyword: 'Modality', vr: 'CS', depth: 1, value: 'CT' },
    ]);
  });

  test.each([
    ['no value', { vr: 'LO' }, ''],
    ['an empty value among others', { vr: 'LO', Value: ['A', null, 'C'] }, 'A\\\\C'],
    ['numbers', { vr: 'US', Value: [1, 2] }, '1\\2'],
    ['a name with its groups', { vr: 'PN', Value: [{ Alphabetic: 'A^B', Phonetic: 'C' }] }, 'A^B==C'],
    ['bytes', { vr: 'OB', InlineBinary: 'AAAA' }, '3 bytes'],
    ['bulk data', { vr: 'OB', BulkDataURI: 'https://archive.example/1' }, 'https://archive.example/1'],
  ])('show %s', (_what, element, value) => {
    expect(rowsOf({ '00091001': element })).toEqual([
      { path: '00091001', tag: '00091001', vr: element.vr, depth: 0, value },
    ]);
  });
});

describe('differences between two data sets', () => {
  test('are marked: changed, added, removed, and what is the same', () => {
    const before = { '00080060': cs('CT'), '00400241': cs('CT1'), '00400253': cs('A') };
    const after = { '00080060': cs('CT'), '00400241': cs('ROOM1'), '00400242': cs('B') };
    expect(compare(before, after).map(({ tag, change, before, after }) => ({ tag, change, before, after }))).toEqual([
      { tag: '00080060', change: 'same', before: 'CT', after: 'CT' },
      { tag: '00400241', change: 'changed', before: 'CT1', after: 'ROOM1' },
      { tag: '00400242', change: 'added', before: undefined, after: 'B' },
      { tag: '00400253', change: 'removed', before: 'A', after: undefined },
    ]);
  });

  test('of VRs alone are changes too', () => {
    expect(compare({ '00080060': cs('CT') }, { '00080060': { vr: 'LO', Value: ['CT'] } })[0]?.change).toBe('changed');
  });

  test('stand where they belong: a sequence before its items, item 2 before item 10', () => {
    const ten = Array.from({ length: 10 }, () => ({ '00080060': cs('CT') }));
    const paths = compare({ '00400100': items(...ten) }, { '00080050': cs('A') }).map(({ path }) => path);
    expect(paths).toEqual(['00080050', '00400100', ...ten.map((_item, i) => `00400100[${i + 1}].00080060`)]);
  });
});
