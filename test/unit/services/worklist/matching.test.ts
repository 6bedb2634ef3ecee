import { describe, expect, test } from '@jest/globals';

import { attribute, dataSetOf } from '../../../../src/dataset/model.ts';
import type { Attribute, DataSet, PersonName } from '../../../../src/dataset/model.ts';
import type { WorklistQuery } from '../../../../src/services/port.ts';
import { matches } from '../../../../src/services/worklist/matching.ts';

function matching(entry: DataSet, identifier: DataSet, more: Partial<WorklistQuery> = {}): boolean {
  return matches(entry, {
    identifier,
    returnKeys: 'requested',
    fuzzyMatching: false,
    emptyValueMatching: false,
    multipleValueMatching: false,
    timezoneAdjustment: false,
    offset: 0,
    stableOrder: false,
    ...more,
  });
}

/** One attribute against one key of the same tag. */
function matchesOne(
  tag: string,
  stored: Attribute | undefined,
  key: Attribute,
  more: Partial<WorklistQuery> = {},
): boolean {
  return matching(dataSetOf(stored === undefined ? {} : { [tag]: stored }), dataSetOf({ [tag]: key }), more);
}

describe('single value matching (PS3.4 C.2.2.2.1)', () => {
  test.each<[string, string, Attribute, Attribute, boolean]>([
    ['the same text', '00100020', attribute('LO', 'A1'), attribute('LO', 'A1'), true],
    ['another case', '00100020', attribute('LO', 'A1'), attribute('LO', 'a1'), false],
    ['padding', '00080050', attribute('SH', ' A1 '), attribute('SH', 'A1'), true],
    ['times of one meaning', '00100032', attribute('TM', '2230'), attribute('TM', '223000'), true],
    ['times of another minute', '00100032', attribute('TM', '2231'), attribute('TM', '2230'), false],
    ['a date in the old form', '00100030', attribute('DA', '1970.01.02'), attribute('DA', '19700102'), true],
    [
      'instants of two zones',
      '0040A120',
      attribute('DT', '20250101120000+0100'),
      attribute('DT', '20250101110000+0000'),
      true,
    ],
    ['numbers of one value', '00101030', attribute('DS', '70.50'), attribute('DS', 70.5), true],
    ['numbers of another value', '00101030', attribute('DS', 70), attribute('DS', 71), false],
    ['any of several stored values', '00102000', attribute('LO', 'a', null, 'b'), attribute('LO', 'b'), true],
    ['binary', '00091001', { vr: 'OB', InlineBinary: 'AAA=' }, { vr: 'OB', InlineBinary: 'AAA=' }, true],
  ])('%s', (_title, tag, stored, key, expected) => {
    expect(matchesOne(tag, stored, key)).toBe(expected);
  });
});

describe('universal matching (C.2.2.2.3)', () => {
  test('an empty key and * match everything, known or not', () => {
    for (const stored of [attribute('LO', 'x'), attribute('LO'), undefined]) {
      expect(matchesOne('00100020', stored, attribute('LO'))).toBe(true);
      expect(matchesOne('00100020', stored, attribute('LO', '*'))).toBe(true);
    }
  });

  test.each<[Attribute['vr'], string]>([
    ['DA', '00400002'],
    ['TM', '00400003'],
    ['UI', '0020000D'],
    ['IS', '00201208'],
  ])('* alone is universal for VR %s too, which has no wild cards', (vr, tag) => {
    expect(matchesOne(tag, attribute(vr, '1'), attribute(vr, '*'))).toBe(true);
    expect(matchesOne(tag, undefined, attribute(vr, '*'))).toBe(true);
  });

  test('a value that is not known never matches a key that is not empty (K.2.2.1.1.1)', () => {
    for (const stored of [attribute('LO'), undefined]) {
      expect(matchesOne('00100020', stored, attribute('LO', 'x'))).toBe(false);
      expect(matchesOne('00100020', stored, attribute('LO', '?*'))).toBe(false);
    }
  });

  test('what describes the identifier is not matched', () => {
    const keys = dataSetOf({ '00080201': attribute('SH', '+0100'), '00080005': attribute('CS', 'ISO_IR 100') });
    expect(matching(dataSetOf({}), keys)).toBe(true);
  });
});

