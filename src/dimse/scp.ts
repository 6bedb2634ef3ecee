/**
 * Listens for DICOM associations: Verification, Modality Worklist, MPPS and Storage Commitment where a route offers them,
 * reports of storage commitment and MPPS Notification.
 */
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { listenOn } from '../access/bound-server.ts';
import { ByteBudget } from '../access/byte-budget.ts';
import type { AccessRefusal } from '../access/access-refusal.ts';
import { ConnectionDoor } from '../access/connection-door.ts';
import type { DoorPlace } from '../access/connection-door.ts';
import { PeerLimits } from '../access/peer-limits.ts';
import type { PeerLimitOptions } from '../access/peer-limits.ts';
import type { Logger } from '../observe/log.ts';
import { ServiceFailure } from '../services/port.ts';
import type { ServiceHandler } from '../services/port.ts';
import type { Handshakes, ServerTls } from '../tls/server-tls.ts';
import { MPPS_NOTIFICATION } from '../services/mpps/notification.ts';
import type { MppsOperation } from '../services/mpps/outcomes.ts';
import { STORAGE_COMMITMENT_PUSH_MODEL } from '../services/storage-commitment/attributes.ts';
import type { NegotiationOptions } from './acceptor-negotiation.ts';
import { AssociationTable } from './association-table.ts';
import type { Admitted } from './association-table.ts';
import { COMMAND_FIELD } from './command-set.ts';
import { commitmentReportScp, commitmentRequestScp } from './commitment-scp.ts';
import { mppsScp } from './mpps-scp.ts';
import { notificationScp } from './notification-scp.ts';
import { OpenWrites } from './open-writes.ts';
import { AccessPolicy, REJECTIONS } from './policy.ts';
import type { AccessOptions, Caller, RejectionName } from './policy.ts';
import { Reporters, resolveBySystem } from './reporters.ts';
import type { Admission, Reporter, ReporterStanding, ResolveHost } from './reporters.ts';
import { ScpAssociation } from './scp-association.ts';
import type { ScpHost } from './scp-association.ts';
import type { ScpService, ScpServiceEntry } from './scp-exchange.ts';
import { SOP_CLASSES } from './uids.ts';
import type { AssociationEnd } from './upper-layer/association.ts';
import type { AssociateRq } from './upper-layer/pdu.ts';
import type { ListenerIdentityOptions } from './user-identity.ts';
import { serveEcho } from './verification-scp.ts';
import { worklistScp } from './worklist-scp.ts';

export interface DimseListenerOptions extends AccessOptions, NegotiationOptions, ListenerIdentityOptions {
  /** Name of the listener in the configuration. */
  readonly name: string;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Absent: plain TCP. Whoever has loaded it closes it; that of the running listener stays. */
  readonly tls?: ServerTls;
  /**
   * Connections that have not sent an A-ASSOCIATE-RQ; more are closed at once, those of the address that has most. As many
   * may be left open by their peers when the association has ended; then the oldest is closed.
   */
  readonly maximumHalfOpenConnections: number;
  /** Of one command or data set. */
  readonly maximumMessageBytes: number;
  /**
   * Of the messages of all associations together and what is made of them, nine times as much in all, but for the first 64 KiB
   * of each; default 256 MiB.
   */
  readonly maximumHeldBytes?: number;
  /**
   * Of one peer: a calling AE title at an address. Associations and messages count as requests alike; one beyond the rate is
   * rejected (2/3/2) or answered A700H or 0213H. An address whose connections end beyond the rate without an association is
   * not heard. Default: no limit.
   */
  readonly limits?: PeerLimitOptions;
  /** The handshake of TLS, waiting for A-ASSOCIATE-RQ, and for the peer to close after a reject, release or abort (PS3.8 9.1.4). */
  readonly artimMs: number;
  /** An association without a request for so long is aborted. */
  readonly idleTimeoutMs: number;
  /** Patience of the peers: a request is answered within it, and so is each further result. */
  readonly requestTimeoutMs: number;
  /** A PDU that has begun is whole after so long, and what is written is read; default `idleTimeoutMs`. */
  readonly transferTimeoutMs?: number;
  /** MPPS that is done with a warning is answered 0000H: many modalities take a warning for a failure. Default true. */
  readonly warningsAsSuccess?: boolean;
  /**
   * Callers that may report storage commitment or notify of MPPS, each from its own host and whatever the lists of AE titles
   * and addresses say; one that the lists do not have may do nothing else. Default none.
   */
  readonly reporters?: readonly Reporter[];
  /** Told of callers that the lists do not have, for the audit trail. It must neither throw nor wait. */
  readonly refused?: (refusal: AccessRefusal) => void;
  /** Their names are resolved within this time; default 2 s. */
  readonly reporterLookupMs?: number;
}

