/** Workitems in front of a classic RIS: the facade with a gateway behind it, with what they know on the disk. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listener as listenerSchema } from '../../../src/config/listener-schema.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import type { Gateway } from '../../../src/gateway/gateway.ts';
import { SILENT } from '../../../src/observe/log.ts';
import { buildListener } from '../../../src/parts.ts';
import type { Requester, Upstream } from '../../../src/services/port.ts';
import type { EventChannel, WorkitemOptions, WorkitemRoute } from '../../../src/services/ups/workitem.ts';
import { openStore } from '../../../src/store/sqlite.ts';
import type { Store } from '../../../src/store/store.ts';
import { systemClock } from '../../../src/ups/clock.ts';
import type { Clock } from '../../../src/ups/clock.ts';
import { WorkitemService } from '../../../src/ups/workitems.ts';
import { gatewayTo } from '../one-route.ts';
import { FarEnd } from '../mpps.ts';
import type { Life } from './life.ts';

export const USER_AGENT: Requester = {
  listener: 'web',
  protocol: 'dicomweb',
  address: '127.0.0.1',
  basePath: '/dicomweb',
};

export const WORKITEM_OPTIONS: WorkitemOptions = {
  create: 'refuse',
  updateScheduled: 'refuse',
  cancelScheduled: 'refuse',
  cancelRequest: 'inform',
  deletionLocks: true,
  stationScheme: '99AET',
  pollMs: 0,
  maximumReports: 1_000,
};

/** MWL and MPPS SCP in memory: its entries stay on the list, every MPPS message is kept in order. */
export class ClassicRis extends FarEnd {
  readonly entries: DataSet[];

  constructor(entries: readonly DataSet[]) {
    super();
    this.entries = [...entries];
  }

  override async *search(): AsyncGenerator<DataSet> {
    yield* this.entries;
  }
}

export class FacadeBed {
  readonly farEnd: Upstream;
  readonly #folder: string;
  readonly #options: WorkitemOptions;
  readonly #clock: Clock;
  #store: Store | undefined;
  #service: WorkitemService | undefined;
  #gateway: Gateway | undefined;

  static async open(
    farEnd: Upstream,
    options: Partial<WorkitemOptions> = {},
    clock: Clock = systemClock,
  ): Promise<FacadeBed> {
    const folder = await mkdtemp(join(tmpdir(), 'dimseway-facade-'));
    const bed = new FacadeBed(farEnd, folder, { ...WORKITEM_OPTIONS, ...options }, clock);
    await bed.#start();
    return bed;
  }

  private constructor(farEnd: Upstream, folder: string, options: WorkitemOptions, clock: Clock) {
    this.farEnd = farEnd;
    this.#folder = folder;
    this.#options = options;
    this.#clock = clock;
  }

  get store(): Store {
    return this.#store as Store;
  }

  get service(): WorkitemService {
    return this.#service as WorkitemService;
  }

  get gateway(): Gateway {
    return this.#gateway as Gateway;
  }

  /** Another process on the same disk; the one before is gone. Its calls to store and far end are steps of `life`. */
  async restart(life?: Life): Promise<void> {
    await this.#stop();
    await this.#start(life);
  }

  async close(): Promise<void> {
    await this.#stop();
    await rm(this.#folder, { recursive: true });
  }

  async #start(life?: Life): Promise<void> {
    this.#store = await openStore({ path: join(this.#folder, 'dimseway.db') });
    const store = life?.throughStore(this.#store) ?? this.#store;
    const farEnd = life === undefined ? this.farEnd : livingFarEnd(this.farEnd, life);
    const route: WorkitemRoute = { route: 'web', upstream: 'far', options: this.#options };
    const gateway = gatewayTo(farEnd, 'web', store, undefined, { workitems: route });
    const service = new WorkitemService({
      store,
      handler: gateway,
      routeOf: () => route,
      clock: this.#clock,
      logger: SILENT,
    });
    gateway.workitems = service;
    this.#gateway = gateway;
    this.#service = service;
    service.replaceRoutes([route]);
  }

  async #stop(): Promise<void> {
    await this.#service?.close(1_000);
    await this.#store?.close();
  }
}

/** A far end to which every MPPS message is two steps: it may not leave, and its answer may not arrive. */
function livingFarEnd(farEnd: Upstream, life: Life): Upstream {
  const living = life.through(farEnd, 'SCP');
  const search = farEnd.search.bind(farEnd);
  return new Proxy(living, { get: (target, key): unknown => (key === 'search' ? search : Reflect.get(target, key)) });
}

/** A subscriber that keeps what it is told. */
export class Subscriber implements EventChannel {
  readonly aeTitle: string;
  readonly reports: DataSet[] = [];
  readonly #watchers = new Set<() => void>();

  constructor(aeTitle: string) {
    this.aeTitle = aeTitle;
  }

  async send(report: DataSet): Promise<void> {
    this.reports.push(report);
    for (const look of [...this.#watchers]) look();
  }

  close(): void {}

  /** Resolves when a report has come of which it holds. */
  until(holds: (report: DataSet) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!this.reports.some(holds)) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }
}

/** The web listener in front of the bed's gateway. */
export async function webOf(
  bed: FacadeBed,
  at = 0,
): Promise<{ port: number; baseUrl: string; close(): Promise<void> }> {
  const config = listenerSchema.parse({ protocol: 'dicomweb', port: at, basePath: '/dicomweb' });
  const listener = buildListener('web', config, bed.gateway, SILENT);
  const { port } = await listener.listen();
  return { port, baseUrl: `http://127.0.0.1:${port}/dicomweb`, close: () => listener.close(200) };
}
