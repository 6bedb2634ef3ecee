/** A request that comes by the same route of the same instance again goes in a circle (proxy flows 11.6). */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { Delivery } from '../../../src/gateway/delivery.ts';
import { Gateway } from '../../../src/gateway/gateway.ts';
import type { GatewayRoute } from '../../../src/gateway/gateway.ts';
import { hopsBeyond } from '../../../src/gateway/loop.ts';
import { compileRouteMatcher } from '../../../src/gateway/routes.ts';
import { MAXIMUM_HOPS } from '../../../src/services/port.ts';
import type {
  Completion,
  Hop,
  RequestContext,
  Requester,
  Upstream,
  WorklistQuery,
} from '../../../src/services/port.ts';
import { openMemoryStore } from '../../../src/store/sqlite.ts';
import type { Store } from '../../../src/store/store.ts';
import { createMessage, FarEnd, finalMessage, mppsContextOf, MPPS_UID } from '../../support/mpps.ts';
import { collect, contextOf, entryOf, keepingLogger, queryOf, WARD } from '../../support/requests.ts';

const OWN = { instance: 'here', route: 'ward' };

describe('the way of a request', () => {
  test('grows by the own hop', () => {
    expect(hopsBeyond(undefined, OWN)).toEqual([OWN]);
    expect(hopsBeyond([{ instance: 'there', route: 'ward' }], OWN)).toEqual([
      { instance: 'there', route: 'ward' },
      OWN,
    ]);
  });

  test('may pass one instance by several routes: the embedded default does', () => {
    const inner = { ...OWN, route: 'web' };
    expect(hopsBeyond([OWN], inner)).toEqual([OWN, inner]);
  });

  test('is a loop with the same route of the same instance', () => {
    const way = [OWN, { instance: 'there', route: 'x' }];
    expect(() => hopsBeyond(way, OWN)).toThrow(expect.objectContaining({ code: 'LOOP_DETECTED', retry: 'permanent' }));
  });

  test(`is a loop with more than ${MAXIMUM_HOPS} hops`, () => {
    const way = Array.from({ length: MAXIMUM_HOPS }, (_, i) => ({ instance: `${i}`, route: 'x' }));
    expect(() => hopsBeyond(way, OWN)).toThrow(expect.objectContaining({ code: 'LOOP_DETECTED' }));
    expect(hopsBeyond(way.slice(1), OWN)).toHaveLength(MAXIMUM_HOPS);
  });
});

describe('the gateway', () => {
  let store: Store;
  let gateway: Gateway;
  let seen: (readonly Hop[] | undefined)[];
  let logger: ReturnType<typeof keepingLogger>;

  /** What comes by `ward` goes to an upstream that asks this gateway again, by another listener, as a far end may. */
  class Circle extends FarEnd {
    next: string;

    constructor(next: string) {
      super();
      this.next = next;
    }

    #requester(): Requester {
      return { ...WARD, listener: this.next };
    }

    override createMpps(uid: string, attributes: DataSet, context?: RequestContext): Promise<Completion> {
      seen.push(context?.hops);
      const onward = { ...mppsContextOf(this.#requester()), hops: context?.hops ?? [] };
      return gateway.createMpps(uid, attributes, onward);
    }

    override search(query?: WorklistQuery, context?: RequestContext): AsyncGenerator<DataSet> {
      seen.push(context?.hops);
      const onward = { ...contextOf(this.#requester()), hops: context?.hops ?? [] };
      return gateway.search(query ?? queryOf(dataSetOf({})), onward);
    }
  }

  class End extends FarEnd {
    override async *search(_query?: WorklistQuery, context?: RequestContext): AsyncGenerator<DataSet> {
      seen.push(context?.hops);
      yield entryOf('P1');
    }
    override createMpps(uid: string, attributes: DataSet, context?: RequestContext): Promise<Completion> {
      seen.push(context?.hops);
      return super.createMpps(uid, attributes);
    }
  }

  function routesOf(upstreams: Readonly<Record<string, Upstream>>): GatewayRoute[] {
    return Object.entries(upstreams).map(([listener, upstream]) => ({
      ...compileRouteMatcher(listener, { listener }),
      options: {
        route: listener,
        characterSets: [],
        unencodable: 'utf-8' as const,
        fuzzyMatching: false,
        timezoneAdjustment: false,
      },
      worklist: { upstreams: [{ name: 'far', upstream }], request: undefined, response: undefined },
      mpps: {
        route: listener,
        upstream: { name: 'far', upstream },
        request: undefined,
        response: undefined,
        forwardTo: [],
        options: {
          delivery: 'direct' as const,
          validation: 'warn' as const,
          missingInstanceUid: 'refuse' as const,
          unknownInstance: 'pass' as const,
          fillType2: false,
          preCreateOptional: false,
          defaults: undefined,
          retrieveFromCopy: false,
        },
      },
      storageCommitment: undefined,
      messagesFor: () => undefined,
    }));
  }

  function start(upstreams: Readonly<Record<string, Upstream>>): void {
    gateway = new Gateway(routesOf(upstreams), logger, new Delivery(store, logger));
  }

  beforeEach(async () => {
    store = await openMemoryStore();
    seen = [];
    logger = keepingLogger();
  });
  afterEach(() => store.close());

  const QUERY = queryOf(dataSetOf({ '00100020': attribute('LO') }));

  test('hands on its own hop, and lets a request pass by two of its routes', async () => {
    start({ ward: new Circle('web'), web: new End() });
    const hops = ['ward', 'web'].map((route) => ({ instance: store.instanceId, route }));
    await gateway.createMpps(MPPS_UID, createMessage(), mppsContextOf());
    expect(seen).toEqual([hops.slice(0, 1), hops]);
    expect(await collect(gateway.search(QUERY, contextOf()))).toEqual([entryOf('P1')]);
    expect(seen.slice(2)).toEqual([hops.slice(0, 1), hops]);
  });

  test('ends a circle: 0110H and C00EH, in the log by its code', async () => {
    start({ ward: new Circle('web'), web: new Circle('ward') });
    await expect(gateway.createMpps(MPPS_UID, createMessage(), mppsContextOf())).rejects.toMatchObject({
      code: 'LOOP_DETECTED',
    });
    await expect(collect(gateway.search(QUERY, contextOf()))).rejects.toMatchObject({ code: 'LOOP_DETECTED' });
    expect(seen).toHaveLength(4);
    expect(logger.lines.map(({ status, outcome }) => [status, outcome])).toEqual([
      ...Array<string[]>(3).fill(['0110H', 'LOOP_DETECTED']),
      ...Array<string[]>(3).fill(['C00EH', 'LOOP_DETECTED']),
    ]);
  });

  test('knows a circle without a store too', async () => {
    gateway = new Gateway(routesOf({ ward: new Circle('ward') }), logger);
    await expect(collect(gateway.search(QUERY, contextOf()))).rejects.toMatchObject({ code: 'LOOP_DETECTED' });
  });

  test('in which a message was refused leaves nothing that would bar it later', async () => {
    const circle = new Circle('ward');
    start({ ward: circle, web: new End() });
    await expect(gateway.createMpps(MPPS_UID, createMessage(), mppsContextOf())).rejects.toMatchObject({
      code: 'LOOP_DETECTED',
    });
    circle.next = 'web';
    await expect(gateway.createMpps(MPPS_UID, createMessage(), mppsContextOf())).resolves.toEqual({ uid: MPPS_UID });
    await expect(gateway.updateMpps('1.2.9', finalMessage(), mppsContextOf())).rejects.toMatchObject({
      code: 'NO_SUCH_INSTANCE',
    });
  });
});
