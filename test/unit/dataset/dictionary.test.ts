import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { generateDictionary } from '../../../scripts/generate-dictionary.ts';
import {
  dictionaryEntries,
  isPrivate,
  isPrivateCreator,
  lookupKeyword,
  lookupTag,
  similarKeyword,
  vrOf,
} from '../../../src/dataset/dictionary.ts';
import { isVr } from '../../../src/dataset/model.ts';

describe('data dictionary (PS3.6)', () => {
  test('the generated file is what the generator makes of the dcmjs that is installed', async () => {
    const file = new URL('../../../src/dataset/dictionary.generated.ts', import.meta.url);
    expect(await readFile(file, 'utf8')).toBe(generateDictionary());
  });

  test('every entry has known VRs, eight upper-case hex digits, and leads back from its keyword', () => {
    const entries = [...dictionaryEntries()];
    expect(entries.length).toBeGreaterThan(5000);
    for (const entry of entries) {
      expect(entry.tag).toMatch(/^[0-9A-F]{8}$/);
      expect(entry.vrs.filter((vr) => !isVr(vr))).toEqual([]);
      expect(lookupKeyword(entry.keyword)).toBe(entry);
    }
  });

  test.each([
    ['00100010', 'PatientName', 'PN', '1'],
    ['0040A390', 'HL7StructuredDocumentReferenceSequence', 'SQ', '1'],
    ['00081112', 'ReferencedInstancesBySOPClassSequence', 'SQ', '1'],
    ['0008119B', 'FailedStudySequence', 'SQ', '1'],
    ['00080201', 'TimezoneOffsetFromUTC', 'SH', '1'],
    ['00321065', 'RequestedLateralityCodeSequence', 'SQ', '1'],
    ['00101060', 'PatientMotherBirthName', 'PN', '1'], // retired prefixes are not part of keywords
    ['00880140', 'StorageMediaFileSetUID', 'UI', '1'],
    ['0040A120', 'DateTime', 'DT', '1'],
  ])('knows %s %s', (tag, keyword, vr, vm) => {
    expect(lookupTag(tag)).toEqual({ tag, keyword, vr, vrs: [vr], vm });
  });

  test('knows the gender attributes of Supplement 233, which dcmjs lacks', () => {
    expect(lookupKeyword('PersonNamesToUseSequence')?.tag).toBe('00100011');
    expect(lookupKeyword('GenderIdentitySequence')?.tag).toBe('00100041');
    expect(lookupKeyword('SexParametersForClinicalUseCategorySequence')?.tag).toBe('00100043');
    expect(vrOf('00100047')).toBe('UR');
  });

  test('gives retired attributes their keyword without a prefix', () => {
    expect(lookupTag('00321000')?.keyword).toBe('ScheduledStudyStartDate');
    expect([...dictionaryEntries()].filter(({ keyword }) => keyword.startsWith('RETIRED'))).toEqual([]);
  });

  test.each([
    ['60023000', 'OverlayData', ['OW', 'OB']],
    ['501E3000', 'CurveData', ['OW', 'OB']],
    ['00203142', 'SourceImageIDs', ['CS']],
    ['00280423', 'CoefficientCodingPointers', ['AT']],
    ['10001235', 'ShiftTableTriplet', ['US']],
    ['10101234', 'ZonalMap', ['US']],
  ])('finds the repeating element %s %s (PS3.5 7.6)', (tag, keyword, vrs) => {
    expect(lookupTag(tag)).toMatchObject({ tag, keyword, vrs, vr: vrs[0] });
  });

  test('names all VRs of an attribute that may have several (PS3.6)', () => {
    expect(lookupTag('00280106')?.vrs).toEqual(['US', 'SS']);
    expect(lookupTag('7FE00010')?.vrs).toEqual(['OW', 'OB']);
  });

  test('private creators are LO, private data UN, unknown UN, group lengths UL (PS3.5 7.8.1, 7.2)', () => {
    expect([vrOf('00090010'), vrOf('000900FF'), vrOf('00091001'), vrOf('00090009')]).toEqual(['LO', 'LO', 'UN', 'UN']);
    expect(vrOf('00180FFE')).toBe('UN');
    expect([vrOf('00100000'), vrOf('00090000')]).toEqual(['UL', 'UL']);
    expect(lookupTag('60013000')).toBeUndefined();
    expect([isPrivate('000F0010'), isPrivate('001A0010')]).toEqual([true, false]);
    expect([isPrivateCreator('00090010'), isPrivateCreator('00091010')]).toEqual([true, false]);
  });

  test('finds a keyword that is spelled right but for its case', () => {
    expect(similarKeyword('patientname')).toBe('PatientName');
    expect(similarKeyword('nothing')).toBeUndefined();
  });
});
