/** What the spool's delivery does with far ends that answer, refuse, say nothing, or are away (proxy flows 11, status mapping 8). */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { compileRules } from '../../../src/dataset/rules.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import { createMessage, finalMessage, MPPS_UID, progressMessage } from '../../support/mpps.ts';
import { messageOf, SpoolBed, START_MS, unreachable } from '../../support/spool-bed.ts';

let bed: SpoolBed;

beforeEach(async () => {
  bed = await SpoolBed.open();
});
afterEach(() => bed.close());

const LIFE = [
  messageOf('create', createMessage()),
  messageOf('update', progressMessage()),
  messageOf('update', finalMessage()),
];
const WHOLE: DataSet = { ...createMessage(), ...progressMessage(), ...finalMessage() };

/** So long that every pause has passed. */
const LONG_MS = 3_600_000;

describe('delivery', () => {
  test('takes the messages of an instance one after another, each with what it came with, and says so', async () => {
    bed.delivery.replaceTargets([bed.target()]);
    const hops = [{ instance: 'here', route: 'all' }];
    await bed.accept(...LIFE.map((message) => ({ ...message, hops })));
    await bed.clock.rest();
    expect(bed.far.arrived).toEqual([`create ${MPPS_UID}`, `update ${MPPS_UID}`, `update ${MPPS_UID}`]);
    expect(bed.far.instances.get(MPPS_UID)).toEqual(WHOLE);
    expect(await bed.messages()).toEqual([]);
    expect(
      bed.far.contexts.map((context) => [context.traceId, context.requester.callingAeTitle, context.hops]),
    ).toEqual(Array(3).fill(['test-trace', 'CT1', hops]));
    expect(bed.ends[0]).toEqual({
      level: 'info',
      message: 'spool delivery',
      traceId: 'test-trace',
      uid: MPPS_UID,
      route: 'all',
      upstream: 'far',
      kind: 'create',
      attempts: 1,
      ageMs: 0,
      status: 'delivered',
    });
    expect(bed.ends).toHaveLength(3);
  });

  test('says by code what a far end took with a warning, not in its words (0107H, 0116H)', async () => {
    const orderly = bed.far.createMpps.bind(bed.far);
    bed.far.createMpps = (uid, attributes, context) => {
      context?.warn({ code: 'VALUES_CHANGED', text: 'DOE^JANE', dimseStatus: 0x0116, attributes: ['00400254'] });
      return orderly(uid, attributes, context);
    };
    bed.delivery.replaceTargets([bed.target()]);
    await bed.accept(messageOf('create', createMessage()));
    await bed.clock.rest();
    expect(bed.logger.lines).toContainEqual({
      level: 'warn',
      message: 'the destination warns',
      traceId: 'test-trace',
      uid: MPPS_UID,
      route: 'all',
      upstream: 'far',
      kind: 'create',
      warning: 'VALUES_CHANGED',
      attributes: ['00400254'],
    });
    expect(JSON.stringify(bed.logger.lines)).not.toContain('DOE');
  });

  test('finds what an earlier process left', async () => {
    await bed.accept(...LIFE);
    bed.restart();
    bed.delivery.replaceTargets([bed.target()]);
    await bed.clock.rest();
    expect(bed.far.instances.get(MPPS_UID)).toEqual(WHOLE);
  });

  test('applies the rules of the destination at each attempt: a mended rule and a retry cure a dead letter', async () => {
    const bad = compileRules([{ copy: 'PatientID', to: 'Rows' }]);
    bed.delivery.replaceTargets([bed.target({}, { request: bad })]);
    const [id = 0] = await bed.accept(...LIFE);
    await bed.clock.rest();
    expect(await bed.store.spool.get(id)).toMatchObject({
      state: 'dead',
      lastFailure: {
        code: 'CONVERSION_FAILED',
        problem: 'conversion failed; rules.request: Rule 1: 00280010: a value of VR US is not a number',
      },
    });
    const mended = compileRules([{ set: 'PerformedProcedureStepDescription', value: 'mended' }]);
    bed.delivery.replaceTargets([bed.target({}, { request: mended })]);
    await bed.store.spool.retry(id);
    bed.delivery.wake({ route: 'all', upstream: 'far' });
    await bed.clock.rest();
    expect(bed.far.instances.get(MPPS_UID)).toEqual({ ...WHOLE, '00400254': attribute('LO', 'mended') });
  });

  test('works on as many instances at a time as the destination takes, growing from one', async () => {
    bed.slow(10);
    bed.delivery.replaceTargets([bed.target({ concurrency: 3 })]);
    await bed.accept(
      ...Array.from({ length: 20 }, (_, i) => messageOf('create', createMessage(), { uid: `1.2.${i}` })),
    );
    await bed.clock.rest();
    expect(bed.far.atOnce).toBe(1);
    await bed.clock.pass(10_000);
    expect([bed.far.instances.size, bed.far.mostAtOnce]).toEqual([20, 3]);
  });

  test('a refused instance holds up nobody but itself', async () => {
    bed.far.moods = [new ServiceFailure('INVALID_VALUE', { dimseStatus: 0x0106, attributes: ['00400252'] })];
    bed.delivery.replaceTargets([bed.target()]);
    await bed.accept(...LIFE, messageOf('create', createMessage(), { uid: '1.2.3' }));
    await bed.clock.pass(LONG_MS);
    expect(bed.far.arrived).toEqual(['create 1.2.3']);
    const waiting = await bed.messages();
    expect(waiting.map(({ kind, state }) => [kind, state])).toEqual([
      ['create', 'dead'],
      ['update', 'queued'],
      ['update', 'queued'],
    ]);
    expect(bed.ends).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        status: 'dead',
        outcome: 'INVALID_VALUE',
        problem: expect.any(String),
        attempts: 1,
      }),
    );
  });

  test('keeps statuses and tags of a failure, never the words of the far end: they may name a patient', async () => {
    const text = 'DOE^JANE exists';
    bed.far.moods = [
      new ServiceFailure('INVALID_VALUE', { comment: text, dimseStatus: 0x0106, attributes: ['00100020'] }),
    ];
    bed.delivery.replaceTargets([bed.target()]);
    await bed.accept(...LIFE);
    await bed.clock.rest();
    const [message] = await bed.messages();
    expect(message?.lastFailure).toEqual({
      at: START_MS,
      code: 'INVALID_VALUE',
      problem: 'invalid attribute value; the far end answered 0106H; attributes 00100020',
    });
    expect(JSON.stringify(bed.logger.lines)).not.toContain('DOE');
  });
});

