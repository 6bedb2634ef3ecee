import { describe, expect, test } from '@jest/globals';
import { ByteBudget, HeldBytes } from '../../../src/access/byte-budget.ts';

describe('a budget of bytes', () => {
  test('holds as much as it has and no byte more; what does not fit takes nothing', () => {
    const budget = new ByteBudget(100);
    const [one, other] = [new HeldBytes(budget, 0), new HeldBytes(budget, 0)];
    expect([one.grow(60), other.grow(41), other.grow(40)]).toEqual([true, false, true]);
    expect(budget.held).toBe(100);
    one.shrink(10);
    expect([other.grow(10), other.grow(1)]).toEqual([true, false]);
  });

  test('the first bytes of each are free, however full it is', () => {
    const budget = new ByteBudget(100);
    const greedy = new HeldBytes(budget, 8);
    expect(greedy.grow(108)).toBe(true);
    const small = new HeldBytes(budget, 8);
    expect([small.grow(8), small.grow(1)]).toEqual([true, false]);
    expect(budget.held).toBe(100);
  });

  test('every byte comes back, whatever the order, and once only', () => {
    const budget = new ByteBudget(1_000);
    const holders = Array.from({ length: 5 }, () => new HeldBytes(budget, 16));
    for (const [i, holder] of holders.entries()) {
      holder.grow(10 + 30 * i);
      holder.grow(7);
      holder.shrink(9);
    }
    expect(budget.held).toBeGreaterThan(0);
    for (const holder of holders) {
      holder.release();
      holder.shrink(5);
      holder.release();
    }
    expect(budget.held).toBe(0);
  });

  test('who has released holds nothing again: what comes late is not kept', () => {
    const budget = new ByteBudget(100);
    const holder = new HeldBytes(budget, 10);
    holder.grow(50);
    holder.release();
    expect([holder.grow(1), holder.bytes, budget.held]).toEqual([false, 0, 0]);
  });

  test('a smaller budget lets go of nothing, and takes no more until there is room', () => {
    const budget = new ByteBudget(100);
    const holder = new HeldBytes(budget, 0);
    holder.grow(80);
    budget.replace(50);
    expect(holder.grow(1)).toBe(false);
    holder.shrink(40);
    expect([holder.grow(10), holder.grow(1)]).toEqual([true, false]);
  });
});
