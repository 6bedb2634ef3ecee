/** What is kept of exchanges, and where: nothing for a console that is not there, nothing of patients that nobody asked for. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { configSchema } from '../../src/config/schema.ts';
import type { ConsoleConfig } from '../../src/config/schema.ts';
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import type { SeenExchange } from '../../src/observe/exchanges.ts';
import { Observation } from '../../src/observe-parts.ts';
import type { RunningUpstream } from '../../src/running.ts';
import { ServiceFailure } from '../../src/services/port.ts';
import type { Upstream } from '../../src/services/port.ts';
import { contextOf, WARD } from '../support/requests.ts';

const EXCHANGE: SeenExchange = {
  operation: 'create',
  requester: WARD,
  traceId: 'test-trace',
  route: 'ct',
  upstream: 'ris',
  startedMs: 0,
  ms: 20,
  status: '0000H',
  warnings: [],
};
const MPPS = dataSetOf({ '00100020': attribute('LO', 'MARKED-ID') });

let observation: Observation;
let failure: ServiceFailure | undefined;
beforeEach(() => {
  failure = undefined;
  observation = new Observation(
    () => undefined,
    () => undefined,
  );
});
afterEach(() => observation.stop());

function consoleOf(more: object = {}): ConsoleConfig | undefined {
  const upstreams = { ris: { protocol: 'ris', entries: 'worklist.json' } };
  const routes = [{ name: 'ct', worklist: { to: 'ris' } }];
  const listeners = { web: { protocol: 'dicomweb', port: 0 } };
  return configSchema.parse({ listeners, upstreams, routes, console: { port: 0, ...more } }).console;
}

function follow(console: ConsoleConfig | undefined): void {
  observation.follow(console === undefined ? {} : { console });
}

/** One MPPS to an upstream that says what it does, and its exchange. */
async function exchange(): Promise<void> {
  const farEnd = {
    createMpps: async (uid, _attributes, { trace }) => {
      trace?.({ direction: 'out', text: 'N-CREATE-RQ' });
      if (failure !== undefined) throw failure;
      return { uid };
    },
  } satisfies Partial<Upstream>;
  const running = new Map([['ris', { upstream: farEnd } as unknown as RunningUpstream]]);
  const upstream = observation.watched(running).get('ris')?.upstream;
  await upstream?.createMpps('1.2.3', MPPS, contextOf()).catch(() => undefined);
  observation.exchanged({ ...EXCHANGE, failure });
}

const seen = () => ({
  exchanges: observation.history.list({}, 100).length,
  steps: observation.history.steps('test-trace').map(({ peer, text }) => `${peer} ${text}`),
  captured: observation.capture.of('test-trace').map(({ stage, upstream, dataSet }) => [stage, upstream, dataSet]),
  traffic: (['listener', 'route', 'upstream'] as const).map((kind) => {
    const name = { listener: WARD.listener, route: 'ct', upstream: 'ris' }[kind];
    return observation.traffic.of(kind, name).exchanges;
  }),
});

const NOTHING_SEEN = { exchanges: 0, steps: [], captured: [], traffic: [0, 0, 0] };
const SOON = { until: new Date(Date.now() + 3_600_000).toISOString() };

test('without a console nothing is kept; metrics and health are told all the same', async () => {
  follow(undefined);
  await exchange();
  expect(seen()).toEqual(NOTHING_SEEN);
  expect(await observation.metrics.text()).toContain('outcome="ok"} 1');
  expect(observation.upstreams.of('ris')).toEqual({ lastSuccess: expect.any(String) });
});

test('with one, exchanges, hops and traffic are kept, data sets are not', async () => {
  follow(consoleOf());
  await exchange();
  expect(seen()).toEqual({ exchanges: 1, steps: ['ris N-CREATE-RQ'], captured: [], traffic: [1, 1, 1] });
});

test('data sets are kept as they are sent where it was asked for, and forgotten when it is no more', async () => {
  follow(consoleOf({ capture: SOON }));
  await exchange();
  expect(seen().captured).toEqual([['sent', 'ris', MPPS]]);
  follow(consoleOf());
  expect(seen().captured).toEqual([]);
  await exchange();
  expect(seen().captured).toEqual([]);
});

test('failures are those of whoever was there to wait', async () => {
  follow(consoleOf());
  failure = new ServiceFailure('UPSTREAM_TIMEOUT');
  await exchange();
  failure = new ServiceFailure('CANCELED');
  await exchange();
  const { traffic } = observation;
  expect(traffic.of('route', 'ct')).toMatchObject({ exchanges: 2, failures: 1 });
  expect(traffic.of('upstream', 'ris')).toMatchObject({ exchanges: 1, failures: 1 });
});

test('another configuration has room for fewer', async () => {
  follow(consoleOf());
  for (let i = 0; i < 20; i++) await exchange();
  follow(consoleOf({ exchanges: 10 }));
  expect(seen().exchanges).toBe(10);
});
