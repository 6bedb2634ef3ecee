/**
 * The spool in SQLite. What looks for work reads an index that holds only lanes that wait; a message is loaded when it is
 * claimed. One process has the file: a lease outlives its claim only where that process forgot it.
 */
import type { SQLInputValue } from 'node:sqlite';
import type { SqliteConnection } from './sqlite-connection.ts';
import { fromSpoolRow, unreadableFailure } from './spool-rows.ts';
import type { SpoolRow } from './spool-rows.ts';
import type {
  Claim,
  Destination,
  Spool,
  SpoolDepth,
  SpoolFailure,
  SpoolFilter,
  SpoolMessage,
} from './spool-records.ts';
import { listing, prepareSpool } from './sqlite-spool-statements.ts';
import type { SpoolStatements } from './sqlite-spool-statements.ts';
import type { MppsKey } from './store.ts';

const DEFAULT_LIMIT = 100;

/** A start does not believe in more: the clock was wrong when it was written. */
const LONGEST_PAUSE_MS = 60 * 60_000;

export class SqliteSpool implements Spool {
  readonly #connection: SqliteConnection;
  readonly #now: () => number;
  readonly #statements: SpoolStatements;
  readonly #inDoubtThrough: number;

  /** Lanes that an earlier process held are free; what it accepted while the clock was ahead is due. */
  constructor(connection: SqliteConnection, now: () => number) {
    this.#connection = connection;
    this.#now = now;
    this.#statements = prepareSpool(connection);
    connection.database.exec('UPDATE spool_lanes SET lease_until = NULL, token = NULL WHERE lease_until IS NOT NULL');
    this.#statements.cutPauses.run({ now: now(), latest: now() + LONGEST_PAUSE_MS });
    this.#inDoubtThrough = Number(this.#statements.inDoubtThrough.get()?.['value']);
  }

