import { describe, expect, test } from '@jest/globals';
import { OpenWrites } from '../../../src/dimse/open-writes.ts';

describe('writes behind a listener', () => {
  test('is empty when the last one has ended', async () => {
    const writes = new OpenWrites();
    const order: string[] = [];
    const [first, second] = [writes.begin(), writes.begin()];
    const empty = writes.empty().then(() => order.push('empty'));
    first.end();
    await Promise.resolve();
    order.push('second');
    second.end();
    await empty;
    expect(order).toEqual(['second', 'empty']);
    await writes.empty();
  });

  test('abortAll tells each why and waits for none; what begins later is aborted already', async () => {
    const writes = new OpenWrites();
    const reason = new Error('over');
    const write = writes.begin();
    const empty = writes.empty();
    expect(write.signal.aborted).toBe(false);
    writes.abortAll(reason);
    await empty;
    expect([write.signal.reason, writes.begin().signal.reason]).toEqual([reason, reason]);
    await writes.empty();
  });
});
