import { describe, expect, test } from '@jest/globals';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet, PersonName } from '../../../src/dataset/model.ts';
import { differentPatient } from '../../../src/ris/patient.ts';

interface Patient {
  readonly id?: string;
  readonly issuer?: string;
  readonly name?: PersonName;
  readonly birthDate?: string;
  readonly sex?: string;
}

function patient({ id, issuer, name, birthDate, sex }: Patient): DataSet {
  return dataSetOf({
    ...(id !== undefined && { '00100020': attribute('LO', id) }),
    ...(issuer !== undefined && { '00100021': attribute('LO', issuer) }),
    ...(name !== undefined && { '00100010': attribute('PN', name) }),
    '00100030': birthDate === undefined ? attribute('DA') : attribute('DA', birthDate),
    ...(sex !== undefined && { '00100040': attribute('CS', sex) }),
  });
}

const JANE: Patient = {
  id: 'P1',
  issuer: 'HOSP',
  name: { Alphabetic: 'Doe^Jane', Ideographic: '土井^ジェーン' },
  birthDate: '19700102',
  sex: 'F',
};

describe('a performed step and an order', () => {
  test.each<[string, Patient]>([
    ['all the same', JANE],
    ['nothing known of the one', {}],
    ['another writing of the same name', { ...JANE, name: { Alphabetic: ' DOE^JANE ^^^' } }],
    ['one component group known to both, the same', { ...JANE, name: { Ideographic: '土井^ジェーン' } }],
    ['no component group known to both', { ...JANE, name: { Phonetic: 'どい^じぇーん' } }],
    [
      'padding, the old form of a date, another case of the sex',
      { ...JANE, id: 'P1 ', birthDate: '1970.01.02', sex: 'f' },
    ],
    ['no issuer known to both', { id: 'P1', name: { Alphabetic: 'Doe^Jane' } }],
  ])('are of one patient as far as both tell: %s', (_title, other) => {
    expect(differentPatient(patient(JANE), patient(other))).toEqual([]);
    expect(differentPatient(patient(other), patient(JANE))).toEqual([]);
  });

  test.each<[string, Patient, string[]]>([
    ['another ID', { ...JANE, id: 'P2' }, ['00100020']],
    ['an ID in another case', { ...JANE, id: 'p1' }, ['00100020']],
    ['the same ID of another issuer', { ...JANE, issuer: 'CLINIC' }, ['00100021']],
    ['another name', { ...JANE, name: { Alphabetic: 'Doe^John' } }, ['00100010']],
    ['a name that begins alike', { ...JANE, name: { Alphabetic: 'Doe' } }, ['00100010']],
    [
      'one of two component groups',
      { ...JANE, name: { Alphabetic: 'Doe^Jane', Ideographic: '土井^太郎' } },
      ['00100010'],
    ],
    ['another day of birth', { ...JANE, birthDate: '19700201' }, ['00100030']],
    ['another sex', { ...JANE, sex: 'M' }, ['00100040']],
    [
      'everything',
      { id: 'X', issuer: 'Y', name: { Alphabetic: 'Z' }, birthDate: '20000101', sex: 'O' },
      ['00100010', '00100020', '00100021', '00100030', '00100040'],
    ],
  ])('are of different patients: %s', (_title, other, expected) => {
    expect(differentPatient(patient(JANE), patient(other))).toEqual(expected);
    expect(differentPatient(patient(other), patient(JANE))).toEqual(expected);
  });

  test('a name with a long run of delimiters takes no time that grows with its square', () => {
    const started = performance.now();
    const long = patient({ name: { Alphabetic: `${'^ '.repeat(200_000)}x` } });
    expect(differentPatient(long, patient(JANE))).toEqual(['00100010']);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
