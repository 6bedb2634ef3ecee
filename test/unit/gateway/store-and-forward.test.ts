/** What a modality is told where messages are stored first, and what is forwarded (proxy flows 4.1, 11). */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { Delivery } from '../../../src/gateway/delivery.ts';
import type { ForwardTarget, MppsRouteOptions, MppsTarget } from '../../../src/gateway/mpps-route.ts';
import { GatewayError } from '../../../src/errors.ts';
import { digestOfDataSet } from '../../../src/services/mpps/digest.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { AttributeSelection, Completion, MppsContext, Requester } from '../../../src/services/port.ts';
import type { MppsRecords } from '../../../src/store/store.ts';
import {
  createMessage,
  FarEnd,
  finalMessage,
  mppsContextOf,
  MPPS_UID,
  progressMessage,
  seriesMessage,
} from '../../support/mpps.ts';
import { WARD } from '../../support/requests.ts';
import { SpoolBed, unreachable } from '../../support/spool-bed.ts';

const WEB: Requester = { listener: 'web', protocol: 'dicomweb', address: '127.0.0.1', basePath: '/dicomweb' };
const KEY = { route: 'all', upstream: 'far', uid: MPPS_UID };
const FAR = { route: 'all', upstream: 'far' };

const OPTIONS: MppsRouteOptions = {
  delivery: 'store-and-forward',
  validation: 'warn',
  missingInstanceUid: 'refuse',
  unknownInstance: 'pass',
  fillType2: true,
  preCreateOptional: false,
  defaults: undefined,
  retrieveFromCopy: false,
};

let bed: SpoolBed;
let delivery: Delivery;
let woken: string[];
/** Thrown by every `accept` while it is set. */
let full: boolean;

beforeEach(async () => {
  bed = await SpoolBed.open();
  woken = [];
  full = false;
  const accept: MppsRecords['accept'] = (record, messages) =>
    full ? Promise.reject(new GatewayError('STORE_FULL', 'no room')) : bed.store.mpps.accept(record, messages);
  const mpps = new Proxy(bed.store.mpps, {
    get: (records, name) => {
      const member: unknown = name === 'accept' ? accept : Reflect.get(records, name);
      return typeof member === 'function' ? (member.bind(records) as unknown) : member;
    },
  });
  const { spool, instanceId } = bed.store;
  const store = { mpps, spool, instanceId, exclusively: bed.store.exclusively.bind(bed.store) };
  const note = ({ route, upstream }: { route: string; upstream: string }): void => {
    woken.push(`${route} ${upstream}`);
    bed.delivery.wake({ route, upstream });
  };
  delivery = new Delivery(store, bed.logger, { now: () => bed.clock.now(), spool: { wake: note } });
});
afterEach(() => bed.close());

function targetOf(options: Partial<MppsRouteOptions> = {}, more: Partial<MppsTarget> = {}): MppsTarget {
  return {
    route: 'all',
    upstream: { name: 'far', upstream: bed.far },
    request: undefined,
    response: undefined,
    forwardTo: [],
    options: { ...OPTIONS, ...options },
    ...more,
  };
}

const DIRECT = { delivery: 'direct' } as const;

const create = (
  attributes: DataSet = createMessage(),
  context: MppsContext = mppsContextOf(),
  target: MppsTarget = targetOf(),
): Promise<Completion> => delivery.create(target, MPPS_UID, attributes, context);

const update = (
  modifications: DataSet,
  context: MppsContext = mppsContextOf(),
  target: MppsTarget = targetOf(),
): Promise<Completion> => delivery.update(target, () => undefined, MPPS_UID, modifications, context);

const retrieve = (
  context: MppsContext = mppsContextOf(),
  target: MppsTarget = targetOf(),
  selection: AttributeSelection = 'all',
): Promise<DataSet> => delivery.retrieve(target, () => undefined, MPPS_UID, selection, context);

/** Route, upstream, kind and content of what waits, in order. */
async function waiting(): Promise<[string, string, DataSet][]> {
  return (await bed.messages()).map(({ upstream, kind, received }) => [upstream, kind, received]);
}

async function deliver(...more: Parameters<SpoolBed['delivery']['replaceTargets']>[0]): Promise<void> {
  bed.delivery.replaceTargets([bed.target(), ...more]);
  await bed.clock.rest();
}

