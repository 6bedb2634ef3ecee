import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, parseConfig } from '../../src/config/load.ts';

const FILE = join(import.meta.dirname, '../../config/gateway.yaml');
const TEXT = readFileSync(FILE, 'utf8');

/** Pieces that mean something to YAML, to the schema or to the reading of variables. */
const PIECES = fc.oneof(
  fc.constantFrom(
    '{', '}', '[', ']', ':', ': ', ',', '- ', '\n', '\n  ', '\t', '#', '&a ', '*a', '!!', '<<: ', '? ', '|\n', '>', '%', '---\n',
    '"', "'", '${', '${A}', '${A:-b}', '$${', '__proto__: ', 'constructor', 'null', '~', '0', '-1', '1e99', '.nan', '\u0000', '\uFDD0', '\uD800',
    'protocol: ', 'routes: ', 'worklist', 'mpps: { to: ', 'store: ', '30d', 'keep', 'rules: { request: [{ set: a, value: [] }] }', 'file: gateway.yaml', '10.0.0.0/99',
  ), // prettier-ignore
  fc.string({ maxLength: 8 }),
);

const mutated = fc
  .array(
    fc.record({
      at: fc.nat({ max: TEXT.length }),
      cut: fc.oneof(fc.constant(0), fc.nat({ max: 20 }), fc.nat({ max: 400 })),
      insert: PIECES,
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((changes) =>
    changes.reduce((text, { at, cut, insert }) => text.slice(0, at) + insert + text.slice(at + cut), TEXT),
  );

test('any mutated configuration ends in a configuration or in problems with a place', async () => {
  const outcomes = { config: 0, problems: 0 };
  await fc.assert(
    fc.asyncProperty(mutated, async (text) => {
      try {
        const { config } = await parseConfig(FILE, text, { A: 'a' });
        expect(Object.isFrozen(config)).toBe(true);
        outcomes.config++;
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        outcomes.problems++;
        expect(error.problems.length).toBeGreaterThan(0);
        const lines = text.split(/\r\n|\n|\r/);
        for (const { line, column, message } of error.problems) {
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(lines.length + 1);
          expect(column).toBeGreaterThanOrEqual(1);
          expect(message).not.toBe('');
        }
      }
    }),
    { numRuns: 500 },
  );
  expect(Math.min(outcomes.config, outcomes.problems)).toBeGreaterThan(0);
}, 30_000);

test('any JSON value is a configuration or has problems with a place', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.json({ maxDepth: 4 }),
      fc.constantFrom('listeners', 'upstreams', 'routes', 'store', 'log'),
      async (json, key) => {
        const text = `{ "listeners": {}, "upstreams": {}, "routes": [], "${key}": ${json} }`;
        const error = await parseConfig(
          FILE,
          text.replace(`"${key}": ${key === 'routes' ? '[]' : '{}'}, `, ''),
          {},
        ).catch((thrown: unknown) => thrown);
        if (error instanceof Error) expect(error).toBeInstanceOf(ConfigError);
      },
    ),
    { numRuns: 300 },
  );
});