/** For health and metrics. */
export interface DimseListenerCounts {
  readonly associations: number;
  /** So far. */
  readonly accepted: number;
  readonly halfOpenConnections: number;
  /** Rejections so far by reason. */
  readonly rejected: Readonly<Record<RejectionName, number>>;
  /** Connections closed unheard because too many were half open. */
  readonly refusedConnections: number;
  /** Bytes of messages that are held now, beyond the first 64 KiB of each association. */
  readonly heldBytes: number;
}

/** What was written last has so long to leave before the connection is destroyed. */
const CLOSE_GRACE_MS = 1_000;
/** Rejections of those who may not associate, whatever they ask for. */
const BY_LISTS: readonly RejectionName[] = ['address', 'certificate', 'callingAeTitle'];
const REPORTER_LOOKUP_MS = 2_000;
const MAXIMUM_HELD_BYTES = 256 * 1024 * 1024;

export class DimseListener {
  readonly #logger: Logger;
  readonly #server: Server;
  readonly #handshakes: Handshakes | undefined;
  readonly #host: ScpHost;
  readonly #halfOpen = new Set<ScpAssociation>();
  readonly #associations = new AssociationTable<ScpAssociation>();
  readonly #connections = new Map<ScpAssociation, DoorPlace>();
  readonly #reporters: Reporters;
  readonly #writes = new OpenWrites();
  readonly #budget: ByteBudget;
  readonly #limits: PeerLimits;
  /** Connections without an association stand here, handshakes of TLS among them. */
  readonly #door: ConnectionDoor;
  /** Connections whose association has ended, until the peer closes them or ARTIM does; the oldest first. */
  readonly #leaving = new Set<ScpAssociation>();
  readonly #rejected = Object.fromEntries(Object.keys(REJECTIONS).map((name) => [name, 0])) as Record<
    RejectionName,
    number
  >;
  #accepted = 0;
  #options: DimseListenerOptions;
  #policy: AccessPolicy;
  #closing: Promise<void> | undefined;

  /**
   * @param resolve names of reporters' hosts
   * @throws GatewayError CONFIG_INVALID for an address that is none
   */
  constructor(
    options: DimseListenerOptions,
    handler: ServiceHandler,
    logger: Logger,
    resolve: ResolveHost = resolveBySystem,
  ) {
    this.#options = options;
    this.#policy = new AccessPolicy(options);
    this.#budget = new ByteBudget(heldBytesOf(options));
    this.#limits = new PeerLimits(options.limits ?? {}, () => performance.now());
    this.#door = new ConnectionDoor(this.#limits);
    this.#reporters = new Reporters(resolve, options.reporterLookupMs ?? REPORTER_LOOKUP_MS);
    this.#reporters.replace(options.reporters ?? []);
    this.#logger = logger;
    this.#host = {
      handler,
      services: this.#services(handler),
      budget: this.#budget,
      begin: ({ callingAeTitle = '', address }) => this.#limits.begin(peerOf(callingAeTitle, address)),
      standingOf: (callingAeTitle, address) => this.#reporters.standingOf(callingAeTitle, address),
      admit: (association, request, address, standing) => this.#admit(association, request, address, standing),
      rejected: (name) => void this.#rejected[name]++,
      ended: (association, end) => this.#ended(association, end),
      closed: (association) => {
        this.#connections.delete(association);
        this.#leaving.delete(association);
      },
    };
    // No TCP keep-alive: every wait here has a timer of its own, and four system calls less for each connection.
    const connected = (socket: Socket): void => this.#connected(socket);
    const { tls } = options;
    if (tls === undefined) {
      this.#server = createServer({ noDelay: true }, connected);
    } else {
      const server = createTlsServer({ ...tls.apply(options.artimMs), noDelay: true }, connected);
      this.#handshakes = tls.attach(server);
      server.on('connection', (socket: Socket) => this.#limitHandshakes(socket));
      this.#server = server;
    }
  }