describe('wild card matching (C.2.2.2.4)', () => {
  test.each([
    ['CT*', 'CT1', true],
    ['*1', 'CT1', true],
    ['C?1', 'CT1', true],
    ['C?1', 'C1', false],
    ['C*T*1', 'CxxTyy1', true],
    ['ct*', 'CT1', false],
    ['*a*b', 'xaxbx', false],
    ['日?語', '日本語', true],
    ['a?c', 'a😀c', true],
    ['a.c*', 'abc', false],
  ])('%s on %s', (pattern, text, expected) => {
    expect(matchesOne('00081010', attribute('SH', text), attribute('SH', pattern))).toBe(expected);
  });

  test('a pattern made to be slow is not', () => {
    const started = performance.now();
    expect(matchesOne('00104000', attribute('LT', 'a'.repeat(5000)), attribute('LT', `${'*a'.repeat(50)}b`))).toBe(
      false,
    );
    expect(performance.now() - started).toBeLessThan(500);
  });

  test('a wild card in a UID or a date is a character like any other', () => {
    expect(matchesOne('0020000D', attribute('UI', '1.2.3'), attribute('UI', '1.2.*'))).toBe(false);
  });
});

describe('person names (C.2.2.2.1)', () => {
  const STORED = { Alphabetic: 'Yamada^Tarou^^', Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' };

  test.each([
    ['another case', { Alphabetic: 'YAMADA^tarou' }, true],
    ['a wild card', { Alphabetic: 'yam*' }, true],
    ['one group, found in another', { Alphabetic: '山田*' }, true],
    ['two groups, each in its own', { Alphabetic: 'Yamada*', Ideographic: '山田*' }, true],
    ['another case in the phonetic group', { Phonetic: 'YAMADA*' }, true, { Phonetic: 'yamada^tarou' }],
    ['another case in every group', { Alphabetic: 'A*', Phonetic: 'B*' }, true, { Alphabetic: 'ab', Phonetic: 'ba' }],
    ['a group that is not known', { Alphabetic: 'A*', Phonetic: 'B*' }, false, { Alphabetic: 'ab' }],
    ['two groups, one wrong', { Alphabetic: 'Yamada*', Ideographic: '鈴木*' }, false],
    ['another name', { Alphabetic: 'Yamad' }, false],
  ] as [string, PersonName, boolean, PersonName?][])('%s', (_title, key, expected, stored = STORED) => {
    expect(matchesOne('00100010', attribute('PN', stored), attribute('PN', key))).toBe(expected);
  });

  test.each([
    ['Doe', 'doe^*', true],
    ['Doe^', 'Doe^J*', false],
    ['Doe', 'Doe^*^*', true],
    ['Doe^John', 'Doe^*^', true],
    ['Doe', 'D?e?', false],
    ['Doeman', 'Doe^*', false],
  ])('%s by %s: components at the end may have been left out (PS3.5 6.2.1)', (stored, key, expected) => {
    const [name, wanted] = [attribute('PN', { Alphabetic: stored }), attribute('PN', { Alphabetic: key })];
    expect(matchesOne('00100010', name, wanted)).toBe(expected);
  });

  test('a key with a long run of delimiters takes no time that grows with its square', () => {
    const started = performance.now();
    const key = attribute('PN', { Alphabetic: `${'^ '.repeat(200_000)}x` });
    expect(matchesOne('00100010', attribute('PN', STORED), key)).toBe(false);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test('case goes beyond ASCII: Greek, Cyrillic, German', () => {
    const same = (stored: string, key: string): boolean =>
      matchesOne('00100010', attribute('PN', { Alphabetic: stored }), attribute('PN', { Alphabetic: key }));
    expect(same('Παπαδόπουλος^Γιώργος', 'ΠΑΠΑΔΌΠΟΥΛΟΣ*')).toBe(true);
    expect(same('Иванов^Пётр', 'иванов^ПЁТР')).toBe(true);
    expect(same('Groß^Jörg', 'GROSS^jo\u0308rg')).toBe(true);
  });
});

describe('range matching (C.2.2.2.5)', () => {
  test.each([
    ['DA', '20250101-20250107', '20250107', true],
    ['DA', '20250101-20250107', '20250108', false],
    ['DA', '20250101-', '20300101', true],
    ['DA', '-20250101', '20250102', false],
    ['TM', '0800-1200', '120000', true],
    ['TM', '0800-1200', '0759', false],
    ['TM', '-2359', '235930', true],
    ['DT', '20250101-20250102', '20250102235959', true],
    ['DT', '2025-', '20250601', true],
    ['DT', '20250101120000+0100-20250101130000+0100', '20250101113000+0000', true],
  ] as const)('%s %s holds %s: %s', (vr, key, stored, expected) => {
    const tag = { DA: '00100030', TM: '00100032', DT: '0040A120' }[vr];
    expect(matchesOne(tag, attribute(vr, stored), attribute(vr, key))).toBe(expected);
  });

  test('times without zone are in the zone of their data set (PS3.3 C.12.1.1.8)', () => {
    const entry = dataSetOf({ '00080201': attribute('SH', '+0900'), '0040A120': attribute('DT', '20250101090000') });
    const keys = (zone: string): DataSet =>
      dataSetOf({ '00080201': attribute('SH', zone), '0040A120': attribute('DT', '20250101000000') });
    expect(matching(entry, keys('+0000'))).toBe(true);
    expect(matching(entry, keys('+0900'))).toBe(false);
  });

  const step = (date: string | undefined, time: string | undefined): DataSet =>
    dataSetOf({
      '00400100': attribute(
        'SQ',
        dataSetOf({
          ...(date !== undefined && { '00400002': attribute('DA', date) }),
          ...(time !== undefined && { '00400003': attribute('TM', time) }),
        }),
      ),
    });

  test.each([
    ['20250102', '0700', true],
    ['20250101', '2300', true],
    ['20250101', '2130', false],
    ['20250103', '0601', false],
    ['20250103', '0530', true],
    ['20250102', undefined, false],
  ])('start date and time ranges are one interval (K.2.2.1.2): %s %s', (date, time, expected) => {
    expect(matching(step(date, time), step('20250101-20250103', '2200-0600'))).toBe(expected);
  });

  test('several date ranges each make an interval with the time range (C.2.2.2.8)', () => {
    const keys = dataSetOf({
      '00400100': attribute(
        'SQ',
        dataSetOf({
          '00400002': attribute('DA', '20250101-20250102', '20250105-20250106'),
          '00400003': attribute('TM', '2200-0600'),
        }),
      ),
    });
    const found = [
      ['20250101', '2230'],
      ['20250102', '0500'],
      ['20250106', '0559'],
      ['20250105', '2130'],
      ['20250103', '0500'],
    ].map(([date, time]) => matching(step(date, time), keys, { multipleValueMatching: true }));
    expect(found).toEqual([true, true, true, false, false]);
  });

  test('a single date and a time range are two keys', () => {
    expect(matching(step('20250101', '0900'), step('20250101', '0800-1000'))).toBe(true);
    expect(matching(step('20250101', '1100'), step('20250101', '0800-1000'))).toBe(false);
  });
});

describe('lists, sequences and the extensions', () => {
  test('a list of UIDs matches any of them (C.2.2.2.2)', () => {
    expect(matchesOne('0020000D', attribute('UI', '1.3'), attribute('UI', '1.2', '1.3'))).toBe(true);
    expect(matchesOne('0020000D', attribute('UI', '1.30'), attribute('UI', '1.2', '1.3'))).toBe(false);
  });

  test('all keys of a sequence match within the same item, also deeper (C.2.2.2.6)', () => {
    const code = (value: string, scheme: string): DataSet =>
      dataSetOf({ '00080100': attribute('SH', value), '00080102': attribute('SH', scheme) });
    const entry = dataSetOf({
      '00400100': attribute('SQ', dataSetOf({ '00400008': attribute('SQ', code('A', 'X'), code('B', 'Y')) })),
    });
    const keys = (key: DataSet): DataSet =>
      dataSetOf({ '00400100': attribute('SQ', dataSetOf({ '00400008': attribute('SQ', key) })) });
    expect(matching(entry, keys(code('B', 'Y')))).toBe(true);
    expect(matching(entry, keys(code('A', 'Y')))).toBe(false);
    expect(matching(dataSetOf({}), keys(code('A', 'X')))).toBe(false);
    expect(matching(dataSetOf({}), keys(dataSetOf({ '00080100': attribute('SH') })))).toBe(true);
    expect(matching(entry, dataSetOf({ '00400100': attribute('SQ') }))).toBe(true);
  });

  test('two quotes match what is absent or empty, when switched on (C.2.2.2.7)', () => {
    const on = { emptyValueMatching: true };
    expect(matchesOne('00100020', attribute('LO'), attribute('LO', '""'), on)).toBe(true);
    expect(matchesOne('00100020', undefined, attribute('LO', '""'), on)).toBe(true);
    expect(matchesOne('00100020', attribute('LO', 'x'), attribute('LO', '""'), on)).toBe(false);
    expect(matchesOne('00100020', undefined, attribute('LO', '""'))).toBe(false);
    const inItem = dataSetOf({ '00400100': attribute('SQ', dataSetOf({ '00080060': attribute('CS', '""') })) });
    expect(matching(dataSetOf({}), inItem, on)).toBe(true);
    const stored = dataSetOf({ '00400100': attribute('SQ', dataSetOf({ '00080060': attribute('CS', 'CT') })) });
    expect(matching(stored, inItem, on)).toBe(false);
  });

  test('several values match any of them (C.2.2.2.8)', () => {
    const key = attribute('CS', 'CT', 'MR');
    expect(matchesOne('00080060', attribute('CS', 'MR'), key, { multipleValueMatching: true })).toBe(true);
    expect(matchesOne('00080060', attribute('CS', 'US'), key, { multipleValueMatching: true })).toBe(false);
  });

  test('private keys are found by their creator, in whatever block it has (PS3.5 7.8.1)', () => {
    const entry = dataSetOf({ '00090011': attribute('LO', 'ACME'), '00091101': attribute('SH', 'x') });
    const keys = (creator: string): DataSet =>
      dataSetOf({ '00090010': attribute('LO', creator), '00091001': attribute('LO', 'x') });
    expect(matching(entry, keys('ACME'))).toBe(true);
    expect(matching(entry, keys('OTHER'))).toBe(false);
  });

  test('a private value that was stored as bytes, since nobody knew its VR, is found by its text', () => {
    const stored = (InlineBinary: string): DataSet =>
      dataSetOf({ '00090010': attribute('LO', 'ACME'), '00091001': { vr: 'UN', InlineBinary } });
    const keys = dataSetOf({ '00090010': attribute('LO', 'ACME'), '00091001': attribute('LO', 'b') });
    expect(matching(stored(Buffer.from('a\\b ').toString('base64')), keys)).toBe(true);
    expect(matching(stored(Buffer.from('ab').toString('base64')), keys)).toBe(false);
    expect(matching(stored('AAEC'), keys)).toBe(false);
  });
});
