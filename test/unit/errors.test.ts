import { describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { ERROR_CODES } from '../../src/errors.ts';
import { FAILURE_CODES } from '../../src/services/port.ts';
import { OUTCOMES, statusToHex } from '../../src/services/worklist/outcomes.ts';

/** The rows of the tables of docs/errors.md, by the code in their first column. */
async function documented(heading: string): Promise<Map<string, string[]>> {
  const text = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const section = text.split('\n## ').find((each) => each.startsWith(heading)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return new Map(
    rows.map((line) => {
      const [code = '', ...cells] = line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
      return [code.replaceAll('`', ''), cells];
    }),
  );
}

describe('docs/errors.md', () => {
  test('lists exactly the error codes of the gateway, each with meaning and fix', async () => {
    const rows = await documented('Errors of the gateway');
    expect([...rows.keys()].sort()).toEqual(Object.keys(ERROR_CODES).sort());
    for (const cells of rows.values()) expect(cells.map((cell) => cell.length > 10)).toEqual([true, true]);
  });

  test('lists exactly the failure codes of services, each with the DIMSE and HTTP status of the table', async () => {
    const rows = await documented('Failures of a worklist search');
    expect([...rows.keys()].sort()).toEqual([...FAILURE_CODES].sort());
    for (const [code, [dimse, http]] of rows) {
      const outcome = OUTCOMES[code as keyof typeof OUTCOMES];
      expect([code, dimse, http]).toEqual([code, `${statusToHex(outcome.dimseStatus)}H`, String(outcome.httpStatus)]);
    }
  });
});
