/** The audit trail of the gateway (PS3.15 A.5 to A.7): every event to every destination, whatever becomes of them. */
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../observe/log.ts';
import { inTime } from './audit-clock.ts';
import type { AuditClock } from './audit-clock.ts';
import { AuditFile } from './audit-file.ts';
import { securityAlert } from './events.ts';
import type { AuditNode } from './events.ts';
import { exchangeEvents } from './exchange-events.ts';
import type { AuditedExchange } from './exchange-events.ts';
import { Intake } from './intake.ts';
import { messageOf, toJson, toXml } from './message.ts';
import type { AuditEvent, AuditMessage, AuditSourceIdentification } from './message.ts';
import { Spool } from './spool.ts';
import { syslogMessage } from './syslog.ts';
import { SyslogDelivery } from './syslog-delivery.ts';
import type { DeliveryState, DeliveryTimes } from './syslog-delivery.ts';
import { tlsLink, udpLink } from './syslog-links.ts';
import type { Collector, TlsCaller } from './syslog-links.ts';

export type AuditDestination =
  | ({ readonly kind: 'syslog-tls'; readonly tls: TlsCaller } & Collector)
  | ({ readonly kind: 'syslog-udp' } & Collector)
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly form: 'xml' | 'json';
      /** After so many bytes it goes on in a new file, as it does each day. */
      readonly maximumBytes: number;
    };

export interface AuditTrailOptions {
  /** AuditSourceID and AuditEnterpriseSiteID of every message. */
  readonly source: string;
  readonly site?: string;
  readonly self: AuditNode;
  /** Whether Patient ID, Accession Number and the matching keys of queries are told. */
  readonly patients: boolean;
  readonly to: readonly AuditDestination[];
  /** A folder of this process alone, and what each collector may have waiting there. */
  readonly spool: { readonly path: string; readonly maximumBytes: number };
  readonly times?: DeliveryTimes & { readonly patienceMs: number };
}

export interface DestinationState extends DeliveryState {
  /** `syslog-tls collector:6514`, `file /var/log/audit.log` */
  readonly name: string;
}

const TIMES = { patienceMs: 10_000, firstRetryMs: 1_000, longestRetryMs: 60_000, settleMs: 2_000 };
/** So much waits in memory for the disk of a file. */
const MEMORY_BYTES = 4 * 1024 * 1024;

interface Destination {
  readonly name: string;
  put(message: AuditMessage): void;
  state(): DeliveryState;
  close(limitMs: number): Promise<void>;
}

export class AuditTrail {
  readonly #options: AuditTrailOptions;
  readonly #source: AuditSourceIdentification;
  readonly #clock: AuditClock;
  readonly #logger: Logger;
  readonly #destinations: Destination[] = [];
  #closed: Promise<unknown> | undefined;

  /** @throws GatewayError AUDIT_UNWRITABLE */
  static async open(options: AuditTrailOptions, clock: AuditClock, logger: Logger): Promise<AuditTrail> {
    const trail = new AuditTrail(options, clock, logger);
    try {
      for (const destination of options.to) trail.#destinations.push(await trail.#destination(destination));
      return trail;
    } catch (error) {
      await trail.close(0);
      throw error;
    }
  }

