/** Modalities, gateways and destinations, all but the first in processes of their own. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLI } from '../../../scripts/peers/gateway.ts';
import { Cleanup, findFreePort } from '../../../scripts/peers/process.ts';
import { call } from '../http-client.ts';
import { Chaos } from './chaos.ts';
import type { DestinationOptions } from './destination.ts';
import { readJournal } from './journal.ts';
import type { Arrival } from './journal.ts';
import { Killable } from './killable.ts';
import { Ward } from './modalities.ts';
import type { Ports, WardOptions } from './modalities.ts';

const DESTINATION = join(import.meta.dirname, 'destination.ts');
const READY_LINE = /^\{"event":"ready".*\}$/m;
/** Every route has one as its own upstream and forwards to the other. */
const DESTINATIONS = ['dimse', 'dicomweb'] as const;
export type DestinationName = (typeof DESTINATIONS)[number];

type Options = Readonly<Record<string, unknown>>;

export interface GatewayProcess extends Killable {
  readonly ports: { readonly ward: number; readonly web: number; readonly console: number };
}

export interface SpoolListing {
  readonly destinations: readonly { route: string; upstream: string; queued: number; dead: number }[];
  readonly messages: readonly {
    id: number;
    route: string;
    upstream: string;
    uid: string;
    kind: string;
    state: string;
  }[];
}

export class FaultBed {
  readonly cleanup: Cleanup;
  readonly seed: number;
  readonly folder: string;
  readonly #destinations = new Map<DestinationName, Killable>();
  readonly #ports = new Map<DestinationName, number>();

  static async open(seed: number): Promise<FaultBed> {
    const cleanup = new Cleanup();
    const bed = new FaultBed(seed, cleanup, await cleanup.folder());
    for (const name of DESTINATIONS) bed.#ports.set(name, await findFreePort());
    return bed;
  }

  private constructor(seed: number, cleanup: Cleanup, folder: string) {
    this.seed = seed;
    this.cleanup = cleanup;
    this.folder = folder;
  }

  close(): Promise<void> {
    return this.cleanup.run();
  }

  /** Modalities; those still at work at the end of the test give up. */
  ward(ports: Ports, options: Omit<WardOptions, 'ports' | 'seed'>): Ward {
    const ward = new Ward({ ...options, ports, seed: this.seed });
    this.cleanup.add(async () => ward.stop());
    return ward;
  }

  /** Faults that come as the work goes on, which is so many messages. */
  chaos(ward: Ward, messages: number): Chaos {
    // Each is acknowledged once and accepted by two destinations, some of them later than the faults.
    const chaos = new Chaos(this.seed, () => ward.acknowledged + this.accepted, 2.9 * messages);
    this.cleanup.add(async () => chaos.stop());
    return chaos;
  }

  /** Starts the destinations, or starts them anew with other manners. */
  async startDestinations(manners: Pick<DestinationOptions, 'hasFaults' | 'rejects'>): Promise<void> {
    for (const name of DESTINATIONS) {
      await this.#destinations.get(name)?.stop('SIGKILL');
      const options: DestinationOptions = {
        ...manners,
        protocol: name,
        name,
        port: this.#ports.get(name) ?? 0,
        journal: this.#journalOf(name),
        seed: this.seed,
      };
      const destination = new Killable([process.execPath, DESTINATION, JSON.stringify(options)], /ready/);
      this.cleanup.add(() => destination.stop('SIGKILL'));
      this.#destinations.set(name, destination);
      await destination.start();
    }
  }

  destination(name: DestinationName): Killable {
    const found = this.#destinations.get(name);
    if (found === undefined) throw new Error(`destination ${name} was not started`);
    return found;
  }

