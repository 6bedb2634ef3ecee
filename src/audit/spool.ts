/**
 * Messages on their way to a collector, one a line, in files that are only appended to (`00000001.audit`, …) and removed
 * once a collector has them all. What is there when the process dies is sent by the next one, the messages of the first
 * file perhaps again. A folder belongs to one process.
 */
import { mkdir, open, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { GatewayError } from '../errors.ts';

export interface SpoolOptions {
  /** So much is kept at most; what does not fit is refused: the oldest stays. */
  readonly maximumBytes: number;
  /** A file is removed when all of it has arrived. Default: a sixteenth of the maximum, 1 MiB at most. */
  readonly fileBytes?: number;
}

/** Between two messages. */
export interface SpoolPosition {
  readonly file: number;
  readonly offset: number;
}

const FILE_NAME = /^(\d{8})\.audit$/;
const READ_BYTES = 64 * 1024;
const NEWLINE = 10;

export class Spool {
  readonly #folder: string;
  readonly #maximumBytes: number;
  readonly #fileBytes: number;
  /** Bytes of whole messages, by the number of the file, ascending. */
  readonly #sizes: Map<number, number>;
  #next: number;
  #writing: { readonly file: number; readonly handle: FileHandle } | undefined;
  /** Messages before it have arrived. */
  #confirmed: SpoolPosition;
  #position: SpoolPosition;
  #turn: Promise<unknown> = Promise.resolve();

  /** @throws GatewayError AUDIT_UNWRITABLE */
  static async open(folder: string, options: SpoolOptions): Promise<Spool> {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const sizes = new Map<number, number>();
      for (const name of (await readdir(folder)).toSorted()) {
        const number = FILE_NAME.exec(name)?.[1];
        if (name.endsWith('.audit.new')) await rm(join(folder, name));
        if (number !== undefined) sizes.set(Number(number), await sizeOfWhole(join(folder, name)));
      }
      const spool = new Spool(folder, options, sizes);
      // Else a folder that cannot be written to is noticed when it is too late.
      await spool.#create();
      return spool;
    } catch (cause) {
      if (cause instanceof GatewayError) throw cause;
      const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
      throw new GatewayError('AUDIT_UNWRITABLE', `The audit spool ${folder} cannot be written: ${code}`, {
        fix: 'Give `audit.spool.path` a folder the gateway may write, of its own.',
        cause,
      });
    }
  }

  private constructor(folder: string, { maximumBytes, fileBytes }: SpoolOptions, sizes: Map<number, number>) {
    this.#folder = folder;
    this.#maximumBytes = maximumBytes;
    this.#fileBytes = fileBytes ?? Math.min(maximumBytes / 16, 1024 * 1024);
    this.#sizes = sizes;
    this.#next = Math.max(0, ...sizes.keys()) + 1;
    this.#confirmed = { file: Math.min(this.#next, ...sizes.keys()), offset: 0 };
    this.#position = this.#confirmed;
  }

  /** On the disk; what has arrived counts until its file is removed. */
  get bytes(): number {
    return [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
  }

  /** Behind the message that was read last. */
  get position(): SpoolPosition {
    return this.#position;
  }

  /**
   * Takes as many of the messages as there is room for, and says how many. They are on their way to the disk then: a
   * crash of the process does not lose them, one of the machine may.
   * @param messages without line breaks
   * @throws the error of the disk; nothing is taken then
   */
  append(messages: readonly Buffer[]): Promise<number> {
    return this.#inTurn(async () => {
      let room = this.#maximumBytes - this.bytes;
      let count = 0;
      for (const { length } of messages) {
        room -= length + 1;
        if (room < 0) break;
        count++;
      }
      if (count > 0) await this.#write(joined(messages.slice(0, count)));
      return count;
    });
  }

  /** The next messages, some 64 KiB of them and at least one; none: all are read. @throws the error of the disk */
  read(): Promise<Buffer[]> {
    return this.#inTurn(async () => {
      for (const [file, size] of this.#sizes) {
        if (file < this.#position.file) continue;
        const offset = file === this.#position.file ? this.#position.offset : 0;
        if (offset >= size) continue;
        const bytes = await this.#wholeLines(file, offset, size);
        // Somebody else may have cut or removed the file: what is gone is gone.
        this.#position = { file, offset: bytes === undefined ? size : offset + bytes.length };
        if (bytes !== undefined) return linesOf(bytes);
      }
      return [];
    });
  }

  /** What was read but has not arrived is read again. */
  rewind(): void {
    this.#position = this.#confirmed;
  }

  /** Everything before a position has arrived. Never rejects: a file that cannot be removed is sent again some day. */
  async confirm(position: SpoolPosition): Promise<void> {
    await this.#inTurn(async () => {
      this.#confirmed = position;
      for (const [file, size] of this.#sizes) {
        const isDone = file < position.file || (file === position.file && position.offset >= size);
        if (!isDone) break;
        if (file === this.#writing?.file) {
          if (size === 0) break;
          await this.#finish();
        }
        this.#sizes.delete(file);
        await rm(this.#nameOf(file), { force: true });
      }
    }).catch(() => undefined);
  }

  /** Leaves only what has not arrived. Never rejects. */
  async close(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#finish();
      for (const [file, size] of this.#sizes) if (size === 0) await rm(this.#nameOf(file), { force: true });
      const { file, offset } = this.#confirmed;
      const size = this.#sizes.get(file) ?? 0;
      if (offset === 0 || offset >= size) return;
      const rest = (await readFile(this.#nameOf(file))).subarray(offset, size);
      const fresh = `${this.#nameOf(file)}.new`;
      await writeFile(fresh, rest, { mode: 0o600 });
      await rename(fresh, this.#nameOf(file));
    }).catch(() => undefined);
  }

  async #write(bytes: Buffer): Promise<void> {
    const full = this.#writing !== undefined && (this.#sizes.get(this.#writing.file) ?? 0) >= this.#fileBytes;
    if (full) await this.#finish();
    const { file, handle } = this.#writing ?? (await this.#create());
    const size = this.#sizes.get(file) ?? 0;
    try {
      for (let at = 0; at < bytes.length;) {
        const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, size + at);
        at += bytesWritten;
      }
    } catch (error) {
      // Half a message must not be followed by another one.
      await handle.truncate(size).catch(() => this.#finish());
      throw error;
    }
    this.#sizes.set(file, size + bytes.length);
  }

  async #create(): Promise<{ readonly file: number; readonly handle: FileHandle }> {
    const file = this.#next++;
    const handle = await open(this.#nameOf(file), 'wx', 0o600);
    this.#sizes.set(file, 0);
    return (this.#writing = { file, handle });
  }

  /** Nothing more is written to the file that is written to. */
  async #finish(): Promise<void> {
    const handle = this.#writing?.handle;
    this.#writing = undefined;
    await handle?.close();
  }

  async #wholeLines(file: number, offset: number, size: number): Promise<Buffer | undefined> {
    const handle = await open(this.#nameOf(file), 'r').catch(nothingIfGone);
    if (handle === undefined) return undefined;
    try {
      for (let length = READ_BYTES; ; length *= 2) {
        const bytes = Buffer.alloc(Math.min(length, size - offset));
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, offset);
        const end = bytes.subarray(0, bytesRead).lastIndexOf(NEWLINE) + 1;
        if (end > 0) return bytes.subarray(0, end);
        if (bytesRead < length) return undefined;
      }
    } finally {
      await handle.close();
    }
  }

  #nameOf(file: number): string {
    return join(this.#folder, `${String(file).padStart(8, '0')}.audit`);
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

/** Cuts off the message a process was writing when it died. */
async function sizeOfWhole(file: string): Promise<number> {
  const { size } = await stat(file);
  const whole = (await readFile(file)).lastIndexOf(NEWLINE) + 1;
  if (whole < size) await truncate(file, whole);
  return whole;
}

function nothingIfGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

function joined(messages: readonly Buffer[]): Buffer {
  const newline = Buffer.of(NEWLINE);
  return Buffer.concat(messages.flatMap((message) => [message, newline]));
}

function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(NEWLINE, at);
    if (end > at) lines.push(bytes.subarray(at, end));
    at = end + 1;
  }
  return lines;
}
