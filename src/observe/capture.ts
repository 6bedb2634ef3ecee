/**
 * Data sets of exchanges, before and after the rules, in memory for the console to show: patient data, only where the
 * configuration says so, until a given moment, so many bytes and no more.
 */
import { cloneDataSet } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import type { MessageRecorder, MessageStage } from './messages.ts';

export interface CapturedDataSet {
  readonly stage: MessageStage;
  /** `performance.now()` */
  readonly atMs: number;
  /** Whole, with the values of the patient: whoever shows it masks it where it must. */
  readonly dataSet: DataSet;
  /** For whom, or from whom; absent: that is for the exchange to say. */
  readonly upstream?: string;
}

/** Read by the console. */
export interface Capture {
  /** Nothing is captured from then on and what was is forgotten, ms since 1970; undefined: nothing is captured. */
  readonly until: number | undefined;
  /** In the order they were seen; empty: none were captured, or they were forgotten. */
  of(traceId: string): readonly CapturedDataSet[];
}

export interface CaptureOptions {
  /** ms since 1970 */
  readonly untilMs: number;
  /** Of everything that is kept; the data sets of the oldest exchange go first. */
  readonly maximumBytes: number;
}

/** Of one exchange; further results of a long list are left out. */
const KEPT_OF_ONE = 200;

/** The longest delay Node's timers know. */
const MAXIMUM_DELAY_MS = 2 ** 31 - 1;

interface Kept {
  readonly stage: MessageStage;
  readonly atMs: number;
  /** JSON: nobody can change it any more, and its size is known. */
  readonly text: Buffer;
  readonly upstream?: string;
}

export class CaptureRecorder implements Capture, MessageRecorder {
  readonly #now: () => number;
  #options: CaptureOptions | undefined;
  /** By trace ID, the oldest first. */
  readonly #exchanges = new Map<string, Kept[]>();
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param now wall clock in ms */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Undefined: nothing is captured from now on, and what was is forgotten. */
  set options(options: CaptureOptions | undefined) {
    this.#options = options;
    this.#forget();
    this.#awaitEnd();
  }

  get until(): number | undefined {
    return this.#options?.untilMs;
  }

  /** Bytes that are kept now. */
  get bytes(): number {
    this.#forget();
    return this.#bytes;
  }

  /** @param upstream for whom it is, or from whom it comes */
  record(stage: MessageStage, traceId: string, dataSet: DataSet, upstream?: string): void {
    this.#forget();
    if (this.#options === undefined) return;
    const kept = this.#exchanges.get(traceId) ?? [];
    if (kept.length >= KEPT_OF_ONE) return;
    const text = Buffer.from(JSON.stringify(dataSet));
    if (text.length > this.#options.maximumBytes) return;
    kept.push({ stage, atMs: performance.now(), text, ...(upstream !== undefined && { upstream }) });
    this.#exchanges.set(traceId, kept);
    this.#bytes += text.length;
    this.#forget();
  }

  of(traceId: string): readonly CapturedDataSet[] {
    this.#forget();
    const kept = this.#exchanges.get(traceId) ?? [];
    return kept.map(({ text, ...same }) => ({
      ...same,
      dataSet: cloneDataSet(JSON.parse(text.toString()) as DataSet),
    }));
  }

  close(): Promise<void> {
    this.options = undefined;
    return Promise.resolve();
  }

  /** What nobody looks for goes in time too. */
  #awaitEnd(): void {
    clearTimeout(this.#timer);
    if (this.#options === undefined) return;
    const leftMs = this.#options.untilMs - this.#now();
    this.#timer = setTimeout(
      () => {
        this.#forget();
        this.#awaitEnd();
      },
      Math.min(Math.max(leftMs, 1), MAXIMUM_DELAY_MS),
    ).unref();
  }

  #forget(): void {
    const options = this.#options;
    const maximumBytes = options === undefined || this.#now() >= options.untilMs ? 0 : options.maximumBytes;
    if (maximumBytes === 0) this.#options = undefined;
    for (const [traceId, kept] of this.#exchanges) {
      if (this.#bytes <= maximumBytes) return;
      this.#exchanges.delete(traceId);
      for (const { text } of kept) this.#bytes -= text.length;
    }
  }
}
