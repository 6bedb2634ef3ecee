import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import type { Attribute, DataSet, Tag } from '../../src/dataset/model.ts';
import { ServiceFailure } from '../../src/services/port.ts';
import type { WorklistQuery } from '../../src/services/port.ts';
import { identifierFromQuery, queryFromIdentifier, reduceToRequested } from '../../src/services/worklist/identifier.ts';
import { matches } from '../../src/services/worklist/matching.ts';
import { parametersFromQuery, queryFromParameters } from '../../src/services/worklist/search-parameters.ts';
import { dataSets } from '../support/data-sets.ts';
import { mutatedText } from '../support/mutations.ts';

const CHARACTERS = [...'aZ09 ^-.,"*?&=%#+é日Ю', '😀'];
const text = fc
  .string({ unit: fc.constantFrom(...CHARACTERS), minLength: 1, maxLength: 12 })
  .filter((value) => !/^\*+$/.test(value) && value.trim() === value);

const keys: Readonly<Record<Tag, fc.Arbitrary<Attribute>>> = {
  '00080050': text.map((value) => attribute('SH', value)),
  '00080060': fc.oneof(fc.constant(attribute('CS')), fc.array(text, { minLength: 1, maxLength: 3 }).map((values) => attribute('CS', ...values))),
  '00100010': text.filter((value) => !/=/.test(value)).map((value) => attribute('PN', { Alphabetic: value, Ideographic: '愛' })),
  '00100020': fc.constant(attribute('LO')),
  '0020000D': fc.constantFrom(attribute('UI', '1.2.3'), attribute('UI', '1.2', '2.25.7')),
  '00101030': fc.constantFrom(attribute('DS', 70.5), attribute('DS', '1.50'), attribute('DS')),
  '00104000': text.map((value) => attribute('LT', `${value}\\x`)),
  '00400002': fc.constantFrom(attribute('DA', '20250101'), attribute('DA', '-20250101'), attribute('DA')),
  '0040A120': fc.constantFrom(attribute('DT', '20250101120000+0000'), attribute('DT', '2025-2026')),
}; // prettier-ignore

function keyItems(depth: number): fc.Arbitrary<DataSet> {
  const item: Record<Tag, fc.Arbitrary<Attribute>> = { ...keys };
  if (depth > 0) {
    item['00400100'] = fc.oneof(
      fc.constant(attribute('SQ')),
      keyItems(depth - 1).map((inner) => (Object.keys(inner).length === 0 ? attribute('SQ') : attribute('SQ', inner))),
    );
  }
  return fc.record(item, { requiredKeys: [] }).map((attributes) => dataSetOf(attributes as Record<Tag, Attribute>));
}

const queries: fc.Arbitrary<WorklistQuery> = fc.record({
  identifier: keyItems(1),
  returnKeys: fc.constant('default' as const),
  fuzzyMatching: fc.boolean(),
  emptyValueMatching: fc.boolean(),
  multipleValueMatching: fc.constant(true),
  timezoneAdjustment: fc.constant(false),
  limit: fc.nat(),
  offset: fc.nat(),
  stableOrder: fc.constant(true),
});

const SERVER = { emptySequence: 'sequence', emptyValueMatching: true, multipleValueMatching: true, maximumUriLength: 100_000 } as const; // prettier-ignore

describe('search parameters, generated (PS3.18 8.3.4)', () => {
  test.each(['tag', 'keyword'] as const)('a query survives its URL, by %s', (names) => {
    fc.assert(
      fc.property(queries, fc.constantFrom('list' as const, 'repeated' as const), (query, includefield) => {
        const url = parametersFromQuery(query, { ...SERVER, names, includefield });
        expect(url).toMatch(/^[\w.!$'()*+;:@/?,=&%~-]*$/);
        expect({ url, ...queryFromParameters(url) }).toEqual({ url, query, warnings: [] });
      }),
      { numRuns: 150 },
    );
  });

  test('any query component ends in a query or a ServiceFailure that names a parameter', () => {
    const urls = fc.oneof(
      queries.map((query) => parametersFromQuery(query, SERVER)).chain(mutatedText),
      fc.string({ unit: 'binary' }),
      fc.webQueryParameters(),
    );
    fc.assert(
      fc.property(urls, fc.boolean(), (url, strictParameters) => {
        try {
          queryFromParameters(url, { strictParameters });
        } catch (error) {
          if (!(error instanceof ServiceFailure)) throw error;
          expect(error.code).toBe('BAD_REQUEST');
          expect(error.message).toMatch(/^Parameter [ -~]+$/);
        }
      }),
      { numRuns: 250 },
    );
  });
});

describe('identifiers, generated (PS3.4 K.2.2)', () => {
  const generated = dataSets({ characters: ['a', 'Z', '*', '?', '"', '^', 'ß'] });

  test('any identifier ends in a query, an identifier and a URL, or in a ServiceFailure', () => {
    fc.assert(
      fc.property(generated, (identifier) => {
        try {
          const query = queryFromIdentifier(identifier, { fuzzyMatching: false, timezoneAdjustment: false });
          expect(identifierFromQuery(query).identifier).toBeDefined();
          expect(parametersFromQuery(query, { maximumUriLength: 100_000 })).toEqual(expect.any(String));
        } catch (error) {
          if (!(error instanceof ServiceFailure)) throw error;
          expect(error.code).toBe('BAD_REQUEST');
        }
      }),
      { numRuns: 150 },
    );
  });

  test('matching ends in yes or no, and universal keys of the entry itself match and return all of it', () => {
    fc.assert(
      fc.property(generated, dataSets({ characters: ['a'] }), (entry, keysOfIt) => {
        const query = (identifier: DataSet): WorklistQuery => ({
          ...({ identifier, returnKeys: 'requested', fuzzyMatching: false, emptyValueMatching: true } as const),
          ...({ multipleValueMatching: true, timezoneAdjustment: false, offset: 0, stableOrder: false } as const),
        });
        expect(typeof matches(entry, query(keysOfIt))).toBe('boolean');
        const universal = dataSetOf(Object.fromEntries(Object.entries(entry).map(([tag, { vr }]) => [tag, { vr }])));
        expect(matches(entry, query(universal))).toBe(true);
        expect(reduceToRequested(entry, universal)).toEqual(entry);
      }),
      { numRuns: 150 },
    );
  });
});