describe('an attempt without an answer (status mapping 8)', () => {
  test('of a create that arrived is found by Retrieve before it is sent again', async () => {
    bed.far.moods = ['lost'];
    bed.delivery.replaceTargets([bed.target()]);
    await bed.accept(...LIFE);
    await bed.clock.pass(LONG_MS);
    expect(bed.far.arrived).toEqual([`create ${MPPS_UID}`, `update ${MPPS_UID}`, `update ${MPPS_UID}`]);
    expect(bed.ends.map(({ status }) => status)).toEqual(['arrived', 'delivered', 'delivered']);
  });

  test('of a create: its duplicate is our own where there is no Retrieve (0111H, 409)', async () => {
    bed.far.canRetrieve = false;
    bed.far.moods = ['lost'];
    bed.delivery.replaceTargets([bed.target()]);
    await bed.accept(...LIFE);
    await bed.clock.pass(LONG_MS);
    expect([bed.far.instances.get(MPPS_UID), await bed.messages()]).toEqual([WHOLE, []]);
  });

  test('leaves its doubt through later attempts that did nothing', async () => {
    bed.far.canRetrieve = false;
    bed.far.moods = ['lost', unreachable()];
    bed.delivery.replaceTargets([bed.target()]);
    await bed.accept(...LIFE);
    await bed.clock.pass(LONG_MS);
    expect([bed.far.instances.get(MPPS_UID), await bed.messages()]).toEqual([WHOLE, []]);
  });

  test('of a process that was killed is in doubt for the next one', async () => {
    bed.far.canRetrieve = false;
    bed.far.pause = () => new Promise(() => undefined);
    bed.delivery.replaceTargets([bed.target()]);
    await bed.accept(...LIFE);
    await bed.clock.rest();
    bed.far.instances.set(MPPS_UID, createMessage());
    bed.far.pause = undefined;
    bed.restart();
    bed.delivery.replaceTargets([bed.target()]);
    // The one before says nothing any more; its lease ends.
    await bed.clock.pass(LONG_MS);
    expect(bed.far.instances.get(MPPS_UID)).toEqual(WHOLE);
    expect(bed.ends.map(({ status }) => status)).toEqual(['arrived', 'delivered', 'delivered']);
  });

  test('of an update is sent again', async () => {
    bed.far.moods = ['accept', 'lost'];
    bed.delivery.replaceTargets([bed.target()]);
    await bed.accept(...LIFE);
    await bed.clock.pass(LONG_MS);
    expect(bed.far.arrived).toHaveLength(4);
    expect([bed.far.instances.get(MPPS_UID), await bed.messages()]).toEqual([WHOLE, []]);
  });

  test.each([
    ['Retrieve shows the same state and series: delivered', true, finalMessage(), 0],
    ['Retrieve shows other series: a dead letter', true, finalMessage('COMPLETED', 3), 1],
    ['Retrieve shows another state: a dead letter', true, finalMessage('DISCONTINUED'), 1],
    ['there is no Retrieve: delivered, since it was ours that had no answer', false, finalMessage('DISCONTINUED'), 0],
  ])('of a final update that is then refused as final (A710H): %s', async (_title, canRetrieve, shown, left) => {
    bed.far.canRetrieve = canRetrieve;
    bed.far.moods = ['accept', 'accept', 'vanish'];
    bed.delivery.replaceTargets([bed.target()]);
    await bed.accept(...LIFE);
    await bed.clock.rest();
    bed.far.instances.set(MPPS_UID, dataSetOf({ ...createMessage(), ...shown }));
    await bed.clock.pass(LONG_MS);
    expect(await bed.messages()).toHaveLength(left);
    if (left === 1) expect(bed.ends.at(-1)).toMatchObject({ status: 'dead', outcome: 'INSTANCE_FINAL' });
  });
});

