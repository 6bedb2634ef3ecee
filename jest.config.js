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
