/**
 * UPS-RS as one more upstream of the contract suites: our user agent in front of our facade, which stands in front of any far
 * end. What the mapping between workitems, worklist and MPPS cannot carry is declared here, for every suite alike.
 */
import { listener as listenerSchema } from '../../../src/config/listener-schema.ts';
import { upstream as upstreamSchema } from '../../../src/config/upstream-schema.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { SILENT } from '../../../src/observe/log.ts';
import { buildListener } from '../../../src/parts.ts';
import type { Upstream } from '../../../src/services/port.ts';
import { entryOf, workitemOf } from '../../../src/services/ups/scheduled.ts';
import { workitemUidOf } from '../../../src/services/ups/step-id.ts';
import type { WorkitemRoute } from '../../../src/services/ups/workitem.ts';
import type { Store } from '../../../src/store/store.ts';
import { createUpstream } from '../../../src/upstream-parts.ts';
import { WorkitemService } from '../../../src/ups/workitems.ts';
import { gatewayTo } from '../one-route.ts';
import { WORKITEM_OPTIONS } from './facade-bed.ts';

const STATIONS = { stationScheme: '99AET' } as const;

/** What is different from other upstreams. */
export interface Capabilities {
  /** A worklist entry as it comes through: what a workitem has no place for is missing, its step ID is made up. */
  readonly seen: (entry: DataSet) => DataSet;
  /** What it says of an entry that nobody has begun, by Scheduled Procedure Step Status. */
  readonly notBegun: string;
  /** Whether it holds N-CREATEs to Table F.7.2-1; where it does not, the gateway's own checks are all there is. */
  readonly judgesCreates: boolean;
}

export const EVERYTHING: Capabilities = { seen: (entry) => entry, notBegun: '-', judgesCreates: true };

export const OF_WORKITEMS: Capabilities = {
  seen(entry) {
    const uid = workitemUidOf(entry);
    const [seen] = entryOf(workitemOf(entry, { ...STATIONS, uid, nowMs: 0 }), STATIONS);
    return seen as DataSet;
  },
  notBegun: 'SCHEDULED',
  judgesCreates: false,
};

/** A gateway whose web listener offers the far end as workitems. */
export async function startFacade(
  upstream: Upstream,
  hop: string,
  store: Store,
): Promise<{ port: number; close(): Promise<void> }> {
  const route: WorkitemRoute = { route: hop, upstream: 'far', options: { ...WORKITEM_OPTIONS, create: 'keep' } };
  const gateway = gatewayTo(upstream, hop, store, undefined, { workitems: route });
  const service = new WorkitemService({ store, handler: gateway, routeOf: () => route, logger: SILENT });
  gateway.workitems = service;
  service.replaceRoutes([route]);
  const config = listenerSchema.parse({ protocol: 'dicomweb', port: 0, basePath: '/far' });
  const listener = buildListener(hop, config, gateway, SILENT);
  const { port } = await listener.listen();
  return {
    port,
    close: async () => {
      await listener.close(200);
      await service.close(200);
    },
  };
}

/** Our user agent of it: whatever an MPPS is about, a workitem is found or made for it. */
export function userAgentTo(port: number, store: Store): Promise<Upstream> {
  const config = upstreamSchema.parse({
    protocol: 'ups-rs',
    baseUrl: `http://127.0.0.1:${port}/far`,
    states: ['SCHEDULED', 'IN PROGRESS'],
    unscheduled: 'create',
    append: 'create',
  });
  return createUpstream('near', config, SILENT, store);
}