describe('a final update in doubt that is refused with a bare 0110H', () => {
  const refusal = (): ServiceFailure => new ServiceFailure('UPSTREAM_ERROR', { dimseStatus: 0x0110 });
  test.each([
    ['is done where Retrieve shows the same state and series', true, finalMessage(), 0],
    ['goes on waiting where Retrieve shows another state', true, progressMessage(), 1],
    ['goes on waiting where there is no Retrieve', false, finalMessage(), 1],
  ])('%s', async (_title, canRetrieve, shown, left) => {
    bed.far.canRetrieve = canRetrieve;
    bed.far.moods = ['accept', 'accept', 'vanish'];
    bed.delivery.replaceTargets([bed.target()]);
    await bed.accept(...LIFE);
    await bed.clock.rest();
    bed.far.instances.set(MPPS_UID, dataSetOf({ ...createMessage(), ...shown }));
    bed.far.away = refusal;
    await bed.clock.pass(LONG_MS);
    expect((await bed.messages()).map(({ state }) => state)).toEqual(Array(left).fill('queued'));
  });
});

describe('a refusal of what was not in doubt', () => {
  test('for its size (413) is a dead letter: it would be refused again each time', async () => {
    bed.far.moods = [new ServiceFailure('OUT_OF_RESOURCES', { httpStatus: 413 })];
    bed.delivery.replaceTargets([bed.target()]);
    await bed.accept(...LIFE);
    await bed.clock.pass(LONG_MS);
    expect(await bed.messages()).toMatchObject([{ state: 'dead', attempts: 1 }, {}, {}]);
  });

  test('for what may be its own trouble does not hold up the others, however often', async () => {
    bed.far.away = () => new ServiceFailure('NOT_AUTHORIZED', { httpStatus: 403 });
    bed.delivery.replaceTargets([bed.target()]);
    await bed.accept(...LIFE);
    await bed.clock.pass(LONG_MS);
    bed.far.away = undefined;
    await bed.accept(messageOf('create', createMessage(), { uid: '1.2.3' }));
    await bed.clock.rest();
    expect(bed.far.arrived).toEqual(['create 1.2.3']);
  });

  test.each([
    ['of the same step is our own: a loss of power may forget a delivery', createMessage(), true, 0],
    ['of another patient is a dead letter (0111H)', createMessage('PID-2'), true, 3],
    ['is a dead letter where nobody can look', createMessage(), false, 3],
  ])('a duplicate %s', async (_title, stored, canRetrieve, left) => {
    bed.far.instances.set(MPPS_UID, stored);
    bed.far.canRetrieve = canRetrieve;
    bed.delivery.replaceTargets([bed.target()]);
    await bed.accept(...LIFE);
    await bed.clock.pass(LONG_MS);
    expect(await bed.messages()).toHaveLength(left);
  });

  test.each([
    ['a duplicate create', createMessage(), [messageOf('create', createMessage())]],
    ['a final update', WHOLE, [messageOf('update', finalMessage())]],
  ])(
    'of %s is looked into again while the far end fails to show the step: no dead letter',
    async (_title, stored, messages) => {
      const show = bed.far.retrieveMpps.bind(bed.far);
      const failure = new ServiceFailure('UPSTREAM_ERROR', { dimseStatus: 0x0110 });
      const answers = [failure, new ServiceFailure('NOT_AUTHORIZED', { httpStatus: 403 })];
      bed.far.retrieveMpps = (uid) => {
        const answer = answers.shift();
        return answer === undefined ? show(uid) : Promise.reject(answer);
      };
      bed.far.instances.set(MPPS_UID, stored);
      bed.delivery.replaceTargets([bed.target()]);
      await bed.accept(...messages);
      await bed.clock.pass(LONG_MS);
      expect(await bed.messages()).toEqual([]);
      expect(bed.ends).toMatchObject([{ status: 'arrived', attempts: 3 }]);
    },
  );

  test('a final update at a final far end without Retrieve is a dead letter', async () => {
    bed.far.instances.set(MPPS_UID, WHOLE);
    bed.far.canRetrieve = false;
    bed.delivery.replaceTargets([bed.target()]);
    await bed.accept(messageOf('update', finalMessage()));
    await bed.clock.pass(LONG_MS);
    expect(await bed.messages()).toMatchObject([{ state: 'dead', attempts: 1 }]);
  });

  test('a loop: a forward has been where it goes and is done, the upstream of the route itself was never reached', async () => {
    const loop = (): ServiceFailure => new ServiceFailure('LOOP_DETECTED', { httpStatus: 508 });
    bed.far.away = loop;
    bed.delivery.replaceTargets([bed.target(), bed.target({}, { route: 'other', isForward: true })]);
    await bed.accept(messageOf('create', createMessage()), messageOf('create', createMessage(), { route: 'other' }));
    await bed.clock.rest();
    expect(await bed.messages()).toMatchObject([{ route: 'all', state: 'dead' }]);
    expect(bed.ends).toContainEqual(expect.objectContaining({ route: 'other', status: 'loop', level: 'info' }));
  });
});