describe('store-and-forward', () => {
  test('acknowledges once the message is on the disk, whatever the far end does', async () => {
    bed.far.away = unreachable;
    await expect(create()).resolves.toEqual({ uid: MPPS_UID });
    await update(progressMessage());
    await update(finalMessage());
    expect(await waiting()).toEqual([
      ['far', 'create', createMessage()],
      ['far', 'update', progressMessage()],
      ['far', 'update', finalMessage()],
    ]);
    expect([bed.far.attempts, woken]).toEqual([0, ['all far', 'all far', 'all far']]);
  });

  test('keeps what was received: rules are for the delivery', async () => {
    const request = (): DataSet => dataSetOf({});
    await create(createMessage(), mppsContextOf(), targetOf({}, { request }));
    expect(await waiting()).toEqual([['far', 'create', createMessage()]]);
  });

  test('keeps what a web client sent as the route completes it, with what it was told of that', async () => {
    const { '00200010': _, ...rest } = createMessage();
    await create(dataSetOf(rest), mppsContextOf(WEB));
    const [message] = await bed.messages();
    expect(message?.received['00200010']).toEqual({ vr: 'SH' });
    expect(message?.received['00400281']).toEqual({ vr: 'SQ' });
  });

  test('keeps who sent it, its trace, its character set, and its way', async () => {
    const hops = [{ instance: 'other', route: 'x' }];
    await create(createMessage(), { ...mppsContextOf(), hops, characterSet: 'ISO_IR 100' });
    expect(await bed.messages()).toMatchObject([
      {
        requester: WARD,
        traceId: 'test-trace',
        characterSet: 'ISO_IR 100',
        hops,
        digest: digestOfDataSet(createMessage()),
      },
    ]);
  });

  test('a store that cannot keep it is the answer, and nothing is kept (0213H, 503)', async () => {
    full = true;
    await expect(create()).rejects.toMatchObject({ code: 'STORE_FULL' });
    expect([await waiting(), await bed.store.mpps.get(KEY)]).toEqual([[], undefined]);
    full = false;
    await create();
    full = true;
    await expect(update(finalMessage())).rejects.toMatchObject({ code: 'STORE_FULL' });
    full = false;
    await expect(update(finalMessage())).resolves.toEqual({ uid: MPPS_UID });
  });

  test('a second create is a duplicate by the own record, before anything was delivered (0111H, 409)', async () => {
    await create();
    await delivery.settled();
    await expect(create()).rejects.toMatchObject({ code: 'DUPLICATE_INSTANCE' });
    expect(await waiting()).toHaveLength(1);
  });

  test('a create whose answer was lost is answered again, and queued once', async () => {
    await create(createMessage(), mppsContextOf(WARD, Promise.resolve(false)));
    await expect(create()).resolves.toEqual({ uid: MPPS_UID });
    expect(await waiting()).toHaveLength(1);
  });

  test('an update after the final one is refused by the own record (0110H with A710H, 409)', async () => {
    await create();
    await update(finalMessage());
    await expect(update(progressMessage())).rejects.toMatchObject({ code: 'INSTANCE_FINAL' });
  });

  test('what breaks Table F.7.2-1 is refused by the own record in strict mode', async () => {
    const strict = targetOf({ validation: 'strict' });
    await create(createMessage(), mppsContextOf(), strict);
    const bare = dataSetOf({ '00400252': attribute('CS', 'COMPLETED') });
    await expect(update(bare, mppsContextOf(), strict)).rejects.toMatchObject({ code: 'MISSING_VALUE' });
    expect(await waiting()).toHaveLength(1);
  });

  test('an update of an unknown instance is queued, never 0112H, even where direct ones are refused', async () => {
    await update(progressMessage(), mppsContextOf(), targetOf({ unknownInstance: 'refuse' }));
    expect(await waiting()).toEqual([['far', 'update', progressMessage()]]);
  });

  test('a sequence that lost items is told (B.38 note)', async () => {
    await create();
    await update(seriesMessage(3, 2));
    const context = mppsContextOf();
    await update(seriesMessage(3), context);
    expect(context.warnings).toMatchObject([{ code: 'SEQUENCE_SHRANK' }]);
  });
});

