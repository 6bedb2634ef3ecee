/** A gateway, a ward of modalities beside it, and an attacker on the other core. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cleanup, startProgram } from '../../../scripts/peers/process.ts';
import type { Running } from '../../../scripts/peers/process.ts';
import type { AttackName } from './attacks.ts';
import type { Spoils } from './swarm.ts';
import type { Tarpits } from './tarpits.ts';
import { intruder, INTRUDERS, MODALITIES } from './windows.ts';
import type { Window } from './windows.ts';

const MAIN = join(import.meta.dirname, '../../../src/main.ts');
/**
 * One core for whoever means well, another for who does not; where there is only one they share it. Where it is allowed, the
 * cores are theirs: what else the machine does would be measured with them, in either run.
 */
const AHEAD = process.getuid?.() === 0 ? ['nice', '-n', '-15'] : [];
const GOOD = ['taskset', '-c', availableParallelism() > 1 ? '1' : '0', ...AHEAD];
const BAD = ['taskset', '-c', '0', ...AHEAD];

/** A process that is asked on stdin and answers in lines. */
class Helper {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  static start([command = '', ...args]: readonly string[], script: string, ports: readonly number[]): Helper {
    const whole = [...args, process.execPath, join(import.meta.dirname, script), ...ports.map(String)];
    return new Helper(spawn(command, whole, { stdio: ['pipe', 'pipe', 'inherit'] }));
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    if (child.stdout === null) throw new Error('no pipe');
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  say(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  async hear(): Promise<string> {
    const next = await this.#lines.next();
    if (next.done === true) throw new Error('the process has ended');
    return next.value;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill();
    await ended;
  }
}

export interface Attacked {
  readonly window: Window;
  readonly spoils: Spoils;
}

export class AbuseBed {
  readonly #cleanup = new Cleanup();
  readonly #gateway: Running;
  readonly #ward: Helper;
  readonly #attacker: Helper;

  static async start(): Promise<AbuseBed> {
    const cleanup = new Cleanup();
    try {
      // The far ends come first: their ports stand in the configuration. Where the gateway is, the attacker learns later.
      const attacker = Helper.start(BAD, 'attacker.ts', []);
      cleanup.add(() => attacker.stop());
      const tarpits = JSON.parse(await attacker.hear()) as Tarpits;
      const folder = await cleanup.folder();
      const file = join(folder, 'gateway.yaml');
      await writeFile(join(folder, 'worklist.json'), JSON.stringify(worklist()));
      await writeFile(file, JSON.stringify(configuration(folder, tarpits)));
      const [command = '', ...args] = GOOD;
      const gateway = await startProgram(command, [...args, process.execPath, MAIN, 'serve', '--config', file], {
        readyText: /^\{"event":"ready".*\}$/m,
        deadlineMs: 30_000,
      });
      cleanup.add(() => gateway.stop());
      const { listeners } = JSON.parse(gateway.ready?.[0] ?? '') as {
        listeners: Record<'ward' | 'web', { port: number }>;
      };
      const ports = [listeners.ward.port, listeners.web.port];
      attacker.say(`ports ${ports.join(' ')}`);
      const ward = Helper.start(GOOD, 'modality.ts', ports);
      cleanup.add(() => ward.stop());
      await ward.hear();
      return new AbuseBed(cleanup, gateway, ward, attacker);
    } catch (error) {
      await cleanup.run();
      throw error;
    }
  }

  private constructor(cleanup: Cleanup, gateway: Running, ward: Helper, attacker: Helper) {
    this.#cleanup = cleanup;
    this.#gateway = gateway;
    this.#ward = ward;
    this.#attacker = attacker;
  }

  /** What the ward measures while nobody attacks. */
  async quiet(ms: number): Promise<Window> {
    await this.#measured();
    await sleep(ms);
    return this.#measured();
  }

  /** What it measures during an attack. */
  async attacked(name: AttackName, ms: number): Promise<Attacked> {
    await this.#measured();
    this.#attacker.say(`begin ${name}`);
    await sleep(ms);
    const window = await this.#measured();
    this.#attacker.say('end');
    return { window, spoils: JSON.parse(await this.#attacker.hear()) as Spoils };
  }

  /** Bytes of memory the gateway has, and files it has open. */
  async footprint(): Promise<{ rss: number; files: number }> {
    const proc = `/proc/${this.#gateway.pid}`;
    const [status, files] = await Promise.all([readFile(`${proc}/status`, 'utf8'), readdir(`${proc}/fd`)]);
    return { rss: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN) * 1024, files: files.length };
  }

  /** Everything the gateway has logged. */
  log(): string {
    return this.#gateway.output();
  }

  close(): Promise<void> {
    return this.#cleanup.run();
  }

  async #measured(): Promise<Window> {
    this.#ward.say('window');
    return JSON.parse(await this.#ward.hear()) as Window;
  }
}

/** What an administrator would write who knows his network, and no more. */
function configuration(folder: string, tarpits: Tarpits): object {
  const limits = { requestsPerSecond: 20, burst: 20, concurrentRequests: 4 };
  const callingAeTitles = [...MODALITIES, ...Array.from({ length: INTRUDERS }, (_value, i) => intruder(i))].map(
    ({ aeTitle }) => aeTitle,
  );
  const from = { listener: 'web' };
  return {
    listeners: {
      ward: {
        protocol: 'dimse',
        aeTitle: 'DIMSEWAY',
        port: 0,
        access: { callingAeTitles },
        limits,
        transferSyntaxes: ['explicit-vr-little-endian', 'deflated'],
      },
      web: { protocol: 'dicomweb', port: 0, basePaths: ['', '/drip', '/mute'], limits },
    },
    upstreams: {
      ris: { protocol: 'ris', entries: join(folder, 'worklist.json') },
      drip: { protocol: 'dicomweb', baseUrl: `http://127.0.0.1:${tarpits.web}` },
      mute: { protocol: 'dimse', host: '127.0.0.1', port: tarpits.dimse, aeTitle: 'MUTE', callingAeTitle: 'DIMSEWAY' },
    },
    routes: [
      { name: 'drip', from: { ...from, basePath: '/drip' }, worklist: { to: 'drip' } },
      { name: 'mute', from: { ...from, basePath: '/mute' }, worklist: { to: 'mute' } },
      { name: 'rest', worklist: { to: 'ris' }, mpps: { to: 'ris' }, storageCommitment: { to: 'ris' } },
    ],
    store: { path: join(folder, 'store.sqlite') },
    log: { level: 'warn' },
  };
}

/** An entry for each modality, and enough others that the whole list is worth asking for. */
function worklist(): object[] {
  const stations = [...MODALITIES.map(({ aeTitle }) => aeTitle), ...Array.from({ length: 300 }, () => 'OTHER')];
  return stations.map((station, i) => ({
    PatientName: `Load^Patient${i}`,
    PatientID: `PID${i}`,
    AccessionNumber: `ACC${i}`,
    StudyInstanceUID: `1.2.826.0.1.3680043.10.999.1.${i}`,
    RequestedProcedureID: `RP${i}`,
    ScheduledProcedureStepSequence: [
      {
        Modality: 'CT',
        ScheduledStationAETitle: station,
        ScheduledProcedureStepStartDate: '20260301',
        ScheduledProcedureStepStartTime: '083000',
        ScheduledProcedureStepID: `SPS${i}`,
        ScheduledProcedureStepDescription: 'Exam of the head',
      },
    ],
  }));
}
