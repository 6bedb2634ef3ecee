/**
 * What PostgreSQL and the way to it say, as errors of the gateway. Of PostgreSQL only the code is passed on: its messages
 * and details quote rows, and rows are patients.
 */
import { DatabaseError } from 'pg';
import { GatewayError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';

type StoreErrorCode = Extract<
  ErrorCode,
  `STORE_${'UNREACHABLE' | 'UNREADABLE' | 'LOCKED' | 'DAMAGED' | 'FULL' | 'TOO_NEW' | 'FOREIGN' | 'FAILED'}`
>;

/** By SQLSTATE, else by its class, the first two characters (PostgreSQL, Appendix A). */
const CODES: ReadonlyMap<string, StoreErrorCode> = new Map([
  ['08', 'STORE_UNREACHABLE'], // connection exception
  ['25006', 'STORE_UNREADABLE'], // read-only: a standby
  ['28', 'STORE_UNREADABLE'], // role or password
  ['3D000', 'STORE_UNREADABLE'], // no such data base
  ['40P01', 'STORE_LOCKED'], // deadlock
  ['42501', 'STORE_UNREADABLE'], // privilege
  ['42703', 'STORE_DAMAGED'], // no such column
  ['42P01', 'STORE_DAMAGED'], // no such table
  ['53100', 'STORE_FULL'],
  ['53300', 'STORE_UNREACHABLE'], // too many connections
  ['55P03', 'STORE_LOCKED'], // lock not available
  ['57014', 'STORE_LOCKED'], // statement_timeout: what takes so long here waits for a lock
  ['57P01', 'STORE_UNREACHABLE'], // administrator, shutdown
  ['57P02', 'STORE_UNREACHABLE'], // crash of another server process
  ['57P03', 'STORE_UNREACHABLE'], // starting up
  ['57P04', 'STORE_UNREADABLE'], // data base dropped
  ['57P05', 'STORE_UNREACHABLE'], // idle session timeout
  ['XX001', 'STORE_DAMAGED'], // data
  ['XX002', 'STORE_DAMAGED'], // index
]);

const TEXTS: Readonly<Record<StoreErrorCode, readonly [what: string, fix: string]>> = {
  STORE_UNREACHABLE: ['cannot be reached', 'Check that the server runs, its host, its port and the network between'],
  STORE_UNREADABLE: [
    'cannot be used',
    'Check role, password and data base of store.url, and that the role may make and write tables there',
  ],
  STORE_LOCKED: ['is held up by another session', 'See pg_stat_activity for a transaction that does not end'],
  STORE_DAMAGED: ['is damaged', 'It was left as it is. Restore a backup'],
  STORE_FULL: ['has no room left', 'Free space on the disk of the server, or shorten the retention'],
  STORE_TOO_NEW: ['was written by a newer dimseway', 'Run that version, or restore a backup of this version'],
  STORE_FOREIGN: ['holds tables of another program', 'Give the gateway a data base or a schema of its own'],
  STORE_FAILED: ['failed', 'See the log of the PostgreSQL server; the message was not accepted'],
};

/** The errors of one store, which is named by its URL without its secrets. */
export class PostgresErrors {
  readonly #store: string;

  constructor(url: string) {
    this.#store = nameOf(url);
  }

  of(code: StoreErrorCode, detail?: string, cause?: unknown): GatewayError {
    const [what, fix] = TEXTS[code];
    const text = `The store ${this.#store} ${what}${detail === undefined ? '' : `: ${detail}`}`;
    return new GatewayError(code, text, { fix, cause });
  }

  /** What a call of the driver was rejected with; anything that is no answer of the server is a lost connection. */
  from(error: unknown): GatewayError {
    if (error instanceof GatewayError) return error;
    if (error instanceof DatabaseError) {
      const state = error.code ?? '';
      const code = CODES.get(state) ?? CODES.get(state.slice(0, 2)) ?? 'STORE_FAILED';
      return this.of(code, `SQLSTATE ${state}`, withoutRows(error));
    }
    const { code, message, syscall } = error as NodeJS.ErrnoException;
    if (syscall === 'open') return this.of('STORE_UNREADABLE', `a file of TLS: ${code}`, error);
    return this.of('STORE_UNREACHABLE', code ?? message, error);
  }
}

/** The session is gone, and with it whatever it had not committed. */
export function isConnectionLost(error: unknown): boolean {
  return error instanceof GatewayError && error.code === 'STORE_UNREACHABLE';
}

export function isHeldUp(error: unknown): boolean {
  return error instanceof GatewayError && error.code === 'STORE_LOCKED';
}

/** Also one that may not write: it stays so when the server, or another under its name, takes writes again. */
export function isSessionUseless(error: unknown): boolean {
  return isConnectionLost(error) || (error instanceof GatewayError && error.code === 'STORE_UNREADABLE');
}

function withoutRows({ severity, code, table, constraint, routine }: DatabaseError): Error {
  const parts = Object.entries({ severity, code, table, constraint, routine });
  return new Error(parts.flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`])).join(', '));
}

function nameOf(url: string): string {
  if (!URL.canParse(url)) return 'in PostgreSQL';
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
