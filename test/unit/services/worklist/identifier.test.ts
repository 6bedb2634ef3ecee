import { describe, expect, test } from '@jest/globals';

import { attribute, dataSetOf, itemsOf } from '../../../../src/dataset/model.ts';
import type { Attribute, DataSet } from '../../../../src/dataset/model.ts';
import { ServiceFailure } from '../../../../src/services/port.ts';
import type { WorklistQuery } from '../../../../src/services/port.ts';
import {
  compareSteps,
  identifierFromQuery,
  isEmptyIdentifier,
  queryFromIdentifier,
  reduceToRequested,
  splitSteps,
} from '../../../../src/services/worklist/identifier.ts';
import { WARNINGS } from '../../../../src/services/worklist/warnings.ts';

const PLAIN = { fuzzyMatching: false, timezoneAdjustment: false };

function query(identifier: DataSet, more: Partial<WorklistQuery> = {}): WorklistQuery {
  return { ...queryFromIdentifier(identifier, PLAIN), ...more };
}

describe('identifier to query (PS3.4 K.2.2, K.4.1.1.3)', () => {
  test('keeps keys and return keys, leaves out what describes the identifier', () => {
    const identifier = dataSetOf({
      '00080005': attribute('CS', 'ISO_IR 100'),
      '00080052': attribute('CS', 'PATIENT'),
      '00080201': attribute('SH', '+0100'),
      '00100010': attribute('PN', { Alphabetic: 'Doe*' }),
      '00100020': attribute('LO'),
      '00100030': attribute('DA', '20250101-'),
      '00400100': attribute('SQ', dataSetOf({ '00080060': attribute('CS', 'CT'), '00400001': attribute('AE', '*') })),
    });
    expect(queryFromIdentifier(identifier, { fuzzyMatching: true, timezoneAdjustment: true })).toEqual({
      identifier: dataSetOf({
        '00080201': attribute('SH', '+0100'),
        '00100010': attribute('PN', { Alphabetic: 'Doe*' }),
        '00100020': attribute('LO'),
        '00100030': attribute('DA', '20250101-'),
        '00400100': attribute('SQ', dataSetOf({ '00080060': attribute('CS', 'CT'), '00400001': attribute('AE') })),
      }),
      returnKeys: 'requested',
      fuzzyMatching: true,
      timezoneAdjustment: true,
      emptyValueMatching: false,
      multipleValueMatching: false,
      offset: 0,
      stableOrder: false,
    });
  });

  test('an empty item asks for the whole sequence, like a zero-length one (C.2.2.2.6)', () => {
    const read = queryFromIdentifier(dataSetOf({ '00400100': attribute('SQ', dataSetOf({})) }), PLAIN);
    expect(read.identifier).toEqual(dataSetOf({ '00400100': attribute('SQ') }));
  });

  test('a sequence key of two items is refused, naming it', () => {
    const identifier = dataSetOf({ '00400100': attribute('SQ', dataSetOf({}), dataSetOf({})) });
    expect(() => queryFromIdentifier(identifier, PLAIN)).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST', attributes: ['00400100'] }),
    );
    expect(() => queryFromIdentifier(identifier, PLAIN)).toThrow(ServiceFailure);
  });

  test('two quotes and several values switch on the matching they stand for; a UID list does not', () => {
    const item = dataSetOf({ '00400001': attribute('AE', '""') });
    expect(query(dataSetOf({ '00400100': attribute('SQ', item) })).emptyValueMatching).toBe(true);
    expect(query(dataSetOf({ '00080060': attribute('CS', 'CT', 'MR') })).multipleValueMatching).toBe(true);
    expect(query(dataSetOf({ '0020000D': attribute('UI', '1.2', '1.3') })).multipleValueMatching).toBe(false);
  });

  test('an identifier without any key is empty; one with universal keys is not (K.4.1.3.1)', () => {
    expect(
      isEmptyIdentifier(dataSetOf({ '00080005': attribute('CS', 'ISO_IR 192'), '00090010': attribute('LO', 'X') })),
    ).toBe(true);
    expect(isEmptyIdentifier(dataSetOf({ '00100010': attribute('PN') }))).toBe(false);
    expect(isEmptyIdentifier(dataSetOf({ '00400100': attribute('SQ') }))).toBe(false);
  });
});

