/** Delivery over a real store and a far end in memory that misbehaves on demand. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { Delivery } from '../../../src/gateway/delivery.ts';
import type { MppsRouteOptions, MppsTarget } from '../../../src/gateway/mpps-route.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type {
  AttributeSelection,
  Completion,
  MppsContext,
  RequestContext,
  Requester,
  Upstream,
} from '../../../src/services/port.ts';
import { openStore } from '../../../src/store/sqlite.ts';
import type { Store } from '../../../src/store/store.ts';
import {
  createMessage,
  FarEnd,
  finalMessage,
  mppsContextOf,
  MPPS_UID,
  progressMessage,
  seriesMessage,
} from '../../support/mpps.ts';
import { keepingLogger, WARD } from '../../support/requests.ts';

const WEB: Requester = { listener: 'web', protocol: 'dicomweb', address: '127.0.0.1', basePath: '/dicomweb' };

const OPTIONS: MppsRouteOptions = {
  delivery: 'direct',
  validation: 'warn',
  missingInstanceUid: 'refuse',
  unknownInstance: 'pass',
  fillType2: true,
  preCreateOptional: false,
  defaults: undefined,
  retrieveFromCopy: false,
};

let folder: string;
let store: Store;
let delivery: Delivery;
let far: FarEnd;
let logger: ReturnType<typeof keepingLogger>;

async function open(): Promise<void> {
  store = await openStore({ path: join(folder, 'dimseway.db') });
  delivery = new Delivery(store, logger);
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
  far = new FarEnd();
  logger = keepingLogger();
  await open();
});

afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** The process ends and starts again. */
async function restart(): Promise<void> {
  await delivery.settled();
  await store.close();
  await open();
}

function targetOf(options: Partial<MppsRouteOptions> = {}, more: Partial<MppsTarget> = {}): MppsTarget {
  return {
    route: 'all',
    upstream: { name: 'far', upstream: far },
    request: undefined,
    response: undefined,
    forwardTo: [],
    options: { ...OPTIONS, ...options },
    ...more,
  };
}

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

/** Lets the note that an answer was delivered be written: it waits in the instance's own queue. */
const settled = (): Promise<unknown> =>
  delivery.retrieve(targetOf(), () => undefined, MPPS_UID, 'all', mppsContextOf());

const lost = (): ServiceFailure => new ServiceFailure('CONNECTION_LOST', { retry: 'ambiguous' });

test('a whole life: create, updates, final; the far end gets each message once and whole (PS3.4 F.7.2)', async () => {
  await create();
  await update(progressMessage());
  await update(finalMessage());
  expect(far.arrived).toEqual([`create ${MPPS_UID}`, `update ${MPPS_UID}`, `update ${MPPS_UID}`]);
  expect(far.instances.get(MPPS_UID)).toEqual({ ...createMessage(), ...progressMessage(), ...finalMessage() });
});

describe('what the gateway knows by itself, also after a restart', () => {
  test('a second create is DUPLICATE_INSTANCE and does not reach the far end (0111H, 409)', async () => {
    await create();
    await settled();
    await restart();
    await expect(create()).rejects.toMatchObject({ code: 'DUPLICATE_INSTANCE' });
    expect(far.arrived).toHaveLength(1);
  });

  test('an update of a final instance is INSTANCE_FINAL (0110H with A710H, 409)', async () => {
    await create();
    await update(finalMessage('DISCONTINUED'));
    await restart();
    await expect(update(progressMessage())).rejects.toMatchObject({ code: 'INSTANCE_FINAL' });
    expect(far.arrived).toHaveLength(2);
  });

  test('an instance that the far end forgot is INSTANCE_DELETED for the one whose create went by (410)', async () => {
    await create();
    far.instances.clear();
    await expect(update(progressMessage())).rejects.toMatchObject({ code: 'INSTANCE_DELETED' });
  });

  test('an unknown instance is passed on, or refused by option (0112H, 404)', async () => {
    far.instances.set(MPPS_UID, createMessage());
    await update(progressMessage());
    expect(far.arrived).toEqual([`update ${MPPS_UID}`]);
    const refusing = targetOf({ unknownInstance: 'refuse' });
    await expect(update(progressMessage(), mppsContextOf(), refusing)).rejects.toMatchObject({
      code: 'NO_SUCH_INSTANCE',
    });
  });
});