describe('a retrieve while messages wait', () => {
  test('is answered from what was received, as selected, without the rules for what the far end says', async () => {
    const response = (): DataSet => dataSetOf({});
    const target = targetOf({}, { response });
    bed.far.instances.set(MPPS_UID, dataSetOf({}));
    await create(createMessage(), mppsContextOf(), target);
    await update(progressMessage(), mppsContextOf(), target);
    expect(await retrieve(mppsContextOf(), target)).toEqual({ ...createMessage(), ...progressMessage() });
    expect(await retrieve(mppsContextOf(), target, [['00400254']])).toEqual(progressMessage());
  });

  test('of an instance that was not created here says that updates are on their way', async () => {
    bed.far.instances.set(MPPS_UID, createMessage());
    await update(progressMessage());
    const context = mppsContextOf();
    expect(await retrieve(context)).toEqual(createMessage());
    expect(context.warnings).toMatchObject([{ code: 'UPSTREAM_WARNING' }]);
  });

  test('is the far end its own answer again once all has arrived', async () => {
    await create();
    await deliver();
    bed.far.instances.set(MPPS_UID, progressMessage('by the far end'));
    expect(await retrieve()).toEqual(progressMessage('by the far end'));
  });
});

describe('the copy of an instance', () => {
  const copy = async (): Promise<DataSet | undefined> => (await bed.store.mpps.get(KEY))?.copy;

  test('is erased once the instance is final and delivered', async () => {
    await create();
    await deliver();
    expect(await copy()).toEqual(createMessage());
    bed.far.away = unreachable;
    await update(finalMessage());
    await bed.clock.rest();
    expect(await copy()).toEqual({ ...createMessage(), ...finalMessage() });
    bed.far.away = undefined;
    await bed.clock.pass(10_000);
    expect([await copy(), bed.far.instances.get(MPPS_UID)]).toEqual([
      undefined,
      { ...createMessage(), ...finalMessage() },
    ]);
  });

  test('stays where the route answers retrieves from it', async () => {
    const keeping = targetOf({ retrieveFromCopy: true });
    bed.far.canRetrieve = false;
    bed.delivery.replaceTargets([bed.target({}, { keepsCopy: true })]);
    await create(createMessage(), mppsContextOf(), keeping);
    await update(finalMessage(), mppsContextOf(), keeping);
    await bed.clock.rest();
    expect(await waiting()).toEqual([]);
    expect(await retrieve(mppsContextOf(), keeping)).toEqual({ ...createMessage(), ...finalMessage() });
  });
});

describe('an instance whose hop is in no route any more', () => {
  const renamed = { route: 'renamed' };

  test('goes on behind what still waits there, so that no update overtakes its create', async () => {
    await create();
    await update(progressMessage(), mppsContextOf(), targetOf({}, renamed));
    await update(finalMessage(), mppsContextOf(), targetOf(DIRECT, renamed));
    expect((await bed.messages()).map(({ route, kind }) => [route, kind])).toEqual([
      ['all', 'create'],
      ['all', 'update'],
      ['all', 'update'],
    ]);
    expect(await retrieve(mppsContextOf(), targetOf({}, renamed))).toEqual({
      ...createMessage(),
      ...progressMessage(),
      ...finalMessage(),
    });
    await expect(update(progressMessage(), mppsContextOf(), targetOf({}, renamed))).rejects.toMatchObject({
      code: 'INSTANCE_FINAL',
    });
    expect(bed.logger.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', uid: MPPS_UID, route: 'all', upstream: 'far' }),
    );
    await deliver();
    expect(bed.far.arrived).toHaveLength(3);
  });

  test('goes where its route leads now once nothing waits', async () => {
    await create();
    await deliver();
    await update(progressMessage(), mppsContextOf(), targetOf({}, renamed));
    expect(await bed.messages()).toMatchObject([{ route: 'renamed', kind: 'update' }]);
  });

  test('is left to the queue of its old upstream where that is one of the forwards now', async () => {
    await create();
    const near = { name: 'near', upstream: new FarEnd() };
    const forwardTo = [{ upstream: { name: 'far', upstream: bed.far }, request: undefined }];
    await update(progressMessage(), mppsContextOf(), targetOf({}, { upstream: near, forwardTo }));
    expect((await waiting()).map(([upstream, kind]) => [upstream, kind])).toEqual([
      ['far', 'create'],
      ['near', 'update'],
      ['far', 'update'],
    ]);
  });
});