  private constructor(options: AuditTrailOptions, clock: AuditClock, logger: Logger) {
    const { source, site } = options;
    this.#options = options;
    this.#source = {
      ...(site !== undefined && { AuditEnterpriseSiteID: site }),
      AuditSourceID: source,
      // Application server process (PS3.15 A.5.1.2.1).
      AuditSourceTypeCode: [{ 'csd-code': '4' }],
    };
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Never waits, never fails. */
  record(event: AuditEvent): void {
    try {
      const message = messageOf(event, this.#source);
      for (const destination of this.#destinations) destination.put(message);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** For the gateway: records the exchanges A.5.3 has a message for. Never waits, never fails. */
  readonly observer = (exchange: AuditedExchange): void => {
    try {
      for (const event of exchangeEvents(exchange, this.#options, this.#clock.now())) this.record(event);
    } catch (error) {
      this.#failed(error);
    }
  };

  states(): DestinationState[] {
    return this.#destinations.map((destination) => ({ name: destination.name, ...destination.state() }));
  }

  /** Sends what can be sent in time; what waits for a collector stays on the disk. Never rejects. */
  async close(deadlineMs: number): Promise<void> {
    this.#closed ??= Promise.all(this.#destinations.map((destination) => destination.close(deadlineMs)));
    await this.#closed;
  }

  #failed(error: unknown): void {
    this.#logger.error('an event could not be audited', { problem: (error as Error).name });
  }

  async #destination(destination: AuditDestination): Promise<Destination> {
    const name =
      destination.kind === 'file'
        ? `file ${destination.path}`
        : `${destination.kind} ${destination.host}:${destination.port}`;
    const logger = this.#logger.child({ destination: name });
    return destination.kind === 'file'
      ? this.#file(name, destination, logger)
      : this.#syslog(name, destination, logger);
  }

  async #file(
    name: string,
    { path, form, maximumBytes }: Extract<AuditDestination, { kind: 'file' }>,
    logger: Logger,
  ): Promise<Destination> {
    const file = await AuditFile.open(path, maximumBytes, this.#clock);
    const put = (message: AuditMessage): void =>
      intake.put(Buffer.from(form === 'xml' ? toXml(message) : toJson(message)));
    const intake = new Intake(
      {
        write: (messages) => file.append(messages),
        memoryBytes: MEMORY_BYTES,
        retryMs: TIMES.firstRetryMs,
        recovered: (lost) => put(this.#gap(lost)),
      },
      this.#clock,
      logger,
    );
    return {
      name,
      put,
      state: () => ({ isUp: !intake.isFailing, waitingBytes: intake.waitingBytes, lost: intake.lost }),
      close: async (limitMs) => {
        await intake.close(limitMs);
        await inTime(file.close(), TIMES.patienceMs, this.#clock).catch(() => undefined);
      },
    };
  }

  async #syslog(
    name: string,
    destination: Extract<AuditDestination, { host: string }>,
    logger: Logger,
  ): Promise<Destination> {
    const { spool: where, self, times = TIMES } = this.#options;
    await mkdir(where.path, { recursive: true, mode: 0o700 }).catch(() => undefined);
    const spool = await Spool.open(join(where.path, folderOf(name)), { maximumBytes: where.maximumBytes });
    const linkTimes = { patienceMs: times.patienceMs, clock: this.#clock };
    const open =
      destination.kind === 'syslog-tls'
        ? tlsLink(destination, destination.tls, linkTimes)
        : udpLink(destination, linkTimes);
    const origin = { host: self.host, application: self.processName, processId: self.processId };
    const put = (message: AuditMessage): void => {
      const { EventOutcomeIndicator, EventDateTime } = message.EventIdentification;
      const severity = EventOutcomeIndicator === '0' ? 'notice' : 'warning';
      delivery.put(syslogMessage(toXml(message), severity, origin, Date.parse(EventDateTime)));
    };
    const delivery = new SyslogDelivery(spool, open, times, (lost) => put(this.#gap(lost)), this.#clock, logger);
    return { name, put, state: () => delivery.state, close: (limitMs) => delivery.close(limitMs) };
  }

  /** Who reads the trail is to know that it has a gap. */
  #gap(lost: number): AuditMessage {
    const description = `${lost} audit messages before this one are lost`;
    const alert = securityAlert(
      { type: 'auditStopped', outcome: '12', description },
      this.#options.self,
      this.#clock.now(),
    );
    return messageOf(alert, this.#source);
  }
}

/** One collector, one folder; a name of a host may hold what a path may not. */
function folderOf(name: string): string {
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${name.replace(/[^A-Za-z0-9.-]+/g, '_')}-${digest}`;
}
