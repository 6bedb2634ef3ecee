import { describe, expect, test } from '@jest/globals';
import { untilAborted } from '../../../src/dimse/abortable.ts';
import { ChunkList } from '../../../src/dimse/chunk-list.ts';
import { Patience } from '../../../src/dimse/patience.ts';

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

describe('untilAborted', () => {
  test('yields everything while nothing aborts', async () => {
    const source = (async function* () {
      yield 1;
      yield 2;
    })();
    expect(await collect(untilAborted(source, new AbortController().signal))).toEqual([1, 2]);
  });

  test('throws the reason at once though the source never answers, and tells the source', async () => {
    const aborter = new AbortController();
    let told = false;
    const source: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => undefined),
        return: () => {
          told = true;
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    };
    const next = untilAborted(source, aborter.signal).next();
    aborter.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
    expect(told).toBe(true);
  });

  test('passes on what the source throws', async () => {
    const source = (async function* (): AsyncGenerator<number> {
      yield 1;
      throw new Error('broken');
    })();
    await expect(collect(untilAborted(source, new AbortController().signal))).rejects.toThrow('broken');
  });
});

describe('Patience', () => {
  test('is lost after the given time without an answer', async () => {
    const begin = performance.now();
    await new Promise<void>((resolve) => new Patience(20, resolve));
    expect(performance.now() - begin).toBeGreaterThanOrEqual(19);
  });

  test('begins anew with every answer', async () => {
    const begin = performance.now();
    let extended = 0;
    await new Promise<void>((resolve) => {
      const patience = new Patience(60, resolve);
      const timer = setInterval(() => {
        patience.extend();
        if (++extended === 3) clearInterval(timer);
      }, 30);
    });
    expect(performance.now() - begin).toBeGreaterThanOrEqual(145);
  });
});

describe('ChunkList', () => {
  test.each([1, 2, 255, 256, 300])('joins chunks of %i bytes in order', (size) => {
    const whole = Buffer.from(Array.from({ length: 5000 }, (_value, i) => i % 253));
    const list = new ChunkList();
    for (let at = 0; at < whole.length; at += size) list.push(whole.subarray(at, at + size));
    expect(list.length).toBe(5000);
    expect(list.take().equals(whole)).toBe(true);
    expect(list.length).toBe(0);
  });
});
