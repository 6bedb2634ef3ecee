export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/jest.strip.js' },
  maxWorkers: '100%',
  coverageProvider: 'babel',
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
};
