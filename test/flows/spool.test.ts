/** Store-and-forward, forwarding and loops between gateways over real sockets (proxy flows 4.1, 11). */
import { afterEach, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listener as listenerSchema } from '../../src/config/listener-schema.ts';
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { Delivery } from '../../src/gateway/delivery.ts';
import { Gateway } from '../../src/gateway/gateway.ts';
import type { ForwardTarget, MppsTarget } from '../../src/gateway/mpps-route.ts';
import { compileRouteMatcher } from '../../src/gateway/routes.ts';
import type { NamedUpstream } from '../../src/gateway/routes.ts';
import { SpoolDelivery } from '../../src/gateway/spool-delivery.ts';
import { systemClock } from '../../src/gateway/clock.ts';
import type { DeliveryAttempt } from '../../src/observe/spool.ts';
import { buildListener } from '../../src/parts.ts';
import type { Listener } from '../../src/parts.ts';
import type { Upstream } from '../../src/services/port.ts';
import { openMemoryStore, openStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { upstreamTo } from '../support/beds.ts';
import type { Protocol } from '../support/beds.ts';
import { createMessage, FarEnd, finalMessage, mppsContextOf, MPPS_UID, progressMessage } from '../support/mpps.ts';
import { keepingLogger } from '../support/requests.ts';

const OPTIONS = { concurrency: 4, firstDelayMs: 5, maximumDelayMs: 20, attemptTimeoutMs: 5_000, leaseMs: 10_000 };
/** With what a web client's create gets besides. */
const CREATE: DataSet = dataSetOf({
  ...createMessage(),
  '00400281': attribute('SQ'),
});
const WHOLE: DataSet = { ...CREATE, ...progressMessage(), ...finalMessage() };

/** The instance as it arrived, but for the character set it was written in on its last way. */
function instanceAt(end: FarEnd): DataSet {
  const { '00080005': _, ...rest } = end.instances.get(MPPS_UID) ?? {};
  return rest;
}

interface Options {
  readonly upstream: NamedUpstream;
  readonly forwardTo?: readonly ForwardTarget[];
  readonly delivery?: MppsTarget['options']['delivery'];
}

/** A gateway with one route, its store, its spool, and a listener of each protocol. */
class Side {
  readonly logger = keepingLogger();
  readonly store: Store;
  readonly ports: Readonly<Record<Protocol, number>>;
  readonly #gateway: Gateway;
  readonly #listeners: readonly Listener[];
  readonly #waiting = new Set<() => void>();
  readonly attempts: DeliveryAttempt[] = [];
  readonly #spool: SpoolDelivery;

  private constructor(
    store: Store,
    gateway: Gateway,
    listeners: readonly Listener[],
    ports: Readonly<Record<Protocol, number>>,
  ) {
    this.store = store;
    this.ports = ports;
    this.#gateway = gateway;
    this.#listeners = listeners;
    const observer = (attempt: DeliveryAttempt): void => {
      this.attempts.push(attempt);
      for (const look of this.#waiting) look();
    };
    this.#spool = new SpoolDelivery(store, this.logger, systemClock, { observer });
  }

  /** @param store by default one in memory */
  static async start(store?: Store): Promise<Side> {
    const gateway = new Gateway([], keepingLogger());
    const listeners = (['dimse', 'dicomweb'] as const).map((protocol) => {
      const config =
        protocol === 'dimse' ? { protocol, aeTitle: 'FAREND', port: 0 } : { protocol, port: 0, basePath: '/far' };
      return buildListener(protocol, listenerSchema.parse(config), gateway, keepingLogger());
    });
    const [dimse = 0, dicomweb = 0] = (await Promise.all(listeners.map((each) => each.listen()))).map(
      ({ port }) => port,
    );
    const side = new Side(store ?? (await openMemoryStore()), gateway, listeners, { dimse, dicomweb });
    sides.push(side);
    return side;
  }

  route({ upstream, forwardTo = [], delivery = 'direct' }: Options): void {
    const target: MppsTarget = {
      route: 'all',
      upstream,
      request: undefined,
      response: undefined,
      forwardTo,
      options: {
        delivery,
        validation: 'warn',
        missingInstanceUid: 'refuse',
        unknownInstance: 'pass',
        fillType2: false,
        preCreateOptional: false,
        defaults: undefined,
        retrieveFromCopy: false,
      },
    };
    const options = { route: 'all', characterSets: [], unencodable: 'utf-8', fuzzyMatching: false } as const;
    const route = {
      ...compileRouteMatcher('all', {}),
      options: { ...options, timezoneAdjustment: false },
      worklist: undefined,
      mpps: target,
      storageCommitment: undefined,
      messagesFor: () => undefined,
    };
    this.#gateway.replaceRoutes([route], new Delivery(this.store, this.logger, { spool: this.#spool }));
    this.#spool.replaceTargets(
      [{ upstream }, ...forwardTo].map((each, index) => ({
        route: 'all',
        upstream: each.upstream,
        request: undefined,
        options: OPTIONS,
        isForward: index > 0,
      })),
    );
  }

  /** Resolves when so many messages have left the spool, delivered or dead. */
  async left(count: number): Promise<void> {
    const gone = (): number => this.attempts.filter(({ outcome }) => outcome !== 'later').length;
    const enough = Promise.withResolvers<void>();
    const look = (): void => void (gone() >= count && enough.resolve());
    this.#waiting.add(look);
    look();
    await enough.promise;
    this.#waiting.delete(look);
  }

  async close(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close(200)));
    await this.#spool.close(500);
    await this.store.close();
  }
}

