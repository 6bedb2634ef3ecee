/** A UPS-RS server for tests, our upstream in front of it and a gateway before that, with what they know on the disk. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listener as listenerSchema } from '../../../src/config/listener-schema.ts';
import type { Gateway } from '../../../src/gateway/gateway.ts';
import { SILENT } from '../../../src/observe/log.ts';
import type { Logger } from '../../../src/observe/log.ts';
import { buildListener } from '../../../src/parts.ts';
import type { Upstream } from '../../../src/services/port.ts';
import { openStore } from '../../../src/store/sqlite.ts';
import type { Store } from '../../../src/store/store.ts';
import { systemClock } from '../../../src/ups/clock.ts';
import type { Clock } from '../../../src/ups/clock.ts';
import type { UpsOptions } from '../../../src/ups/options.ts';
import { UpsUpstream } from '../../../src/ups/upstream.ts';
import { upstreamTo } from '../beds.ts';
import { gatewayTo } from '../one-route.ts';
import { UpsServer } from '../ups-server.ts';
import type { UpsManner } from './answers.ts';
import type { Life } from './life.ts';

export const UPS_OPTIONS: Omit<UpsOptions, 'baseUrl'> = {
  name: 'ups',
  mediaType: 'json',
  transactionUid: 'bare',
  createUid: 'bare',
  states: ['SCHEDULED'],
  retrieveEach: false,
  unscheduled: 'refuse',
  append: 'refuse',
  cancel: 'state',
  stationScheme: '99AET',
  stationAeTitle: 'value',
  discontinuation: { value: '110513', scheme: 'DCM', meaning: 'Discontinued for unspecified reason' },
  connectTimeoutMs: 2_000,
  responseTimeoutMs: 2_000,
};

export class UpstreamBed {
  readonly server: UpsServer;
  readonly #folder: string;
  readonly #options: Partial<UpsOptions>;
  readonly #logger: Logger;
  readonly #clock: Clock;
  #store: Store | undefined;
  #upstream: UpsUpstream | undefined;
  #gateway: Gateway | undefined;

  static async open(
    options: Partial<UpsOptions> = {},
    manner: UpsManner = {},
    logger: Logger = SILENT,
    clock: Clock = systemClock,
  ): Promise<UpstreamBed> {
    const bed = new UpstreamBed(
      await UpsServer.start(manner),
      await mkdtemp(join(tmpdir(), 'dimseway-ups-')),
      options,
      logger,
      clock,
    );
    await bed.#start();
    return bed;
  }

  private constructor(server: UpsServer, folder: string, options: Partial<UpsOptions>, logger: Logger, clock: Clock) {
    this.server = server;
    this.#folder = folder;
    this.#options = options;
    this.#logger = logger;
    this.#clock = clock;
  }

  get store(): Store {
    return this.#store as Store;
  }

  get upstream(): UpsUpstream {
    return this.#upstream as UpsUpstream;
  }

  /** What a listener is handed: it passes everything on to the upstream. */
  get gateway(): Gateway {
    return this.#gateway as Gateway;
  }

  /** Another process on the same disk; the one before is gone. Its calls to store and server are steps of `life`. */
  async restart(life?: Life): Promise<void> {
    this.server.at = undefined;
    await this.#stop();
    await this.#start(life);
  }

  async close(): Promise<void> {
    await this.#stop();
    await this.server.close();
    await rm(this.#folder, { recursive: true });
  }

  async #start(life?: Life): Promise<void> {
    this.#store = await openStore({ path: join(this.#folder, 'dimseway.db') });
    const store = life?.throughStore(this.#store) ?? this.#store;
    const options = { ...UPS_OPTIONS, baseUrl: this.server.baseUrl, ...this.#options };
    this.#upstream = new UpsUpstream(options, store.claims, this.#logger, this.#clock);
    this.#gateway = gatewayTo(this.#upstream, 'ward', store);
    if (life === undefined) return;
    this.server.at = (moment, transaction) => {
      const isRead = ['search', 'retrieve', 'verify'].includes(transaction);
      if (moment === 'before' && !isRead) life.step(transaction);
      else life.live();
    };
  }

  async #stop(): Promise<void> {
    await this.#upstream?.close();
    await this.#store?.close();
  }
}

/** A modality in front of the bed's gateway, by DIMSE over real sockets. */
export async function modalityOf(bed: UpstreamBed): Promise<{ modality: Upstream; close(): Promise<void> }> {
  const config = listenerSchema.parse({ protocol: 'dimse', aeTitle: 'FAREND', port: 0 });
  const listener = buildListener('ward', config, bed.gateway, SILENT);
  const { port } = await listener.listen();
  const modality = await upstreamTo('dimse', port);
  return {
    modality,
    close: async () => {
      await modality.close();
      await listener.close(200);
    },
  };
}
