import { describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attribute, dataSetOf, firstText } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { compileRules } from '../../../src/dataset/rules.ts';
import { Delivery } from '../../../src/gateway/delivery.ts';
import { Gateway } from '../../../src/gateway/gateway.ts';
import type { MppsRouteOptions } from '../../../src/gateway/mpps-route.ts';
import type { GatewayRoute, WorklistRoute } from '../../../src/gateway/gateway.ts';
import { compileRouteMatcher } from '../../../src/gateway/routes.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { RequestContext, Upstream, WorklistQuery } from '../../../src/services/port.ts';
import { openStore } from '../../../src/store/sqlite.ts';
import { createMessage, FarEnd, mppsContextOf, MPPS_UID, progressMessage } from '../../support/mpps.ts';
import { collect, contextOf, entryOf, keepingLogger, queryOf, WARD } from '../../support/requests.ts';

type Search = (query: WorklistQuery, context: RequestContext) => AsyncIterable<DataSet>;

function upstreamOf(search: Search): Upstream {
  return Object.assign(new FarEnd(), { search });
}

async function* results(...entries: DataSet[]): AsyncGenerator<DataSet> {
  yield* entries;
}

async function* failing(failure: unknown, ...before: DataSet[]): AsyncGenerator<DataSet> {
  yield* before;
  throw failure;
}

function routeOf(searches: Record<string, Search>, more: Partial<WorklistRoute> = {}): GatewayRoute {
  return {
    ...compileRouteMatcher('all', { listener: 'ward' }),
    options: { route: 'all', characterSets: [], unencodable: 'utf-8', fuzzyMatching: false, timezoneAdjustment: false },
    worklist: {
      upstreams: Object.entries(searches).map(([name, search]) => ({ name, upstream: upstreamOf(search) })),
      request: undefined,
      response: undefined,
      ...more,
    },
    mpps: undefined,
    storageCommitment: undefined,
    messagesFor: () => undefined,
  };
}

const QUERY = queryOf(dataSetOf({ '00100020': attribute('LO') }));

