/** Faults that come as the work goes on: when so much is done, so that their number does not depend on the machine. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Killable } from './killable.ts';
import type { Ward } from './modalities.ts';
import { Random } from './random.ts';

const LOOK_MS = 3;
/** Longer than a lease: what a killed process held goes on by then. */
const STANDSTILL_MS = 45_000;

export class Chaos {
  readonly #seed: number;
  readonly #progress: () => number;
  readonly #total: number;
  #isStopped = false;
  readonly #running: Promise<void>[] = [];

  /** @param total what `progress` reaches at least */
  constructor(seed: number, progress: () => number, total: number) {
    this.#seed = seed;
    this.#progress = progress;
    this.#total = total;
  }

  /** So many times at random moments, one after another, as drawn by a stream of that name. */
  begin(name: string, times: number, fault: (random: Random) => Promise<void>): void {
    const random = new Random(this.#seed, name);
    const moments = random.ascending(times, 1, Math.floor(this.#total * 0.97));
    const run = async (): Promise<void> => {
      for (const moment of moments) {
        if (!(await this.#reaches(moment))) return;
        await sleep(random.integer(0, 20));
        await fault(random);
      }
    };
    this.#running.push(run());
  }

  /** Resolves when all faults have been. @throws what a fault threw */
  async over(): Promise<void> {
    await Promise.all(this.#running);
  }

  /** False: it never will, and the proof is to say why. */
  async #reaches(moment: number): Promise<boolean> {
    let reached = this.#progress();
    for (let stillSince = performance.now(); reached < moment;) {
      await sleep(LOOK_MS);
      if (this.#isStopped || performance.now() - stillSince > STANDSTILL_MS) return false;
      if (this.#progress() === reached) continue;
      reached = this.#progress();
      stillSince = performance.now();
    }
    return !this.#isStopped;
  }

  stop(): void {
    this.#isStopped = true;
  }
}

/**
 * kill -9, every other time at the very moment when a source was acknowledged, and now and then once more while it starts.
 * @param patienceMs how long what it needs may be away too; by default it must start
 */
export async function killAndRestart(victim: Killable, ward: Ward, random: Random, patienceMs = 0): Promise<void> {
  if (random.chance(0.5)) await ward.nextAcknowledgement();
  await victim.kill();
  if (random.chance(0.15)) await victim.startInVain(random.integer(50, 900));
  await victim.keepStarting(patienceMs);
}

/** kill -9, and away for a while. */
export async function takeAway(victim: Killable, random: Random): Promise<void> {
  await victim.kill();
  await sleep(random.integer(0, 1_500));
  await victim.start();
}
