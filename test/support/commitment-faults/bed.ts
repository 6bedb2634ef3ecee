/** Modalities, web clients and both archives around gateways that are processes, and die. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLI } from '../../../scripts/peers/gateway.ts';
import { Cleanup, findFreePort } from '../../../scripts/peers/process.ts';
import { Killable } from '../spool-faults/killable.ts';
import { Random } from '../spool-faults/random.ts';
import { ARCHIVE_STEPS, WebArchive } from '../web-archive.ts';
import type { ArchiveManner } from '../web-archive.ts';
import { judgeReports, judgeResults } from './judge.ts';
import { Keeper, KEEPER_STEPS, KEEPER_TITLE } from './keeper.ts';
import { Modality, MODALITY_STEPS } from './modalities.ts';
import { StepKills } from './step-kills.ts';
import { keyOf, reasonOf } from './transactions.ts';
import { CLIENT_STEPS, WebClient } from './web-clients.ts';
import { nothingOf, textOf, wordsOf } from './words.ts';

export const STEPS = [...ARCHIVE_STEPS, ...KEEPER_STEPS, ...MODALITY_STEPS, ...CLIENT_STEPS] as const;

const READY_LINE = /^\{"event":"ready".*\}$/m;
const SOURCES = 3;

type Options = Readonly<Record<string, unknown>>;

export interface GatewayProcess extends Killable {
  readonly ports: { readonly ward: number; readonly web: number; readonly console: number };
}

export interface BedOptions {
  readonly seed: number;
  /** Faults of the peers, besides the deaths of gateways. */
  readonly hasFaults: boolean;
  /** Of the route from DIMSE to the web, and of the other. */
  readonly routes: { readonly ward: Options; readonly web: Options };
}

/** Together about a tenth of what an archive is asked. */
const MANNERS: readonly ArchiveManner[] = ['drop', 'lost', 'garbage', 'busy', 'failure'];

export class CommitmentBed {
  readonly cleanup = new Cleanup();
  readonly options: BedOptions;
  readonly modalities: Modality[] = [];
  readonly clients: WebClient[] = [];
  #folder = '';
  #archive: WebArchive | undefined;
  #keeper: Keeper | undefined;
  #kills: StepKills | undefined;

  constructor(options: BedOptions) {
    this.options = options;
  }

  /** Everything but gateways. @param ports that these, or what stands before them, will have */
  async open(ports: { readonly ward: number; readonly web: number }): Promise<void> {
    const { seed, hasFaults } = this.options;
    this.#folder = await this.cleanup.folder();
    const random = (name: string): Random => new Random(seed, name);
    const at = (step: string): Promise<void> => this.#kills?.at(step) ?? Promise.resolve();
    const draws = random('archive');
    const archive = await WebArchive.start({
      ...{ reasonOf, at },
      pendingAnswers: () => draws.integer(0, 3),
      manner: () => (hasFaults && draws.chance(0.1) ? draws.pick(MANNERS) : 'answer'),
      words: (result) => (hasFaults ? wordsOf(draws, result) : result),
    });
    this.#archive = archive;
    this.cleanup.add(() => archive.goAway());
    const keeper = await Keeper.start({ random: random('keeper'), hasFaults, at, back: () => ports.ward });
    this.#keeper = keeper;
    this.cleanup.add(() => keeper.stop());
    for (let index = 0; index < SOURCES; index++) {
      const modality = await Modality.start({ index, random: random(`modality ${index}`), hasFaults, at, ...ports });
      this.modalities.push(modality);
      this.cleanup.add(() => modality.stop());
      this.clients.push(
        new WebClient({ index: SOURCES + index, random: random(`client ${index}`), at, web: ports.web }),
      );
    }
  }