describe('a search through the gateway', () => {
  test('passes results on in order and leaves one log line with who, what, route, count, status and ms', async () => {
    const logger = keepingLogger();
    const gateway = new Gateway([routeOf({ ris: () => results(entryOf('P1'), entryOf('P2')) })], logger);
    const found = await collect(gateway.search(QUERY, contextOf()));
    expect(found).toEqual([entryOf('P1'), entryOf('P2')]);
    expect(logger.lines).toEqual([
      {
        level: 'info',
        message: 'exchange',
        service: 'worklist',
        transaction: 'search',
        traceId: 'test-trace',
        listener: 'ward',
        protocol: 'dimse',
        address: '127.0.0.1',
        callingAeTitle: 'CT1',
        calledAeTitle: 'DIMSEWAY',
        route: 'all',
        upstream: 'ris',
        count: 2,
        status: '0000H',
        ms: expect.any(Number),
      },
    ]);
  });

  test('no log line carries a value of the data sets', async () => {
    const logger = keepingLogger();
    const gateway = new Gateway([routeOf({ ris: () => results(entryOf('SECRET-ID')) })], logger);
    await collect(gateway.search(queryOf(dataSetOf({ '00100020': attribute('LO', 'SECRET-ID') })), contextOf()));
    expect(JSON.stringify(logger.lines)).not.toContain('SECRET-ID');
  });

  test('no keys, no matches: an empty identifier does not reach the upstream, but leaves its line (PS3.4 K.4.1.3.1)', async () => {
    const logger = keepingLogger();
    const gateway = new Gateway([routeOf({ ris: () => failing(new Error('asked')) })], logger);
    expect(await collect(gateway.search(queryOf(dataSetOf({})), contextOf()))).toEqual([]);
    expect(logger.lines).toMatchObject([{ message: 'exchange', count: 0, status: '0000H' }]);
  });

  test('what a far end wrote about its failure stays out of the log, since it may name a patient', async () => {
    const logger = keepingLogger();
    const refused = new ServiceFailure('UPSTREAM_ERROR', { comment: 'no step for DOE^JANE', dimseStatus: 0xc001 });
    const gateway = new Gateway([routeOf({ ris: () => failing(refused) })], logger);
    await expect(collect(gateway.search(QUERY, contextOf()))).rejects.toBe(refused);
    expect(JSON.stringify(logger.lines)).not.toContain('DOE^JANE');
    expect(logger.lines).toMatchObject([{ outcome: 'UPSTREAM_ERROR', upstreamDimseStatus: 'C001H' }]);
  });

  test('a deadline that moves on while results flow is seen by the upstream', async () => {
    let deadline = 1;
    const context = Object.defineProperty(contextOf(), 'deadline', { get: () => deadline });
    const seen: number[] = [];
    const reading: Search = async function* (_query, given) {
      seen.push(given.deadline);
      yield entryOf('P1');
      seen.push(given.deadline);
    };
    const gateway = new Gateway([routeOf({ ris: reading })], keepingLogger());
    for await (const _found of gateway.search(QUERY, context)) deadline = 2;
    expect(seen).toEqual([1, 2]);
  });

  test('fails with NOT_SUPPORTED when no route matches (context result 3, HTTP 501)', async () => {
    const logger = keepingLogger();
    const gateway = new Gateway([], logger);
    expect(gateway.routeFor('worklist', WARD)).toBeUndefined();
    await expect(collect(gateway.search(QUERY, contextOf()))).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
    expect(logger.lines).toMatchObject([{ message: 'exchange', status: '0122H', outcome: 'NOT_SUPPORTED' }]);
  });

  test('asks the next upstream when the first fails safely before its first result', async () => {
    const down = new ServiceFailure('UPSTREAM_UNREACHABLE', { retry: 'safe' });
    const gateway = new Gateway(
      [routeOf({ a: () => failing(down), b: () => results(entryOf('P1')) })],
      keepingLogger(),
    );
    expect(await collect(gateway.search(QUERY, contextOf()))).toEqual([entryOf('P1')]);
  });

  test.each([
    ['after its first result', new ServiceFailure('CONNECTION_LOST', { retry: 'safe' }), [entryOf('P1')]],
    ['with an unsafe failure', new ServiceFailure('BAD_REQUEST'), []],
  ])('does not switch upstream when the first fails %s', async (_title, failure, before) => {
    let asked = false;
    const second: Search = () => ((asked = true), results(entryOf('P9')));
    const gateway = new Gateway([routeOf({ a: () => failing(failure, ...before), b: second })], keepingLogger());
    await expect(collect(gateway.search(QUERY, contextOf()))).rejects.toBe(failure);
    expect(asked).toBe(false);
  });

  test('applies request rules to the identifier and response rules to each result', async () => {
    const seen: DataSet[] = [];
    const search: Search = (query) => (seen.push(query.identifier), results(entryOf('P1')));
    const gateway = new Gateway(
      [
        routeOf(
          { ris: search },
          {
            request: (identifier) => ({ ...identifier, '00080050': attribute('SH', 'MAPPED') }),
            response: (result) => ({ ...result, '00100020': attribute('LO', 'MAPPED') }),
          },
        ),
      ],
      keepingLogger(),
    );
    const [found] = await collect(gateway.search(QUERY, contextOf()));
    expect(firstText(seen[0] as DataSet, '00080050')).toBe('MAPPED');
    expect(firstText(found as DataSet, '00100020')).toBe('MAPPED');
  });

  test.each(['request', 'response'] as const)(
    'a %s rule that does not fit the values it meets is CONVERSION_FAILED naming the rule (C009, 502), no riddle',
    async (direction) => {
      const logger = keepingLogger();
      const mapping = compileRules([{ copy: 'PatientID', to: 'Rows' }]);
      const gateway = new Gateway([routeOf({ ris: () => results(entryOf('P1')) }, { [direction]: mapping })], logger);
      const query = queryOf(dataSetOf({ '00100020': attribute('LO', 'P1') }));
      await expect(collect(gateway.search(query, contextOf()))).rejects.toMatchObject({
        code: 'CONVERSION_FAILED',
        message: `rules.${direction}: Rule 1: 00280010: a value of VR US is not a number`,
      });
      expect(logger.lines).toMatchObject([{ message: 'exchange', status: 'C009H', outcome: 'CONVERSION_FAILED' }]);
    },
  );

  test('an unexpected error becomes INTERNAL_ERROR and its message is not logged (it may quote a value)', async () => {
    const logger = keepingLogger();
    const gateway = new Gateway([routeOf({ ris: () => failing(new TypeError('DOE^JANE is not iterable')) })], logger);
    await expect(collect(gateway.search(QUERY, contextOf()))).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
    expect(JSON.stringify(logger.lines)).not.toContain('DOE^JANE');
    expect(logger.lines.map((line) => line.level)).toEqual(['error', 'warn']);
  });

  test('a requester that stops listening is logged as such, and the upstream is told to stop', async () => {
    let stopped = false;
    async function* endless(): AsyncGenerator<DataSet> {
      try {
        for (;;) yield entryOf('P1');
      } finally {
        stopped = true;
      }
    }
    const logger = keepingLogger();
    const gateway = new Gateway([routeOf({ ris: endless })], logger);
    for await (const _found of gateway.search(QUERY, contextOf())) break;
    expect(stopped).toBe(true);
    expect(logger.lines).toMatchObject([{ message: 'exchange', count: 1, status: 'FE00H' }]);
  });
});