describe('query to identifier (PS3.4 K.4.1.1.3)', () => {
  const KEYS = dataSetOf({
    '00100020': attribute('LO', '123'),
    '00400100': attribute('SQ', dataSetOf({ '00080060': attribute('CS', 'CT') })),
  });

  test('what an SCU asks is passed on as it is', () => {
    expect(identifierFromQuery(query(KEYS))).toEqual({ identifier: KEYS, ...PLAIN, warnings: [] });
  });

  test('a search gets universal keys for what it returns without being asked', () => {
    const { identifier } = identifierFromQuery(query(KEYS, { returnKeys: 'default' }));
    expect(identifier['00100020']).toEqual(attribute('LO', '123'));
    expect(identifier['00100010']).toEqual(attribute('PN'));
    expect(identifier['00400100']?.Value).toHaveLength(1);
    expect(itemsOf(identifier['00400100'])[0]).toMatchObject({
      '00080060': attribute('CS', 'CT'),
      '00400001': { vr: 'AE' },
    });
  });

  test('a sequence included as a whole is asked for with zero length', () => {
    const { identifier } = identifierFromQuery(
      query(dataSetOf({ '00321064': attribute('SQ') }), { returnKeys: 'default' }),
    );
    expect(identifier['00321064']).toEqual({ vr: 'SQ' });
  });

  test('matching that the peer does not do becomes universal, with the warning of PS3.18 8.3.4', () => {
    const keys = dataSetOf({
      '00100020': attribute('LO', '""'),
      '00400100': attribute('SQ', dataSetOf({ '00080060': attribute('CS', 'CT', 'MR') })),
    });
    const plain = identifierFromQuery(query(keys));
    expect(plain.identifier).toEqual(
      dataSetOf({
        '00100020': attribute('LO'),
        '00400100': attribute('SQ', dataSetOf({ '00080060': attribute('CS') })),
      }),
    );
    expect(plain.warnings).toEqual([
      WARNINGS.emptyValueMatchingNotSupported,
      WARNINGS.multipleValueMatchingNotSupported,
    ]);
    const able = identifierFromQuery(query(keys), { emptyValueMatching: true, multipleValueMatching: true });
    expect(able).toMatchObject({ identifier: keys, warnings: [] });
  });

  test('keys a peer cannot stand are left out; it is said when the caller asked for one', () => {
    const omit = [['00400100', '00080060'], ['00380010']];
    const asked = identifierFromQuery(query(KEYS, { returnKeys: 'default' }), { omit });
    expect(itemsOf(asked.identifier['00400100'])[0]).not.toHaveProperty('00080060');
    expect(asked.identifier).not.toHaveProperty('00380010');
    expect(asked.warnings).toEqual([WARNINGS.optionalKeysNotSupported]);
    expect(identifierFromQuery(query(KEYS, { returnKeys: 'default' }), { omit: [['00380010']] }).warnings).toEqual([]);
    expect(KEYS['00400100']).toEqual(attribute('SQ', dataSetOf({ '00080060': attribute('CS', 'CT') })));
  });
});

describe('a private key in Implicit VR, whose VR nobody can know (PS3.5 6.2.2)', () => {
  const received = (bytes: string): DataSet =>
    dataSetOf({
      '00090010': attribute('LO', 'ACME'),
      '00091001': { vr: 'UN', InlineBinary: Buffer.from(bytes, 'latin1').toString('base64') },
    });
  const key = (bytes: string): Attribute | undefined =>
    queryFromIdentifier(received(bytes), PLAIN).identifier['00091001'];

  test.each([
    ['Round 3 ', attribute('LO', 'Round 3')],
    ['1.2.3\0', attribute('LO', '1.2.3')],
    ['a\\b', attribute('LO', 'a', 'b')],
  ])('is text where its bytes are, so that it matches and can stand in a URL', (bytes, expected) => {
    expect(key(bytes)).toEqual(expected);
  });

  test('stays bytes where they are no text', () => {
    expect(key('\x01\x02')).toEqual(received('\x01\x02')['00091001']);
  });
});

