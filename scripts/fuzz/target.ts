/** What is fuzzed: something that reads bytes of a stranger and may end in two ways only, a result or a typed error. */
import { GatewayError } from '../../src/errors.ts';
import { ServiceFailure } from '../../src/services/port.ts';

export interface FuzzTarget {
  readonly name: string;
  /** Inputs that are as they should be: mutation begins with them. */
  readonly seeds: () => readonly Buffer[];
  /** Pieces that mean something to the reader. */
  readonly tokens: readonly (string | Uint8Array)[];
  /** What opens and closes a level, for nesting. */
  readonly brackets?: readonly (readonly [open: string | Uint8Array, close: string | Uint8Array])[];
  open(): Session | Promise<Session>;
}

export interface Session {
  /**
   * Reads one input. What it throws is a finding.
   * @returns what became of the input, in words: an input with a new outcome is worth mutating further
   */
  read(input: Buffer): string | Promise<string>;
  close?(): Promise<void>;
}

/** What is thrown at a stranger's bytes by right, as a word; anything else is thrown on. */
export function outcomeOf(error: unknown): string {
  if (error instanceof GatewayError || error instanceof ServiceFailure) {
    return `${error.code} ${error.message.replaceAll(/[0-9A-Fa-f]{2,}|\d/g, '#').slice(0, 120)}`;
  }
  throw error;
}

/** What became of some work that may end in a typed error. */
export function attempt(work: () => unknown): string {
  try {
    const result = work();
    return typeof result === 'string' ? result : 'done';
  } catch (error) {
    return outcomeOf(error);
  }
}

/** The same of work that takes its time. */
export async function attemptAsync(work: () => Promise<unknown>): Promise<string> {
  try {
    const result = await work();
    return typeof result === 'string' ? result : 'done';
  } catch (error) {
    return outcomeOf(error);
  }
}

/** The bytes in pieces, as a stream brings them; the size of a piece is at least one byte. */
export async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** So many pieces at most: single bytes are for what is short. */
export function pieceSize(bytes: Buffer, wanted: number): number {
  return Math.max(1, wanted, Math.ceil(bytes.length / 2_000));
}

/** Header fields up to an empty line, and what follows: the form of inputs that need both. */
export function splitHead(input: Buffer): { fields: Map<string, string>; first: string; body: Buffer } {
  const end = input.indexOf('\n\n');
  const head = input.toString('latin1', 0, end < 0 ? input.length : end).split('\n');
  const fields = new Map<string, string>();
  for (const line of head) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return { fields, first: head[0] ?? '', body: end < 0 ? Buffer.alloc(0) : input.subarray(end + 2) };
}

/** The other way round. */
export function withHead(fields: Readonly<Record<string, string>>, body: string | Uint8Array): Buffer {
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`);
  return Buffer.concat([Buffer.from(`${head.join('')}\n`, 'latin1'), Buffer.from(body)]);
}
