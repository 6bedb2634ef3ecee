/**
 * The audit trail as a file, one message a line: a new file each day (UTC), and whenever it has grown to its size. The old
 * ones are kept as `audit.2026-11-21.1.log`; to remove them is not for the gateway to decide.
 */
import { chmod, open, rename, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { parse, resolve } from 'node:path';
import { GatewayError } from '../errors.ts';
import type { AuditClock } from './audit-clock.ts';

const NEWLINE = Buffer.from('\n');

export class AuditFile {
  readonly #path: string;
  readonly #maximumBytes: number;
  readonly #clock: AuditClock;
  #handle: FileHandle | undefined;
  #size = 0;
  /** It ends with a part of a message: the line is ended before the next. */
  #isTorn = false;
  /** Of the first message in it. */
  #day: string;

  /** Goes on with the file that is there. @throws GatewayError AUDIT_UNWRITABLE */
  static async open(path: string, maximumBytes: number, clock: AuditClock): Promise<AuditFile> {
    const file = new AuditFile(resolve(path), maximumBytes, clock);
    try {
      await file.#open();
      return file;
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
      throw new GatewayError('AUDIT_UNWRITABLE', `The audit file ${path} cannot be written: ${code}`, {
        fix: 'Give the file of `audit.to` a folder that exists and that the gateway may write.',
        cause,
      });
    }
  }

  private constructor(path: string, maximumBytes: number, clock: AuditClock) {
    this.#path = path;
    this.#maximumBytes = maximumBytes;
    this.#clock = clock;
    this.#day = this.#today();
  }

  /** All of them, or none. @throws the error of the disk */
  async append(messages: readonly Buffer[]): Promise<number> {
    const isDue = this.#day !== this.#today() || this.#size >= this.#maximumBytes;
    // A file that is too long is better than none.
    if (isDue && this.#size > 0) await this.#turn().catch(() => undefined);
    if (this.#handle === undefined) await this.#open();
    const handle = this.#handle as FileHandle;
    const lines = messages.flatMap((message) => [message, NEWLINE]);
    const bytes = Buffer.concat(this.#isTorn ? [NEWLINE, ...lines] : lines);
    try {
      for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at)).bytesWritten;
    } catch (error) {
      // Half a message must not be followed by another one: where it stays, the file is looked at anew.
      await handle.truncate(this.#size).catch(() => this.close().catch(() => undefined));
      throw error;
    }
    this.#isTorn = false;
    if (this.#size === 0) this.#day = this.#today();
    this.#size += bytes.length;
    return messages.length;
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  async #open(): Promise<void> {
    this.#handle = await open(this.#path, 'a+', 0o600);
    await chmod(this.#path, 0o600); // one that was there already may be open to others
    const { size, mtimeMs } = await stat(this.#path);
    this.#size = size;
    this.#isTorn = size > 0 && !(await this.#handle.read(Buffer.alloc(1), 0, 1, size - 1)).buffer.equals(NEWLINE);
    this.#day = size === 0 ? this.#today() : dayOf(mtimeMs);
  }

  async #turn(): Promise<void> {
    await this.close();
    const { dir, name, ext } = parse(this.#path);
    let kept: string;
    let number = 1;
    do kept = `${dir}/${name}.${this.#day}.${number++}${ext}`;
    while (await exists(kept));
    await rename(this.#path, kept);
  }

  #today(): string {
    return dayOf(this.#clock.now());
  }
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