test('a request that the listener refused by itself leaves its log line too', () => {
  const logger = keepingLogger();
  const gateway = new Gateway([routeOf({ ris: () => results() })], logger);
  gateway.refused('search', contextOf(), performance.now(), new ServiceFailure('BAD_REQUEST'));
  expect(logger.lines).toMatchObject([{ message: 'exchange', route: 'all', status: 'A900H' }]);
});

test.each(['create', 'update', 'retrieve'] as const)('a refused MPPS %s is logged as what it was', (operation) => {
  const logger = keepingLogger();
  new Gateway([], logger).refused(operation, contextOf(), performance.now(), new ServiceFailure('INVALID_UID'));
  expect(logger.lines).toMatchObject([{ service: 'mpps', transaction: operation, status: '0117H' }]);
});

describe('an MPPS whose modality comes back under another AE title', () => {
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

  function mppsRouteOf(name: string, callingAeTitle: string, far: FarEnd): GatewayRoute {
    const upstream = { name: `${name}-upstream`, upstream: far };
    return {
      ...routeOf({}),
      ...compileRouteMatcher(name, { callingAeTitles: [callingAeTitle] }),
      mpps: { route: name, upstream, request: undefined, response: undefined, forwardTo: [], options: OPTIONS },
    };
  }

  test('goes to the upstream of its create, and the log names that one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
    const store = await openStore({ path: join(folder, 'dimseway.db') });
    try {
      const logger = keepingLogger();
      const [first, second] = [new FarEnd(), new FarEnd()];
      const routes = [mppsRouteOf('first', 'CT1_B', first), mppsRouteOf('second', 'CT1', second)];
      const gateway = new Gateway(routes, logger, new Delivery(store, logger));
      await gateway.createMpps(MPPS_UID, createMessage(), mppsContextOf());
      const back = { ...WARD, callingAeTitle: 'CT1_B' };
      await gateway.updateMpps(MPPS_UID, progressMessage(), mppsContextOf(back));
      await gateway.retrieveMpps(MPPS_UID, 'all', mppsContextOf(back));
      expect([first.arrived, second.arrived.length]).toEqual([[], 2]);
      expect(logger.lines.map(({ route, upstream }) => [route, upstream])).toEqual([
        ['second', 'second-upstream'],
        ['first', 'second-upstream'],
        ['first', 'second-upstream'],
      ]);
    } finally {
      await store.close();
      await rm(folder, { recursive: true });
    }
  });
});