describe('between the two kinds of delivery nothing overtakes', () => {
  test('a direct update waits its turn behind messages that are still stored', async () => {
    await create();
    await update(progressMessage('1'));
    const direct = targetOf(DIRECT);
    await update(progressMessage('2'), mppsContextOf(), direct);
    expect([bed.far.attempts, (await waiting()).length]).toEqual([0, 3]);
    expect(await retrieve(mppsContextOf(), direct)).toEqual({ ...createMessage(), ...progressMessage('2') });
    await deliver();
    await update(finalMessage(), mppsContextOf(), direct);
    expect(bed.far.instances.get(MPPS_UID)).toEqual({
      ...createMessage(),
      ...progressMessage('2'),
      ...finalMessage(),
    });
    expect(await waiting()).toEqual([]);
  });

  test('a direct create without an answer is settled directly, by its repeat or by an update', async () => {
    const none = (): ServiceFailure => new ServiceFailure('CONNECTION_LOST', { retry: 'ambiguous' });
    bed.far.canRetrieve = false;
    bed.far.moods = ['lost', none()];
    await expect(create(createMessage(), mppsContextOf(), targetOf(DIRECT))).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
    });
    await update(progressMessage());
    expect([bed.far.arrived.length, await waiting()]).toEqual([2, []]);
    await update(finalMessage());
    expect(await waiting()).toHaveLength(1);
  });
});

