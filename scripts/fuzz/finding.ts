/** What a run may find, and the words the two threads of it exchange. */

export const FINDING_KINDS = ['throw', 'slow', 'hang', 'crash', 'memory', 'growth'] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

export interface Finding {
  /**
   * throw: something else than a typed error; slow: more processor time than `SLOW_MS`; hang: no end at all; crash: an error
   * outside of any call; memory: one input took more than `MAXIMUM_INPUT_MEMORY`; growth: memory that many inputs left behind.
   */
  readonly kind: FindingKind;
  /** The error and where it came from, or figures. */
  readonly what: string;
  /** Two findings with one of these are one. */
  readonly sameAs: string;
}

/** Processor time of one input. */
export const SLOW_MS = 1_000;
/** No processor time, or too much of it for the reading to come back: time by the wall, on a machine that others use too. */
export const HANG_MS = 20_000;
/** Bytes of resident memory that one input may add. */
export const MAXIMUM_INPUT_MEMORY = 400 * 1024 * 1024;
/** Bytes that may be kept after all of a run. */
export const MAXIMUM_GROWTH = 16 * 1024 * 1024;

export interface WorkerTask {
  readonly target: string;
  readonly seed: number;
  /** Number of the first input: earlier ones have been played by a worker that ended. */
  readonly first: number;
  /** Besides the seeds of the target. */
  readonly corpus: readonly Uint8Array[];
  /** Inputs come by message instead of from the mutator. */
  readonly probes: boolean;
  /** Number of the input (32 bits), its length (32 bits), then the input itself. */
  readonly shared: SharedArrayBuffer;
}

/** From the worker. */
export type WorkerMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'finding'; readonly finding: Finding; readonly input: Uint8Array; readonly number: number }
  | { readonly type: 'progress'; readonly number: number; readonly outcomes: number; readonly slowestMs: number }
  | { readonly type: 'novel'; readonly input: Uint8Array; readonly outcome: string }
  | { readonly type: 'probed'; readonly finding?: Finding };

/** To the worker. */
export type MainMessage = { readonly type: 'stop' } | { readonly type: 'probe'; readonly input: Uint8Array };

export function findingOf(error: unknown, kind: 'throw' | 'crash'): Finding {
  if (!(error instanceof Error)) return { kind, what: `not an Error: ${typeof error}`, sameAs: `${kind} no error` };
  const frames = (error.stack ?? '').split('\n').filter((line) => line.includes('at '));
  const own = frames.find((line) => line.includes('/src/')) ?? frames[0] ?? '';
  const place = own.replace(/^.*\/(?=src\/|scripts\/)/, '').replace(/:\d+\)?$/, '');
  const text = `${error.name}: ${error.message.slice(0, 300)}`;
  return { kind, what: `${text}\n${frames.slice(0, 6).join('\n')}`, sameAs: `${kind} ${error.name} ${place}` };
}