describe('a repeated create (proxy flows 4.1)', () => {
  test('is success without a second message when the first answer was lost and nothing happened since', async () => {
    await create(createMessage(), mppsContextOf(WARD, Promise.resolve(false)));
    await restart();
    await expect(create()).resolves.toEqual({ uid: MPPS_UID });
    expect(far.arrived).toHaveLength(1);
  });

  test('is a duplicate when the first answer arrived', async () => {
    await create();
    await settled();
    await expect(create()).rejects.toMatchObject({ code: 'DUPLICATE_INSTANCE' });
  });

  test('is a duplicate when its content differs', async () => {
    await create(createMessage(), mppsContextOf(WARD, Promise.resolve(false)));
    await expect(create(createMessage('PID-2'))).rejects.toMatchObject({ code: 'DUPLICATE_INSTANCE' });
  });

  test('is a duplicate when an update came in between', async () => {
    await create(createMessage(), mppsContextOf(WARD, Promise.resolve(false)));
    await update(progressMessage());
    await expect(create()).rejects.toMatchObject({ code: 'DUPLICATE_INSTANCE' });
  });
});

describe('an unanswered create (status mapping 8)', () => {
  test('that arrived is found by Retrieve: success, one message', async () => {
    far.moods = ['lost'];
    await expect(create()).resolves.toEqual({ uid: MPPS_UID });
    expect(far.arrived).toHaveLength(1);
  });

  test('that did not arrive is sent once more', async () => {
    far.moods = ['vanish'];
    await expect(create()).resolves.toEqual({ uid: MPPS_UID });
    expect(far.arrived).toHaveLength(1);
  });

  test('at a far end without Retrieve is sent once more, and the duplicate is our own', async () => {
    far.canRetrieve = false;
    far.moods = ['lost'];
    await expect(create()).resolves.toEqual({ uid: MPPS_UID });
    expect(far.instances.size).toBe(1);
  });

  test('that stays unanswered is OUTCOME_UNKNOWN, and the repeat of the modality after a restart is no duplicate', async () => {
    far.canRetrieve = false;
    far.moods = ['lost', lost()];
    await expect(create()).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN', retry: 'ambiguous' });
    await restart();
    await expect(create()).resolves.toEqual({ uid: MPPS_UID });
    expect(far.instances.get(MPPS_UID)).toEqual(createMessage());
  });

  test('whose process was killed before the answer is no duplicate when the modality repeats it', async () => {
    far.gates.set(MPPS_UID, new Promise(() => undefined));
    void create();
    await new Promise((resolve) => setImmediate(resolve));
    await restart();
    far.gates.clear();
    far.instances.set(MPPS_UID, createMessage());
    await expect(create()).resolves.toEqual({ uid: MPPS_UID });
  });

  test('leaves two thirds of the patience to the first attempt, so that a silent far end can still be asked', async () => {
    const budgets: number[] = [];
    const note = ({ deadline }: RequestContext): void => void budgets.push(deadline - performance.now());
    const watching: Upstream = Object.assign(Object.create(far) as FarEnd, {
      createMpps: (uid: string, attributes: DataSet, context: RequestContext) => (
        note(context),
        far.createMpps(uid, attributes)
      ),
      retrieveMpps: (uid: string, _: AttributeSelection, context: RequestContext) => (
        note(context),
        far.retrieveMpps(uid)
      ),
    });
    far.moods = ['vanish'];
    const context = { ...mppsContextOf(), deadline: performance.now() + 30_000 };
    await create(createMessage(), context, targetOf({}, { upstream: { name: 'far', upstream: watching } }));
    expect(budgets.map((ms) => Math.round(ms / 1_000))).toEqual([20, 15, 30]);
  });

  test('tells in its failure the HTTP status that left it unknown (Error ID)', async () => {
    const late = new ServiceFailure('UPSTREAM_TIMEOUT', { retry: 'ambiguous', httpStatus: 504 });
    far.canRetrieve = false;
    far.moods = [late, late];
    await expect(create()).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN', errorId: 504 });
  });

  test('stays unknown when its repeat is refused for another reason: no connection, no service, 0110H', async () => {
    far.canRetrieve = false;
    const general = new ServiceFailure('UPSTREAM_ERROR', { dimseStatus: 0x0110 });
    far.moods = ['lost', general];
    await expect(create()).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    far.moods = [new ServiceFailure('UPSTREAM_UNREACHABLE', { retry: 'safe' })];
    await expect(create()).rejects.toMatchObject({ code: 'UPSTREAM_UNREACHABLE' });
    far.moods = [general];
    await expect(create()).rejects.toMatchObject({ code: 'UPSTREAM_ERROR' });
    await expect(create()).resolves.toEqual({ uid: MPPS_UID });
    expect(far.instances.size).toBe(1);
  });

  test('that never arrived does not bar its UID: what the modality sends instead is for the far end to judge', async () => {
    far.canRetrieve = false;
    far.moods = ['vanish', lost()];
    await expect(create()).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await expect(create(createMessage('PID-2'))).resolves.toEqual({ uid: MPPS_UID });
    expect(far.instances.get(MPPS_UID)).toEqual(createMessage('PID-2'));
  });

  test('that did arrive makes other content a duplicate, and its own repeat still is none', async () => {
    far.canRetrieve = false;
    far.moods = ['lost', lost()];
    await expect(create()).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await expect(create(createMessage('PID-2'))).rejects.toMatchObject({ code: 'DUPLICATE_INSTANCE' });
    await expect(create()).resolves.toEqual({ uid: MPPS_UID });
  });

  test('that another one had created is a duplicate: only a create of our own excuses one', async () => {
    far.instances.set(MPPS_UID, createMessage('PID-9'));
    await expect(create()).rejects.toMatchObject({ code: 'DUPLICATE_INSTANCE' });
    await expect(create()).rejects.toMatchObject({ code: 'DUPLICATE_INSTANCE' });
  });
});

