/**
 * Everything at once for a long time: worklist, MPPS and storage commitment in both directions through one gateway process,
 * with peers that fail at random. At the end every exchange must be settled once, and the process must keep no more than
 * after the first part of it.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommitmentBed } from '../../test/support/commitment-faults/bed.ts';
import { call } from '../../test/support/http-client.ts';
import { FaultBed } from '../../test/support/spool-faults/bed.ts';
import type { GatewayProcess } from '../../test/support/spool-faults/bed.ts';
import { judge } from '../../test/support/spool-faults/judge.ts';
import { Killable } from '../../test/support/spool-faults/killable.ts';
import { livesOf } from '../../test/support/spool-faults/lives.ts';
import type { Life } from '../../test/support/spool-faults/lives.ts';
import { Random } from '../../test/support/spool-faults/random.ts';
import { CLI } from '../peers/gateway.ts';
import { inspectorOf, measure } from './inside.ts';
import type { Measure } from './inside.ts';
import { searchByDimse, searchByWeb, startDimseWorklist, startWebWorklist } from './worklist.ts';
import type { SearchTally } from './worklist.ts';

export interface SoakOptions {
  readonly seed: number;
  /** Of load, besides the time in which what is under way comes to its end. */
  readonly ms: number;
  /** One line now and then. */
  readonly tell: (line: string) => void;
}

export interface SoakReport {
  /** After the first part of the load and at the end, each with nothing under way. */
  readonly before: Measure;
  readonly after: Measure;
  readonly exchanges: { readonly searches: number; readonly mpps: number; readonly commitments: number };
  /** Searches that ended in a failure, as their far ends had it. */
  readonly failedSearches: number;
  readonly reloads: number;
  /** What was not settled, or not once. */
  readonly problems: readonly string[];
}

type Options = Readonly<Record<string, unknown>>;
type Parts = Readonly<Record<'listeners' | 'upstreams', Readonly<Record<string, Options>>>> & {
  readonly routes: readonly Options[];
};

const READY_LINE = /^\{"event":"ready".*\}$/m;
/** Of the load, before what is kept is measured for the first time. */
const FIRST_PART = 0.3;
const DRAIN_MS = 60_000;
/** Idle connections are given up by then, on both sides. */
const SETTLE_MS = 8_000;
const IDLE = '2s';
/** Performed procedure steps of one round, of several messages each. */
const LIVES = 40;
const ROUND_MS = 2_000;
const RELOAD_MS = 7_000;

export async function soak(options: SoakOptions): Promise<SoakReport> {
  const faults = await FaultBed.open(options.seed);
  const commitments = new CommitmentBed({
    seed: options.seed,
    hasFaults: true,
    routes: { ward: { transactionUids: 'own' }, web: { delivery: 'store-and-forward', deadline: '15s' } },
  });
  try {
    return await new Soak(options, faults, commitments).run();
  } finally {
    await commitments.cleanup.run();
    await faults.close();
  }
}

class Soak {
  readonly #options: SoakOptions;
  readonly #faults: FaultBed;
  readonly #commitments: CommitmentBed;
  readonly #tally: SearchTally = { whole: 0, failed: 0, problems: [] };
  readonly #lives: Life[];
  readonly #sent: Life[] = [];
  readonly #problems: string[] = [];
  #reloads = 0;

  constructor(options: SoakOptions, faults: FaultBed, commitments: CommitmentBed) {
    this.#options = options;
    this.#faults = faults;
    this.#commitments = commitments;
    this.#lives = livesOf(options.seed, Math.ceil(options.ms / ROUND_MS) * LIVES);
  }

