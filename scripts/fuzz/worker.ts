/** The thread that reads inputs: it may hang, run out of memory or die; whoever started it sees that. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import { Random } from '../../test/support/spool-faults/random.ts';
import { findingOf, HANG_MS, MAXIMUM_GROWTH, MAXIMUM_INPUT_MEMORY, SLOW_MS } from './finding.ts';
import type { Finding, MainMessage, WorkerMessage, WorkerTask } from './finding.ts';
import { GrowthWatch } from './growth-watch.ts';
import { Mutator } from './mutator.ts';
import type { Session } from './target.ts';
import { targetCalled } from './targets.ts';

/** Inputs between two looks at the messages of the other thread, and at memory. */
const TURN = 64;
const PROGRESS_MS = 500;
/** Inputs with an outcome of their own that are mutated further. */
const MAXIMUM_POOL = 2_000;
const MAXIMUM_POOLED_BYTES = 4_096;
/** What an input in the pool and its outcome come to. */
const KEPT_BYTES = MAXIMUM_POOLED_BYTES + 1_024;

const task = workerData as WorkerTask;
const port = parentPort;
if (port === null) throw new Error('This is a worker thread of scripts/fuzz/run.ts');

const target = targetCalled(task.target);
const counters = new Int32Array(task.shared, 0, 2);
const current = Buffer.from(task.shared, 8);
let stopped = false;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function send(message: WorkerMessage): void {
  port?.postMessage(message);
}

/** Reads one input under the eyes of the watchdog. */
async function play(
  session: Session,
  input: Buffer,
  number: number,
): Promise<{ outcome: string; ms: number; finding?: Finding }> {
  input.copy(current);
  Atomics.store(counters, 1, input.length);
  Atomics.store(counters, 0, number);
  const memoryBefore = process.memoryUsage.rss();
  const before = process.threadCpuUsage();
  let outcome = '';
  let finding: Finding | undefined;
  try {
    outcome = await settled(session.read(Buffer.from(input)));
  } catch (error) {
    finding = error instanceof Unsettled ? error.finding : findingOf(error, 'throw');
  }
  const { user, system } = process.threadCpuUsage(before);
  const ms = (user + system) / 1_000;
  const memory = process.memoryUsage.rss() - memoryBefore;
  if (finding === undefined && ms > SLOW_MS) {
    finding = {
      kind: 'slow',
      what: `${Math.round(ms)} ms for ${input.length} bytes`,
      sameAs: `slow ${outcome.slice(0, 60)}`,
    };
  }
  if (finding === undefined && memory > MAXIMUM_INPUT_MEMORY) {
    finding = { kind: 'memory', what: `${Math.round(memory / 1e6)} MB for ${input.length} bytes`, sameAs: 'memory' };
  }
  return { outcome, ms, ...(finding !== undefined && { finding }) };
}

class Unsettled extends Error {
  readonly finding: Finding = { kind: 'hang', what: 'a promise that is never settled', sameAs: 'hang unsettled' };
}

/** A promise that nobody settles leaves the thread idle: only a timer tells. */
async function settled(reading: string | Promise<string>): Promise<string> {
  if (typeof reading === 'string') return reading;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Unsettled()), HANG_MS / 2);
  });
  try {
    return await Promise.race([reading, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function hunt(session: Session): Promise<void> {
  const mutator = new Mutator(target);
  const pool = [...target.seeds(), ...task.corpus.map((input) => Buffer.from(input))];
  const outcomes = new Set<string>();
  const growth = new GrowthWatch(collectGarbage, () => pool.length * KEPT_BYTES);
  let slowestMs = 0;
  let told = performance.now();
  const first = task.first === 0 ? -pool.length : task.first;
  for (let number = first; !stopped; number++) {
    const input =
      number < 0
        ? (pool[number + pool.length] as Buffer)
        : mutator.mutate(pool, new Random(task.seed, `${target.name} ${number}`));
    const { outcome, ms, finding } = await play(session, input, number);
    slowestMs = Math.max(slowestMs, ms);
    if (finding !== undefined) send({ type: 'finding', finding, input, number });
    else if (!outcomes.has(outcome) && outcomes.size < MAXIMUM_POOL) {
      outcomes.add(outcome);
      if (number >= 0 && input.length <= MAXIMUM_POOLED_BYTES) {
        pool.push(unshared(input));
        send({ type: 'novel', input, outcome });
      }
    }
    if (number % TURN !== 0) continue;
    await new Promise((resolve) => setImmediate(resolve));
    if (performance.now() - told < PROGRESS_MS) continue;
    told = performance.now();
    const grown = growth.look();
    if (grown > MAXIMUM_GROWTH) {
      const what = `${Math.round(grown / 1e6)} MB more than at first, after ${number} inputs`;
      send({ type: 'finding', finding: { kind: 'growth', what, sameAs: 'growth' }, input, number });
      growth.forget();
    }
    send({ type: 'progress', number, outcomes: outcomes.size, slowestMs });
  }
}

async function probe(session: Session, input: Buffer): Promise<void> {
  const { finding } = await play(session, input, 0);
  send({ type: 'probed', ...(finding !== undefined && { finding }) });
}

/** A small buffer would keep a piece of memory that it shares with buffers long forgotten. */
function unshared(input: Buffer): Buffer {
  return Buffer.from(new Uint8Array(input).buffer);
}

const session = await target.open();
port.on('message', (message: MainMessage) => {
  if (message.type === 'stop') stopped = true;
  else void probe(session, Buffer.from(message.input));
});
send({ type: 'ready' });
if (!task.probes) {
  await hunt(session);
  await session.close?.();
  port.close();
}
