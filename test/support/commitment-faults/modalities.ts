/** Modalities that ask for storage commitment, wait for the report or release, and take it wherever it comes. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Outcome } from '../../../scripts/peers/commitment.ts';
import type { Message } from '../../../src/dimse/message.ts';
import { RawPeer } from '../raw-peer.ts';
import type { Random } from '../spool-faults/random.ts';
import { transactionOf } from './transactions.ts';
import type { Transaction } from './transactions.ts';
import { informationOf, Wire } from './wire.ts';

export const MODALITY_STEPS = [
  'modality has asked',
  'modality is answered',
  'modality is reported to',
  'modality has answered the report',
] as const;

const DUPLICATE = 0x0131;

interface Reported {
  readonly told: Outcome;
  readonly isNew: boolean;
  /** It was answered 0000H, as far as the modality knows. */
  isAnswered: boolean;
  /** It was answered in whatever way, or broken off. */
  isOver: boolean;
}

export interface Asked extends Transaction {
  /** It was taken: 0000H, or a repeat is refused as a duplicate. */
  isTaken: boolean;
  readonly reports: Reported[];
}

export interface ModalityOptions {
  readonly index: number;
  readonly random: Random;
  readonly hasFaults: boolean;
  readonly at: (step: string) => Promise<void>;
  readonly ward: number;
}

export class Modality {
  readonly aeTitle: string;
  readonly asked: Asked[] = [];
  /** Answers that nothing justified. */
  readonly problems: string[] = [];
  readonly #options: ModalityOptions;
  readonly #server: Server;
  readonly #peers = new Set<RawPeer>();
  #isAway = false;

  static async start(options: ModalityOptions): Promise<Modality> {
    const modality = new Modality(options);
    modality.#server.listen(0, '127.0.0.1');
    await once(modality.#server, 'listening');
    return modality;
  }

  private constructor(options: ModalityOptions) {
    this.#options = options;
    this.aeTitle = `SCU${options.index}`;
    this.#server = createServer({ noDelay: true }, (socket) => {
      const peer = new RawPeer(socket);
      if (this.#isAway) return peer.destroy();
      this.#peers.add(peer);
      const { ended } = Wire.accepted(
        peer,
        (message, wire) => this.#take(message, wire, true),
        () => true,
      );
      void ended.catch(() => peer.destroy()).finally(() => this.#peers.delete(peer));
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Of all that was taken, what has not been reported. */
  get waiting(): Asked[] {
    return this.asked.filter(({ isTaken, reports }) => isTaken && !reports.some(({ isAnswered }) => isAnswered));
  }

  /** Nobody is there while it is away. */
  set isAway(away: boolean) {
    this.#isAway = away;
  }

  async stop(): Promise<void> {
    for (const peer of this.#peers) peer.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** One transaction after another. */
  async work(goesOn: () => boolean): Promise<void> {
    const { index, random } = this.#options;
    while (goesOn()) {
      const asked: Asked = { ...transactionOf(index, this.asked.length + 1, random), isTaken: false, reports: [] };
      this.asked.push(asked);
      await this.#ask(asked, goesOn);
      // Its report, or not: the next is asked for meanwhile.
      for (let i = 0; i < 20 && asked.reports.length === 0; i++) await sleep(25);
    }
  }

  /** Until it is known to be taken. */
  async #ask(asked: Asked, goesOn: () => boolean): Promise<void> {
    const { at, random, ward } = this.#options;
    let mayHaveArrived = false;
    for (;;) {
      const titles = { callingAeTitle: this.aeTitle, calledAeTitle: 'DIMSEWAY' };
      const wire = await Wire.associate(ward, titles, 'scu', (message, on) => this.#take(message, on, false));
      if (wire !== undefined) {
        const answering = wire.ask(asked.uid, asked.asked);
        await at('modality has asked');
        const answer = await answering;
        const isDuplicate = answer?.status === 0x0110 && answer.errorId === DUPLICATE;
        asked.isTaken = answer?.status === 0 || (isDuplicate && mayHaveArrived);
        if (asked.isTaken) await at('modality is answered');
        if (asked.isTaken && random.chance(0.5)) await this.#wait(asked, random.integer(20, 500));
        await wire.release();
        if (asked.isTaken) return;
        if (isDuplicate) this.problems.push(`${asked.uid}: a duplicate of nothing`);
        // A refusal that the archive gave, or none at all: as a person would, it asks again.
        mayHaveArrived ||= answer === undefined || answer.status === 0x0213;
      }
      if (!goesOn()) return;
      await sleep(random.integer(20, 100));
    }
  }

  async #wait({ reports }: Asked, patienceMs: number): Promise<void> {
    const isDone = (): boolean => reports.some(({ isOver }) => isOver);
    for (let waited = 0; waited < patienceMs && !isDone(); waited += 10) await sleep(10);
    // It releases with no answer owing.
    while (reports.some(({ isOver }) => !isOver)) await sleep(10);
  }

  async #take(message: Message, wire: Wire, isNew: boolean): Promise<void> {
    const { at, random, hasFaults } = this.#options;
    const { uid, ...told } = informationOf(message);
    const asked = this.asked.find((each) => each.uid === uid);
    if (asked === undefined) {
      this.problems.push(`${uid}: a report of what was not asked`);
      return wire.respond(message, 0x0115);
    }
    const reported: Reported = { told, isNew, isAnswered: false, isOver: false };
    asked.reports.push(reported);
    await at('modality is reported to');
    // One of each: the pauses between tries are those of a hospital, not of a test.
    const drawn = hasFaults && asked.reports.length === 1 ? random.integer(0, 99) : 99;
    if (drawn < 3) wire.peer.destroy();
    else wire.respond(message, drawn < 6 ? 0x0213 : 0);
    reported.isOver = true;
    reported.isAnswered = drawn >= 6;
    if (reported.isAnswered) await at('modality has answered the report');
  }
}
