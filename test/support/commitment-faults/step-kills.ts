/** kill -9 at the steps of a protocol: the peers say where they are, and a gateway dies there. */
import type { Random } from '../spool-faults/random.ts';

export class StepKills {
  readonly #steps = new Map<string, { seen: number; kills: number }>();
  readonly #each: number;
  readonly #random: Random;
  readonly #kill: (random: Random) => Promise<{ back: Promise<void> }>;
  readonly #gateways: number;
  #down = 0;
  readonly #failures: unknown[] = [];
  kills = 0;

  /**
   * @param each how often a gateway dies at each step
   * @param gateways so many there are; they may all be dead at a time
   * @param kill resolves when it is dead; `back` when it is there again
   */
  constructor(
    steps: readonly string[],
    each: number,
    gateways: number,
    random: Random,
    kill: (random: Random) => Promise<{ back: Promise<void> }>,
  ) {
    for (const step of steps) this.#steps.set(step, { seen: 0, kills: 0 });
    this.#each = each;
    this.#gateways = gateways;
    this.#random = random;
    this.#kill = kill;
  }

  /** Every step has had its kills. @throws what went wrong with one */
  get isOver(): boolean {
    if (this.#failures.length > 0)
      throw new AggregateError(this.#failures, 'a gateway could not be killed and started');
    return this.#down === 0 && [...this.#steps.values()].every(({ kills }) => kills >= this.#each);
  }

  /** For those who read how a run went. */
  get report(): string {
    return [...this.#steps].map(([step, { seen, kills }]) => `${step}: ${kills} of ${seen}`).join('; ');
  }

  /** Comes back when the gateway is dead, or at once when this is not the time. */
  readonly at = async (step: string): Promise<void> => {
    const count = this.#steps.get(step);
    if (count === undefined) throw new Error(`There is no step '${step}'`);
    count.seen++;
    // The first few go by, so that there is something to be lost at every step.
    if (this.#down === this.#gateways || count.kills >= this.#each || count.seen < 3 || !this.#random.chance(0.5))
      return;
    this.#down++;
    count.kills++;
    this.kills++;
    try {
      const { back } = await this.#kill(this.#random);
      void back.catch((error: unknown) => this.#failures.push(error)).finally(() => this.#down--);
    } catch (error) {
      this.#failures.push(error);
    }
  };
}
