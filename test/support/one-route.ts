/** A gateway with a single route, for beds and flows. */
import type { CommitmentTarget } from '../../src/gateway/commitment/route.ts';
import type { CommitmentService } from '../../src/gateway/commitment/service.ts';
import { Delivery } from '../../src/gateway/delivery.ts';
import { Gateway } from '../../src/gateway/gateway.ts';
import type { GatewayRoute } from '../../src/gateway/gateway.ts';
import { compileRouteMatcher } from '../../src/gateway/routes.ts';
import { SILENT } from '../../src/observe/log.ts';
import type { Upstream } from '../../src/services/port.ts';
import type { Store } from '../../src/store/store.ts';

/**
 * A gateway with one route for everything, which passes MPPS messages on as they are: the far end judges.
 * @param more what its route has besides
 */
export function gatewayTo(
  upstream: Upstream,
  hop: string,
  store: Store,
  commitments?: CommitmentService,
  more: Pick<GatewayRoute, 'workitems' | 'notifications'> = {},
): Gateway {
  const far = { name: 'far', upstream };
  const storageCommitment: CommitmentTarget = {
    route: hop,
    upstream: far,
    options: {
      delivery: 'direct',
      transactionUids: 'same',
      holdMs: 2_000,
      deadlineMs: 60_000,
      firstPollMs: 20,
      maximumPollMs: 200,
      attemptTimeoutMs: 5_000,
      reportOn: 'open-association',
      repeatedRequest: 'refuse',
    },
  };
  commitments?.replaceTargets([storageCommitment], []);
  const gateway = new Gateway([], SILENT);
  gateway.replaceRoutes(
    [
      {
        ...compileRouteMatcher(hop, {}),
        options: {
          route: hop,
          characterSets: [],
          unencodable: 'utf-8',
          fuzzyMatching: true,
          timezoneAdjustment: false,
        },
        worklist: { upstreams: [far], request: undefined, response: undefined },
        mpps: {
          route: hop,
          upstream: far,
          request: undefined,
          response: undefined,
          forwardTo: [],
          options: {
            delivery: 'direct',
            validation: 'off',
            missingInstanceUid: 'refuse',
            unknownInstance: 'pass',
            fillType2: false,
            preCreateOptional: false,
            defaults: undefined,
            retrieveFromCopy: false,
          },
        },
        storageCommitment,
        messagesFor: () => undefined,
        ...more,
      },
    ],
    new Delivery(store, SILENT),
    commitments,
  );
  return gateway;
}
