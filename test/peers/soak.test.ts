/** Two minutes of what `npm run soak` does for half an hour, and what it would say of a process that is not flat. */
import { describe, expect, jest, test } from '@jest/globals';
import { troubleIn } from '../../scripts/soak/limits.ts';
import { soak } from '../../scripts/soak/soak.ts';
import type { SoakReport } from '../../scripts/soak/soak.ts';
import { seedOfRun } from '../support/spool-faults/random.ts';

jest.setTimeout(900_000);

const SECONDS = Number(process.env['SOAK_SECONDS'] ?? 120);

test('under mixed load with peers that fail, memory, handles and descriptors stay flat and every exchange is settled once', async () => {
  const seed = seedOfRun();
  const report = await soak({ seed, ms: SECONDS * 1_000, tell: (line) => process.stderr.write(`${line}\n`) });
  const { before, after, exchanges } = report;
  process.stderr.write(`SPOOL_FAULTS_SEED=${seed}: ${JSON.stringify({ ...exchanges, before, after })}\n`);
  expect({ seed, trouble: troubleIn(report) }).toEqual({ seed, trouble: [] });
});

describe('what is trouble', () => {
  const flat = { heldMegabytes: 50, residentMegabytes: 150, handles: 5, fileDescriptors: 37 };
  const report: SoakReport = {
    before: flat,
    after: flat,
    exchanges: { searches: 1, mpps: 1, commitments: 1 },
    failedSearches: 0,
    reloads: 1,
    problems: [],
  };

  test('a flat process whose exchanges are settled is none', () => {
    expect(troubleIn(report)).toEqual([]);
  });

  test.each([
    [{ after: { ...flat, handles: 12 } }, 'handles grew'],
    [{ after: { ...flat, fileDescriptors: 50 } }, 'file descriptors grew'],
    [{ after: { ...flat, heldMegabytes: 90 } }, 'memory kept'],
    [{ after: { ...flat, residentMegabytes: 300 } }, 'resident memory'],
    [{ exchanges: { searches: 0, mpps: 1, commitments: 1 } }, 'no searches'],
    [{ problems: ['1.2.3: was taken and never reported'] }, 'never reported'],
  ])('%j is some', (change, text) => {
    expect(troubleIn({ ...report, ...change })).toEqual([expect.stringContaining(text)]);
  });
});
