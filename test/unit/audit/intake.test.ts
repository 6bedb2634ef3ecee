import { describe, expect, test } from '@jest/globals';
import { Intake } from '../../../src/audit/intake.ts';
import { SILENT } from '../../../src/observe/log.ts';
import type { Logger } from '../../../src/observe/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function bed(write: (messages: readonly Buffer[]) => Promise<number>, memoryBytes = 100) {
  const clock = new FakeClock(0);
  const told: string[] = [];
  const tell = (message: string): void => void told.push(message);
  const logger: Logger = { ...SILENT, error: tell, warn: tell };
  const recovered: number[] = [];
  const options = { write, memoryBytes, retryMs: 1_000, recovered: (lost: number) => void recovered.push(lost) };
  return { clock, told, recovered, intake: new Intake(options, clock, logger) };
}

/** A disk that works, or not. */
function disk() {
  const written: string[] = [];
  const state = { error: undefined as Error | undefined, room: Number.POSITIVE_INFINITY };
  const write = async (messages: readonly Buffer[]): Promise<number> => {
    if (state.error !== undefined) throw state.error;
    const taken = messages.slice(0, Math.max(0, state.room - written.length));
    written.push(...taken.map(String));
    return taken.length;
  };
  return { written, state, write };
}

function put(intake: Intake, ...messages: string[]): void {
  for (const message of messages) intake.put(Buffer.from(message));
}

/** After so many turns of the queue of promises. */
async function later(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
}

describe('the intake of the audit trail', () => {
  test('holds what comes while the disk fails, and writes it in order when the disk works again', async () => {
    const { written, state, write } = disk();
    const { intake, clock, told } = bed(write);
    state.error = Object.assign(new Error(), { code: 'ENOSPC' });
    put(intake, 'a', 'b');
    await clock.pass(2_500);
    put(intake, 'c');
    state.error = undefined;
    await clock.pass(1_000);
    expect(written).toEqual(['a', 'b', 'c']);
    expect([intake.lost, intake.waitingBytes]).toEqual([0, 0]);
    expect(told).toEqual(['audit messages cannot be written']);
  });

  test('counts what memory does not hold, tells once when it begins and once when it is over', async () => {
    const { written, state, write } = disk();
    const { intake, clock, told, recovered } = bed(write, 5);
    state.error = new Error();
    put(intake, 'aa', 'bb', 'cc', 'dd', 'e');
    await clock.rest();
    expect([intake.lost, intake.waitingBytes]).toEqual([2, 5]);
    state.error = undefined;
    await clock.pass(1_000);
    expect(written).toEqual(['aa', 'bb', 'e']);
    expect(recovered).toEqual([2]);
    expect(told).toEqual([
      'audit messages are lost',
      'audit messages cannot be written',
      'audit messages are taken again',
    ]);
  });

  test('counts what the spool has no room for; the oldest stays', async () => {
    const { written, state, write } = disk();
    const { intake, clock, recovered } = bed(write);
    state.room = 2;
    put(intake, 'a', 'b', 'c');
    await clock.rest();
    put(intake, 'd');
    await clock.rest();
    expect([written, intake.lost, recovered]).toEqual([['a', 'b'], 2, []]);
    state.room = 3;
    put(intake, 'e');
    await clock.rest();
    expect([written, intake.lost, recovered]).toEqual([['a', 'b', 'e'], 2, [2]]);
  });

  test('writes what comes just as a write ends, at whichever moment', async () => {
    for (let turns = 0; turns < 12; turns++) {
      const { written, write } = disk();
      const { intake, clock } = bed(async (messages) => {
        if (written.length === 0) void later(turns).then(() => put(intake, 'b'));
        return write(messages);
      });
      put(intake, 'a');
      await clock.rest();
      expect([turns, written]).toEqual([turns, ['a', 'b']]);
    }
  });

  test('closing waits for the disk, but not for one that fails or hangs', async () => {
    const good = disk();
    const first = bed(good.write);
    put(first.intake, 'a');
    await first.intake.close(1_000);
    expect([good.written, first.intake.lost]).toEqual([['a'], 0]);

    const bad = disk();
    bad.state.error = new Error();
    const second = bed(bad.write);
    put(second.intake, 'a');
    await second.clock.rest();
    await second.intake.close(1_000);
    expect(second.intake.lost).toBe(1);

    const third = bed(() => new Promise(() => undefined));
    put(third.intake, 'a');
    await third.clock.rest();
    const closed = third.intake.close(1_000);
    await third.clock.pass(1_000);
    await closed;
    put(third.intake, 'b');
    expect(third.told).toContain('audit messages were lost');
  });
});
