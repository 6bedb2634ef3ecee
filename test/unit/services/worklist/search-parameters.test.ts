import { describe, expect, test } from '@jest/globals';

import { attribute, dataSetOf } from '../../../../src/dataset/model.ts';
import type { DataSet } from '../../../../src/dataset/model.ts';
import { ServiceFailure } from '../../../../src/services/port.ts';
import type { WorklistQuery } from '../../../../src/services/port.ts';
import { parametersFromQuery, queryFromParameters } from '../../../../src/services/worklist/search-parameters.ts';
import type { SearchUrlOptions } from '../../../../src/services/worklist/search-parameters.ts';

function query(identifier: DataSet, more: Partial<WorklistQuery> = {}): WorklistQuery {
  return {
    identifier,
    returnKeys: 'default',
    fuzzyMatching: false,
    emptyValueMatching: false,
    multipleValueMatching: false,
    timezoneAdjustment: false,
    offset: 0,
    stableOrder: true,
    ...more,
  };
}

function identifierOf(parameters: string): DataSet {
  return queryFromParameters(parameters).query.identifier;
}

function refusal(parameters: string, strictParameters = false): ServiceFailure {
  try {
    queryFromParameters(parameters, { strictParameters });
  } catch (error) {
    if (error instanceof ServiceFailure) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('match parameters (PS3.18 8.3.4.1)', () => {
  test('attributes are named by tag in either case, by keyword, or by a mixed path', () => {
    const expected = dataSetOf({
      '0020000D': attribute('UI', '1.2.3'),
      '00100020': attribute('LO', '12'),
      '00400100': attribute(
        'SQ',
        dataSetOf({
          '00080060': attribute('CS', 'CT'),
          '00400001': attribute('AE', 'CT1'),
          '00400010': attribute('SH', 'x'),
        }),
      ),
    });
    const parameters =
      'PatientID=12&0020000d=1.2.3&ScheduledProcedureStepSequence.00080060=CT&00400100.ScheduledStationAETitle=CT1&00400100.00400010=x';
    expect(queryFromParameters(parameters)).toEqual({ query: query(expected), warnings: [] });
  });

  test('a leading or doubled & and a ? are passed over (C21)', () => {
    expect(identifierOf('?&00100020=1&&00080050=2&')).toEqual(
      dataSetOf({ '00100020': attribute('LO', '1'), '00080050': attribute('SH', '2') }),
    );
  });

  test('values are decoded after splitting, and + stays a plus (8.3.1)', () => {
    expect(identifierOf('00100020=a%26b%3Dc%2Cd+e%20f%5B')).toEqual(
      dataSetOf({ '00100020': attribute('LO', 'a&b=c,d+e f[') }),
    );
    expect(identifierOf('00100010=Doe%5EJane%3D%E6%84%9B')).toEqual(
      dataSetOf({ '00100010': attribute('PN', { Alphabetic: 'Doe^Jane', Ideographic: '愛' }) }),
    );
  });

  test('commas separate UIDs only; in other values they are characters', () => {
    expect(identifierOf('0020000D=1.2,1.3%5C1.4')).toEqual(
      dataSetOf({ '0020000D': attribute('UI', '1.2', '1.3', '1.4') }),
    );
    expect(identifierOf('00081040=a,b')).toEqual(dataSetOf({ '00081040': attribute('LO', 'a,b') }));
  });

  test('an empty value, a bare name and * are return keys; a sequence named so is asked for as a whole', () => {
    expect(identifierOf('PatientID=&00080050&00100010=*&00400100&StudyDate=*&StudyInstanceUID=*')).toEqual(
      dataSetOf({
        '00080020': attribute('DA'),
        '00080050': attribute('SH'),
        '00100010': attribute('PN'),
        '00100020': attribute('LO'),
        '0020000D': attribute('UI'),
        '00400100': attribute('SQ'),
      }),
    );
  });

  test('private attributes come with their creator; their VR is unknown, as keys they are text', () => {
    expect(identifierOf('00091001=x&00090010=ACME&includefield=00091002')).toEqual(
      dataSetOf({ '00090010': attribute('LO', 'ACME'), '00091001': attribute('LO', 'x'), '00091002': attribute('UN') }),
    );
    expect(refusal('00091001=x')).toMatchObject({ code: 'BAD_REQUEST', attributes: ['00091001'] });
    expect(refusal('includefield=00091001')).toMatchObject({ code: 'BAD_REQUEST', attributes: ['00091001'] });
  });

  test('numbers, dates, times and ranges', () => {
    const parameters = '00101030=070.5&00400100.00400002=20250101-20250107&00400100.00400003=-2230&00081197=272';
    expect(identifierOf(parameters)).toEqual(
      dataSetOf({
        '00081197': attribute('US', 272),
        '00101030': attribute('DS', '070.5'),
        '00400100': attribute(
          'SQ',
          dataSetOf({ '00400002': attribute('DA', '20250101-20250107'), '00400003': attribute('TM', '-2230') }),
        ),
      }),
    );
  });

  test('a time zone is passed on and wanted; the character set is no key', () => {
    const read = queryFromParameters('TimezoneOffsetFromUTC=+0100&00080005=ISO_IR%20192').query;
    expect(read).toEqual(query(dataSetOf({ '00080201': attribute('SH', '+0100') }), { timezoneAdjustment: true }));
    expect(queryFromParameters('00080201=%2B0100').query.identifier['00080201']).toEqual(attribute('SH', '+0100'));
  });

  test('several values need multiplevaluematching, except where a backslash is text (C.2.2.2.8)', () => {
    expect(queryFromParameters('00080060=CT%5CMR&multiplevaluematching=true').query).toEqual(
      query(dataSetOf({ '00080060': attribute('CS', 'CT', 'MR') }), { multipleValueMatching: true }),
    );
    expect(refusal('00080060=CT%5CMR').message).toBe(
      'Parameter 00080060 holds a backslash, which needs multiplevaluematching=true',
    );
    expect(identifierOf('00104000=a%5Cb')).toEqual(dataSetOf({ '00104000': attribute('LT', 'a\\b') }));
  });
});

describe('other parameters (PS3.18 Table 8.3.4-1, 8.3.3)', () => {
  test('includefield takes lists, repeats, paths and whole sequences', () => {
    expect(identifierOf('includefield=PatientID,00400100.00080060&includefield=00321064')).toEqual(
      dataSetOf({
        '00100020': attribute('LO'),
        '00321064': attribute('SQ'),
        '00400100': attribute('SQ', dataSetOf({ '00080060': attribute('CS') })),
      }),
    );
  });

  test('a whole sequence beats its parts; matched in, it becomes its known attributes (C1)', () => {
    expect(identifierOf('includefield=00081110.00081150,00081110')).toEqual(dataSetOf({ '00081110': attribute('SQ') }));
    expect(identifierOf('00081110.00081155=1.2&includefield=00081110')).toEqual(
      dataSetOf({
        '00081110': attribute('SQ', dataSetOf({ '00081150': attribute('UI'), '00081155': attribute('UI', '1.2') })),
      }),
    );
  });

  test('an included attribute that is also matched is matched', () => {
    expect(identifierOf('includefield=PatientID&PatientID=1')).toEqual(dataSetOf({ '00100020': attribute('LO', '1') }));
  });

  test('all stands alone', () => {
    expect(queryFromParameters('includefield=all').query).toEqual(query(dataSetOf({}), { returnKeys: 'all' }));
    expect(refusal('includefield=all,PatientID').message).toMatch(/^Parameter includefield holds all together/);
    expect(refusal('includefield=all&includefield=PatientID').code).toBe('BAD_REQUEST');
  });

  test('switches, limit, offset, accept and charset', () => {
    const parameters =
      'fuzzymatching=true&emptyvaluematching=true&multiplevaluematching=false&limit=10&offset=20&accept=application/dicom%2Bjson&charset=utf-8';
    expect(queryFromParameters(parameters)).toEqual({
      query: query(dataSetOf({}), {
        fuzzyMatching: true,
        emptyValueMatching: true,
        limit: 10,
        offset: 20,
        stableOrder: true,
      }),
      accept: 'application/dicom+json',
      charset: 'utf-8',
      warnings: [],
    });
    expect(queryFromParameters('Accept=a/b&Accept-Charset=c')).toMatchObject({ accept: 'a/b', charset: 'c' });
    expect(queryFromParameters('limit=0').query.limit).toBe(0);
  });

  test('an unknown parameter is ignored with a warning that tells its place: its name may be a piece of a value', () => {
    expect(queryFromParameters('foo=Secret&x%0D%0Ay=1')).toEqual({
      query: query(dataSetOf({})),
      warnings: [
        { code: 'PARAMETER_IGNORED', text: 'Parameter number 1 is not supported and has been ignored.' },
        { code: 'PARAMETER_IGNORED', text: 'Parameter number 2 is not supported and has been ignored.' },
      ],
    });
    expect(refusal('foo=1', true).message).toBe('Parameter number 1 is not known');
    expect(queryFromParameters('constructor=1&constructor=2').warnings).toHaveLength(2);
    expect(refusal('toString', true).message).toBe('Parameter number 1 is not known');
  });
});

describe('bad parameters (PS3.18 8.3, 14.4.3: 400)', () => {
  test.each([
    ['00100020=1&PatientID=2', 'PatientID'],
    ['limit=1&limit=2', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=ten', 'limit'],
    ['offset=1.5', 'offset'],
    ['offset=', 'offset'],
    ['fuzzymatching=yes', 'fuzzymatching'],
    ['emptyvaluematching', 'emptyvaluematching'],
    ['includefield=PatientNam', 'includefield'],
    ['includefield=', 'includefield'],
    ['includefield=00000002', 'includefield'],
    ['00000002=1.2', '00000002'],
    ['0008,0060=CT', '0008,0060'],
    ['PatientID.Modality=CT', 'PatientID.Modality'],
    ['Foo.Bar=1', 'number 1'],
    ['limit=1&PatientID.Foo=1', 'number 2'],
    ['00400100=CT', '00400100'],
    ['0020000D=1.2.x', '0020000D'],
    ['00400100.00400002=2025-01-01', '00400100.00400002'],
    ['00400100.00400002=20251301', '00400100.00400002'],
    ['00400100.00400003=2500', '00400100.00400003'],
    ['00101030=heavy', '00101030'],
    ['00081197=70000', '00081197'],
    ['7FE00010=x', '7FE00010'],
    ['00080201=1', '00080201'],
    ['00100020=%zz', '00100020'],
    ['00100020=%ff', '00100020'],
    ['00100020=a%00b', '00100020'],
  ])('refuses %s and tells which parameter: %s', (parameters, name) => {
    expect(refusal(parameters)).toMatchObject({ code: 'BAD_REQUEST', retry: 'permanent' });
    expect(refusal(parameters).message).toMatch(new RegExp(`^Parameter ${name.replaceAll('.', '\\.')} `));
  });

  test('a wrong keyword gets a suggestion, a value is never repeated', () => {
    expect(refusal('includefield=patientName').message).toBe(
      'Parameter includefield holds no known attribute at place 1. Did you mean PatientName?',
    );
    expect(refusal('0020000D=Secret').message).not.toContain('Secret');
  });
});

describe('query to URL (proxy-wise PS3.18 8.3.4)', () => {
  const KEYS = dataSetOf({
    '0020000D': attribute('UI', '1.2', '1.3'),
    '00100010': attribute('PN', { Alphabetic: 'Doe^J?*', Ideographic: '愛,&=' }),
    '00100020': attribute('LO'),
    '00400100': attribute(
      'SQ',
      dataSetOf({
        '00400002': attribute('DA', '20250101-'),
        '00080060': attribute('CS'),
        '00400001': attribute('AE', 'CT1'),
      }),
    ),
  });

  test('match keys, then one includefield, ascending, by tag', () => {
    expect(
      parametersFromQuery(query(KEYS, { returnKeys: 'requested', limit: 5, offset: 10, fuzzyMatching: true })),
    ).toBe(
      '00100010=Doe%5EJ%3F*%3D%E6%84%9B%2C%26%3D&0020000D=1.2,1.3&00400100.00400001=CT1&00400100.00400002=20250101-' +
        '&includefield=00100020,00400100.00080060&fuzzymatching=true&offset=10&limit=5',
    );
  });

  test.each<[string, SearchUrlOptions, string]>([
    [
      'keywords',
      { names: 'keyword' },
      'PatientID=1&includefield=PatientName,ScheduledProcedureStepSequence.ScheduledStationName',
    ],
    ['repeated', { includefield: 'repeated' }, '00100020=1&includefield=00100010&includefield=00400100.00400010'],
    ['all', { includefield: 'all' }, '00100020=1&includefield=all'],
    ['without default return keys', { omitDefaultReturnKeys: true }, '00100020=1'],
    ['with match keys', { repeatMatchKeys: true }, '00100020=1&includefield=00100010,00400100.00400010,00100020'],
    ['too long for the list', { maximumUriLength: 40 }, '00100020=1&includefield=all'],
  ])('option: %s', (_title, options, expected) => {
    const keys = dataSetOf({
      '00100010': attribute('PN'),
      '00100020': attribute('LO', '1'),
      '00400100': attribute('SQ', dataSetOf({ '00400010': attribute('SH') })),
    });
    expect(parametersFromQuery(query(keys), options)).toBe(expected);
  });

  test('a whole sequence is asked for by its known attributes, or by its name', () => {
    const keys = dataSetOf({ '00081110': attribute('SQ'), '00380502': attribute('SQ', dataSetOf({})) });
    expect(parametersFromQuery(query(keys))).toBe('includefield=00081110.00081150,00081110.00081155,00380502');
    expect(parametersFromQuery(query(keys), { emptySequence: 'sequence' })).toBe('includefield=00081110,00380502');
    const step = parametersFromQuery(query(dataSetOf({ '00400100': attribute('SQ') })));
    expect(step.length).toBeLessThan(6000);
    expect(step).toMatch(/^includefield=00400100\.\w{8},/);
  });

  test('two quotes go out only to a server that matches empty values', () => {
    const keys = query(dataSetOf({ '00100020': attribute('LO', '""') }), { emptyValueMatching: true });
    expect(parametersFromQuery(keys)).toBe('includefield=00100020');
    expect(parametersFromQuery(keys, { emptyValueMatching: true })).toBe('00100020=%22%22&emptyvaluematching=true');
  });

  test('several values go out only to a server that matches them', () => {
    const keys = query(dataSetOf({ '00080060': attribute('CS', 'CT', 'MR') }), { multipleValueMatching: true });
    expect(() => parametersFromQuery(keys)).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST', attributes: ['00080060'] }),
    );
    expect(parametersFromQuery(keys, { multipleValueMatching: true })).toBe(
      '00080060=CT%5CMR&multiplevaluematching=true',
    );
  });

  test('a zone with a minus is moved to UTC, its plus encoded (C.2.2.2.1)', () => {
    const of = (text: string): string => parametersFromQuery(query(dataSetOf({ '0040A120': attribute('DT', text) })));
    expect(of('20250101120000-0500')).toBe('0040A120=20250101170000%2B0000');
    expect(of('202501011200-0530-20250101233015.5-0530')).toBe('0040A120=202501011730%2B0000-20250102050015.5%2B0000');
    expect(of('20250101120000+0100-')).toBe('0040A120=20250101120000%2B0100-');
    expect(of('20250101-20250102')).toBe('0040A120=20250101-20250102');
  });

  test('private creators, the time zone; binary values cannot go', () => {
    const keys = dataSetOf({
      '00080201': attribute('SH', '+0100'),
      '00090010': attribute('LO', 'ACME'),
      '00091001': attribute('SH'),
    });
    expect(parametersFromQuery(query(keys))).toBe('00080201=%2B0100&00090010=ACME&includefield=00091001');
    const binary = query(dataSetOf({ '00091001': { vr: 'OB', InlineBinary: 'AAA=' } }));
    expect(() => parametersFromQuery(binary)).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }));
  });

  test('match keys that alone are too long end the query', () => {
    const long = query(dataSetOf({ '00100020': attribute('LO', 'x'.repeat(7000)) }));
    expect(() => parametersFromQuery(long)).toThrow(expect.objectContaining({ code: 'QUERY_TOO_LONG' }));
  });
});
