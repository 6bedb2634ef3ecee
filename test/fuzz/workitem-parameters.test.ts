import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { workitemParameters, workitemSearch } from '../../src/dicomweb/workitem-parameters.ts';
import { ServiceFailure } from '../../src/services/port.ts';
import { queryOfUid, TRANSACTION_UID_NAMES, TRANSACTION_UID_SPELLINGS } from '../../src/services/ups/parameters.ts';
import { mutatedText } from '../support/mutations.ts';

const RULES = { uidNames: TRANSACTION_UID_NAMES, names: ['filter', 'requester'], strictParameters: false };

const uid = fc
  .array(fc.nat({ max: 99_999 }), { minLength: 1, maxLength: 8 })
  .map((parts) => ['1', ...parts.map(String)].join('.'));
const spelling = fc.constantFrom(...TRANSACTION_UID_SPELLINGS);
/** Text is well-formed: no lone surrogate has a form in a URI. */
const value = fc.string({ unit: 'grapheme', maxLength: 12 });

describe('parameters of workitems, generated (PS3.18 11.4 to 11.12)', () => {
  test('a lock is found however it is spelled, wherever it stands, and so is every other parameter', () => {
    fc.assert(
      fc.property(uid, spelling, value, fc.boolean(), (lock, spelled, filter, isFirst) => {
        const parts = [queryOfUid(lock, spelled).slice(1), `filter=${encodeURIComponent(filter)}`];
        const read = workitemParameters((isFirst ? parts : parts.reverse()).join('&'), RULES);
        expect({ uid: read.uid, values: [...read.values], warnings: read.warnings }).toEqual({
          ...{ uid: spelled === 'payload' ? undefined : lock, values: [['filter', filter]], warnings: [] },
        });
      }),
    );
  });

  test('any query component ends in parameters or in a ServiceFailure', () => {
    const known = fc.tuple(uid, spelling).map(([lock, spelled]) => `${queryOfUid(lock, spelled)}&filter=a%3Db`);
    const queries = fc.oneof(known.chain(mutatedText), fc.string({ unit: 'binary' }), fc.webQueryParameters());
    fc.assert(
      fc.property(queries, fc.boolean(), (query, strictParameters) => {
        const reads = [() => workitemParameters(query, { ...RULES, strictParameters }), () => workitemSearch(query, strictParameters)]; // prettier-ignore
        for (const read of reads) {
          try {
            read();
          } catch (error) {
            if (!(error instanceof ServiceFailure)) throw error;
            expect(['BAD_REQUEST', 'INVALID_UID']).toContain(error.code);
          }
        }
      }),
      { numRuns: 250, examples: [['\ud800&filter=a%3Db', false]] },
    );
  });
});