  get archive(): WebArchive {
    if (this.#archive === undefined) throw new Error('open comes first');
    return this.#archive;
  }

  get keeper(): Keeper {
    if (this.#keeper === undefined) throw new Error('open comes first');
    return this.#keeper;
  }

  /** A gateway that is not started yet. */
  async gateway(name: string, ports: GatewayProcess['ports'], store: Options): Promise<GatewayProcess> {
    const file = join(this.#folder, `${name}.yaml`);
    await writeFile(file, JSON.stringify(this.configuration(ports, store)));
    const gateway = new Killable([...CLI, 'serve', '--config', file], READY_LINE);
    this.cleanup.add(() => gateway.stop('SIGKILL'));
    return Object.assign(gateway, { ports });
  }

  get folder(): string {
    return this.#folder;
  }

  static async ports(): Promise<GatewayProcess['ports']> {
    return { ward: await findFreePort(), web: await findFreePort(), console: await findFreePort() };
  }

  /**
   * All sources at work until a gateway has died so often at every step.
   * @param patienceMs how long one may take to come back
   * @param halfway something that happens once beside that
   */
  async workThroughKills(
    gateways: readonly GatewayProcess[],
    each: number,
    patienceMs = 0,
    halfway: () => Promise<void> = () => Promise.resolve(),
  ): Promise<StepKills> {
    let beside: Promise<void> | undefined;
    const alive = new Set(gateways);
    const draws = new Random(this.options.seed, 'kills');
    const kills = new StepKills(STEPS, each, gateways.length, draws, async (random) => {
      const victim = random.pick([...alive]);
      alive.delete(victim);
      await victim.kill();
      if (kills.kills * 2 > STEPS.length * each) beside ??= halfway();
      const back = async (): Promise<void> => {
        await victim.keepStarting(patienceMs);
        alive.add(victim);
        // So that there is something again to be lost.
        await sleep(random.integer(0, 400));
      };
      return { back: back() };
    });
    this.#kills = kills;
    const end = performance.now() + 120_000 * each;
    await this.work(() => !kills.isOver && performance.now() < end);
    this.#kills = undefined;
    await beside;
    return kills;
  }

  /** All sources at work as long as that. */
  async work(goesOn: () => boolean): Promise<void> {
    await Promise.all([...this.modalities, ...this.clients].map((source) => source.work(goesOn)));
  }

  /** Waits until everything has been told, or so long; what is still waited for. */
  async drain(deadlineMs: number): Promise<string[]> {
    const end = performance.now() + deadlineMs;
    for (;;) {
      for (const client of this.clients) for (const requested of client.waiting) await client.check(requested);
      const waiting = [...this.modalities, ...this.clients].flatMap((source) => source.waiting.map(({ uid }) => uid));
      if (waiting.length === 0 || performance.now() > end) return waiting;
      await sleep(100);
    }
  }

  /** Every result once more, and what is wrong with all that was told. */
  async problems(): Promise<string[]> {
    for (const client of this.clients) {
      for (const requested of client.requested) if (requested.isTaken) await client.check(requested);
    }
    const { archive, keeper } = this;
    // By their instances, once: there may be tens of thousands.
    const commitments = Map.groupBy(archive.commitments.values(), ({ asked }) => keyOf(asked));
    const kept = Map.groupBy(keeper.kept.values(), ({ asked }) => keyOf(asked));
    const asked = this.modalities.flatMap((modality) => modality.asked);
    const requested = this.clients.flatMap((client) => client.requested);
    return [
      ...[...this.modalities, ...this.clients].flatMap(({ problems }) => problems),
      ...asked.flatMap((each) => judgeReports(each, commitments.get(keyOf(each.asked)) ?? [], archive)),
      ...requested.flatMap((each) => judgeResults(each, kept.get(keyOf(each.asked)) ?? [], keeper)),
    ];
  }

  /** For those who read how a run went. */
  get numbers(): { asked: number; repeated: number; requested: number; nothing: number } {
    const asked = this.modalities.flatMap((modality) => modality.asked);
    const requested = this.clients.flatMap((client) => client.requested);
    const answered = asked.map(({ reports }) => reports.filter(({ isAnswered }) => isAnswered).length);
    return {
      asked: asked.filter(({ isTaken }) => isTaken).length,
      /** Reports that came though an earlier one had been answered. */
      repeated: answered.reduce((sum, count) => sum + Math.max(0, count - 1), 0),
      requested: requested.filter(({ isTaken }) => isTaken).length,
      /** Results that nobody has told. */
      nothing: requested.filter(({ asked: instances, results }) => {
        const last = results.at(-1);
        return last !== undefined && textOf(last) === textOf(nothingOf(instances));
      }).length,
    };
  }

  tell(what: string, ms: number): void {
    process.stderr.write(`SPOOL_FAULTS_SEED=${this.options.seed}: ${what}, ${(ms / 1_000).toFixed(1)} s\n`);
  }

  /** Of a gateway between both. */
  configuration(ports: GatewayProcess['ports'], store: Options): Options {
    const timers = { connect: '1s', association: '1s', response: '1s' };
    const scus = this.modalities.map(({ aeTitle, port }) => [
      aeTitle.toLowerCase(),
      { protocol: 'dimse', host: '127.0.0.1', port, aeTitle, callingAeTitle: 'DIMSEWAY', timers },
    ]);
    const common = { poll: { first: '30ms', maximum: '300ms' }, attemptTimeout: '2s', holdTime: '300ms' };
    const { ward, web } = this.options.routes;
    return {
      listeners: {
        ward: { protocol: 'dimse', aeTitle: 'DIMSEWAY', port: ports.ward },
        web: { protocol: 'dicomweb', port: ports.web, basePath: '/dicomweb' },
      },
      upstreams: {
        archive: {
          protocol: 'dicomweb',
          baseUrl: this.archive.baseUrl,
          timers: { connect: '1s', response: '1s', body: '1s' },
        },
        keeper: {
          ...{ protocol: 'dimse', host: '127.0.0.1', port: this.keeper.port, aeTitle: KEEPER_TITLE },
          ...{ callingAeTitle: 'DIMSEWAY', pool: { maximum: 20 }, timers },
        },
        ...Object.fromEntries(scus),
      },
      routes: [
        { name: 'ward', from: { listener: 'ward' }, storageCommitment: { to: 'archive', ...common, ...ward } },
        { name: 'web', from: { listener: 'web' }, storageCommitment: { to: 'keeper', ...common, ...web } },
      ],
      store,
      console: { port: ports.console },
      log: { level: 'error' },
    };
  }
}
