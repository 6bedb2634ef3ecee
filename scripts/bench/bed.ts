/** What the benches run on: servers in processes of their own, gateways between them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startGateway, type Gateway } from '../peers/gateway.ts';
import { Cleanup, startProgram, type Running } from '../peers/process.ts';

const SERVERS = join(import.meta.dirname, 'servers');

type Options = Readonly<Record<string, unknown>>;

export interface Server {
  readonly running: Running;
  readonly port: number;
}

export class Bed {
  readonly cleanup = new Cleanup();
  private count = 0;

  /** A script of scripts/bench/servers that prints {"port":N}. */
  async server(script: string, ...args: readonly string[]): Promise<Server> {
    const command = [join(SERVERS, script), ...args];
    const running = await this.cleanup.started(
      startProgram(process.execPath, command, { readyText: /^\{"port":(\d+)\}$/m, deadlineMs: 15_000 }),
    );
    return { running, port: Number(running.ready?.[1]) };
  }

  /** DIMSE in, web out. Listener `ward`, AE title DIMSEWAY. */
  async dimseToWeb(baseUrl: string): Promise<Gateway> {
    return this.gateway({
      listeners: { ward: { protocol: 'dimse', aeTitle: 'DIMSEWAY', port: 0 } },
      upstreams: { far: { protocol: 'dicomweb', baseUrl } },
      routes: [{ name: 'bench', from: { listener: 'ward' }, worklist: { to: 'far' }, mpps: { to: 'far' } }],
    });
  }

  /** Web in, DIMSE out. Listener `web`, base path /dicomweb. */
  async webToDimse(port: number, aeTitle: string): Promise<Gateway> {
    return this.gateway({
      listeners: { web: { protocol: 'dicomweb', basePath: '/dicomweb', port: 0 } },
      upstreams: { far: { protocol: 'dimse', host: '127.0.0.1', port, aeTitle, callingAeTitle: 'DIMSEWAY' } },
      routes: [{ name: 'bench', from: { listener: 'web' }, worklist: { to: 'far' }, mpps: { to: 'far' } }],
    });
  }

  /** As `dimseToWeb`, MPPS by store-and-forward, so many deliveries at a time. */
  async storeAndForward(
    baseUrl: string,
    { store, concurrency }: { store?: Options; concurrency?: number } = {},
  ): Promise<Gateway> {
    const spool = concurrency === undefined ? {} : { concurrency };
    return this.gateway(
      {
        listeners: { ward: { protocol: 'dimse', aeTitle: 'DIMSEWAY', port: 0 } },
        upstreams: { far: { protocol: 'dicomweb', baseUrl, spool } },
        routes: [{ name: 'bench', mpps: { to: 'far', delivery: 'store-and-forward' } }],
      },
      store,
    );
  }

  /** The embedded RIS over a store that is there. Listeners `ward` (AE title DIMSEWAY) and `web` (base path /dicomweb). */
  async ris(storePath: string): Promise<Gateway> {
    return this.gateway(
      {
        listeners: {
          ward: { protocol: 'dimse', aeTitle: 'DIMSEWAY', port: 0 },
          web: { protocol: 'dicomweb', basePath: '/dicomweb', port: 0 },
        },
        upstreams: { ris: { protocol: 'ris' } },
        routes: [{ name: 'bench', worklist: { to: 'ris' } }],
      },
      { kind: 'sqlite', path: storePath },
    );
  }

  async close(): Promise<void> {
    await this.cleanup.run();
  }

  private async gateway(configuration: Options, givenStore?: Options): Promise<Gateway> {
    const folder = await this.cleanup.folder();
    const store = givenStore ?? { kind: 'sqlite', path: join(folder, 'store.db') };
    const whole = { ...configuration, store, console: { port: 0 }, log: { level: 'info' } };
    const gateway = await startGateway(folder, whole, `bench${++this.count}`);
    this.cleanup.add(() => gateway.running.stop());
    return gateway;
  }
}

/** Resident memory of a process in MB (10^6 bytes). */
export async function residentMegabytes(pid: number): Promise<number> {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kibibytes) * 1024) / 1e6;
}

/** Runs `work` while sampling the process: the highest resident memory seen. */
export async function peakMegabytes(pid: number, work: () => Promise<unknown>): Promise<number> {
  let peak = await residentMegabytes(pid);
  let busy = true;
  const working = work().finally(() => (busy = false));
  while (busy) {
    peak = Math.max(peak, await residentMegabytes(pid));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await working;
  return Math.max(peak, await residentMegabytes(pid));
}
