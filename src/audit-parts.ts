/** Opens the audit trail of the configuration, and tells it what is not told by exchanges: logins, start and stop. */
import { hostname } from 'node:os';
import { PeerLimits } from './access/peer-limits.ts';
import type { AuditNode } from './audit/events.ts';
import { applicationActivity, securityAlert, userAuthentication } from './audit/events.ts';
import { AuditTrail } from './audit/trail.ts';
import type { AuditDestination } from './audit/trail.ts';
import type { Config } from './config/schema.ts';
import { systemClock } from './gateway/clock.ts';
import type { AuthenticationEvent } from './identity/principal.ts';
import type { Logger } from './observe/log.ts';
import { ClientTls } from './tls/client-tls.ts';

/**
 * Failed logins of one address that are told one by one; beyond it they are counted. Else whoever may try fills the disk, or
 * the spool so that what he does then is lost.
 */
const FAILURES_TOLD = { requestsPerSecond: 1, burst: 20 };

type AuditConfig = NonNullable<Config['audit']>;

/** The audit trail of the running configuration; without one, nothing is recorded. */
export class Audit {
  #config: Config;
  readonly #trail: AuditTrail | undefined;
  readonly #tls: readonly ClientTls[];
  readonly #failures = new PeerLimits(FAILURES_TOLD, () => performance.now());
  /** Failed logins since the last one that was told. */
  #untold = 0;

  /** @throws GatewayError AUDIT_UNWRITABLE, TLS_* */
  static async open(config: Config, logger: Logger): Promise<Audit> {
    const { audit } = config;
    if (audit === undefined) return new Audit(config, undefined, []);
    const tls: ClientTls[] = [];
    const to: AuditDestination[] = [];
    for (const each of audit.to) to.push(await destinationOf(each, tls, logger));
    const { source, site, patients, spool } = audit;
    const options = {
      source,
      ...(site !== undefined && { site }),
      self: nodeOf(config),
      patients,
      to,
      spool: { path: spool.path, maximumBytes: spool.maximumSize },
    };
    return new Audit(config, await AuditTrail.open(options, systemClock, logger), tls);
  }

  private constructor(config: Config, trail: AuditTrail | undefined, tls: readonly ClientTls[]) {
    this.#config = config;
    this.#trail = trail;
    this.#tls = tls;
  }

  /** The listeners of a reload. */
  follow(config: Config): void {
    this.#config = config;
  }

  /** Told of every exchange. */
  get observer(): AuditTrail['observer'] | undefined {
    return this.#trail?.observer;
  }

  started(): void {
    this.#trail?.record(applicationActivity('start', nodeOf(this.#config), Date.now()));
  }

  stopped(): void {
    if (this.#untold > 0) {
      const alert = { type: 'nodeAuthentication', outcome: '4', description: this.#more() } as const;
      this.#trail?.record(securityAlert(alert, nodeOf(this.#config), Date.now()));
    }
    this.#trail?.record(applicationActivity('stop', nodeOf(this.#config), Date.now()));
  }

  /** A failed login, or one that opens an association; each request of the web shows its token anew and is no login. */
  readonly authenticated = ({ listener, address, outcome, subject, why }: AuthenticationEvent): void => {
    const protocol = this.#config.listeners[listener]?.protocol ?? 'dicomweb';
    if (this.#trail === undefined || (outcome === 'success' && protocol === 'dicomweb')) return;
    if (outcome === 'failure' && this.#failures.count(address) !== undefined) {
      this.#untold++;
      return;
    }
    const requester = { listener, protocol, address, ...(subject !== undefined && { subject }) };
    const more = outcome === 'failure' && this.#untold > 0 ? `; ${this.#more()}` : '';
    const failure = outcome === 'failure' ? { failure: `${why ?? 'not authenticated'}${more}` } : {};
    const event = userAuthentication({ requester, activity: 'login', ...failure }, nodeOf(this.#config), Date.now());
    this.#trail.record(event);
  };

  #more(): string {
    const count = this.#untold;
    this.#untold = 0;
    return `${count} more failed logins before, too many to be told one by one`;
  }

  /** A TLS handshake of a peer failed. */
  readonly handshakeFailed = ({ address = 'unknown', why }: { address: string | undefined; why: string }): void => {
    const alert = { type: 'nodeAuthentication', outcome: '4', description: why, subject: { node: address } } as const;
    this.#trail?.record(securityAlert(alert, nodeOf(this.#config), Date.now()));
  };

  /** Sends what can be sent in time; the rest stays on the disk. */
  async close(deadlineMs: number): Promise<void> {
    await this.#trail?.close(deadlineMs);
    for (const tls of this.#tls) tls.close();
  }
}

async function destinationOf(
  each: AuditConfig['to'][number],
  opened: ClientTls[],
  logger: Logger,
): Promise<AuditDestination> {
  if ('file' in each) return { kind: 'file', path: each.file, form: each.form, maximumBytes: each.maximumSize };
  const { syslog, host, port } = each;
  if (syslog === 'udp') return { kind: 'syslog-udp', host, port };
  const tls = await ClientTls.load(`audit ${host}:${port}`, each.tls ?? { profile: 'bcp195-rfc9325' }, logger);
  opened.push(tls);
  return { kind: 'syslog-tls', host, port, tls };
}

function nodeOf({ listeners }: Config): AuditNode {
  const aeTitles = Object.values(listeners).flatMap((each) => (each.protocol === 'dimse' ? each.aeTitles : []));
  return {
    processId: String(process.pid),
    processName: 'dimseway',
    host: hostname(),
    aeTitles: [...new Set(aeTitles)],
  };
}
