import { expect, test } from '@jest/globals';
import { KeyedQueue } from '../../../src/store/keyed-queue.ts';

function deferred(): { promise: Promise<void>; resolve: () => void } {
  return Promise.withResolvers<void>();
}

test('work of one key runs one after another in the order it came, whatever each takes', async () => {
  const queue = new KeyedQueue();
  const [first, second] = [deferred(), deferred()];
  const done: string[] = [];
  const runs = [
    queue.run('a', async () => (await first.promise, void done.push('1'))),
    queue.run('a', async () => (await second.promise, void done.push('2'))),
    queue.run('a', async () => void done.push('3')),
  ];
  second.resolve();
  await Promise.resolve();
  expect(done).toEqual([]);
  first.resolve();
  await Promise.all(runs);
  expect(done).toEqual(['1', '2', '3']);
});

test('other keys are not held up, and a failure lets the next one run', async () => {
  const queue = new KeyedQueue();
  const never = deferred();
  const held = queue.run('a', () => never.promise);
  await expect(queue.run('b', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(queue.run('b', () => Promise.resolve(7))).resolves.toBe(7);
  never.resolve();
  await held;
});

test('keys without work are forgotten', async () => {
  const queue = new KeyedQueue();
  await queue.run('a', () => Promise.resolve());
  await Promise.resolve();
  expect(queue.size).toBe(0);
});