describe('an unanswered update (status mapping 8)', () => {
  beforeEach(() => create());

  test('is sent once more: values and whole sequences replace', async () => {
    far.moods = ['lost'];
    await expect(update(progressMessage())).resolves.toEqual({ uid: MPPS_UID });
    expect(far.arrived.slice(1)).toEqual([`update ${MPPS_UID}`, `update ${MPPS_UID}`]);
  });

  test('that is final and had arrived: the repeat finds the instance final, which is success', async () => {
    far.moods = ['lost'];
    await expect(update(finalMessage())).resolves.toEqual({ uid: MPPS_UID });
    await restart();
    await expect(update(progressMessage())).rejects.toMatchObject({ code: 'INSTANCE_FINAL' });
  });

  test('that is final: 409 for the repeat is success where the state cannot be asked for, not where it is open', async () => {
    const conflict = new ServiceFailure('INSTANCE_CONFLICT', { httpStatus: 409 });
    far.moods = ['vanish', conflict];
    await expect(update(finalMessage())).rejects.toBe(conflict);
    far.canRetrieve = false;
    far.moods = ['vanish', conflict];
    await expect(update(finalMessage())).resolves.toEqual({ uid: MPPS_UID });
  });

  test('that stays unanswered is OUTCOME_UNKNOWN; the same final update again is success, another is not', async () => {
    far.moods = ['lost', lost()];
    await expect(update(finalMessage())).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await restart();
    await expect(update(finalMessage('DISCONTINUED'))).rejects.toMatchObject({ code: 'INSTANCE_FINAL' });
    await expect(update(finalMessage())).resolves.toEqual({ uid: MPPS_UID });
  });
});

test('a store that fails afterwards does not hide what the far end said', async () => {
  far.createMpps = async () => {
    await store.close();
    throw new ServiceFailure('INVALID_VALUE');
  };
  await expect(create()).rejects.toMatchObject({ code: 'INVALID_VALUE' });
  expect(logger.lines).toContainEqual(expect.objectContaining({ level: 'error', uid: MPPS_UID }));
});

test('a failure that did nothing leaves no trace: the same create works later', async () => {
  far.moods = [new ServiceFailure('UPSTREAM_UNREACHABLE', { retry: 'safe' })];
  await expect(create()).rejects.toMatchObject({ code: 'UPSTREAM_UNREACHABLE' });
  await expect(create()).resolves.toEqual({ uid: MPPS_UID });
});

describe('order', () => {
  test('messages of one instance wait for each other, across associations; other instances do not wait', async () => {
    const gate = Promise.withResolvers<void>();
    far.gates.set(MPPS_UID, gate.promise);
    const messages = [create(), update(progressMessage('1')), update(progressMessage('2')), update(finalMessage())];
    await delivery.create(targetOf(), '1.2.3', createMessage(), mppsContextOf());
    expect(far.arrived).toEqual(['create 1.2.3']);
    gate.resolve();
    await Promise.all(messages);
    expect(far.arrived.slice(1)).toEqual([`create ${MPPS_UID}`, ...Array<string>(3).fill(`update ${MPPS_UID}`)]);
    expect(far.instances.get(MPPS_UID)).toEqual({ ...createMessage(), ...progressMessage('2'), ...finalMessage() });
  });

  test('one UID may pass one process twice: two hops do not meet in one record or lock (design 2.4)', async () => {
    const second = new FarEnd();
    const inner = targetOf({}, { route: 'inner', upstream: { name: 'second', upstream: second } });
    far.createMpps = (uid, attributes) => delivery.create(inner, uid, attributes, mppsContextOf(WEB));
    await expect(create()).resolves.toEqual({ uid: MPPS_UID });
    expect(second.arrived).toEqual([`create ${MPPS_UID}`]);
  });

  test('an update follows the upstream of its create when the modality comes back by another route', async () => {
    const other = new FarEnd();
    const first = targetOf();
    const elsewhere = targetOf({}, { route: 'other', upstream: { name: 'other', upstream: other } });
    await create();
    const back = mppsContextOf({ ...WARD, callingAeTitle: 'CT1_B' });
    await delivery.update(
      elsewhere,
      (record) => (record.route === 'all' ? first : undefined),
      MPPS_UID,
      finalMessage(),
      back,
    );
    expect([far.arrived.length, other.arrived.length]).toEqual([2, 0]);
  });
});