describe('a destination that is away', () => {
  test('24 hours: then everything arrives in order, after few attempts, never more at a time than allowed', async () => {
    const uids = Array.from({ length: 200 }, (_, i) => `1.2.3.${i}`);
    bed.far.away = unreachable;
    bed.delivery.replaceTargets([bed.target()]);
    for (const part of LIFE) {
      for (const uid of uids) await bed.accept({ ...part, uid });
      await bed.clock.pass(8 * 3_600_000);
    }
    // Pauses from 150 to 300 s between probes.
    expect(bed.far.attempts).toBeLessThan((24 * 3_600) / 150 + 50);
    expect(bed.far.attempts).toBeGreaterThan((24 * 3_600) / 300 - 50);
    expect(bed.delivery.states().get('all far')).toMatchObject({
      circuitOpenSince: expect.any(Number),
      lastFailureCode: 'UPSTREAM_UNREACHABLE',
    });

    const before = bed.far.attempts;
    bed.slow(10);
    bed.far.away = undefined;
    // The next probe.
    while (bed.far.attempts === before) await bed.clock.pass(1);
    await bed.clock.pass(19);
    expect(bed.far.attempts - before).toBeLessThanOrEqual(2);
    await bed.clock.pass(60_000);
    expect(await bed.messages()).toEqual([]);
    expect(bed.far.attempts - before).toBe(600);
    expect(bed.far.mostAtOnce).toBe(4);
    for (const uid of uids) {
      const own = bed.far.arrived.filter((line) => line.endsWith(` ${uid}`));
      expect(own).toEqual([`create ${uid}`, `update ${uid}`, `update ${uid}`]);
      expect(bed.far.instances.get(uid)).toEqual(WHOLE);
    }
    const told = bed.logger.lines.filter(({ message }) => message.startsWith('destination'));
    expect(told).toMatchObject([
      {
        level: 'warn',
        message: 'destination is stuck',
        route: 'all',
        upstream: 'far',
        outcome: 'UPSTREAM_UNREACHABLE',
      },
      { level: 'info', message: 'destination answers again', stuckMs: expect.any(Number) },
    ]);
  }, 20_000);

  test('does not hold up another one', async () => {
    bed.far.away = unreachable;
    const near = await SpoolBed.open();
    bed.delivery.replaceTargets([
      bed.target(),
      bed.target({}, { route: 'other', upstream: { name: 'near', upstream: near.far } }),
    ]);
    await bed.accept(...LIFE, ...LIFE.map((message) => ({ ...message, route: 'other', upstream: 'near' })));
    await bed.clock.rest();
    expect(near.far.instances.get(MPPS_UID)).toEqual(WHOLE);
    await near.close();
  });

  test('is asked again when it says so: Retry-After counts for every message', async () => {
    bed.far.away = () => new ServiceFailure('OUT_OF_RESOURCES', { retry: 'safe', httpStatus: 503, retryAfter: 120 });
    bed.delivery.replaceTargets([bed.target()]);
    await bed.accept(...LIFE, messageOf('create', createMessage(), { uid: '1.2.3' }));
    await bed.clock.pass(119_000);
    expect(bed.far.attempts).toBe(1);
    bed.far.away = undefined;
    await bed.clock.pass(2_000);
    expect(await bed.messages()).toEqual([]);
  });

  test('is asked for the message again when it said so by other processes too: it is not due before', async () => {
    bed.far.away = () => new ServiceFailure('OUT_OF_RESOURCES', { retry: 'safe', httpStatus: 503, retryAfter: 120 });
    bed.delivery.replaceTargets([bed.target()]);
    await bed.accept(...LIFE);
    await bed.clock.rest();
    expect(await bed.store.spool.nextDueMs({ route: 'all', upstream: 'far' })).toBe(120_000);
  });

  test('for one message only: the others go on, its pauses grow, and it is told once', async () => {
    bed.far.away = () => new ServiceFailure('UPSTREAM_ERROR', { dimseStatus: 0x0110 });
    bed.delivery.replaceTargets([bed.target()]);
    await bed.accept(...LIFE);
    await bed.clock.pass(LONG_MS);
    expect(bed.far.attempts).toBeLessThan(40);
    expect(bed.logger.lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { message: 'message is stuck', uid: MPPS_UID, outcome: 'UPSTREAM_ERROR' },
    ]);
    bed.far.away = undefined;
    await bed.accept(messageOf('create', createMessage(), { uid: '1.2.3' }));
    await bed.clock.rest();
    expect(bed.far.arrived).toEqual(['create 1.2.3']);
    await bed.clock.pass(LONG_MS);
    expect(bed.far.instances.get(MPPS_UID)).toEqual(WHOLE);
  });

  test('a destination of no route any more keeps its messages until it has a target again', async () => {
    bed.delivery.replaceTargets([]);
    await bed.accept(...LIFE);
    await bed.clock.pass(LONG_MS);
    expect(await bed.messages()).toHaveLength(3);
    bed.delivery.replaceTargets([bed.target()]);
    await bed.clock.rest();
    expect(await bed.messages()).toEqual([]);
  });
});