describe('results of a search', () => {
  const RESULT = dataSetOf({
    '00080005': attribute('CS', 'ISO_IR 192'),
    '00080201': attribute('SH', '+0900'),
    '00090011': attribute('LO', 'ACME'),
    '00091101': attribute('SH', 'private'),
    '00100010': attribute('PN', { Alphabetic: 'Doe^Jane' }),
    '00100020': attribute('LO', '123'),
    '0040A390': attribute('SQ', dataSetOf({})),
    '00400100': attribute(
      'SQ',
      dataSetOf({
        '00080060': attribute('CS', 'CT'),
        '00400001': attribute('AE', 'CT1'),
        '00400010': attribute('SH', 'x'),
      }),
    ),
  });

  test('an SCU gets what it asked for, in items too, and what always comes (Table K.6-1a)', () => {
    const identifier = dataSetOf({
      '00090010': attribute('LO', 'ACME'),
      '00091001': attribute('SH'),
      '00100020': attribute('LO'),
      '00380010': attribute('LO'), // type 2, not in the result
      '00104000': attribute('LT'), // type 3, not in the result
      '00400100': attribute('SQ', dataSetOf({ '00080060': attribute('CS', 'CT'), '00400011': attribute('SH') })),
    });
    expect(reduceToRequested(RESULT, identifier)).toEqual(
      dataSetOf({
        '00080005': attribute('CS', 'ISO_IR 192'),
        '00080201': attribute('SH', '+0900'),
        '00090011': attribute('LO', 'ACME'),
        '00091101': attribute('SH', 'private'),
        '00100020': attribute('LO', '123'),
        '00380010': attribute('LO'),
        '0040A390': attribute('SQ', dataSetOf({})),
        '00400100': attribute('SQ', dataSetOf({ '00080060': attribute('CS', 'CT'), '00400011': attribute('SH') })),
      }),
    );
  });

  test('a sequence asked for as a whole comes whole', () => {
    const whole = reduceToRequested(RESULT, dataSetOf({ '00400100': attribute('SQ') }));
    expect(whole['00400100']).toEqual(RESULT['00400100']);
  });

  test('a private attribute of another creator in the same block is not what was asked for (PS3.5 7.8.1)', () => {
    const other = dataSetOf({ '00090011': attribute('LO', 'OTHER'), '00091101': attribute('SH') });
    expect(reduceToRequested(RESULT, other)).not.toHaveProperty('00091101');
  });

  test('a result with two steps becomes two, root repeated (C22)', () => {
    const [first, second] = [
      dataSetOf({ '00400009': attribute('SH', '1') }),
      dataSetOf({ '00400009': attribute('SH', '2') }),
    ];
    const result = dataSetOf({ '00100020': attribute('LO', '123'), '00400100': attribute('SQ', first, second) });
    expect(splitSteps(result)).toEqual([
      dataSetOf({ '00100020': attribute('LO', '123'), '00400100': attribute('SQ', first) }),
      dataSetOf({ '00100020': attribute('LO', '123'), '00400100': attribute('SQ', second) }),
    ]);
    expect(splitSteps(RESULT)).toEqual([RESULT]);
    expect(splitSteps(dataSetOf({}))).toEqual([dataSetOf({})]);
  });

  test('the order is by start, Patient ID, accession number, step ID and study, by code unit', () => {
    const step = (date: string, time: string, id: string, patient: string): DataSet =>
      dataSetOf({
        '00100020': attribute('LO', patient),
        '00400100': attribute(
          'SQ',
          dataSetOf({
            '00400002': attribute('DA', date),
            '00400003': attribute('TM', time),
            '00400009': attribute('SH', id),
          }),
        ),
      });
    const ordered = [
      dataSetOf({}),
      step('20250101', '0930', '9', 'Z'),
      step('20250101', '093000.5', '1', 'A'),
      step('20250102', '08', '1', 'A'),
      step('20250102', '080000', '2', 'A'),
      step('20250102', '0800', '1', 'a'),
    ];
    expect([...ordered].reverse().sort(compareSteps)).toEqual(ordered);
  });
});
