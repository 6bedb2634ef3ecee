/** Storage commitment through the gateway: who is offered it, and the line in the log that each exchange leaves. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { DataSet } from '../../../../src/dataset/model.ts';
import { Gateway } from '../../../../src/gateway/gateway.ts';
import type { GatewayRoute } from '../../../../src/gateway/gateway.ts';
import { compileRouteMatcher } from '../../../../src/gateway/routes.ts';
import { responseModule } from '../../../../src/services/storage-commitment/modules.ts';
import { contextOf, WARD } from '../../../support/requests.ts';
import {
  ARCHIVE_AE, codeOf, CommitmentBed, done, failing, MODULE, RESULT, TOLD, UID, unreachable, WEB,
} from '../../../support/commitment-bed.ts'; // prettier-ignore

let bed: CommitmentBed;
let gateway: Gateway;
const recorded: [string, DataSet][] = [];

beforeEach(async () => {
  bed = await CommitmentBed.open('checked');
  gateway = new Gateway([], bed.logger);
  gateway.replaceRoutes([routeOf('all')], undefined, bed.service);
  recorded.length = 0;
});
afterEach(() => bed.close());

function routeOf(name: string): GatewayRoute {
  return {
    ...compileRouteMatcher(name, {}),
    options: { route: name, characterSets: [], unencodable: 'utf-8', fuzzyMatching: false, timezoneAdjustment: false },
    worklist: undefined,
    mpps: undefined,
    storageCommitment: bed.target,
    messagesFor: () => ({
      record: (stage, _traceId, dataSet) => void recorded.push([stage, dataSet]),
      close: () => Promise.resolve(),
    }),
  };
}

const lines = (): unknown[] =>
  bed.logger.lines
    .filter(({ message }) => message === 'exchange')
    .map(({ transaction, service, uid, route, upstream, status, outcome }) =>
      JSON.stringify({ transaction, service, uid, route, upstream, status, outcome }),
    );
const line = (transaction: string, status: string, more: object = {}): string =>
  JSON.stringify({
    transaction,
    service: 'storageCommitment',
    uid: UID,
    route: 'all',
    upstream: transaction === 'request' ? 'archive' : undefined,
    status,
    outcome: undefined,
    ...more,
  });

describe('an exchange of storage commitment', () => {
  test('leaves 0000H, 202 or 200, and where it went', async () => {
    const pending = gateway.requestCommitment(UID, MODULE, contextOf(WEB));
    await bed.clock.pass(5_000);
    await pending;
    await gateway.checkCommitment(UID, contextOf(WEB));
    bed.keeper.onCheck = async () => done(TOLD);
    await bed.clock.pass(10_000);
    const answer = await gateway.checkCommitment(UID, contextOf(WEB));
    const module = responseModule(MODULE, RESULT);
    expect(answer).toEqual({ state: 'done', module });
    await bed.settle(gateway.requestCommitment(UID, MODULE, contextOf(WARD)).catch(() => undefined));
    expect(lines()).toEqual([
      line('request', '202'),
      line('check', '202'),
      line('check', '200'),
      line('request', '0110H', { outcome: 'DUPLICATE_INSTANCE' }),
    ]);
    expect(recorded).toEqual([
      ['received', MODULE],
      ['result-mapped', module],
      ['received', MODULE],
    ]);
  });

  test('that is refused leaves the status of its protocol', async () => {
    bed.keeper.onRequest = unreachable;
    expect(await codeOf(gateway.requestCommitment(UID, MODULE, contextOf(WARD)))).toBe('UPSTREAM_UNREACHABLE');
    bed.keeper.onRequest = failing('BAD_REQUEST', { httpStatus: 400 });
    expect(await codeOf(gateway.requestCommitment(UID, MODULE, contextOf(WEB)))).toBe('BAD_REQUEST');
    expect(await codeOf(gateway.checkCommitment(UID, contextOf(WEB)))).toBe('NO_SUCH_INSTANCE');
    expect(await codeOf(gateway.reportCommitment({ transactionUid: UID, ...TOLD }, contextOf(ARCHIVE_AE)))).toBe(
      'INVALID_VALUE',
    );
    expect(lines()).toEqual([
      line('request', '0213H', { outcome: 'UPSTREAM_UNREACHABLE' }),
      line('request', '400', { outcome: 'BAD_REQUEST' }),
      line('check', '404', { outcome: 'NO_SUCH_INSTANCE' }),
      line('report', '0115H', { route: undefined, outcome: 'INVALID_VALUE' }),
    ]);
  });

  test('that no route offers is NOT_SUPPORTED: 0118H and 501', async () => {
    gateway.replaceRoutes([{ ...routeOf('other'), storageCommitment: undefined }], undefined, bed.service);
    expect(gateway.routeFor('storageCommitment', WARD)).toBeUndefined();
    expect(await codeOf(gateway.requestCommitment(UID, MODULE, contextOf(WARD)))).toBe('NOT_SUPPORTED');
    expect(await codeOf(gateway.checkCommitment(UID, contextOf(WEB)))).toBe('NOT_SUPPORTED');
    gateway.replaceRoutes([routeOf('all')], undefined, bed.service);
    expect(gateway.routeFor('storageCommitment', WARD)).toMatchObject({ route: 'all' });
  });

  test('that came by its own route before is a loop', async () => {
    await bed.settle(gateway.requestCommitment(UID, MODULE, contextOf(WARD)));
    const hops = bed.keeper.asked[0]?.context.hops ?? [];
    expect(hops).toEqual([{ instance: expect.any(String), route: 'all' }]);
    const back = gateway.requestCommitment('1.2.3', MODULE, { ...contextOf(WARD), hops });
    expect(await codeOf(back)).toBe('LOOP_DETECTED');
    expect(bed.keeper.asked).toHaveLength(1);
  });
});
