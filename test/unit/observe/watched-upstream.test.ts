/** Upstreams as they are called: each call is seen, and none is another for it. */
import { describe, expect, test } from '@jest/globals';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import { WatchedUpstream } from '../../../src/observe/watched-upstream.ts';
import type { SeenCall } from '../../../src/observe/watched-upstream.ts';
import { MPPS_EVENT } from '../../../src/services/mpps/notification.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { CommitmentContext, RequestContext, TraceStep, Upstream } from '../../../src/services/port.ts';
import { collect, contextOf, entryOf, queryOf } from '../../support/requests.ts';

const MPPS = dataSetOf({ '00400252': attribute('CS', 'IN PROGRESS') });
const STEP: TraceStep = { direction: 'out', text: 'C-ECHO-RQ Verification' };

/** Answers everything, and tells one step of each call. */
class Willing implements Upstream {
  readonly commitmentResult = 'checked';
  readonly asked: unknown[][] = [];
  failure: Error | undefined;

  async *search(...args: Parameters<Upstream['search']>) {
    await this.#take('search', args, args[1]);
    yield entryOf('P1');
    yield entryOf('P2');
  }
  async createMpps(...args: Parameters<Upstream['createMpps']>) {
    return this.#take('create', args, args[2], { uid: args[0] });
  }
  async updateMpps(...args: Parameters<Upstream['updateMpps']>) {
    return this.#take('update', args, args[2], { uid: args[0] });
  }
  async retrieveMpps(...args: Parameters<Upstream['retrieveMpps']>) {
    return this.#take('retrieve', args, args[2], MPPS);
  }
  async requestCommitment(...args: Parameters<Upstream['requestCommitment']>) {
    return this.#take('request', args, args[2], { state: 'pending' } as const);
  }
  async checkCommitment(...args: Parameters<Upstream['checkCommitment']>) {
    return this.#take('check', args, args[1], { state: 'pending' } as const);
  }
  async reportCommitment(...args: Parameters<Upstream['reportCommitment']>) {
    return this.#take('report', args, args[2], undefined);
  }
  async notifyMpps(...args: Parameters<Upstream['notifyMpps']>) {
    return this.#take('notify', args, args[1], undefined);
  }
  async verify(...args: Parameters<Upstream['verify']>) {
    return this.#take('verify', args, args[0], undefined);
  }
  async close() {
    this.asked.push(['close']);
  }

  async #take<Result>(what: string, args: unknown[], context: RequestContext, result?: Result): Promise<Result> {
    this.asked.push([what, ...args.slice(0, -1)]);
    context.trace?.(STEP);
    if (this.failure !== undefined) throw this.failure;
    return result as Result;
  }
}

function bed() {
  const upstream = new Willing();
  const calls: SeenCall[] = [];
  const steps: unknown[][] = [];
  const passed: unknown[][] = [];
  const watched = new WatchedUpstream('ris', upstream, {
    called: (call) => void calls.push(call),
    trace: (...step) => void steps.push(step),
    passed: (...dataSet) => void passed.push(dataSet),
  });
  return { upstream, calls, steps, passed, watched };
}

const REFERENCES = [{ sopClassUid: '1.2', sopInstanceUid: '1.2.3' }];
const EVENT = { type: MPPS_EVENT.completed, uid: '1.2.3' };
const RESULT = { committed: REFERENCES, failed: [] };
const COMMITMENT: CommitmentContext = { ...contextOf(), holdMs: 0, reported: () => Promise.resolve() };