  /** Rejects with the error of the operating system (EADDRINUSE, EACCES, …). */
  listen(): Promise<{ port: number }> {
    return listenOn(this.#server, this.#options, ({ code }) => this.#logger.error('listener error', { code }));
  }

  get listening(): boolean {
    return this.#server.listening;
  }

  get counts(): DimseListenerCounts {
    return {
      associations: this.#associations.size,
      accepted: this.#accepted,
      halfOpenConnections: this.#halfOpen.size + (this.#handshakes?.count ?? 0),
      rejected: { ...this.#rejected },
      refusedConnections: this.#door.refused,
      heldBytes: this.#budget.held,
    };
  }

  /**
   * Applies to associations that are requested from now on. Of those that are open, the ones whose caller may not associate
   * any more, to which routes offer less, or whose user identity was checked by other rules are aborted once the requests
   * under way are answered; the others keep what they have. Host and port of the running listener stay.
   * @throws GatewayError CONFIG_INVALID for an address that is none; nothing is changed then
   */
  update(options: DimseListenerOptions): void {
    this.#policy = new AccessPolicy(options);
    this.#budget.replace(heldBytesOf(options));
    this.#limits.replace(options.limits ?? {});
    this.#reporters.replace(options.reporters ?? []);
    const isSameIdentity = options.userIdentity === this.#options.userIdentity;
    this.#options = options;
    if (!isSameIdentity) for (const association of this.#halfOpen) association.destroy();
    for (const [association, admitted] of this.#associations) {
      // What cannot be judged does not go on.
      if (isSameIdentity) this.#recheck(association, admitted).catch(() => association.destroy());
      else association.withdraw('the rules of user identity are others now');
    }
  }

  /**
   * Stops accepting, lets requests under way finish and releases their associations; what is still open after
   * `deadlineMs` is aborted, changes that nobody waits for any more too. A second call ends everything at once.
   */
  close(deadlineMs: number): Promise<void> {
    if (this.#closing !== undefined) {
      this.#destroyAll();
      return this.#closing;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => this.#destroyAll(), deadlineMs);
    // An error here says that it never listened.
    this.#server.close(() => resolve());
    this.#handshakes?.destroyAll();
    for (const connection of [...this.#connections.keys()]) connection.close();
    this.#closing = promise
      .then(() => this.#writes.empty())
      .finally(() => {
        clearTimeout(timer);
        this.#handshakes?.detach();
      });
    return this.#closing;
  }

  #services(handler: ServiceHandler): ReadonlyMap<number, ScpServiceEntry> {
    const logger = this.#logger;
    const options = (): DimseListenerOptions => this.#options;
    const writes = this.#writes;
    const verification = [SOP_CLASSES.verification];
    const worklist = [SOP_CLASSES.modalityWorklist];
    // The class in the command must be that of the context; some SCUs use one of the two for everything.
    const mpps = [SOP_CLASSES.mpps, SOP_CLASSES.mppsRetrieve];
    const mppsServe = (operation: MppsOperation): ScpService =>
      mppsScp({ operation, handler, options, writes, logger });
    const host = { handler, options, writes, logger };
    const commitments = [STORAGE_COMMITMENT_PUSH_MODEL];
    const [commitmentReport, notification] = [commitmentReportScp(host), notificationScp(host)];
    const reported: ScpServiceEntry = {
      abstractSyntaxes: [...commitments, MPPS_NOTIFICATION],
      serve: (exchange) =>
        exchange.context.abstractSyntax === MPPS_NOTIFICATION ? notification(exchange) : commitmentReport(exchange),
    };
    return new Map<number, ScpServiceEntry>([
      [COMMAND_FIELD.cEchoRq, { abstractSyntaxes: verification, serve: serveEcho }],
      [COMMAND_FIELD.cFindRq, { abstractSyntaxes: worklist, serve: worklistScp(handler, options, logger) }],
      [COMMAND_FIELD.nCreateRq, { abstractSyntaxes: mpps, serve: mppsServe('create') }],
      [COMMAND_FIELD.nSetRq, { abstractSyntaxes: mpps, serve: mppsServe('update') }],
      [COMMAND_FIELD.nGetRq, { abstractSyntaxes: mpps, serve: mppsServe('retrieve') }],
      [COMMAND_FIELD.nActionRq, { abstractSyntaxes: commitments, serve: commitmentRequestScp(host) }],
      [COMMAND_FIELD.nEventReportRq, reported],
    ]);
  }

  #destroyAll(): void {
    this.#writes.abortAll(new ServiceFailure('SHUTTING_DOWN', { retry: 'safe' }));
    for (const connection of [...this.#connections.keys()]) connection.destroy();
  }

  /** One whose handshake of TLS is not done has not sent an A-ASSOCIATE-RQ either. */
  #limitHandshakes(socket: Socket): void {
    const place = this.#enter(socket, () => void socket.destroy());
    if (place !== undefined) socket.once('close', () => place.leave());
  }

  #connected(socket: Socket): void {
    // Its certificate was not good.
    if (socket.destroyed) return;
    const place = this.#enter(socket, () => association.destroy());
    if (place === undefined) return;
    const options = this.#options;
    const transferMs = options.transferTimeoutMs ?? options.idleTimeoutMs;
    const timers = { artimMs: options.artimMs, pduMs: transferMs, writeMs: transferMs, closeMs: CLOSE_GRACE_MS };
    const association = new ScpAssociation(socket, { ...options, timers }, this.#host, this.#logger);
    this.#connections.set(association, place);
    this.#halfOpen.add(association);
  }

  #enter(socket: Socket, close: () => void): DoorPlace | undefined {
    if (this.#closing === undefined) return this.#door.enter(socket, this.#options.maximumHalfOpenConnections, close);
    this.#door.refuse(socket);
    return undefined;
  }

  #admit(
    association: ScpAssociation,
    request: AssociateRq,
    address: string,
    reporter: ReporterStanding,
  ): RejectionName | Admission {
    this.#halfOpen.delete(association);
    this.#connections.get(association)?.leave();
    const { callingAeTitle } = request;
    const open = { total: this.#associations.size, ofCallingAeTitle: this.#associations.countOf(callingAeTitle) };
    const caller = { address, certificate: association.certificate, isReporter: reporter === 'reporter' };
    const rejected =
      this.#closing === undefined
        ? (this.#policy.check(request, caller, open) ?? this.#whyTooMany(callingAeTitle, address))
        : ('shuttingDown' as const);
    if (rejected !== undefined) {
      this.#rejected[rejected]++;
      if (BY_LISTS.includes(rejected)) this.#tellRefused(caller, callingAeTitle, REJECTIONS[rejected].text);
      return rejected;
    }
    this.#accepted++;
    const isListed = this.#policy.lists(callingAeTitle, address);
    const reports = reporter === 'reporter' ? this.#reporters.reportedBy(callingAeTitle) : [];
    this.#associations.add(association, { caller, callingAeTitle, isListed, reports });
    return { isListed, reporter, reports };
  }

  /** A reporter stays as long as it is one, its name may have to be resolved, and as long as the lists have it if they did. */
  async #recheck(association: ScpAssociation, { caller, callingAeTitle, isListed, reports }: Admitted): Promise<void> {
    const isAsked = !isListed || reports.length > 0;
    const isReporter = isAsked && (await this.#reporters.standingOf(callingAeTitle, caller.address)) === 'reporter';
    const why = this.#policy.whyNotListed(callingAeTitle, { ...caller, isReporter: !isListed && isReporter });
    if (!this.#associations.has(association)) return;
    if (why !== undefined) {
      association.withdraw(REJECTIONS[why].text);
      this.#tellRefused(caller, callingAeTitle, REJECTIONS[why].text);
      return;
    }
    const reported = isReporter ? this.#reporters.reportedBy(callingAeTitle) : [];
    if (!reports.every((each) => reported.includes(each))) association.withdraw('it may report less now');
    else if (!association.isOffered) association.withdraw('its routes offer less now');
  }

  #tellRefused({ address, certificate }: Caller, callingAeTitle: string, why: string): void {
    const subject = certificate && { certificate: certificate.subject };
    this.#options.refused?.({ address, callingAeTitle, ...subject, why });
  }

  #whyTooMany(callingAeTitle: string, address: string): RejectionName | undefined {
    return this.#limits.count(peerOf(callingAeTitle, address)) && 'rate';
  }

  #ended(association: ScpAssociation, { kind }: AssociationEnd): void {
    const place = this.#connections.get(association);
    const wasHalfOpen = this.#halfOpen.delete(association);
    if (wasHalfOpen) place?.leave();
    if (wasHalfOpen || kind === 'rejected') this.#door.failed(place?.address ?? '');
    this.#leave(association);
    this.#associations.remove(association);
  }

  /** Peers that never close must not take every connection of the process for the time of ARTIM. */
  #leave(association: ScpAssociation): void {
    this.#leaving.add(association);
    const [oldest] = this.#leaving;
    if (oldest === undefined || this.#leaving.size <= this.#options.maximumHalfOpenConnections) return;
    this.#leaving.delete(oldest);
    oldest.destroy();
  }
}

/** One message is always taken, where nobody else holds anything. */
function heldBytesOf({ maximumHeldBytes = MAXIMUM_HELD_BYTES, maximumMessageBytes }: DimseListenerOptions): number {
  return Math.max(maximumHeldBytes, maximumMessageBytes);
}

function peerOf(callingAeTitle: string, address: string): string {
  return `${callingAeTitle}@${address}`;
}
