import { describe, expect, test } from '@jest/globals';
import type { AuditedExchange } from '../../../src/audit/exchange-events.ts';
import { attribute, createDataSet, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { ExchangeLog } from '../../../src/gateway/exchange.ts';
import { compileRouteMatcher, matchRoute } from '../../../src/gateway/routes.ts';
import { WorkitemExchanges } from '../../../src/gateway/workitem-exchanges.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import { WORKITEM_WARNINGS } from '../../../src/services/ups/warnings.ts';
import type { WorkitemHandler } from '../../../src/services/ups/workitem.ts';
import { mppsContextOf } from '../../support/mpps.ts';
import { collect, keepingLogger } from '../../support/requests.ts';
import { Listener, OPTIONS, USER_AGENT } from '../../support/workitem-service.ts';

const UID = '2.25.1';
const WORKITEM = dataSetOf({ '00100020': attribute('LO', 'MARKED-ID') });
const QUERY = { identifier: WORKITEM, returnKeys: 'all', fuzzyMatching: false, offset: 0 } as const;

/** Every transaction goes well: two results, one warning of a change of state. */
const SERVICE: WorkitemHandler = {
  async *search() {
    yield WORKITEM;
    yield WORKITEM;
  },
  retrieve: () => Promise.resolve(WORKITEM),
  create: () => Promise.resolve(UID),
  update: () => Promise.resolve(),
  changeState: async (_uid, _state, _lock, context) => context.warn(WORKITEM_WARNINGS.alreadyCompleted),
  requestCancellation: () => Promise.resolve(),
  subscribe: () => Promise.resolve(),
  unsubscribe: () => Promise.resolve(),
  suspend: () => Promise.resolve(),
  connect: () => () => undefined,
};

function bedOf(service: WorkitemHandler | undefined = SERVICE) {
  const logger = keepingLogger();
  const log = new ExchangeLog(logger);
  const audited: AuditedExchange[] = [];
  log.observers = [(exchange) => void audited.push(exchange)];
  const recorded: [string, DataSet][] = [];
  const messages = {
    record: (stage: string, _trace: string, dataSet: DataSet) => void recorded.push([stage, dataSet]),
  };
  const route = {
    ...compileRouteMatcher('ups', { listener: USER_AGENT.listener }),
    workitems: { route: 'ups', upstream: 'far', options: OPTIONS },
    messagesFor: () => ({ ...messages, close: () => Promise.resolve() }),
  };
  const exchanges = new WorkitemExchanges(logger, log, {
    service: () => service,
    routeOf: (requester) => matchRoute([route], requester),
  });
  return { exchanges, lines: logger.lines, audited, recorded };
}

const cancellation = { requesterAeTitle: 'DESK', attributes: createDataSet() };
const TRANSACTIONS: readonly [string, string, (exchanges: WorkitemExchanges) => unknown][] = [
  ['searchWorkitems', '200', (exchanges) => collect(exchanges.search(QUERY, mppsContextOf(USER_AGENT)))],
  ['retrieveWorkitem', '200', (exchanges) => exchanges.retrieve(UID, mppsContextOf(USER_AGENT))],
  ['createWorkitem', '201', (exchanges) => exchanges.create(undefined, WORKITEM, mppsContextOf(USER_AGENT))],
  ['updateWorkitem', '200', (exchanges) => exchanges.update(UID, '2.25.2', WORKITEM, mppsContextOf(USER_AGENT))],
  [
    'changeWorkitemState',
    '200',
    (exchanges) => exchanges.changeState(UID, 'COMPLETED', '2.25.2', mppsContextOf(USER_AGENT)),
  ],
  [
    'requestCancellation',
    '202',
    (exchanges) => exchanges.requestCancellation(UID, cancellation, mppsContextOf(USER_AGENT)),
  ],
  [
    'subscribe',
    '201',
    (exchanges) => exchanges.subscribe(UID, 'WATCH', { deletionLock: false }, mppsContextOf(USER_AGENT)),
  ],
  ['unsubscribe', '200', (exchanges) => exchanges.unsubscribe(UID, 'WATCH', mppsContextOf(USER_AGENT))],
  ['suspendSubscription', '200', (exchanges) => exchanges.suspend(UID, 'WATCH', mppsContextOf(USER_AGENT))],
  ['openChannel', '101', (exchanges) => exchanges.connect(new Listener('WATCH'), mppsContextOf(USER_AGENT))],
];

describe('exchanges of workitems', () => {
  test.each(TRANSACTIONS)(
    '%s leaves one line, with its route and status, and is told to the audit trail',
    async (...[transaction, status, run]) => {
      const { exchanges, lines, audited } = bedOf();
      await run(exchanges);
      expect(lines).toEqual([
        expect.objectContaining({
          level: 'info',
          service: 'workitems',
          transaction,
          status,
          route: 'ups',
          listener: 'web',
        }),
      ]);
      expect(audited.map(({ operation, route }) => [operation, route])).toEqual([[transaction, 'ups']]);
      const isNamed = transaction !== 'searchWorkitems' && transaction !== 'openChannel';
      expect([lines[0]?.['uid'], audited[0]?.uid]).toEqual(isNamed ? [UID, UID] : [undefined, undefined]);
      expect(JSON.stringify(lines)).not.toContain('MARKED');
    },
  );

  test('count results and name warnings', async () => {
    const { exchanges, lines } = bedOf();
    await collect(exchanges.search(QUERY, mppsContextOf(USER_AGENT)));
    const context = mppsContextOf(USER_AGENT);
    await exchanges.changeState(UID, 'COMPLETED', '2.25.2', context);
    expect([lines[0]?.['count'], lines[1]?.['warnings'], context.warnings]).toEqual([
      2,
      ['ALREADY_IN_STATE'],
      [WORKITEM_WARNINGS.alreadyCompleted],
    ]);
  });

  test('a search that nobody reads to its end is told as closed', async () => {
    const { exchanges, lines } = bedOf();
    for await (const _ of exchanges.search(QUERY, mppsContextOf(USER_AGENT))) break;
    expect(lines.map(({ status, count }) => [status, count])).toEqual([['closed', 1]]);
  });

  test('what fails is a warning with its code, for the user agent the very failure', async () => {
    const failure = new ServiceFailure('STATE_CONFLICT', { comment: 'not now' });
    const { exchanges, lines, audited } = bedOf({ ...SERVICE, retrieve: () => Promise.reject(failure) });
    await expect(exchanges.retrieve(UID, mppsContextOf(USER_AGENT))).rejects.toBe(failure);
    expect(lines).toEqual([expect.objectContaining({ level: 'warn', status: '409', outcome: 'STATE_CONFLICT' })]);
    expect(audited[0]?.failure).toBe(failure);
  });

  test.each([
    ['no service is there', undefined, USER_AGENT],
    ['the route of the requester offers none', SERVICE, { ...USER_AGENT, listener: 'other' }],
  ])('are not supported where %s', async (_, service, requester) => {
    const { exchanges } = bedOf();
    const other =
      service === undefined
        ? new WorkitemExchanges(keepingLogger(), new ExchangeLog(keepingLogger()), {
            service: () => undefined,
            routeOf: () => undefined,
          })
        : exchanges;
    await expect(other.retrieve(UID, mppsContextOf(requester))).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
  });

  test('are recorded where messages are: what was asked, came in and was answered', async () => {
    const { exchanges, recorded } = bedOf();
    for (const [, , run] of TRANSACTIONS) await run(exchanges);
    expect(recorded.map(([stage]) => stage)).toEqual(['query', 'result-mapped', 'received', 'received']);
  });
});
