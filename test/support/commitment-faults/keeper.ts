/**
 * An archive as Storage Commitment Push SCP (PS3.4 J.3): it reports on the same association or on a new one, before its
 * answer or long after it, and again until it is answered. It can be wrong, silent, and break off.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { MANNERS } from '../../../scripts/peers/commitment.ts';
import type { Instance, Manner, Outcome } from '../../../scripts/peers/commitment.ts';
import type { Message } from '../../../src/dimse/message.ts';
import { RawPeer } from '../raw-peer.ts';
import type { Random } from '../spool-faults/random.ts';
import { resultOf } from '../web-archive.ts';
import { keyOf, reasonOf } from './transactions.ts';
import { Wire, informationOf } from './wire.ts';
import { wordsOf } from './words.ts';

export const KEEPER_TITLE = 'KEEPER';
export const KEEPER_STEPS = [
  'keeper is asked',
  'keeper has taken the request',
  'keeper has answered the request',
  'keeper has reported',
  'keeper is answered',
] as const;

const DUPLICATE = 0x0131;
const UNKNOWN = 0x0115;

interface Report {
  readonly told: Outcome;
  /** Of the answer; undefined: none came. */
  status: number | undefined;
}

export interface Kept {
  readonly uid: string;
  readonly asked: readonly Instance[];
  readonly result: Outcome;
  readonly manner: Manner;
  /** In the order in which they were sent. */
  readonly reports: Report[];
  isOver: boolean;
}

export interface KeeperOptions {
  readonly random: Random;
  readonly hasFaults: boolean;
  readonly at: (step: string) => Promise<void>;
  /** Where it reports on new associations. */
  readonly back: () => number;
}

export class Keeper {
  readonly kept = new Map<string, Kept>();
  /** Transactions of which it has refused a request, or broken one off without having taken it, by their name. */
  readonly turnedAway = new Set<string>();
  readonly #options: KeeperOptions;
  readonly #server: Server;
  readonly #peers = new Set<RawPeer>();
  #isStopped = false;

  static async start(options: KeeperOptions): Promise<Keeper> {
    const keeper = new Keeper(options);
    keeper.#server.listen(0, '127.0.0.1');
    await once(keeper.#server, 'listening');
    return keeper;
  }

  private constructor(options: KeeperOptions) {
    this.#options = options;
    this.#server = createServer({ noDelay: true }, (socket) => {
      const peer = new RawPeer(socket);
      this.#peers.add(peer);
      const { ended } = Wire.accepted(
        peer,
        (message, wire) => this.#take(message, wire),
        () => true,
      );
      void ended.catch(() => peer.destroy()).finally(() => this.#peers.delete(peer));
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const peer of this.#peers) peer.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #take(message: Message, wire: Wire): Promise<void> {
    const { at, random, hasFaults } = this.#options;
    const { uid, committed: asked } = informationOf(message);
    await at('keeper is asked');
    const drawn = hasFaults ? random.integer(0, 99) : 99;
    if (drawn < 8) this.turnedAway.add(keyOf(asked));
    if (drawn < 4) return wire.peer.destroy();
    if (drawn < 8) return wire.respond(message, drawn < 6 ? 0x0213 : 0x0110);
    const known = this.kept.get(uid);
    if (known !== undefined) return this.#takeAgain(known, message, wire);
    const kept: Kept = {
      ...{ uid, asked, result: resultOf(asked, reasonOf), manner: random.pick(MANNERS) },
      ...{ reports: [], isOver: false },
    };
    this.kept.set(uid, kept);
    await at('keeper has taken the request');
    if (drawn < 12) {
      wire.peer.destroy();
      return this.#reportUntilAnswered(kept);
    }
    if (kept.manner === 'same-before') await this.#report(kept, wire);
    if (kept.manner === 'new-before') await this.#reportBack(kept);
    wire.respond(message, 0);
    await at('keeper has answered the request');
    if (kept.manner === 'same') await this.#report(kept, wire);
    if (kept.manner === 'later') await Promise.race([wire.ended, sleep(random.integer(0, 300))]);
    await this.#reportUntilAnswered(kept);
  }

  /** Archives differ here. */
  async #takeAgain(kept: Kept, message: Message, wire: Wire): Promise<void> {
    switch (this.#options.random.integer(0, 2)) {
      case 0:
        return wire.respond(message, 0x0110, DUPLICATE);
      case 1: {
        // It says so of every instance, and means the second request only.
        wire.respond(message, 0);
        const failed = kept.asked.map((each) => ({ ...each, reason: DUPLICATE }));
        await wire.report(kept.uid, { committed: [], failed });
        return;
      }
      default:
        return wire.respond(message, 0);
    }
  }

  async #reportUntilAnswered(kept: Kept): Promise<void> {
    const { random, hasFaults } = this.#options;
    for (let tries = 0; !kept.isOver && !this.#isStopped; tries++) {
      if (tries > 0) await sleep(random.integer(50, 250));
      await this.#reportBack(kept);
    }
    if (!hasFaults || !random.chance(0.1)) return;
    // Once more, and otherwise: the first one counts (status mapping 7.2).
    const wire = await this.#associate();
    await wire?.report(kept.uid, { committed: kept.asked, failed: [] });
    await wire?.release();
  }

  async #reportBack(kept: Kept): Promise<void> {
    const wire = await this.#associate();
    if (wire === undefined) return;
    await this.#report(kept, wire);
    await wire.release();
  }

  #associate(): Promise<Wire | undefined> {
    const titles = { callingAeTitle: KEEPER_TITLE, calledAeTitle: 'DIMSEWAY' };
    return Wire.associate(this.#options.back(), titles, 'scp', () => Promise.resolve());
  }

  async #report(kept: Kept, wire: Wire): Promise<void> {
    const { at, random, hasFaults } = this.#options;
    const report: Report = { told: hasFaults ? wordsOf(random, kept.result) : kept.result, status: undefined };
    kept.reports.push(report);
    const answering = wire.report(kept.uid, report.told);
    if (hasFaults && random.chance(0.05)) wire.peer.destroy();
    await at('keeper has reported');
    report.status = (await answering)?.status;
    kept.isOver = report.status === 0 || report.status === UNKNOWN;
    if (report.status === 0) await at('keeper is answered');
  }
}
