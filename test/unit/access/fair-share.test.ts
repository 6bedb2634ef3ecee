import { describe, expect, test } from '@jest/globals';
import { FairShare } from '../../../src/access/fair-share.ts';

class Door {
  readonly share = new FairShare();
  readonly closed: string[] = [];
  readonly busy = new Set<string>();

  add(key: string, address: string, maximum = 4): boolean {
    const isBusy = (): boolean => this.busy.has(key);
    return this.share.add(key, address, maximum, () => void this.closed.push(key), isBusy);
  }
}

describe('room for connections', () => {
  test('as many as there is room for come in, and none is closed', () => {
    const door = new Door();
    expect(['a1', 'a2', 'b1', 'a3'].map((key) => door.add(key, key.slice(0, 1)))).toEqual([true, true, true, true]);
    expect([door.share.size, door.closed]).toEqual([4, []]);
  });

  test('an address that has most gets no more', () => {
    const door = new Door();
    for (const key of ['a1', 'a2', 'a3', 'b1']) door.add(key, key.slice(0, 1));
    expect([door.add('a4', 'a'), door.closed]).toEqual([false, []]);
  });

  test('another takes the place of the oldest of the address that has most', () => {
    const door = new Door();
    for (const key of ['b1', 'a1', 'a2', 'a3']) door.add(key, key.slice(0, 1));
    expect([door.add('c1', 'c'), door.closed, door.share.size]).toEqual([true, ['a1'], 4]);
    expect([door.add('b2', 'b'), door.closed]).toEqual([false, ['a1']]);
  });

  test('where all have the same, who is there stays', () => {
    const door = new Door();
    for (const key of ['a1', 'b1', 'c1', 'd1']) door.add(key, key.slice(0, 1));
    expect([door.add('e1', 'e'), door.closed]).toEqual([false, []]);
  });

  test('one that is worked for goes last', () => {
    const door = new Door();
    for (const key of ['a1', 'a2', 'a3', 'a4']) door.add(key, 'a');
    door.busy.add('a1').add('a2');
    expect([door.add('b1', 'b'), door.closed]).toEqual([true, ['a3']]);
    door.busy.add('a4');
    expect([door.add('c1', 'c'), door.closed]).toEqual([true, ['a3', 'a1']]);
  });

  test('who leaves makes room, and who comes again under its key stands in its own place', () => {
    const door = new Door();
    for (const key of ['a1', 'a2', 'a3', 'a4']) door.add(key, 'a');
    expect(door.add('a1', 'a')).toBe(true);
    expect(door.share.size).toBe(4);
    door.share.delete('a2');
    door.share.delete('a2');
    expect([door.add('a5', 'a'), door.share.size, door.closed]).toEqual([true, 4, []]);
  });

  test('a flood of one address never shuts out others, whatever it holds', () => {
    const door = new Door();
    for (let i = 0; i < 5_000; i++) door.add(`a${i}`, 'a', 100);
    for (const address of ['b', 'c', 'd']) expect(door.add(address, address, 100)).toBe(true);
    for (let i = 0; i < 5_000; i++) door.add(`again ${i}`, 'a', 100);
    expect(door.closed).toEqual(['a0', 'a1', 'a2']);
    expect(door.share.size).toBe(100);
  });
});
