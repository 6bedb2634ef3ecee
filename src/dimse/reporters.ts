/**
 * Who may report to us by N-EVENT-REPORT: the AE titles of our upstreams, each from its own host (design 6).
 */
import { lookup } from 'node:dns/promises';
import { BlockList, isIP, isIPv4 } from 'node:net';
import { plainAddress } from '../access/address-list.ts';

/** The services an SCP reports by itself: results of storage commitment (PS3.4 J.3.3), MPPS by MPPS Notification (F.9). */
export type ReportedService = 'storageCommitment' | 'mpps';

export interface Reporter {
  readonly aeTitle: string;
  /** IP address or name. */
  readonly host: string;
  /** Those it was asked for. */
  readonly reports: readonly ReportedService[];
}

/** `elsewhere`: it calls itself as a reporter does, but its address is not known to be of that one's host. */
export type ReporterStanding = 'none' | 'reporter' | 'elsewhere';

/** What an association was admitted for. */
export interface Admission {
  /** By the lists, for whatever routes offer; else only to report. */
  readonly isListed: boolean;
  readonly reporter: ReporterStanding;
  /** What it may report; of a reporter only. */
  readonly reports: readonly ReportedService[];
}

/** IP addresses of a name. */
export type ResolveHost = (host: string) => Promise<readonly string[]>;

export async function resolveBySystem(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
}

export class Reporters {
  readonly #resolve: ResolveHost;
  readonly #lookupMs: number;
  #reporters: readonly Reporter[] = [];
  #hosts = new Map<string, NamedHost>();

  /** @param lookupMs A name that is not resolved after so long is taken for what it was known as before, if at all. */
  constructor(resolve: ResolveHost, lookupMs: number) {
    this.#resolve = resolve;
    this.#lookupMs = lookupMs;
  }

  replace(reporters: readonly Reporter[]): void {
    const names = reporters.map(({ host }) => host).filter((host) => isIP(plainAddress(host)) === 0);
    this.#hosts = new Map(names.map((name) => [name, this.#hosts.get(name) ?? new NamedHost(name, this.#resolve)]));
    this.#reporters = reporters;
  }

  /**
   * At once where no name has to be resolved, so that associations of others wait for nothing; never rejects.
   * @param address without IPv4 mapping and zone
   */
  standingOf(callingAeTitle: string, address: string): ReporterStanding | Promise<ReporterStanding> {
    const own = this.#reporters.filter(({ aeTitle }) => aeTitle === callingAeTitle);
    if (own.length === 0) return 'none';
    const names = own.flatMap(({ host }) => this.#hosts.get(host) ?? []);
    if (own.some(({ host }) => isSameAddress(host, address))) return 'reporter';
    return names.length === 0 ? 'elsewhere' : this.#standingAt(names, address);
  }

  /** Of an AE title, wherever it is. */
  reportedBy(callingAeTitle: string): readonly ReportedService[] {
    return this.#reporters.filter(({ aeTitle }) => aeTitle === callingAeTitle).flatMap(({ reports }) => reports);
  }

  async #standingAt(names: readonly NamedHost[], address: string): Promise<ReporterStanding> {
    const matches = await Promise.all(names.map((name) => name.isAt(address, this.#lookupMs)));
    return matches.includes(true) ? 'reporter' : 'elsewhere';
  }
}

/** What is known of a name. DNS is asked for every association of a reporter, of which there are few. */
class NamedHost {
  readonly #name: string;
  readonly #resolve: ResolveHost;
  #addresses: readonly string[] = [];
  /** One at a time: a slow resolver must not take all the threads of the process. */
  #lookup: Promise<void> | undefined;

  constructor(name: string, resolve: ResolveHost) {
    this.#name = name;
    this.#resolve = resolve;
  }

  /** When DNS fails or takes too long, what it said last still holds. */
  async isAt(address: string, lookupMs: number): Promise<boolean> {
    this.#lookup ??= this.#ask().finally(() => (this.#lookup = undefined));
    const timedOut = Promise.withResolvers<void>();
    const timer = setTimeout(timedOut.resolve, lookupMs);
    await Promise.race([this.#lookup, timedOut.promise]);
    clearTimeout(timer);
    return this.#addresses.some((known) => isSameAddress(known, address));
  }

  async #ask(): Promise<void> {
    try {
      this.#addresses = await this.#resolve(this.#name);
    } catch {
      // Nothing new is known.
    }
  }
}

/** IPv6 has many spellings of one address. */
function isSameAddress(one: string, other: string): boolean {
  const [a, b] = [plainAddress(one), plainAddress(other)];
  const family = isIPv4(a) ? 'ipv4' : 'ipv6';
  if (isIP(a) === 0) return false;
  const list = new BlockList();
  list.addAddress(a, family);
  return list.check(b, family);
}
