import { describe, expect, test } from '@jest/globals';
import { DeliveryWatch } from '../../../src/dimse/delivery-watch.ts';

describe('delivery of answers', () => {
  test('a peer that goes on has got the answers before, not the ones after', async () => {
    const watch = new DeliveryWatch();
    const before = watch.answered();
    watch.peerWentOn();
    const after = watch.answered();
    watch.associationEnded(false);
    expect(await Promise.all([before, after])).toEqual([true, false]);
  });

  test.each([true, false])('the end of the association settles all of them: released %s', async (released) => {
    const watch = new DeliveryWatch();
    const answers = [watch.answered(), watch.answered()];
    watch.associationEnded(released);
    expect(await Promise.all(answers)).toEqual([released, released]);
  });

  test('an answer after the end never arrives', async () => {
    const watch = new DeliveryWatch();
    watch.associationEnded(true);
    expect(await watch.answered()).toBe(false);
  });
});