  async claim({ route, upstream }: Destination, limit: number, leaseMs: number): Promise<Claim[]> {
    return this.#connection.write('process', () => {
      const now = this.#now();
      this.#statements.freeExpired.run({ route, upstream, now });
      const lanes = this.#statements.due.all({ route, upstream, now, limit });
      return lanes
        .map(({ uid, due_at: dueAt }) =>
          this.#take({ route, upstream, uid: uid as string }, dueAt as number, now + leaseMs),
        )
        .filter((claim) => claim !== undefined);
    });
  }

  async done(claim: Claim, leaseMs: number): Promise<Claim | undefined> {
    return this.#connection.write('process', () => {
      if (!this.#holds(claim)) return undefined;
      const lane = laneOf(claim.message);
      this.#statements.remove.run({ id: claim.message.id });
      const now = this.#now();
      return this.#take(lane, now, now + leaseMs);
    });
  }

  async later(claim: Claim, delayMs: number, failure: SpoolFailure, inDoubt: boolean): Promise<void> {
    await this.#connection.write('process', () => {
      const now = this.#now();
      if (!this.#release(claim, now + delayMs)) return;
      this.#fail(claim.message.id, 'queued', failure, inDoubt, now);
    });
  }

  async dead(claim: Claim, failure: SpoolFailure, inDoubt = claim.wasInDoubt): Promise<void> {
    await this.#connection.write('process', () => {
      if (!this.#release(claim, null)) return;
      this.#fail(claim.message.id, 'dead', failure, inDoubt, this.#now());
    });
  }

  async giveBack({ message, token, wasInDoubt }: Claim): Promise<void> {
    await this.#connection.write('process', () => {
      if (this.#statements.giveBack.run({ ...laneOf(message), token }).changes === 0) return;
      this.#statements.unbegin.run({ id: message.id, inDoubt: Number(wasInDoubt) });
    });
  }

  async renew(claims: readonly Claim[], leaseMs: number): Promise<ReadonlySet<number>> {
    return this.#connection.write('process', () => {
      const until = this.#now() + leaseMs;
      const held = ({ message, token }: Claim): boolean =>
        this.#statements.renew.run({ ...laneOf(message), token, until }).changes === 1;
      return new Set(claims.filter((claim) => !held(claim)).map(({ token }) => token));
    });
  }

  async nextDueMs({ route, upstream }: Destination): Promise<number | undefined> {
    return this.#connection.read(() => {
      const now = this.#now();
      if (this.#statements.expired.get({ route, upstream, now }) !== undefined) return 0;
      const dueAt = this.#statements.nextDue.get({ route, upstream })?.['due_at'];
      return dueAt === undefined ? undefined : Math.max(0, Number(dueAt) - now);
    });
  }

  async wake({ route, upstream }: Destination): Promise<number> {
    return this.#connection.write('process', () =>
      Number(this.#statements.wake.run({ route, upstream, now: this.#now() }).changes),
    );
  }

  async countOf(lane: MppsKey): Promise<number> {
    return this.#connection.read(() => Number(this.#statements.countOf.get(laneOf(lane))?.['count']));
  }

  async list(filter: SpoolFilter): Promise<SpoolMessage[]> {
    const { destination, uid, after = 0, limit = DEFAULT_LIMIT } = filter;
    const values: Record<string, SQLInputValue> = {
      after,
      limit,
      ...(destination && { route: destination.route, upstream: destination.upstream }),
      ...(uid !== undefined && { uid }),
    };
    const rows = this.#connection.read(() => this.#connection.prepare(listing(filter)).all(values));
    return rows.map((row) => this.#messageOf(row));
  }

  async get(id: number): Promise<SpoolMessage | undefined> {
    const row = this.#connection.read(() => this.#statements.get.get({ id }));
    return row === undefined ? undefined : this.#messageOf(row);
  }

  async retry(id: number): Promise<boolean> {
    return this.#connection.write('disk', () => {
      const row = this.#statements.get.get({ id });
      if (row === undefined) return false;
      const lane = { ...laneOf(row as unknown as MppsKey), now: this.#now() };
      const revived = this.#statements.revive.run({ id }).changes === 1;
      (revived ? this.#statements.restart : this.#statements.hasten).run(lane);
      return true;
    });
  }

  async discard(id: number): Promise<SpoolMessage | undefined> {
    return this.#connection.write('disk', () => {
      const row = this.#statements.get.get({ id });
      if (row === undefined) return undefined;
      const message = this.#messageOf(row);
      const lane = laneOf(message);
      const isFirst = this.#statements.head.get(lane)?.['id'] === id;
      const now = this.#now();
      if (isFirst && this.#statements.isHeld.get({ ...lane, now }) !== undefined) return undefined;
      this.#statements.remove.run({ id });
      if (this.#statements.head.get(lane) === undefined) this.#statements.closeLane.run(lane);
      else if (isFirst) this.#statements.restart.run({ ...lane, now });
      return message;
    });
  }

  async depths(): Promise<SpoolDepth[]> {
    return this.#connection.read(() => {
      const now = this.#now();
      return this.#statements.depths.all().map((row) => ({
        route: row['route'] as string,
        upstream: row['upstream'] as string,
        queued: Number(row['total']) - Number(row['dead']),
        dead: Number(row['dead']),
        oldestMs: Math.max(0, now - Number(row['oldest'])),
        attempts: Number(row['attempts']),
      }));
    });
  }

  /** Begins an attempt of the first message of a lane; undefined: there is none, or it cannot be read and waits for a person. */
  #take(lane: Lane, dueAt: number, until: number): Claim | undefined {
    const row = this.#statements.head.get(lane);
    if (row === undefined) {
      this.#statements.closeLane.run(lane);
      return undefined;
    }
    const message = this.#messageOf(row);
    const { id, inDoubt: wasInDoubt, attempts } = message;
    const failure = unreadableFailure(message);
    if (failure !== undefined) {
      // It must not hold up the others of its destination, which all come by here.
      this.#statements.hold.run({ ...lane, dueAt: null, until: null, token: null });
      this.#fail(id, 'dead', failure, wasInDoubt, this.#now());
      return undefined;
    }
    const token = Number(this.#statements.nextToken.get()?.['value']);
    this.#statements.hold.run({ ...lane, dueAt, until, token });
    this.#statements.begin.run({ id });
    return { message: { ...message, attempts: attempts + 1, inDoubt: true }, wasInDoubt, token };
  }

  #holds({ message, token }: Claim): boolean {
    return this.#statements.holds.get({ ...laneOf(message), token }) !== undefined;
  }

  /** False: the claim is void. */
  #release({ message, token }: Claim, dueAt: number | null): boolean {
    return this.#statements.release.run({ ...laneOf(message), token, dueAt }).changes === 1;
  }

  #fail(id: number, state: string, { code, problem }: SpoolFailure, inDoubt: boolean, now: number): void {
    this.#statements.fail.run({ id, state, code, problem, inDoubt: Number(inDoubt), now });
  }

  #messageOf(row: SpoolRow): SpoolMessage {
    const message = fromSpoolRow(row);
    return { ...message, inDoubt: message.inDoubt || message.id <= this.#inDoubtThrough };
  }
}

type Lane = Record<keyof MppsKey, string>;

function laneOf({ route, upstream, uid }: MppsKey): Lane {
  return { route, upstream, uid };
}