const CALLS: readonly [SeenCall['transaction'], unknown[], (upstream: Upstream) => Promise<unknown>][] = [
  ['create', ['1.2.3', MPPS], (upstream) => upstream.createMpps('1.2.3', MPPS, contextOf())],
  ['update', ['1.2.3', MPPS], (upstream) => upstream.updateMpps('1.2.3', MPPS, contextOf())],
  ['retrieve', ['1.2.3', 'all'], (upstream) => upstream.retrieveMpps('1.2.3', 'all', contextOf())],
  ['request', ['1.2', REFERENCES], (upstream) => upstream.requestCommitment('1.2', REFERENCES, COMMITMENT)],
  ['check', ['1.2'], (upstream) => upstream.checkCommitment('1.2', contextOf())],
  ['report', ['1.2', RESULT], (upstream) => upstream.reportCommitment('1.2', RESULT, contextOf())],
  ['notify', [EVENT], (upstream) => upstream.notifyMpps(EVENT, contextOf())],
  ['verify', [], (upstream) => upstream.verify(contextOf())],
];

describe.each(CALLS)('%s', (transaction, args, call) => {
  test('is asked as it was, answered as it was, seen once, and its steps are told', async () => {
    const { upstream, calls, steps, watched } = bed();
    const answer = await call(watched);
    expect(upstream.asked).toEqual([[transaction, ...args]]);
    expect(answer).toEqual(await call(new Willing()));
    expect(calls).toEqual([{ upstream: 'ris', transaction, ms: expect.any(Number), failureCode: undefined }]);
    expect(steps).toEqual([['ris', 'test-trace', STEP]]);
  });

  test('fails with the very failure, whose code is told', async () => {
    const { upstream, calls, watched } = bed();
    upstream.failure = new ServiceFailure('UPSTREAM_TIMEOUT');
    await expect(call(watched)).rejects.toBe(upstream.failure);
    expect(calls.map(({ failureCode }) => failureCode)).toEqual(['UPSTREAM_TIMEOUT']);
    upstream.failure = new TypeError('MARKED-ID');
    await expect(call(watched)).rejects.toBe(upstream.failure);
    expect(calls.at(-1)?.failureCode).toBe('INTERNAL_ERROR');
  });
});

describe('search', () => {
  const query = queryOf(dataSetOf({}));

  test('gives every result and is seen at its end', async () => {
    const { calls, steps, watched } = bed();
    expect(await collect(watched.search(query, contextOf()))).toHaveLength(2);
    expect(calls).toMatchObject([{ transaction: 'search', failureCode: undefined }]);
    expect(steps).toHaveLength(1);
  });

  test('is seen too where nobody waits for its end, and where it fails', async () => {
    const { upstream, calls, watched } = bed();
    for await (const _first of watched.search(query, contextOf())) break;
    expect(calls).toMatchObject([{ failureCode: undefined }]);
    upstream.failure = new ServiceFailure('CONNECTION_LOST');
    await expect(collect(watched.search(query, contextOf()))).rejects.toBe(upstream.failure);
    expect(calls.at(-1)).toMatchObject({ failureCode: 'CONNECTION_LOST' });
  });
});

test('what is sent and what is retrieved is shown to whoever captures it', async () => {
  const { passed, watched } = bed();
  await watched.createMpps('1.2.3', MPPS, contextOf());
  await watched.retrieveMpps('1.2.3', 'all', contextOf());
  expect(passed).toEqual([
    ['ris', 'sent', 'test-trace', MPPS],
    ['ris', 'result', 'test-trace', MPPS],
  ]);
});

test('a deadline that moves on goes on moving, and a trace that is there already is told too', async () => {
  const { upstream, watched } = bed();
  const own: TraceStep[] = [];
  let deadline = 1;
  const context = { ...contextOf(), trace: (step: TraceStep) => void own.push(step) };
  Object.defineProperty(context, 'deadline', { get: () => deadline, enumerable: true });
  const seen: number[] = [];
  upstream.verify = async (given) => {
    seen.push(given.deadline);
    deadline = 2;
    seen.push(given.deadline);
    given.trace?.(STEP);
  };
  await watched.verify(context);
  expect(seen).toEqual([1, 2]);
  expect(own).toEqual([STEP]);
});