describe('forwarding', () => {
  const pacs = (more: Partial<ForwardTarget> = {}): ForwardTarget => ({
    upstream: { name: 'pacs', upstream: new FarEnd() },
    request: undefined,
    ...more,
  });
  const forwarding = (options: Partial<MppsRouteOptions> = DIRECT, ...forwards: ForwardTarget[]): MppsTarget =>
    targetOf(options, { forwardTo: forwards.length === 0 ? [pacs()] : forwards });

  test('queues what a direct upstream has taken, as it was received, and nothing that it refused', async () => {
    const request = (dataSet: DataSet): DataSet => dataSetOf({ ...dataSet, '00400254': attribute('LO', 'RULE') });
    const target = { ...forwarding(), request };
    bed.far.moods = [new ServiceFailure('INVALID_VALUE')];
    await expect(create(createMessage(), mppsContextOf(), target)).rejects.toMatchObject({ code: 'INVALID_VALUE' });
    expect(await waiting()).toEqual([]);
    await create(createMessage(), mppsContextOf(), target);
    await update(finalMessage(), mppsContextOf(), target);
    expect(await waiting()).toEqual([
      ['pacs', 'create', createMessage()],
      ['pacs', 'update', finalMessage()],
    ]);
    expect(woken).toEqual(['all pacs', 'all pacs']);
    expect(await bed.store.mpps.get(KEY)).not.toHaveProperty('copy');
  });

  test('queues for every destination beside the own upstream in store-and-forward', async () => {
    await create(createMessage(), mppsContextOf(), forwarding({}));
    expect((await waiting()).map(([upstream]) => upstream)).toEqual(['far', 'pacs']);
    expect(woken).toEqual(['all far', 'all pacs']);
  });

  test('the source is not told success while a forward could be lost; its repeat is recognised, and forwarded', async () => {
    const target = forwarding();
    full = true;
    await expect(create(createMessage(), mppsContextOf(), target)).rejects.toMatchObject({ code: 'STORE_FULL' });
    full = false;
    await expect(create(createMessage(), mppsContextOf(), target)).resolves.toEqual({ uid: MPPS_UID });
    full = true;
    await expect(update(finalMessage(), mppsContextOf(), target)).rejects.toMatchObject({ code: 'STORE_FULL' });
    full = false;
    await expect(update(finalMessage(), mppsContextOf(), target)).resolves.toEqual({ uid: MPPS_UID });
    expect(bed.far.instances.get(MPPS_UID)).toEqual({ ...createMessage(), ...finalMessage() });
    expect((await waiting()).map(([, kind]) => kind)).toEqual(['create', 'update']);
  });

  test('a create without an answer is forwarded before the update that shows it had arrived', async () => {
    const target = forwarding();
    full = true;
    await expect(create(createMessage(), mppsContextOf(), target)).rejects.toMatchObject({ code: 'STORE_FULL' });
    full = false;
    await update(finalMessage(), mppsContextOf(), target);
    expect(await waiting()).toEqual([
      ['pacs', 'create', createMessage()],
      ['pacs', 'update', finalMessage()],
    ]);
    expect(await bed.store.mpps.get(KEY)).not.toHaveProperty('copy');
  });

  test('a destination that fails does not reach the source', async () => {
    const target = forwarding();
    const down = new FarEnd();
    down.moods = [new ServiceFailure('INVALID_VALUE')];
    await create(createMessage(), mppsContextOf(), target);
    await deliver(bed.target({}, { upstream: { name: 'pacs', upstream: down }, isForward: true }));
    await expect(update(finalMessage(), mppsContextOf(), target)).resolves.toEqual({ uid: MPPS_UID });
    expect(await bed.messages()).toMatchObject([{ state: 'dead' }, { state: 'queued' }]);
  });

  test('never goes back to the application entity it came from, and says so', async () => {
    await create(
      createMessage(),
      mppsContextOf(),
      forwarding(DIRECT, pacs({ aeTitle: 'CT1' }), pacs({ aeTitle: 'PACS' })),
    );
    expect(await waiting()).toHaveLength(1);
    expect(bed.logger.lines).toContainEqual(
      expect.objectContaining({ level: 'info', message: 'not forwarded', uid: MPPS_UID, reason: 'it came from there' }),
    );
  });

  test('the same update once more is not forwarded once more', async () => {
    const target = forwarding();
    await create(createMessage(), mppsContextOf(), target);
    for (const text of ['a', 'a', 'b', 'a']) await update(progressMessage(text), mppsContextOf(), target);
    expect((await waiting()).slice(1).map(([, , received]) => received)).toEqual(
      ['a', 'b', 'a'].map((text) => progressMessage(text)),
    );
  });

  test.each(['store-and-forward', 'direct'] as const)(
    'what comes back round a ring of gateways is acknowledged and goes no further: it is older than what came since (%s)',
    async (way) => {
      const target = forwarding({ delivery: way });
      const ring = mppsContextOf({ ...WARD, address: '10.0.0.9' });
      const all = [createMessage(), progressMessage('a'), progressMessage('b'), finalMessage()];
      await create(createMessage(), mppsContextOf(), target);
      for (const text of ['a', 'b']) await update(progressMessage(text), mppsContextOf(), target);
      await expect(update(progressMessage('a'), ring, target)).resolves.toEqual({ uid: MPPS_UID });
      await update(finalMessage(), mppsContextOf(), target);
      // Also when the step is final here by now: elsewhere nobody is to be told of a mistake.
      for (const message of [progressMessage('b'), finalMessage()]) {
        await expect(update(message, ring, target)).resolves.toEqual({ uid: MPPS_UID });
      }
      expect((await waiting()).filter(([name]) => name === 'pacs').map(([, , received]) => received)).toEqual(all);
      await expect(update(finalMessage(), mppsContextOf(), target)).rejects.toMatchObject({ code: 'INSTANCE_FINAL' });
    },
  );

  test('a route that does not forward takes an update from wherever it comes', async () => {
    const elsewhere = mppsContextOf({ ...WARD, address: '10.0.0.9' });
    await create(createMessage(), mppsContextOf(), targetOf());
    await update(progressMessage('a'), mppsContextOf(), targetOf());
    await update(progressMessage('b'), mppsContextOf(), targetOf());
    await update(progressMessage('a'), elsewhere, targetOf());
    expect((await waiting()).slice(1).map(([, , received]) => received)).toEqual(
      ['a', 'b', 'a'].map((text) => progressMessage(text)),
    );
  });

  test('not to the upstream of the route itself', async () => {
    const itself = pacs({ upstream: { name: 'far', upstream: bed.far } });
    await create(createMessage(), mppsContextOf(), forwarding({}, itself));
    expect(await waiting()).toHaveLength(1);
  });
});

test('two processes on one store wait for each other at one instance', async () => {
  const gate = Promise.withResolvers<void>();
  const other = new Delivery(bed.store, bed.logger);
  const direct = targetOf(DIRECT);
  bed.far.pause = () => gate.promise;
  const first = create(createMessage(), mppsContextOf(), direct);
  await bed.clock.rest();
  const second = other.update(direct, () => undefined, MPPS_UID, finalMessage(), mppsContextOf());
  await bed.clock.rest();
  expect(bed.far.attempts).toBe(1);
  gate.resolve();
  await Promise.all([first, second]);
  expect(bed.far.instances.get(MPPS_UID)).toEqual({ ...createMessage(), ...finalMessage() });
  expect(await bed.store.spool.nextDueMs(FAR)).toBeUndefined();
});