const sides: Side[] = [];
const upstreams: NamedUpstream[] = [];
const folders: string[] = [];

afterEach(async () => {
  await Promise.all(sides.splice(0).map((side) => side.close()));
  await Promise.all(upstreams.splice(0).map(({ upstream }) => upstream.close()));
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })));
});

async function to(side: Pick<Side, 'ports'>, protocol: Protocol, more: object = {}): Promise<NamedUpstream> {
  const named = { name: `far-${protocol}`, upstream: await upstreamTo(protocol, side.ports[protocol], more) };
  upstreams.push(named);
  return named;
}

/** What a modality sends, over the wire. */
async function sendLife(side: Side, protocol: Protocol): Promise<void> {
  const { upstream } = await to(side, protocol);
  await upstream.createMpps(MPPS_UID, CREATE, mppsContextOf());
  await upstream.updateMpps(MPPS_UID, progressMessage(), mppsContextOf());
  await upstream.updateMpps(MPPS_UID, finalMessage(), mppsContextOf());
}

test.each<[Protocol, Protocol]>([
  ['dimse', 'dicomweb'],
  ['dicomweb', 'dimse'],
])(
  'what came by %s is acknowledged while the %s far end is not there, and arrives in order when it is',
  async (from, towards) => {
    const far = new FarEnd();
    const farSide = await Side.start();
    farSide.route({ upstream: { name: 'memory', upstream: far } });
    const near = await Side.start();
    near.route({ upstream: await to({ ports: await freePorts() }, towards), delivery: 'store-and-forward' });
    await sendLife(near, from);
    expect(await near.store.spool.list({})).toHaveLength(3);
    near.route({ upstream: await to(farSide, towards), delivery: 'store-and-forward' });
    await near.left(3);
    expect(far.arrived).toEqual([`create ${MPPS_UID}`, `update ${MPPS_UID}`, `update ${MPPS_UID}`]);
    expect(instanceAt(far)).toEqual(WHOLE);
    expect(await near.store.spool.list({})).toEqual([]);
  },
);

test.each<Protocol>(['dimse', 'dicomweb'])(
  'what was accepted is forwarded by %s, as it was received',
  async (protocol) => {
    const [primary, far] = [new FarEnd(), new FarEnd()];
    const farSide = await Side.start();
    farSide.route({ upstream: { name: 'memory', upstream: far } });
    const near = await Side.start();
    const forward = { upstream: await to(farSide, protocol), request: undefined };
    near.route({ upstream: { name: 'primary', upstream: primary }, forwardTo: [forward] });
    await sendLife(near, protocol);
    await near.left(3);
    expect([instanceAt(primary), instanceAt(far)]).toEqual([WHOLE, WHOLE]);
  },
);