describe('a far end that says nothing', () => {
  test('is not waited for longer than an attempt may take, even if the attempt never ends', async () => {
    bed.far.pause = () => new Promise(() => undefined);
    bed.delivery.replaceTargets([bed.target({ attemptTimeoutMs: 10_000 })]);
    await bed.accept(...LIFE);
    await bed.clock.pass(9_999);
    expect(bed.far.contexts[0]?.signal.aborted).toBe(false);
    await bed.clock.pass(1);
    expect(bed.far.contexts[0]?.signal.reason).toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
    await bed.clock.pass(2_000);
    expect(await bed.messages()).toMatchObject([{ inDoubt: true, lastFailure: { code: 'UPSTREAM_TIMEOUT' } }, {}, {}]);
  });

  test('is held while it is waited for: the lease is renewed', async () => {
    const gate = Promise.withResolvers<void>();
    bed.far.pause = () => gate.promise;
    const target = bed.target({ attemptTimeoutMs: LONG_MS, leaseMs: 30_000 });
    bed.delivery.replaceTargets([target]);
    await bed.accept(LIFE[0] ?? messageOf('create', createMessage()));
    await bed.clock.pass(LONG_MS / 2);
    expect(await bed.store.spool.claim({ route: 'all', upstream: 'far' }, 1, 1_000)).toEqual([]);
    expect(bed.far.attempts).toBe(1);
    gate.resolve();
    await bed.clock.rest();
    expect(bed.ends).toMatchObject([{ status: 'delivered', attempts: 1, ageMs: LONG_MS / 2 }]);
  });
});