describe('validation', () => {
  const broken = (): DataSet => {
    const { '00400241': _, ...rest } = createMessage();
    return dataSetOf(rest);
  };

  test('strict refuses, and nothing is sent or kept', async () => {
    const strict = targetOf({ validation: 'strict' });
    await expect(create(broken(), mppsContextOf(), strict)).rejects.toMatchObject({
      code: 'MISSING_ATTRIBUTE',
      attributes: ['00400241'],
    });
    expect(far.arrived).toEqual([]);
    await expect(create(createMessage(), mppsContextOf(), strict)).resolves.toEqual({ uid: MPPS_UID });
  });

  test('warn passes a modality and logs tags, no values; from the web it refuses (400)', async () => {
    await create(broken());
    const line = logger.lines.find(({ message }) => message.includes('F.7.2-1'));
    expect(line).toMatchObject({ problems: [expect.stringContaining('00400241')] });
    expect(JSON.stringify(logger.lines)).not.toContain('PID-1');
    await expect(delivery.create(targetOf(), '1.2.9', broken(), mppsContextOf(WEB))).rejects.toMatchObject({
      code: 'MISSING_ATTRIBUTE',
    });
  });

  test('a first state other than IN PROGRESS is refused in strict mode (0106H)', async () => {
    const done = dataSetOf({ ...createMessage(), '00400252': attribute('CS', 'COMPLETED') });
    await expect(create(done, mppsContextOf(), targetOf({ validation: 'strict' }))).rejects.toMatchObject({
      code: 'INVALID_VALUE',
      attributes: ['00400252'],
    });
  });

  test('a bad UID is INVALID_UID; a missing one too, or made by option', async () => {
    const bad = delivery.create.bind(delivery);
    expect(() => bad(targetOf(), '1.02', createMessage(), mppsContextOf())).toThrow(
      expect.objectContaining({ code: 'INVALID_UID' }),
    );
    expect(() => bad(targetOf(), undefined, createMessage(), mppsContextOf())).toThrow(
      expect.objectContaining({ code: 'INVALID_UID' }),
    );
    const made = await bad(targetOf({ missingInstanceUid: 'generate' }), undefined, createMessage(), mppsContextOf());
    expect(far.arrived).toEqual([`create ${made.uid}`]);
  });
});

describe('from a web client', () => {
  test('missing type 2 attributes are added empty, and the reason for a discontinuation is created', async () => {
    const { '00080050': _a, '00200010': _b, ...rest } = createMessage();
    await create(dataSetOf(rest), mppsContextOf(WEB));
    const sent = far.instances.get(MPPS_UID);
    expect(sent?.['00200010']).toEqual({ vr: 'SH' });
    expect(sent?.['00400281']).toEqual({ vr: 'SQ' });
  });

  test('an update that repeats the unchanged patient is sent without it; a changed one is a conflict (409)', async () => {
    await create(createMessage(), mppsContextOf(WEB));
    const repeated = dataSetOf({ ...progressMessage(), '00100020': attribute('LO', 'PID-1') });
    await update(repeated, mppsContextOf(WEB));
    const changed = dataSetOf({ ...progressMessage(), '00100020': attribute('LO', 'PID-2') });
    await expect(update(changed, mppsContextOf(WEB))).rejects.toMatchObject({
      code: 'NO_SUCH_ATTRIBUTE',
      attributes: ['00100020'],
    });
    expect(far.arrived).toHaveLength(2);
  });

  test('items of an update get the type 2 attributes they miss, empty: the sequence replaces as a whole', async () => {
    await create(createMessage(), mppsContextOf(WEB));
    const bare = dataSetOf({ '0020000E': attribute('UI', '1.2.3.4.1'), '00181030': attribute('LO', 'Thorax') });
    const final = dataSetOf({ ...finalMessage(), '00400340': attribute('SQ', bare) });
    await update(final, mppsContextOf(WEB));
    expect(far.instances.get(MPPS_UID)?.['00400340']?.Value?.[0]).toMatchObject({ '00081140': { vr: 'SQ' }, ...bare });
  });

  test('an update that repeats what the create had empty is sent without it: N-SET has no empty end date', async () => {
    await create(dataSetOf({ ...createMessage(), '00400250': attribute('DA') }), mppsContextOf(WEB));
    await update(dataSetOf({ ...progressMessage(), '00400250': attribute('DA') }), mppsContextOf(WEB));
    expect(far.arrived).toHaveLength(2);
  });

  test('a sequence that lost items is told, not refused (B.38 note)', async () => {
    await create(createMessage(), mppsContextOf(WEB));
    await update(seriesMessage(3, 2), mppsContextOf(WEB));
    const context = mppsContextOf(WEB);
    await update(seriesMessage(3), context);
    expect(context.warnings).toMatchObject([{ code: 'SEQUENCE_SHRANK', attributes: ['00400340'] }]);
  });
});

