import { existsSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Commands that tests start are compiled once.
process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), 'dimseway-compile-cache');

// `npm test` writes to memory where there is plenty; the disk itself is what the tests with peers are about.
const MEMORY = '/dev/shm';
if (process.env.npm_lifecycle_event === 'test' && roomIn(MEMORY) >= 2 * 1024 ** 3) process.env.TMPDIR = MEMORY;

function roomIn(folder) {
  if (!existsSync(folder)) return 0;
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/jest.strip.js' },
  maxWorkers: '100%',
  // No test waits for time to pass; those that start processes take long where others use the machine too.
  testTimeout: 30_000,
  coverageProvider: 'babel',
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
};
