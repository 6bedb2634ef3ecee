import { describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { ERROR_CODES } from '../../src/errors.ts';
import { statusText } from '../../src/services/answer.ts';
import {
  COMMON_FAILURE_CODES,
  FAILURE_CODES,
  INSTANCE_FAILURE_CODES,
  SEARCH_FAILURE_CODES,
  ServiceFailure,
} from '../../src/services/port.ts';
import type { FailureCode } from '../../src/services/port.ts';
import {
  commitmentDimseOutcome,
  commitmentHttpOutcome,
  COMMITMENT_OUTCOMES,
} from '../../src/services/storage-commitment/outcomes.ts';
import { mppsDimseOutcome, mppsHttpOutcome, MPPS_OUTCOMES } from '../../src/services/mpps/outcomes.ts';
import { workitemHttpOutcome, WORKITEM_OUTCOMES } from '../../src/services/ups/outcomes.ts';
import { OUTCOMES } from '../../src/services/worklist/outcomes.ts';

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
  test('lists exactly the error codes of the gateway, each with meaning, cause and what to do', async () => {
    const rows = await documented('Errors of the gateway');
    expect([...rows.keys()].sort()).toEqual(Object.keys(ERROR_CODES).sort());
    for (const [code, cells] of rows) expectAdvice(code, cells, ERROR_CODES[code as keyof typeof ERROR_CODES]);
  });

  test('lists exactly the failures of a search, each with the DIMSE and HTTP status of the table', async () => {
    const rows = await documented('Failures of a worklist search');
    expect([...rows.keys()].sort()).toEqual([...COMMON_FAILURE_CODES, ...SEARCH_FAILURE_CODES].sort());
    for (const [code, [dimse, http, ...advice]] of rows) {
      const outcome = OUTCOMES[code as keyof typeof OUTCOMES];
      expect([code, dimse, http]).toEqual([code, statusText(outcome.dimseStatus), String(outcome.httpStatus)]);
      expectAdvice(code, advice, outcome.comment);
    }
  });

  test('lists exactly the failure codes of MPPS, each with its statuses per operation', async () => {
    const rows = await documented('Failures of a performed procedure step');
    expect([...rows.keys()].sort()).toEqual([...COMMON_FAILURE_CODES, ...INSTANCE_FAILURE_CODES].sort());
    const operations = ['create', 'update', 'retrieve'] as const;
    for (const [code, cells] of rows) {
      const failure = new ServiceFailure(code as ServiceFailure['code'], { attributes: ['00400252'] });
      const dimse = operations.map((operation) => statusText(mppsDimseOutcome(failure, operation).status));
      const http = operations.map((operation) => String(mppsHttpOutcome(failure, operation).status));
      expect([code, ...cells.slice(0, 6)]).toEqual([code, ...dimse, ...http]);
      expectAdvice(code, cells.slice(6), MPPS_OUTCOMES[code as keyof typeof MPPS_OUTCOMES].comment);
    }
  });

  test('lists exactly the failure codes of storage commitment, each with its statuses per operation', async () => {
    const rows = await documented('Failures of storage commitment');
    expect([...rows.keys()].sort()).toEqual(Object.keys(COMMITMENT_OUTCOMES).sort());
    for (const [code, cells] of rows) {
      const failure = new ServiceFailure(code as ServiceFailure['code']);
      const dimse = (['request', 'report'] as const).map((operation) =>
        statusText(commitmentDimseOutcome(failure, operation).status),
      );
      const http = (['request', 'check'] as const).map((operation) =>
        String(commitmentHttpOutcome(failure, operation).status),
      );
      expect([code, ...cells.slice(0, 4)]).toEqual([code, ...dimse, ...http]);
      expectAdvice(code, cells.slice(4), COMMITMENT_OUTCOMES[code as keyof typeof COMMITMENT_OUTCOMES].comment);
    }
  });

  test('lists every failure code with the HTTP statuses of a workitem', async () => {
    const rows = await documented('Failures of a workitem');
    expect([...rows.keys()].sort()).toEqual([...FAILURE_CODES].sort());
    for (const [text, [update, others, ...advice]] of rows) {
      const code = text as FailureCode;
      const statuses = (['updateWorkitem', 'changeWorkitemState'] as const).map((operation) =>
        String(workitemHttpOutcome(new ServiceFailure(code), operation).status),
      );
      expect([code, update, others]).toEqual([code, ...statuses]);
      expectAdvice(code, advice, WORKITEM_OUTCOMES[code].comment);
    }
  });
});

/** The meaning is the gateway's own text; a cause says more than the meaning, and there is always something to do or nothing. */
function expectAdvice(code: string, [meaning, cause = '', fix = '', ...rest]: readonly string[], own: string): void {
  expect([code, meaning, rest]).toEqual([code, own, []]);
  expect([code, cause.length > 10, cause.toLowerCase() !== own.toLowerCase(), fix.length > 3]).toEqual([
    code,
    true,
    true,
    true,
  ]);
}
