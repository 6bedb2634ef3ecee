/**
 * The state of a destination, by the rules of PS3.4 F.7.2, and the faults it commits: what it does with a message and how
 * it answers are two things.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseJsonDataSet } from '../../../src/dataset/json.ts';
import { dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { KeyedQueue } from '../../../src/store/keyed-queue.ts';
import { Journal, readJournal } from './journal.ts';
import type { Arrival } from './journal.ts';
import { isCondemned } from './lives.ts';
import { Random } from './random.ts';

/** What is so. */
export type Outcome = 'done' | 'duplicate' | 'missing' | 'final' | 'rejected' | 'undone';

/**
 * How it is told: truly, not at all, by breaking off, by what is no answer, by a general failure (0110H, 500), or by being
 * out of resources (0213H, 503).
 */
export type Manner = 'truth' | 'mute' | 'drop' | 'garbage' | 'failure' | 'busy';

export interface Reply {
  readonly outcome: Outcome;
  readonly manner: Manner;
  /** Of a retrieve. */
  readonly instance?: DataSet | undefined;
}

interface Fault {
  readonly share: number;
  readonly manner: Manner;
  readonly isDone: boolean;
  /** Ms before anything is done. */
  readonly delay?: readonly [number, number];
}

/** Together about a sixth of all messages. */
const FAULTS: readonly Fault[] = [
  { share: 0.04, manner: 'truth', isDone: true, delay: [20, 150] },
  // Longer than the gateway waits: done, and answered to nobody.
  { share: 0.008, manner: 'truth', isDone: true, delay: [600, 800] },
  { share: 0.006, manner: 'mute', isDone: false },
  { share: 0.006, manner: 'mute', isDone: true },
  { share: 0.02, manner: 'drop', isDone: false },
  { share: 0.02, manner: 'drop', isDone: true },
  { share: 0.02, manner: 'failure', isDone: false },
  { share: 0.01, manner: 'failure', isDone: true },
  { share: 0.015, manner: 'busy', isDone: false },
  { share: 0.01, manner: 'garbage', isDone: false },
  { share: 0.01, manner: 'garbage', isDone: true },
];
const NO_FAULT: Fault = { share: 1, manner: 'truth', isDone: true };

export interface FarEndOptions {
  readonly journal: string;
  readonly seed: number;
  /** Stream of randomness. */
  readonly name: string;
  readonly hasFaults: boolean;
  /** Refuses the creates of condemned lives for good. */
  readonly rejects: boolean;
}

export class FaultyFarEnd {
  readonly #options: FarEndOptions;
  readonly #journal: Journal;
  readonly #instances = new Map<string, DataSet>();
  readonly #queue = new KeyedQueue();
  readonly #random: Random;

  /** With what the journal says. */
  constructor(options: FarEndOptions) {
    this.#options = options;
    const arrivals = readJournal(options.journal);
    for (const arrival of arrivals) if (arrival.effect === 'accepted') this.#apply(arrival);
    this.#journal = new Journal(options.journal);
    this.#random = new Random(options.seed, `${options.name} ${arrivals.length}`);
  }

  /** Messages of one instance one after another, as every SCP does them. */
  write(kind: Arrival['kind'], uid: string, content: string): Promise<Reply> {
    const fault = this.#fault();
    return this.#queue.run(uid, async () => {
      await this.#delay(fault);
      const outcome = fault.isDone ? this.#outcomeOf(kind, uid) : 'undone';
      const effect = outcome === 'done' ? 'accepted' : outcome === 'undone' ? 'none' : 'refused';
      const arrival = { kind, uid, content, effect } as const;
      this.#journal.write(arrival);
      if (effect === 'accepted') {
        this.#apply(arrival);
        process.stdout.write('+');
      }
      return { outcome, manner: fault.manner };
    });
  }

  retrieve(uid: string): Promise<Reply> {
    const fault = this.#fault();
    return this.#queue.run(uid, async () => {
      await this.#delay(fault);
      const instance = this.#instances.get(uid);
      return { outcome: instance === undefined ? 'missing' : 'done', manner: fault.manner, instance };
    });
  }

  #outcomeOf(kind: Arrival['kind'], uid: string): Outcome {
    const instance = this.#instances.get(uid);
    if (kind === 'create') {
      if (this.#options.rejects && isCondemned(uid)) return 'rejected';
      return instance === undefined ? 'done' : 'duplicate';
    }
    if (instance === undefined) return 'missing';
    return instance['00400252']?.Value?.[0] === 'IN PROGRESS' ? 'done' : 'final';
  }

  #apply({ uid, content }: Arrival): void {
    this.#instances.set(uid, dataSetOf({ ...this.#instances.get(uid), ...parseJsonDataSet(content) }));
  }

  #fault(): Fault {
    if (!this.#options.hasFaults) return NO_FAULT;
    let drawn = this.#random.next();
    for (const fault of FAULTS) {
      if (drawn < fault.share) return fault;
      drawn -= fault.share;
    }
    return NO_FAULT;
  }

  async #delay({ delay }: Fault): Promise<void> {
    if (delay !== undefined) await sleep(this.#random.integer(...delay));
  }
}