  async run(): Promise<SoakReport> {
    const { ms, tell } = this.#options;
    const gateway = await this.#start();
    const { pid } = gateway.running;
    const inspector = inspectorOf(gateway.running.output());
    await this.#load(gateway, ms * FIRST_PART);
    await this.#quiet(gateway);
    const before = await measure(pid, inspector);
    tell(`kept after the first part: ${JSON.stringify(before)}`);
    await this.#load(gateway, ms * (1 - FIRST_PART));
    await this.#quiet(gateway);
    const after = await measure(pid, inspector);
    tell(`kept at the end: ${JSON.stringify(after)}`);
    return { before, after, ...(await this.#judged()) };
  }

  async #start(): Promise<GatewayProcess> {
    const ports = await CommitmentBed.ports();
    await this.#commitments.open(ports);
    await this.#faults.startDestinations({ hasFaults: true, rejects: false });
    const web = await startWebWorklist(new Random(this.#options.seed, 'web worklist'));
    const dimse = await startDimseWorklist(new Random(this.#options.seed, 'dimse worklist'));
    for (const farEnd of [web, dimse]) this.#faults.cleanup.add(() => farEnd.close());
    const file = join(this.#faults.folder, 'soak.yaml');
    await writeFile(file, JSON.stringify(this.#configuration(ports, web.port, dimse.port)));
    const [program, main] = CLI;
    const command = [program, '--inspect=127.0.0.1:0', main, 'serve', '--config', file] as const;
    const gateway = Object.assign(new Killable(command, READY_LINE), { ports });
    this.#faults.cleanup.add(() => gateway.stop('SIGKILL'));
    await gateway.start();
    return gateway;
  }

  /** Both beds behind the same listeners, and the worklist. */
  #configuration(ports: GatewayProcess['ports'], webPort: number, dimsePort: number): Options {
    const store = { kind: 'sqlite', path: join(this.#faults.folder, 'soak.db') };
    const mpps = this.#faults.configuration(ports, store) as Parts & Options;
    const commitment = this.#commitments.configuration(ports, store) as Parts & Options;
    const timers = { connect: '1s', response: '1s' };
    const upstreams: Parts['upstreams'] = {
      ...mpps.upstreams,
      ...commitment.upstreams,
      webRis: { protocol: 'dicomweb', baseUrl: `http://127.0.0.1:${webPort}/ris`, timers: { ...timers, body: '1s' } },
      dimseRis: {
        ...{ protocol: 'dimse', host: '127.0.0.1', port: dimsePort, aeTitle: 'RIS', callingAeTitle: 'DIMSEWAY' },
        timers: { ...timers, association: '1s' },
      },
    };
    const worklists: Readonly<Record<string, string>> = { ward: 'webRis', web: 'dimseRis' };
    return {
      ...mpps,
      listeners: mapped(mpps.listeners, (listener) => ({ ...listener, timers: { idle: IDLE } })),
      upstreams: mapped(upstreams, (upstream) =>
        upstream['protocol'] === 'dimse' ? { ...upstream, pool: { maximum: 20, idle: '1s' } } : upstream,
      ),
      routes: mpps.routes.map((route, i) => ({
        ...route,
        ...commitment.routes[i],
        worklist: { to: worklists[route['name'] as string] },
      })),
    };
  }

  /** All peers at work for so long. */
  async #load(gateway: GatewayProcess, ms: number): Promise<void> {
    const end = performance.now() + ms;
    const goesOn = (): boolean => performance.now() < end;
    const { ward, web } = gateway.ports;
    await Promise.all([
      searchByDimse(ward, goesOn, this.#tally),
      searchByDimse(ward, goesOn, this.#tally),
      searchByWeb(web, goesOn, this.#tally),
      searchByWeb(web, goesOn, this.#tally),
      this.#commitments.work(goesOn),
      this.#perform(gateway, goesOn),
      this.#reload(gateway, goesOn),
    ]);
  }

  /** Rounds of performed procedure steps, no faster than agreed: the load is the same on every machine that bears it. */
  async #perform(gateway: GatewayProcess, goesOn: () => boolean): Promise<void> {
    const ward = this.#faults.ward(gateway.ports, { sources: 4 });
    while (goesOn() && this.#lives.length > 0) {
      const round = this.#lives.splice(0, LIVES);
      this.#sent.push(...round);
      await Promise.all([ward.send(round), sleep(ROUND_MS)]);
    }
    this.#problems.push(...ward.problems);
  }

  async #reload({ ports }: GatewayProcess, goesOn: () => boolean): Promise<void> {
    for (let next = performance.now() + RELOAD_MS; goesOn(); await sleep(100)) {
      if (performance.now() < next) continue;
      next = performance.now() + RELOAD_MS;
      const headers = { 'Content-Type': 'application/json' };
      const { status } = await call(ports.console, '/api/reload', { method: 'POST', headers, body: '{}' });
      await call(ports.console, '/metrics');
      if (status === 200) this.#reloads++;
      else this.#problems.push(`a reload answered ${status}`);
    }
  }

  /** Until nothing is under way and nobody has kept a connection. */
  async #quiet(gateway: GatewayProcess): Promise<void> {
    const waiting = await this.#commitments.drain(DRAIN_MS);
    this.#problems.push(...waiting.map((uid) => `${uid}: was taken and never told its end`));
    const spool = await this.#faults.spoolBecomes(gateway, ({ messages }) => messages.length === 0, DRAIN_MS);
    if (spool?.messages.length !== 0)
      this.#problems.push(`${spool?.messages.length ?? 'all'} messages wait in the spool`);
    await sleep(SETTLE_MS);
  }

  async #judged(): Promise<Omit<SoakReport, 'before' | 'after'>> {
    const arrived = (['dimse', 'dicomweb'] as const).flatMap((name) => judge(this.#faults.arrivals(name), this.#sent));
    const { asked, requested } = this.#commitments.numbers;
    const { whole, failed, problems } = this.#tally;
    return {
      exchanges: {
        searches: whole + failed,
        mpps: this.#sent.reduce((sum, { messages }) => sum + messages.length, 0),
        commitments: asked + requested,
      },
      failedSearches: failed,
      reloads: this.#reloads,
      problems: [...this.#problems, ...problems, ...arrived, ...(await this.#commitments.problems())],
    };
  }
}

function mapped<T>(record: Readonly<Record<string, T>>, change: (value: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
