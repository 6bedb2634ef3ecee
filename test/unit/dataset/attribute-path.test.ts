import { describe, expect, test } from '@jest/globals';
import { parsePath, pathToText } from '../../../src/dataset/attribute-path.ts';

describe('attribute paths (PS3.18 8.3.4.1)', () => {
  test.each([
    ['PatientName', ['00100010']],
    ['00100010', ['00100010']],
    ['ScheduledProcedureStepSequence.Modality', ['00400100', '00080060']],
    ['00400100.Modality', ['00400100', '00080060']],
    ['ScheduledProcedureStepSequence.00080060', ['00400100', '00080060']],
    ['0040a390', ['0040A390']],
    ['00091001.00091002', ['00091001', '00091002']],
    ['OverlayRows', ['60000010']],
  ])('reads %s', (text, path) => {
    expect(parsePath(text)).toEqual(path);
  });

  test.each([
    ['', 'neither a keyword nor eight hex digits'],
    ['PatientName.', 'neither a keyword nor eight hex digits'],
    ['0010001', 'neither a keyword nor eight hex digits'],
    ['(0010,0010)', 'neither a keyword nor eight hex digits'],
    ['__proto__', 'neither a keyword nor eight hex digits'],
    ['PatientName.Modality', 'PatientName (00100010) is not a sequence'],
    ['00020010', 'cannot be in a data set'],
    ['CommandField', 'cannot be in a data set'],
    ['FFFEE000', 'cannot be in a data set'],
    ['00100000', 'cannot be in a data set'],
    [Array(66).fill('00081110').join('.'), 'more than 64 sequences'],
  ])('refuses "%s" and says why', (text, problem) => {
    expect(() => parsePath(text)).toThrow(
      expect.objectContaining({ code: 'ATTRIBUTE_PATH_INVALID', message: expect.stringContaining(problem) as unknown }),
    );
  });

  test('goes as deep as a data set may nest', () => {
    expect(parsePath(Array(65).fill('00081110').join('.'))).toHaveLength(65);
  });

  test('suggests the keyword that differs in case only', () => {
    expect(() => parsePath('patientName')).toThrow(expect.objectContaining({ fix: 'Did you mean PatientName?' }));
  });

  test('writes tags or keywords, tags where there is no keyword', () => {
    expect(pathToText(['00400100', '00080060'], 'tag')).toBe('00400100.00080060');
    expect(pathToText(['00400100', '00080060'], 'keyword')).toBe('ScheduledProcedureStepSequence.Modality');
    expect(pathToText(['00400100', '00091001'], 'keyword')).toBe('ScheduledProcedureStepSequence.00091001');
  });

  test('writes tags for attributes whose keyword stands for another one', () => {
    expect(pathToText(['60020010'], 'keyword')).toBe('60020010');
    expect(pathToText(['60000010'], 'keyword')).toBe('OverlayRows');
    expect(pathToText(['00090010'], 'keyword')).toBe('00090010');
  });
});