test('two gateways that forward to each other by DICOMweb each have every message once, and no dead letter', async () => {
  const ends = [new FarEnd(), new FarEnd()] as const;
  const [one, other] = [await Side.start(), await Side.start()];
  const forwards = async (side: Side): Promise<ForwardTarget[]> => [
    { upstream: await to(side, 'dicomweb'), request: undefined },
  ];
  one.route({ upstream: { name: 'memory', upstream: ends[0] }, forwardTo: await forwards(other) });
  other.route({ upstream: { name: 'memory', upstream: ends[1] }, forwardTo: await forwards(one) });
  await sendLife(one, 'dimse');
  await Promise.all([one.left(3), other.left(3)]);
  for (const end of ends) {
    expect(end.arrived).toEqual([`create ${MPPS_UID}`, `update ${MPPS_UID}`, `update ${MPPS_UID}`]);
    expect(instanceAt(end)).toEqual(WHOLE);
  }
  const dead = [one, other].flatMap(({ attempts }) => attempts.filter(({ outcome }) => outcome === 'dead'));
  expect(dead).toEqual([]);
  const loops = other.logger.lines.filter(({ status }) => status === 'loop');
  expect(loops).toHaveLength(3);
});

test('two gateways that forward to each other by DIMSE: nothing goes back to the AE title it came from', async () => {
  const ends = [new FarEnd(), new FarEnd()] as const;
  const [one, other] = [await Side.start(), await Side.start()];
  const forwards = async (side: Side): Promise<ForwardTarget[]> => [
    // Both call themselves NEAREND, and that is what they are told to call the other by.
    { upstream: await to(side, 'dimse'), request: undefined, aeTitle: 'NEAREND' },
  ];
  one.route({ upstream: { name: 'memory', upstream: ends[0] }, forwardTo: await forwards(other) });
  other.route({ upstream: { name: 'memory', upstream: ends[1] }, forwardTo: await forwards(one) });
  await sendLife(one, 'dicomweb');
  await one.left(3);
  expect(ends.map((end) => instanceAt(end))).toEqual([WHOLE, WHOLE]);
  expect(await other.store.spool.list({})).toEqual([]);
});

test('an upstream that leads back to its own route is 508, and 0110H for a modality', async () => {
  const side = await Side.start();
  side.route({ upstream: await to(side, 'dicomweb') });
  const [web, dimse] = [await to(side, 'dicomweb'), await to(side, 'dimse')];
  await expect(web.upstream.createMpps(MPPS_UID, CREATE, mppsContextOf())).rejects.toMatchObject({
    code: 'LOOP_DETECTED',
    httpStatus: 508,
  });
  await expect(dimse.upstream.createMpps(MPPS_UID, CREATE, mppsContextOf())).rejects.toMatchObject({
    dimseStatus: 0x0110,
  });
  expect(await side.store.mpps.findByListener('dicomweb', MPPS_UID)).toBeUndefined();
});

test('a store without room: 0213H and 503 for the sources, until what was acknowledged is delivered; nothing of it is lost', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dimseway-full-'));
  const far = new FarEnd();
  const farSide = await Side.start();
  farSide.route({ upstream: { name: 'memory', upstream: far } });
  const near = await Side.start(await openStore({ path: join(folder, 'dimseway.db'), maximumBytes: 400_000 }));
  folders.push(folder);
  near.route({ upstream: await to({ ports: await freePorts() }, 'dicomweb'), delivery: 'store-and-forward' });
  const [dimse, web] = [(await to(near, 'dimse')).upstream, (await to(near, 'dicomweb')).upstream];
  const create = (upstream: Upstream, uid: string): Promise<unknown> =>
    upstream.createMpps(uid, CREATE, mppsContextOf()).catch((error: unknown) => error);

  const acknowledged: string[] = [];
  let refusal: unknown;
  while (refusal === undefined && acknowledged.length < 300) {
    const uid = `1.2.3.${acknowledged.length + 1}`;
    const answer = await create(acknowledged.length % 2 === 0 ? dimse : web, uid);
    if (answer instanceof Error) refusal = answer;
    else acknowledged.push(uid);
  }
  expect(acknowledged.length).toBeGreaterThan(5);
  expect(await create(dimse, '1.2.4')).toMatchObject({ code: 'OUT_OF_RESOURCES', dimseStatus: 0x0213 });
  expect(await create(web, '1.2.4')).toMatchObject({ code: 'OUT_OF_RESOURCES', httpStatus: 503 });

  near.route({ upstream: await to(farSide, 'dicomweb'), delivery: 'store-and-forward' });
  await near.left(acknowledged.length);
  expect(await create(web, '1.2.4')).toEqual({ uid: '1.2.4' });
  await near.left(acknowledged.length + 1);
  expect([...far.instances.keys()].sort()).toEqual([...acknowledged, '1.2.4'].sort());
});

/** Ports that nobody listens on. */
async function freePorts(): Promise<Readonly<Record<Protocol, number>>> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return { dimse: port, dicomweb: port };
}
