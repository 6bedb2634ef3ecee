/** Opens the audit trail of the configuration, and tells it what is not told by exchanges: logins, start and stop. */
import { hostname } from 'node:os';
import type { AccessRefusal } from './access/access-refusal.ts';
import { PeerLimits } from './access/peer-limits.ts';
import type { Alert, AuditNode } from './audit/events.ts';
import { applicationActivity, securityAlert, userAuthentication } from './audit/events.ts';
import { AuditTrail } from './audit/trail.ts';
import type { AuditDestination } from './audit/trail.ts';
import type { Config } from './config/schema.ts';
import type { OperatorAction } from './console/operator-actions.ts';
import { systemClock } from './gateway/clock.ts';
import type { AuthenticationEvent } from './identity/principal.ts';
import type { Logger } from './observe/log.ts';
import { ClientTls } from './tls/client-tls.ts';
import type { CertificateFacts } from './tls/tls-options.ts';

/**
 * Failures of one address that are told one by one; beyond it they are counted. Else whoever may try fills the disk, or
 * the spool so that what he does then is lost.
 */
const FAILURES_TOLD = { requestsPerSecond: 1, burst: 20 };

/** Failures of one kind: those that are told, and how many were not. */
class Failures {
  readonly #what: string;
  readonly #limits = new PeerLimits(FAILURES_TOLD, () => performance.now());
  #untold = 0;

  /** @param what in the plural */
  constructor(what: string) {
    this.#what = what;
  }

  /** Whether this one is told; else it is counted. */
  isTold(address: string): boolean {
    if (this.#limits.count(address) === undefined) return true;
    this.#untold++;
    return false;
  }

  /** What was not told since it was asked last, in words. */
  more(): string | undefined {
    const count = this.#untold;
    this.#untold = 0;
    return count === 0 ? undefined : `${count} more ${this.#what} before, too many to be told one by one`;
  }
}

type AuditConfig = NonNullable<Config['audit']>;

/** The audit trail of the running configuration; without one, nothing is recorded. */
export class Audit {
  #config: Config;
  readonly #trail: AuditTrail | undefined;
  readonly #tls: readonly ClientTls[];
  readonly #logins = new Failures('failed logins');
  readonly #refusals = new Failures('refused connections');

  /** @throws GatewayError AUDIT_UNWRITABLE, TLS_* */
  static async open(config: Config, logger: Logger): Promise<Audit> {
    const { audit } = config;
    if (audit === undefined) return new Audit(config, undefined, []);
    const tls: ClientTls[] = [];
    const to: AuditDestination[] = [];
    try {
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
    } catch (error) {
      for (const each of tls) each.close();
      throw error;
    }
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
    for (const failures of [this.#logins, this.#refusals]) {
      const description = failures.more();
      if (description !== undefined) this.#alert({ type: 'nodeAuthentication', outcome: '4', description });
    }
    this.#trail?.record(applicationActivity('stop', nodeOf(this.#config), Date.now()));
  }

  /** A failed login, or one that opens an association; each request of the web shows its token anew and is no login. */
  readonly authenticated = ({ listener, address, outcome, subject, why }: AuthenticationEvent): void => {
    const protocol = this.#config.listeners[listener]?.protocol ?? 'dicomweb';
    if (this.#trail === undefined || (outcome === 'success' && protocol === 'dicomweb')) return;
    if (outcome === 'failure' && !this.#logins.isTold(address)) return;
    const requester = { listener, protocol, address, ...(subject !== undefined && { subject }) };
    const failure = outcome === 'failure' ? { failure: withMore(why ?? 'not authenticated', this.#logins) } : {};
    const event = userAuthentication({ requester, activity: 'login', ...failure }, nodeOf(this.#config), Date.now());
    this.#trail.record(event);
  };

  /** The lists of a listener do not have somebody. */
  refused(listener: string, { why, ...who }: AccessRefusal): void {
    if (this.#trail === undefined || !this.#refusals.isTold(who.address)) return;
    const protocol = this.#config.listeners[listener]?.protocol ?? 'dicomweb';
    const description = withMore(why, this.#refusals);
    this.#alert({ type: 'nodeAuthentication', outcome: '4', description, requester: { listener, protocol, ...who } });
  }

  /** An operator has changed something, or read data sets. */
  acted({ address, name, action, status, isWhole }: OperatorAction): void {
    const outcome = status >= 500 ? '8' : status >= 400 || !isWhole ? '4' : '0';
    const who = { listener: 'console', protocol: 'dicomweb', address } as const;
    const requester = name === undefined ? who : { ...who, subject: name };
    this.#alert({ type: 'restrictedFunction', outcome, description: `console: ${action} (${status})`, requester });
  }

  /** The configuration was read again. @param failure code of why it stays as it was */
  reloaded(failure?: string): void {
    const description = failure === undefined ? 'configuration reloaded' : `configuration not reloaded: ${failure}`;
    this.#alert({ type: 'softwareConfiguration', outcome: failure === undefined ? '0' : '4', description });
  }

  /** A TLS handshake of a peer failed. */
  readonly handshakeFailed = ({ address = 'unknown', why }: { address: string | undefined; why: string }): void => {
    this.#alert({ type: 'nodeAuthentication', outcome: '4', description: why, subject: { node: address } });
  };

  /** Of the connections to collectors. */
  certificates(): CertificateFacts[] {
    return this.#tls.flatMap((tls) => tls.certificates());
  }

  #alert(alert: Alert): void {
    this.#trail?.record(securityAlert(alert, nodeOf(this.#config), Date.now()));
  }

  /** Sends what can be sent in time; the rest stays on the disk. */
  async close(deadlineMs: number): Promise<void> {
    await this.#trail?.close(deadlineMs);
    for (const tls of this.#tls) tls.close();
  }
}

function withMore(why: string, failures: Failures): string {
  return [why, failures.more()].filter((text) => text !== undefined).join('; ');
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
