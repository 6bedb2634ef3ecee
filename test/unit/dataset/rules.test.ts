import { describe, expect, test } from '@jest/globals';

import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { checkRule, compileRules, explainRules } from '../../../src/dataset/rules.ts';
import type { Rule } from '../../../src/dataset/rules.ts';

const SPS = 'ScheduledProcedureStepSequence';

function entry(): DataSet {
  return dataSetOf({
    '00080050': attribute('SH', 'A1'),
    '00100010': attribute('PN', { Alphabetic: 'Doe^Jane^^', Ideographic: '愛^^' }),
    '00100020': attribute('LO', '000123'),
    '00100040': attribute('CS'),
    '00400100': attribute(
      'SQ',
      dataSetOf({ '00080060': attribute('CS', 'CT'), '00400001': attribute('AE', 'CT1', 'CT2') }),
      dataSetOf({ '00080060': attribute('CS', 'MR') }),
    ),
  });
}

function applied(...rules: Rule[]): DataSet {
  const before = entry();
  const after = compileRules(rules)(before);
  expect(before).toStrictEqual(entry());
  return after;
}

function steps(dataSet: DataSet): DataSet[] {
  return (dataSet['00400100']?.Value ?? []) as DataSet[];
}

describe('mapping rules', () => {
  test('set writes into every item, and creates the sequence where it is missing', () => {
    const after = applied({ set: `${SPS}.Modality`, value: 'US' }, { set: '00321064.CodeValue', value: 'X' });
    expect(steps(after).map((step) => step['00080060'])).toEqual([attribute('CS', 'US'), attribute('CS', 'US')]);
    expect(after['00321064']).toEqual(attribute('SQ', dataSetOf({ '00080100': attribute('SH', 'X') })));
  });

  test('set takes several values and numbers, and an empty text empties', () => {
    const after = applied({ set: 'PatientID', value: '' }, { set: 'PatientWeight', value: 70.5 });
    expect(after['00100020']).toEqual({ vr: 'LO' });
    expect(after['00101030']).toEqual({ vr: 'DS', Value: [70.5] });
    expect(applied({ set: 'MedicalAlerts', value: ['a', 'b'] })['00102000']).toEqual(attribute('LO', 'a', 'b'));
  });

  test('set creates no sequence when its condition does not hold for what would be in it', () => {
    const after = applied({
      set: 'RequestedProcedureCodeSequence.CodeMeaning',
      value: 'X',
      when: { path: 'RequestedProcedureCodeSequence.CodeValue', present: true },
    });
    expect(after).toEqual(entry());
  });

  test('default fills what is missing or empty, keeps the rest, and creates no item', () => {
    const after = applied(
      { default: 'PatientSex', value: 'O' },
      { default: `${SPS}.ScheduledStationAETitle`, value: 'X' },
      { default: 'RequestedProcedureCodeSequence.CodeValue', value: 'X' },
    );
    expect(after['00100040']).toEqual(attribute('CS', 'O'));
    expect(steps(after).map((step) => step['00400001'])).toEqual([attribute('AE', 'CT1', 'CT2'), attribute('AE', 'X')]);
    expect(after).not.toHaveProperty('00321064');
  });

  test('remove takes the attribute out of every item', () => {
    const after = applied({ remove: `${SPS}.00080060` }, { remove: '00100040' });
    expect(steps(after).every((step) => step['00080060'] === undefined)).toBe(true);
    expect(after).not.toHaveProperty('00100040');
  });

  test('copy works item by item in a shared sequence, else from the first that has a value', () => {
    const after = applied(
      { copy: `${SPS}.Modality`, to: `${SPS}.ScheduledStationName` },
      { copy: `${SPS}.ScheduledStationAETitle`, to: 'StationName' },
      { copy: 'AccessionNumber', to: `${SPS}.ScheduledProcedureStepID` },
      { copy: 'PatientName', to: 'PatientComments' },
      { copy: 'StudyID', to: 'PatientID' },
    );
    expect(steps(after).map((step) => step['00400010'])).toEqual([attribute('SH', 'CT'), attribute('SH', 'MR')]);
    expect(after['00081010']).toEqual(attribute('SH', 'CT1', 'CT2'));
    expect(steps(after).map((step) => step['00400009'])).toEqual([attribute('SH', 'A1'), attribute('SH', 'A1')]);
    expect(after['00104000']).toEqual(attribute('LT', 'Doe^Jane^^=愛^^'));
    expect(after['00100020']).toEqual(attribute('LO', '000123'));
  });

  test('copy of a sequence copies deeply', () => {
    const after = applied({ copy: SPS, to: 'RequestedProcedureCodeSequence' });
    expect(after['00321064']).toEqual(after['00400100']);
    expect(after['00321064']?.Value?.[0]).not.toBe(after['00400100']?.Value?.[0]);
    expect(Object.getPrototypeOf(after['00321064']?.Value?.[0])).toBeNull();
  });

  test('map looks every value up; what is not in the table stays or becomes otherwise', () => {
    const table = { CT1: 'SCANNER', MR: '' };
    expect(steps(applied({ map: `${SPS}.00400001`, table }))[0]?.['00400001']).toEqual(
      attribute('AE', 'SCANNER', 'CT2'),
    );
    const after = applied({ map: `${SPS}.00400001`, table, otherwise: 'ANY' }, { map: `${SPS}.Modality`, table });
    expect(steps(after)[0]?.['00400001']).toEqual(attribute('AE', 'SCANNER', 'ANY'));
    expect(steps(after)[1]?.['00080060']).toEqual({ vr: 'CS' });
  });

  test('replace works on every value and on every component group of a name', () => {
    const after = applied(
      { replace: 'PatientID', pattern: '^0+', with: '' },
      { replace: 'PatientName', pattern: '\\^+$', with: '' },
      { replace: `${SPS}.ScheduledStationAETitle`, pattern: '(\\d)', with: '_$1' },
    );
    expect(after['00100020']).toEqual(attribute('LO', '123'));
    expect(after['00100010']).toEqual(attribute('PN', { Alphabetic: 'Doe^Jane', Ideographic: '愛' }));
    expect(steps(after)[0]?.['00400001']).toEqual(attribute('AE', 'CT_1', 'CT_2'));
  });

  test('replace leaves values alone that are longer than 1,024 characters', () => {
    const long = dataSetOf({ '00104000': attribute('LT', 'x'.repeat(1025)) });
    expect(compileRules([{ replace: 'PatientComments', pattern: 'x', with: 'y' }])(long)).toEqual(long);
  });

  test.each<[string, Rule['when'], boolean]>([
    ['equals', { path: 'PatientID', equals: '000123' }, true],
    ['equals, another value', { path: 'PatientID', equals: '123' }, false],
    ['matches', { path: 'PatientName', matches: '^Doe' }, true],
    ['matches in any item', { path: `${SPS}.Modality`, matches: '^M' }, true],
    ['present', { path: 'AccessionNumber', present: true }, true],
    ['present, but empty', { path: 'PatientSex', present: true }, false],
    ['absent, because empty', { path: 'PatientSex', absent: true }, true],
    ['absent, but there', { path: SPS, absent: true }, false],
  ])('when: %s', (_title, when, holds) => {
    const rule: Rule = { set: 'StudyID', value: 'yes', ...(when && { when }) };
    expect(applied(rule)['00200010'] !== undefined).toBe(holds);
  });

  test('when is asked of the same item inside a shared sequence', () => {
    const when = { path: `${SPS}.Modality`, equals: 'MR' };
    const after = applied({ set: `${SPS}.ScheduledStationName`, value: 'X', when });
    expect(steps(after).map((step) => step['00400010'])).toEqual([undefined, attribute('SH', 'X')]);
  });

  test('rules see what the rules before them did', () => {
    const after = applied(
      { set: 'StudyID', value: 'A' },
      { map: 'StudyID', table: { A: 'B' } },
      { copy: 'StudyID', to: 'AccessionNumber' },
    );
    expect(after['00080050']).toEqual(attribute('SH', 'B'));
  });

  test.each<[string, Rule, RegExp]>([
    ['an unknown keyword', { remove: 'PatientNam' }, /PatientNam/],
    ['a path through no sequence', { remove: 'PatientID.Modality' }, /not a sequence/],
    ['a value that does not fit', { set: 'PregnancyStatus', value: 'no' }, /001021C0/],
    ['text for a sequence', { set: SPS, value: 'x' }, /VR SQ/],
    ['a pattern that is none', { replace: 'PatientID', pattern: '(', with: '' }, /regular expression/],
    ['copying a sequence to a text', { copy: SPS, to: 'PatientID' }, /only be copied to a sequence/],
    ['two conditions', { remove: 'PatientID', when: { path: 'PatientID', equals: 'a', absent: true } }, /exactly one/],
    ['a bad path in when', { remove: 'PatientID', when: { path: 'X', absent: true } }, /"X"/],
  ])('refuses %s, at start and in the list of problems', (_title, rule, problem) => {
    expect(checkRule(rule)).toMatch(problem);
    expect(() => compileRules([{ remove: 'StudyID' }, rule])).toThrow(
      expect.objectContaining({ code: 'RULE_INVALID' }),
    );
    expect(() => compileRules([{ remove: 'StudyID' }, rule])).toThrow(/^Rule 2: /);
  });

  test('a value met at run time that does not fit is a rule error that does not repeat it', () => {
    const rules = compileRules([{ copy: 'PatientID', to: 'PregnancyStatus' }]);
    const dataSet = dataSetOf({ '00100020': attribute('LO', 'Secret') });
    expect(() => rules(dataSet)).toThrow(expect.objectContaining({ code: 'RULE_INVALID' }));
    expect(() => rules(dataSet)).not.toThrow(/Secret/);
  });

  test('explain says which rule changed what, and in which item', () => {
    const rules: Rule[] = [
      { remove: 'PatientSex' },
      { remove: 'StudyID' },
      { set: `${SPS}.Modality`, value: 'CT' },
      { set: '00091001', value: 'x' },
    ];
    expect(() => compileRules(rules)).toThrow(/00091001 has VR UN/);
    const known = rules.slice(0, 3);
    const explained = explainRules(known, entry());
    expect(explained.before).toEqual(entry());
    expect(explained.after).toEqual(compileRules(known)(entry()));
    expect(explained.steps.map(({ rule, changes }) => [rule, changes])).toEqual([
      [known[0], [{ path: 'PatientSex', before: entry()['00100040'] }]],
      [known[1], []],
      [known[2], [{ path: `${SPS}[2].Modality`, before: attribute('CS', 'MR'), after: attribute('CS', 'CT') }]],
    ]);
  });
});
