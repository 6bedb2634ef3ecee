/** What the pages of the console call attributes. */
import { expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { generateKeywords } from '../../../../scripts/generate-keywords.ts';
import { keywordOf } from '../../../../src/console/web/keywords.ts';

test('the keywords are those of the dictionary (PS3.6)', async () => {
  const written = await readFile(new URL('../../../../src/console/web/keywords.ts', import.meta.url), 'utf8');
  expect(written).toBe(generateKeywords());
  expect(keywordOf('00400100')).toBe('ScheduledProcedureStepSequence');
  expect(keywordOf('00091001')).toBeUndefined();
});