describe('the end', () => {
  test('waits for what is under way and takes nothing new; nothing is lost', async () => {
    const gate = Promise.withResolvers<void>();
    bed.far.pause = () => gate.promise;
    bed.delivery.replaceTargets([bed.target()]);
    await bed.accept(...LIFE);
    await bed.clock.rest();
    const closed = bed.delivery.close(10_000);
    gate.resolve();
    await closed;
    expect(bed.far.arrived).toEqual([`create ${MPPS_UID}`]);
    const left = await bed.messages();
    expect(left.map(({ kind, attempts, inDoubt }) => [kind, attempts, inDoubt])).toEqual([
      ['update', 0, false],
      ['update', 0, false],
    ]);
    bed.far.pause = undefined;
    bed.restart();
    bed.delivery.replaceTargets([bed.target()]);
    await bed.clock.rest();
    expect(bed.far.instances.get(MPPS_UID)).toEqual(WHOLE);
  });

  test('gives back what it was just taking', async () => {
    await bed.accept(...LIFE);
    bed.delivery.replaceTargets([bed.target()]);
    await bed.delivery.close(10_000);
    expect([bed.far.attempts, await bed.messages()]).toMatchObject([0, [{ attempts: 0, inDoubt: false }, {}, {}]]);
    expect(await bed.store.spool.nextDueMs({ route: 'all', upstream: 'far' })).toBe(0);
  });

  test.each([
    ['may have been sent is in doubt', 'ambiguous', true],
    ['was not sent is as if it had not been tried', 'safe', false],
  ] as const)('after its deadline ends what is under way: what %s', async (_title, retry, inDoubt) => {
    bed.far.pause = () =>
      new Promise((_, reject) => {
        const { signal } = bed.far.contexts.at(-1) ?? {};
        signal?.addEventListener('abort', () => reject(new ServiceFailure('SHUTTING_DOWN', { retry })));
      });
    bed.delivery.replaceTargets([bed.target()]);
    await bed.accept(...LIFE);
    await bed.clock.rest();
    const closed = bed.delivery.close(10_000);
    await bed.clock.pass(10_000);
    await closed;
    expect(await bed.messages()).toMatchObject([{ inDoubt, attempts: inDoubt ? 1 : 0 }, {}, {}]);
    expect(await bed.store.spool.nextDueMs({ route: 'all', upstream: 'far' })).toBe(0);
  });
});

describe('a store that fails', () => {
  test.each(['claim', 'nextDueMs'])('at %s is told once, and delivery goes on when it works again', async (method) => {
    bed.broken.add(method);
    bed.delivery.replaceTargets([bed.target()]);
    await bed.clock.pass(10_000);
    expect(bed.logger.lines).toMatchObject([{ level: 'error', route: 'all', upstream: 'far', problem: 'no room' }]);
    bed.broken.clear();
    await bed.accept(...LIFE);
    await bed.clock.pass(10_000);
    expect(bed.far.instances.get(MPPS_UID)).toEqual(WHOLE);
  });

  test('to note a delivery leaves the message in doubt until the lease has ended; it does not arrive twice', async () => {
    bed.broken.add('done');
    bed.delivery.replaceTargets([bed.target()]);
    await bed.accept(...LIFE);
    await bed.clock.rest();
    bed.broken.clear();
    await bed.clock.pass(LONG_MS);
    expect(bed.far.arrived).toEqual([`create ${MPPS_UID}`, `update ${MPPS_UID}`, `update ${MPPS_UID}`]);
    expect(await bed.messages()).toEqual([]);
  });
});