  get destinations(): readonly Killable[] {
    return [...this.#destinations.values()];
  }

  /** What arrived at a destination. */
  arrivals(name: DestinationName): Arrival[] {
    return readJournal(this.#journalOf(name));
  }

  /** Messages the destinations have accepted; grows, roughly by one each. */
  get accepted(): number {
    return this.destinations.reduce((sum, { printed }) => sum + printed, 0);
  }

  /** A gateway that is not started yet. */
  async gateway(name: string, store: Options, more: Options = {}): Promise<GatewayProcess> {
    const ports = { ward: await findFreePort(), web: await findFreePort(), console: await findFreePort() };
    const file = join(this.folder, `${name}.yaml`);
    await writeFile(file, JSON.stringify({ ...this.configuration(ports, store), ...more }));
    const gateway = new Killable([...CLI, 'serve', '--config', file], READY_LINE);
    this.cleanup.add(() => gateway.stop('SIGKILL'));
    return Object.assign(gateway, { ports });
  }

  /** The spool, as the console tells; undefined: it does not answer. */
  async spool({ ports }: GatewayProcess): Promise<SpoolListing | undefined> {
    try {
      const { status, body } = await call(ports.console, '/api/spool?limit=1000', {
        signal: AbortSignal.timeout(5_000),
      });
      return status === 200 ? (JSON.parse(body.toString('utf8')) as SpoolListing) : undefined;
    } catch {
      return undefined;
    }
  }

  /** Waits until the spool is as it should be; gives it as it is when that took too long. */
  async spoolBecomes(
    gateway: GatewayProcess,
    isRight: (spool: SpoolListing) => boolean,
    deadlineMs: number,
  ): Promise<SpoolListing | undefined> {
    const end = performance.now() + deadlineMs;
    for (;;) {
      const spool = await this.spool(gateway);
      if ((spool !== undefined && isRight(spool)) || performance.now() > end) return spool;
      await sleep(50);
    }
  }

  /** Lets a person try the dead letters again. */
  async retryDead({ ports }: GatewayProcess): Promise<void> {
    for (const route of ['ward', 'web']) {
      for (const upstream of DESTINATIONS) {
        const { status } = await call(ports.console, '/api/spool/retry', {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ route, upstream, state: 'dead' }),
        });
        if (status !== 200) throw new Error(`retry answered ${status}`);
      }
    }
  }

  /** One line for those who read how a run went, with what repeats it. */
  tell(what: string, ms: number): void {
    process.stderr.write(`SPOOL_FAULTS_SEED=${this.seed}: ${what}, ${(ms / 1_000).toFixed(1)} s\n`);
  }

  /** Of a gateway between the modalities and the destinations. */
  configuration(ports: GatewayProcess['ports'], store: Options): Options {
    const spool = { concurrency: 8, firstDelay: '30ms', maximumDelay: '500ms', attemptTimeout: '2s' };
    return {
      listeners: {
        ward: { protocol: 'dimse', aeTitle: 'DIMSEWAY', port: ports.ward },
        web: { protocol: 'dicomweb', port: ports.web, basePath: '/dicomweb' },
      },
      upstreams: {
        dimse: {
          ...{ protocol: 'dimse', host: '127.0.0.1', port: this.#ports.get('dimse'), aeTitle: 'FAREND' },
          callingAeTitle: 'DIMSEWAY',
          pool: { maximum: 20 },
          spool,
          timers: { connect: '1s', association: '500ms', response: '500ms' },
        },
        dicomweb: {
          protocol: 'dicomweb',
          baseUrl: `http://127.0.0.1:${this.#ports.get('dicomweb')}/far`,
          spool,
          timers: { connect: '1s', response: '500ms', body: '500ms' },
        },
      },
      routes: [
        {
          name: 'ward',
          from: { listener: 'ward' },
          mpps: { to: 'dimse', delivery: 'store-and-forward', forwardTo: ['dicomweb'] },
        },
        {
          name: 'web',
          from: { listener: 'web' },
          mpps: { to: 'dicomweb', delivery: 'store-and-forward', forwardTo: ['dimse'] },
        },
      ],
      store,
      console: { port: ports.console },
      log: { level: 'error' },
    };
  }

  #journalOf(name: DestinationName): string {
    return join(this.folder, `${name}.journal`);
  }
}
