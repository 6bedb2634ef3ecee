/** What works on the store for as long as it is open: the delivery of MPPS, the spool, storage commitment, workitems. */
import type { Config } from './config/schema.ts';
import { systemClock } from './gateway/clock.ts';
import { CommitmentService } from './gateway/commitment/service.ts';
import { Delivery } from './gateway/delivery.ts';
import type { Gateway, GatewayRoute } from './gateway/gateway.ts';
import { SpoolDelivery } from './gateway/spool-delivery.ts';
import type { Logger } from './observe/log.ts';
import type { DeliveryObserver } from './observe/spool.ts';
import { commitmentPeersOf, spoolTargetsOf } from './route-parts.ts';
import type { Upstream } from './services/port.ts';
import type { Store } from './store/store.ts';
import { WorkitemStrays } from './ups/strays.ts';
import { WorkitemService } from './ups/workitems.ts';

export class StoreServices {
  readonly delivery: Delivery;
  readonly spool: SpoolDelivery;
  readonly commitments: CommitmentService;
  readonly workitems: WorkitemService;
  readonly #strays: WorkitemStrays;

  /**
   * @param gateway whose routes offer workitems in front of a worklist and MPPS
   * @param observer is told of every attempt of the spool
   */
  constructor(store: Store, gateway: Gateway, logger: Logger, observer: DeliveryObserver) {
    this.spool = new SpoolDelivery(store, logger, systemClock, { observer });
    this.delivery = new Delivery(store, logger, { spool: this.spool });
    this.commitments = new CommitmentService(store.commitments, logger);
    const routeOf = gateway.workitemRouteOf.bind(gateway);
    this.workitems = new WorkitemService({ store, handler: gateway, routeOf, logger });
    this.#strays = new WorkitemStrays(store, logger);
  }

  /** Where they deliver to from now on. */
  replaceTargets(
    config: Config,
    routes: readonly GatewayRoute[],
    upstreams: ReadonlyMap<string, { readonly upstream: Upstream }>,
  ): void {
    this.spool.replaceTargets(spoolTargetsOf(config, routes));
    this.commitments.replaceTargets(
      routes.flatMap(({ storageCommitment }) => storageCommitment ?? []),
      commitmentPeersOf(config, upstreams),
    );
    const offered = routes.flatMap(({ workitems }) => workitems ?? []);
    this.workitems.replaceRoutes(offered);
    const servers = Object.entries(config.upstreams).filter(([, { protocol }]) => protocol === 'ups-rs');
    const served = { routes: offered.map(({ route }) => route), upstreams: servers.map(([name]) => name) };
    void this.#strays.look(served);
  }

  /** Takes nothing new and lets what is under way finish within the deadline; then it is ended, and goes on at the next start. */
  async close(deadlineMs: number): Promise<void> {
    await Promise.all([
      this.spool.close(deadlineMs),
      this.commitments.close(deadlineMs),
      this.workitems.close(deadlineMs),
    ]);
  }
}
