/** Lets a worker read inputs of one target for some time, watches over it, and starts another where it ends. */
import { Worker } from 'node:worker_threads';
import { setTimeout as sleep } from 'node:timers/promises';
import { corpusOf } from './corpus.ts';
import { findingOf, HANG_MS } from './finding.ts';
import type { Finding, MainMessage, WorkerMessage, WorkerTask } from './finding.ts';
import { MAXIMUM_INPUT_BYTES } from './mutator.ts';

const WATCH_MS = 250;
const HEAP_MEGABYTES = 768;
const START_MS = 60_000;

export interface Found {
  readonly finding: Finding;
  readonly input: Buffer;
  readonly number: number;
}

export interface Hunt {
  readonly inputs: number;
  readonly outcomes: number;
  readonly slowestMs: number;
  readonly found: readonly Found[];
  /** The shortest input of each outcome that no seed has. */
  readonly novel: ReadonlyMap<string, Buffer>;
}

/** One worker with its shared memory; `ended` tells how it ended when nobody asked it to. */
export class WatchedWorker {
  readonly #worker: Worker;
  readonly #shared = new SharedArrayBuffer(8 + 2 * MAXIMUM_INPUT_BYTES);
  readonly #counters = new Int32Array(this.#shared, 0, 2);
  readonly ended: Promise<Finding | undefined>;
  /** Rejects when it cannot begin at all. */
  readonly ready: Promise<void>;
  #last = { number: NaN, since: performance.now() };

  constructor(task: Omit<WorkerTask, 'shared'>, receive: (message: WorkerMessage) => void) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    // Whoever waits for the end only is not told.
    promise.catch(() => undefined);
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: { ...task, shared: this.#shared } satisfies WorkerTask,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MEGABYTES },
    });
    this.#worker.on('message', (message: WorkerMessage) => {
      if (message.type === 'ready') resolve();
      else receive(message);
    });
    this.ended = new Promise((end) => {
      this.#worker.on('error', (error: Error & { code?: string }) => {
        reject(error);
        const isMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
        end(
          isMemory
            ? { kind: 'memory', what: `more than ${HEAP_MEGABYTES} MB of heap`, sameAs: 'memory heap' }
            : findingOf(error, 'crash'),
        );
      });
      this.#worker.on('exit', () => end(undefined));
    });
  }

  /** The input being read. */
  get input(): Buffer {
    return Buffer.from(Buffer.from(this.#shared, 8, Atomics.load(this.#counters, 1)));
  }

  /** Its number, negative for seeds. */
  get number(): number {
    return Atomics.load(this.#counters, 0);
  }

  /** Has one input been read for too long? */
  get hangs(): boolean {
    const { number } = this;
    if (number !== this.#last.number) this.#last = { number, since: performance.now() };
    return performance.now() - this.#last.since > HANG_MS;
  }

  send(message: MainMessage): void {
    this.#last = { number: NaN, since: performance.now() };
    this.#worker.postMessage(message);
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }
}

const HANG: Finding = { kind: 'hang', what: `no end within ${HANG_MS / 1_000} s`, sameAs: 'hang' };

/** @param ms by the wall */
export async function hunt(target: string, seed: number, ms: number): Promise<Hunt> {
  const found: Found[] = [];
  const novel = new Map<string, Buffer>();
  const state = { inputs: 0, outcomes: 0, slowestMs: 0 };
  const corpus = corpusOf(target).map(({ input }) => input);
  const end = performance.now() + ms;
  let first = 0;
  while (performance.now() < end) {
    const worker = new WatchedWorker({ target, seed, first, corpus, probes: false }, (message) => {
      if (message.type === 'finding') found.push({ ...message, input: Buffer.from(message.input) });
      if (message.type === 'progress') {
        state.outcomes = Math.max(state.outcomes, message.outcomes);
        state.slowestMs = Math.max(state.slowestMs, message.slowestMs);
      }
      if (message.type === 'novel') novel.set(message.outcome, Buffer.from(message.input));
    });
    const finding = await watch(worker, end);
    if (finding !== undefined) found.push({ finding, input: worker.input, number: worker.number });
    first = Math.max(0, worker.number) + 1;
    state.inputs = first;
  }
  return { ...state, found, novel };
}

/** Until the time is over, or the worker. */
async function watch(worker: WatchedWorker, end: number): Promise<Finding | undefined> {
  let ended: Finding | 'quietly' | undefined;
  void worker.ended.then((finding) => (ended = finding ?? 'quietly'));
  await Promise.race([worker.ready, sleep(START_MS)]);
  while (ended === undefined && performance.now() < end) {
    await Promise.race([sleep(WATCH_MS), worker.ended]);
    if (ended === undefined && worker.hangs) {
      await worker.terminate();
      return HANG;
    }
  }
  if (ended === undefined) {
    worker.send({ type: 'stop' });
    await Promise.race([worker.ended, sleep(HANG_MS)]);
    await worker.terminate();
  }
  return ended === 'quietly' ? undefined : ended;
}

/** Reads inputs one by one and tells what each ends in; a worker that is lost is replaced. */
export class Prober {
  readonly #target: string;
  #worker: WatchedWorker | undefined;
  #answer: ((finding: Finding | undefined) => void) | undefined;

  constructor(target: string) {
    this.#target = target;
  }

  async probe(input: Buffer): Promise<Finding | undefined> {
    const worker = (this.#worker ??= this.#start());
    await Promise.race([worker.ready, sleep(START_MS)]);
    const answered = new Promise<Finding | undefined>((resolve) => (this.#answer = resolve));
    worker.send({ type: 'probe', input });
    const outcome = await Promise.race([
      answered,
      worker.ended.then((finding) => ({ ended: finding })),
      sleep(HANG_MS, 'late' as const),
    ]);
    if (outcome !== 'late' && (outcome === undefined || !('ended' in outcome))) return outcome;
    this.#worker = undefined;
    await worker.terminate();
    return outcome === 'late' ? HANG : outcome.ended;
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): WatchedWorker {
    return new WatchedWorker({ target: this.#target, seed: 0, first: 0, corpus: [], probes: true }, (message) => {
      if (message.type === 'probed') this.#answer?.(message.finding);
    });
  }
}
