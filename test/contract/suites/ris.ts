/** The rules of what the embedded RIS keeps, over every store. */
import { describe } from '@jest/globals';
import type { MakeStoreBed, StoreAbilities } from './bed.ts';
import { describeRisEntries } from './ris-entries.ts';
import { describeRisExceptions } from './ris-exceptions.ts';
import { describeRisSearch } from './ris-search.ts';
import { describeRisSteps } from './ris-steps.ts';

export function describeRisRecords(makeBed: MakeStoreBed, abilities: StoreAbilities): void {
  describe('entries', () => describeRisEntries(makeBed, abilities));
  describe('a search of the entries', () => describeRisSearch(makeBed));
  describe('performed steps', () => describeRisSteps(makeBed, abilities));
  describe('exceptions', () => describeRisExceptions(makeBed, abilities));
}