test('a write is not given up with the one who asked: only its deadline ends it', async () => {
  const gone = { ...mppsContextOf(), signal: AbortSignal.abort() };
  const seen: boolean[] = [];
  const watching: Upstream = Object.assign(Object.create(far) as FarEnd, {
    createMpps: (uid: string, attributes: DataSet, { signal }: RequestContext) => (
      seen.push(signal.aborted),
      far.createMpps(uid, attributes)
    ),
    updateMpps: (uid: string, modifications: DataSet, { signal }: RequestContext) => (
      seen.push(signal.aborted),
      far.updateMpps(uid, modifications)
    ),
  });
  const target = targetOf({}, { upstream: { name: 'far', upstream: watching } });
  await create(createMessage(), gone, target);
  await update(progressMessage(), gone, target);
  expect(seen).toEqual([false, false]);
});

test('what waited beyond its deadline is refused unsent, to be tried again (0213H, 503)', async () => {
  const late = { ...mppsContextOf(), deadline: performance.now() - 1 };
  const refusal = { code: 'OUT_OF_RESOURCES', retry: 'safe' };
  await expect(create(createMessage(), late)).rejects.toMatchObject(refusal);
  await create();
  await expect(update(finalMessage(), late)).rejects.toMatchObject(refusal);
  expect(far.arrived).toEqual([`create ${MPPS_UID}`]);
});

test('rules change what the far end gets, by create and by update, and what a retrieve finds', async () => {
  const setting =
    (tag: string, vr: 'LO' | 'SH') =>
    (dataSet: DataSet): DataSet =>
      dataSetOf({ ...dataSet, [tag]: attribute(vr, 'RULE') });
  const target = targetOf({}, { request: setting('00400254', 'LO'), response: setting('00400253', 'SH') });
  await create(createMessage(), mppsContextOf(), target);
  const rule = attribute('LO', 'RULE');
  expect(far.instances.get(MPPS_UID)).toEqual({ ...createMessage(), '00400254': rule });
  await update(dataSetOf({ '00400280': attribute('ST', 'x') }), mppsContextOf(), target);
  await update(progressMessage('theirs'), mppsContextOf(), target);
  const stored = { ...createMessage(), '00400254': rule, '00400280': attribute('ST', 'x') };
  expect(far.instances.get(MPPS_UID)).toEqual(stored);
  const found = await delivery.retrieve(target, () => undefined, MPPS_UID, 'all', mppsContextOf());
  expect(found).toEqual({ ...stored, '00400253': attribute('SH', 'RULE') });
});

describe('retrieve', () => {
  test('gives the selection only', async () => {
    await create();
    const found = await delivery.retrieve(targetOf(), () => undefined, MPPS_UID, [['00400252']], mppsContextOf());
    expect(found).toEqual(dataSetOf({ '00400252': attribute('CS', 'IN PROGRESS') }));
  });

  test('at a far end without it is NOT_SUPPORTED, or answered from the copy by option, with a warning', async () => {
    far.canRetrieve = false;
    const keeping = targetOf({ retrieveFromCopy: true });
    await create(createMessage(), mppsContextOf(), keeping);
    await update(progressMessage(), mppsContextOf(), keeping);
    const context = mppsContextOf();
    const found = await delivery.retrieve(keeping, () => undefined, MPPS_UID, 'all', context);
    expect(found).toEqual({ ...createMessage(), ...progressMessage() });
    expect(context.warnings).toMatchObject([{ code: 'UPSTREAM_WARNING' }]);
    await expect(
      delivery.retrieve(targetOf(), () => undefined, MPPS_UID, 'all', mppsContextOf()),
    ).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
  });
});
