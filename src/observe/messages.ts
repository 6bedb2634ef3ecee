/**
 * Message logging, off by default: `tags` names the attributes of each data set in the ordinary log, `values` writes
 * whole data sets to a file of its own, readable by the owner only, until a given moment and never after it.
 */
import { createWriteStream, fchmodSync, openSync } from 'node:fs';
import type { WriteStream } from 'node:fs';
import { itemsOf, sortedTags } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import type { Logger } from './log.ts';

/** Where in an exchange a data set stood: as received, or after the route's rules. */
export type MessageStage = 'query' | 'query-mapped' | 'received' | 'sent' | 'result' | 'result-mapped';

export interface MessageRecorder {
  record(stage: MessageStage, traceId: string, dataSet: DataSet): void;
  close(): Promise<void>;
}

export type MessageLogOptions =
  { readonly level: 'tags' } | { readonly level: 'values'; readonly file: string; readonly expires: Date };

/** `00100010`, `00400100[0].00080060`, …: every attribute that is present, no values. */
export function attributeNames(dataSet: DataSet, prefix = ''): string[] {
  return sortedTags(dataSet).flatMap((tag) => [
    `${prefix}${tag}`,
    ...itemsOf(dataSet[tag]).flatMap((item, index) => attributeNames(item, `${prefix}${tag}[${index}].`)),
  ]);
}

export function createMessageRecorder(
  options: MessageLogOptions,
  logger: Logger,
  now: () => number = Date.now,
): MessageRecorder {
  if (options.level === 'tags') {
    return {
      record: (stage, traceId, dataSet) =>
        logger.info('message', { stage, traceId, attributes: attributeNames(dataSet) }),
      close: () => Promise.resolve(),
    };
  }
  return new ValueRecorder(options.file, options.expires.getTime(), logger, now);
}

/** One that records with each; undefined: there is none. */
export function bothOf(
  one: MessageRecorder | undefined,
  other: MessageRecorder | undefined,
): MessageRecorder | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return {
    record: (stage, traceId, dataSet) => {
      one.record(stage, traceId, dataSet);
      other.record(stage, traceId, dataSet);
    },
    close: async () => {
      await Promise.all([one.close(), other.close()]);
    },
  };
}

class ValueRecorder implements MessageRecorder {
  readonly #file: string;
  readonly #expiresMs: number;
  readonly #logger: Logger;
  readonly #now: () => number;
  #stream: WriteStream | undefined;
  #closed: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(file: string, expiresMs: number, logger: Logger, now: () => number) {
    this.#file = file;
    this.#expiresMs = expiresMs;
    this.#logger = logger;
    this.#now = now;
  }

  record(stage: MessageStage, traceId: string, dataSet: DataSet): void {
    if (this.#stopped) return;
    if (this.#now() >= this.#expiresMs) {
      this.#stop('message values are no longer written: the configured time has passed');
      return;
    }
    this.#stream ??= this.#open();
    this.#stream?.write(`${JSON.stringify({ time: new Date(this.#now()).toISOString(), stage, traceId, dataSet })}\n`);
  }

  async close(): Promise<void> {
    this.#stopped = true;
    this.#stream?.end();
    await this.#closed;
  }

  /** Undefined, and nothing more is tried, when it cannot be opened. */
  #open(): WriteStream | undefined {
    let fd: number;
    try {
      fd = openSync(this.#file, 'a', 0o600);
      fchmodSync(fd, 0o600); // a file that was there already may be open to others
    } catch (error) {
      this.#failed(error as NodeJS.ErrnoException);
      return undefined;
    }
    const stream = createWriteStream(this.#file, { fd });
    stream.on('error', (error) => this.#failed(error));
    this.#closed = new Promise((resolve) => stream.once('close', resolve));
    return stream;
  }

  #failed({ code }: NodeJS.ErrnoException): void {
    this.#stop(`message values cannot be written: ${code ?? 'unknown error'}`);
  }

  #stop(why: string): void {
    this.#stopped = true;
    this.#logger.warn(why, { file: this.#file });
    this.#stream?.end();
  }
}
