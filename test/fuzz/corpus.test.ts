/** Every input that was ever worth keeping: mended findings of `npm run fuzz`, and inputs with outcomes of their own. */
import { describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { corpusOf } from '../../scripts/fuzz/corpus.ts';
import { SLOW_MS } from '../../scripts/fuzz/finding.ts';
import { Mutator } from '../../scripts/fuzz/mutator.ts';
import { attempt, outcomeOf } from '../../scripts/fuzz/target.ts';
import { targetCalled, TARGETS } from '../../scripts/fuzz/targets.ts';
import { GatewayError } from '../../src/errors.ts';
import { ServiceFailure } from '../../src/services/port.ts';
import { Random } from '../support/spool-faults/random.ts';

describe.each(TARGETS.map((target) => [target.name, target] as const))('%s', (name, target) => {
  test('each input of the corpus ends in a result or a typed error within a second', async () => {
    const session = await target.open();
    const seeds = target.seeds().map((input, i) => ({ name: `seed ${i}`, input }));
    const slow: string[] = [];
    try {
      for (const { name: file, input } of [...seeds, ...corpusOf(name)]) {
        const before = process.cpuUsage();
        await Promise.resolve(session.read(Buffer.from(input))).catch((cause: unknown) => {
          throw new Error(`test/fuzz/corpus/${name}/${file}`, { cause });
        });
        const { user, system } = process.cpuUsage(before);
        if (user + system > SLOW_MS * 1_000) slow.push(file);
      }
    } finally {
      await session.close?.();
    }
    expect(slow).toEqual([]);
  });
});

test('the same seed draws the same inputs', () => {
  const target = targetCalled('json');
  const drawn = (): string => {
    const mutator = new Mutator(target);
    const pool = target.seeds();
    const hash = createHash('sha256');
    for (let i = 0; i < 100; i++) hash.update(mutator.mutate(pool, new Random(7, String(i))));
    return hash.digest('hex');
  };
  expect(drawn()).toBe(drawn());
});

test('only typed errors are outcomes', () => {
  expect(attempt(() => 'read')).toBe('read');
  expect(outcomeOf(new GatewayError('DATA_SET_INVALID', 'at byte 12'))).toBe('DATA_SET_INVALID at byte #');
  expect(outcomeOf(new ServiceFailure('BAD_REQUEST'))).toMatch(/^BAD_REQUEST/);
  expect(() => attempt(() => (undefined as unknown as string).length)).toThrow(TypeError);
});
