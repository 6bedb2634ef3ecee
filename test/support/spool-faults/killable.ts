/** Processes that are killed with kill -9 and come back on the same ports, with what they left on the disk. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startProgram } from '../../../scripts/peers/process.ts';
import type { Running } from '../../../scripts/peers/process.ts';

export class Killable {
  readonly #command: readonly [string, ...string[]];
  readonly #ready: RegExp;
  #running: Running | undefined;
  kills = 0;
  /** Printed by those that have ended. */
  #printed = 0;

  /** @param ready what it prints when it is there */
  constructor(command: readonly [string, ...string[]], ready: RegExp) {
    this.#command = command;
    this.#ready = ready;
  }

  /** Characters printed, by all runs together. */
  get printed(): number {
    return this.#printed + (this.#running?.output().length ?? 0);
  }

  get running(): Running {
    if (this.#running === undefined) throw new Error('it does not run');
    return this.#running;
  }

  async start(): Promise<void> {
    const [program, ...given] = this.#command;
    this.#running = await startProgram(program, given, { readyText: this.#ready, deadlineMs: 30_000 });
  }

  /** Starts it until it stays up, as a service manager does. */
  async keepStarting(deadlineMs: number): Promise<void> {
    const end = performance.now() + deadlineMs;
    for (;;) {
      try {
        await this.start();
        return;
      } catch (error) {
        if (performance.now() > end) throw error;
        await sleep(100);
      }
    }
  }

  async kill(): Promise<void> {
    await this.running.stop('SIGKILL');
    this.#ended();
    this.kills++;
  }

  /** Starts it and kills it after so long, however far it has come. */
  async startInVain(afterMs: number): Promise<void> {
    const [program, ...given] = this.#command;
    const running = await startProgram(program, given, {});
    await sleep(afterMs);
    await running.stop('SIGKILL');
    this.#printed += running.output().length;
    this.kills++;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const code = await this.#running?.stop(signal);
    this.#ended();
    return code ?? null;
  }

  #ended(): void {
    this.#printed += this.#running?.output().length ?? 0;
    this.#running = undefined;
  }
}
