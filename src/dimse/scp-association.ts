/** One association as acceptor: negotiation, one request after another, C-CANCEL and our reports beside them, idle and closing. */
import type { Socket } from 'node:net';
import { plainAddress } from '../access/address-list.ts';
import { FREE_BYTES, HeldBytes } from '../access/byte-budget.ts';
import type { ByteBudget } from '../access/byte-budget.ts';
import { GatewayError } from '../errors.ts';
import { errorFacts } from '../observe/error-facts.ts';
import type { Logger } from '../observe/log.ts';
import { ServiceFailure } from '../services/port.ts';
import type { Requester, ServiceHandler } from '../services/port.ts';
import { MPPS_NOTIFICATION } from '../services/mpps/notification.ts';
import { outcomeOf } from '../services/worklist/outcomes.ts';
import { STORAGE_COMMITMENT_PUSH_MODEL } from '../services/storage-commitment/attributes.ts';
import { certificateFields, peerCertificateOf } from '../tls/peer-certificate.ts';
import type { PeerCertificate } from '../tls/tls-options.ts';
import { negotiate } from './acceptor-negotiation.ts';
import type { NegotiationOptions } from './acceptor-negotiation.ts';
import { COMMAND_FIELD, DIMSE_STATUS, isComposite, isResponse } from './command-set.ts';
import type { CommandSet } from './command-set.ts';
import { DeliveryWatch } from './delivery-watch.ts';
import { sendingPduLength } from './message.ts';
import type { DropReason, Message } from './message.ts';
import { MessageChannel } from './message-channel.ts';
import type { AcceptedContext } from './message-channel.ts';
import { classesOf, offeredTo } from './offered-services.ts';
import { REJECTIONS } from './policy.ts';
import type { RejectionName } from './policy.ts';
import type { Admission, ReporterStanding } from './reporters.ts';
import { serveRequest } from './scp-dispatch.ts';
import type { DispatchHost } from './scp-dispatch.ts';
import { ScpExchange } from './scp-exchange.ts';
import type { AssociationFacts } from './scp-exchange.ts';
import { logEnd } from './scp-end.ts';
import { ScpReports } from './scp-reports.ts';
import { Association } from './upper-layer/association.ts';
import type { AssociationEnd, AssociationTimers, AssociationUser } from './upper-layer/association.ts';
import type { AssociateRq, Pdv, ProposedContext } from './upper-layer/pdu.ts';
import {
  admissionOf,
  bearerOf,
  eventOf,
  expiryOf,
  NO_IDENTITY,
  requesterOf,
  withIdentityResponse,
} from './user-identity.ts';
import type { IdentityVerdict, ListenerIdentityOptions } from './user-identity.ts';

export interface ScpAssociationOptions extends NegotiationOptions, ListenerIdentityOptions {
  /** Name of the listener in the configuration. */
  readonly name: string;
  readonly maximumMessageBytes: number;
  /** Without a whole message for so long, and none being answered, the association is aborted. */
  readonly idleTimeoutMs: number;
  readonly timers: AssociationTimers;
}

/** What the listener knows and counts. */
export interface ScpHost extends DispatchHost {
  readonly handler: ServiceHandler;
  /** Of the messages of all associations. */
  readonly budget: ByteBudget;
  /** A promise where a name has to be resolved; it never rejects. */
  standingOf(callingAeTitle: string, address: string): ReporterStanding | Promise<ReporterStanding>;
  /** Counts the association from then on, unless it is rejected. */
  admit(
    association: ScpAssociation,
    request: AssociateRq,
    address: string,
    standing: ReporterStanding,
  ): RejectionName | Admission;
  /** It was admitted, and is rejected after all. */
  rejected(name: RejectionName): void;
  /** There is no association any more, or there never was one. */
  ended(association: ScpAssociation, end: AssociationEnd): void;
  closed(association: ScpAssociation): void;
}

/** Requests without an answer: more at a time is no client of these services. */
const MAXIMUM_OUTSTANDING = 64;
/** A peer that told no maximum length gets what every implementation takes. */
const USUAL_PDU_LENGTH = 16_384;

/** What a data set takes, decoded and on its way, of what it took as bytes: measured for lists of references, and rounded up. */
export const DECODED = 8;

const UNABLE_TO_PROCESS = 0xc001;

export class ScpAssociation implements AssociationUser {
  /** What the peer has shown and what was verified. */
  readonly certificate: PeerCertificate | undefined;
  readonly #options: ScpAssociationOptions;
  readonly #host: ScpHost;
  readonly #association: Association;
  readonly #outstanding: ScpExchange[] = [];
  readonly #deliveries = new DeliveryWatch();
  readonly #held: HeldBytes;
  readonly #reports: ScpReports;
  #logger: Logger;
  #channel: MessageChannel | undefined;
  #facts: AssociationFacts | undefined;
  /** SOP classes that were accepted. */
  #classes: readonly string[] = [];
  #outstandingBytes = 0;
  #running = false;
  #closing = false;
  /** Its peer may not have it any more. */
  #isWithdrawn = false;
  /** Of the user identity; wall clock, ms since 1970. */
  #expiresAtMs = Infinity;
  #hasEnded = false;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, options: ScpAssociationOptions, host: ScpHost, logger: Logger) {
    this.certificate = peerCertificateOf(socket);
    this.#options = options;
    this.#host = host;
    this.#held = new HeldBytes(host.budget);
    this.#logger = logger;
    const { maximumPduLength, timers } = options;
    this.#association = Association.receive(socket, { maximumPduLength, timers }, this);
    this.#reports = this.#createReports();
  }

  associateRequested(request: AssociateRq): void {
    const { calledAeTitle, callingAeTitle } = request;
    const address = plainAddress(this.#association.remoteAddress);
    this.#logger = this.#logger.child({ calledAeTitle, callingAeTitle, address });
    const standing = this.#host.standingOf(callingAeTitle, address);
    if (typeof standing === 'string') this.#answerAssociate(request, address, standing);
    else void this.#later(standing, (known) => this.#answerAssociate(request, address, known));
  }

  async #later<T>(pending: Promise<T>, goOn: (value: T) => void): Promise<void> {
    try {
      const value = await pending;
      if (!this.#hasEnded) goOn(value);
    } catch (error) {
      this.#logger.error('association failed', errorFacts(error));
      this.#association.abort();
    }
  }

  #answerAssociate(request: AssociateRq, address: string, standing: ReporterStanding): void {
    if (standing === 'elsewhere' && request.contexts.some(isOfReports)) {
      this.#logger.warn('it has the AE title of one that reports to us, but not its address');
    }
    const admission = this.#host.admit(this, request, address, standing);
    if (typeof admission === 'string') return this.#reject(admission);
    const verdict = this.#options.userIdentity?.check(request.userInformation.userIdentity) ?? NO_IDENTITY;
    if (!(verdict instanceof Promise)) this.#answerIdentity(request, address, admission, verdict);
    else void this.#later(verdict, (known) => this.#answerIdentity(request, address, admission, known));
  }

  #answerIdentity(request: AssociateRq, address: string, before: Admission, verdict: IdentityVerdict): void {
    const { name, maximumMessageBytes, authenticated } = this.#options;
    const event = eventOf(verdict, { listener: name, address });
    if (event !== undefined) authenticated?.(event);
    const admission = admissionOf(verdict, before);
    if (typeof admission === 'string') {
      this.#host.rejected(admission);
      this.#reject(admission, event?.why);
      return;
    }
    const { handler } = this.#host;
    const { calledAeTitle, callingAeTitle, userInformation } = request;
    const from = { listener: name, protocol: 'dimse', address, callingAeTitle, calledAeTitle } as const;
    const requester: Requester = { ...from, ...certificateFields(this.certificate), ...requesterOf(verdict) };
    const { answer, contexts, worklist } = negotiate(request, this.#options, offeredTo(requester, admission, handler));
    const pduLength = sendingPduLength(userInformation.maximumLength ?? USUAL_PDU_LENGTH) ?? USUAL_PDU_LENGTH;
    const facts = { requester, ...bearerOf(verdict), admission, worklist };
    this.#expiresAtMs = expiryOf(verdict);
    this.#facts = { ...facts, deliveries: this.#deliveries, reports: this.#reports };
    const held = this.#held;
    this.#classes = contexts.map(({ abstractSyntax }) => abstractSyntax);
    this.#channel = new MessageChannel(this.#association, contexts, pduLength, maximumMessageBytes, isAnswerable, held);
    this.#logger.debug('association accepted', { contexts: contexts.length });
    this.#association.accept(withIdentityResponse(answer, verdict));
    this.#watchIdle();
  }

  #reject(name: RejectionName, detail?: string): void {
    const { text, ...rejection } = REJECTIONS[name];
    const { result, source, reason } = rejection;
    const why = detail === undefined ? text : `${text}: ${detail}`;
    this.#logger.warn('association rejected', { why, rejection: `${result}/${source}/${reason}` });
    this.#association.reject(rejection);
  }

  dataReceived(values: readonly Pdv[]): void {
    this.#channel?.receive(values, (message, context) => this.#receiveMessage(message, context));
  }

  /** A peer that leaves before its answers does not want them. */
  releaseRequested(): void {
    this.#deliveries.peerWentOn();
    this.#abandonRequests('the association was released');
  }

  ended(end: AssociationEnd): void {
    this.#hasEnded = true;
    this.#stopIdle();
    this.#reports.end();
    this.#channel?.discard();
    this.#deliveries.associationEnded(end.kind === 'released');
    this.#abandonRequests('the association ended');
    logEnd(this.#logger, end, this.#facts !== undefined);
    this.#host.ended(this, end);
  }

  closed(): void {
    this.#host.closed(this);
  }

  /** Lets the requests under way finish, and the report that was sent be answered, then releases. */
  close(): void {
    this.#closing = true;
    this.#reports.stop();
    if (!this.#association.isEstablished) this.#association.destroy();
    else this.#goOn();
  }

  /** What was accepted is still offered to the peer, by the routes of now. */
  get isOffered(): boolean {
    if (this.#facts === undefined) return true;
    const { requester, admission } = this.#facts;
    const offered = classesOf(offeredTo(requester, admission, this.#host.handler));
    return this.#classes.every((each) => offered.includes(each));
  }

  /** Begins nothing new, lets the requests under way finish, then aborts. @param why for the log */
  withdraw(why: string): void {
    if (this.#isWithdrawn) return;
    this.#isWithdrawn = true;
    this.#logger.warn('association ends: its peer may not have it any more', { why });
    if (!this.#association.isEstablished) this.#association.destroy();
    else this.#goOn();
  }

  /** Ends association and connection at once. */
  destroy(): void {
    this.#association.destroy();
  }

  #receiveMessage(message: Message, context: AcceptedContext): void {
    const { commandField, messageIdBeingRespondedTo } = message.command;
    this.#deliveries.peerWentOn();
    const isCancel = commandField === COMMAND_FIELD.cCancelRq;
    // When we have asked for a release, or will abort, nothing new is begun.
    const isOpen = this.#association.isEstablished && !this.#isWithdrawn;
    if (!isCancel && !isResponse(commandField) && isOpen) {
      return this.#receiveRequest(message, context);
    }
    this.#held.shrink(message.dataSet?.length ?? 0);
    if (isCancel) this.#cancel(messageIdBeingRespondedTo);
    else if (isResponse(commandField)) this.#reports.receive(message.command);
  }

  #receiveRequest(message: Message, context: AcceptedContext): void {
    if (this.#channel === undefined || this.#facts === undefined) return;
    const { messageId } = message.command;
    this.#outstandingBytes += message.dataSet?.length ?? 0;
    const isDuplicate = this.#outstanding.some(
      (other) => other.message.command.messageId === messageId && !other.isAnswered,
    );
    this.#outstanding.push(new ScpExchange(message, context, this.#facts, this.#channel, isDuplicate));
    if (this.#outstanding.length > MAXIMUM_OUTSTANDING || this.#outstandingBytes > this.#options.maximumMessageBytes) {
      throw new GatewayError('MESSAGE_INVALID', 'Too many requests without waiting for their answers');
    }
    if (!this.#running) void this.#serveOutstanding();
  }

  /** One after another: without an asynchronous operations window there is one outstanding (PS3.7 D.3.3.3). */
  async #serveOutstanding(): Promise<void> {
    this.#running = true;
    this.#stopIdle();
    for (let exchange = this.#outstanding[0]; exchange !== undefined; exchange = this.#outstanding[0]) {
      const bytes = exchange.message.dataSet?.length ?? 0;
      const decodedBytes = DECODED * Math.max(0, bytes - FREE_BYTES);
      const isRoom = this.#held.grow(decodedBytes);
      await this.#serve(exchange, isRoom);
      this.#outstandingBytes -= bytes;
      this.#held.shrink(isRoom ? bytes + decodedBytes : bytes);
      this.#outstanding.shift();
    }
    this.#running = false;
    this.#goOn();
    this.#reports.sendNext();
  }

  /** Nothing is being answered: the peer may say what comes next, or the association is over. */
  #goOn(): void {
    if (this.#running || !this.#association.isEstablished) return;
    if (this.#isWithdrawn) this.#association.abort();
    else if (this.#closing && !this.#reports.isAwaited) this.#association.release();
    else this.#watchIdle();
  }

  #createReports(): ScpReports {
    const isQuiet = (): boolean => !this.#running;
    return new ScpReports({
      get isQuiet() {
        return isQuiet();
      },
      send: async (contextId, command, dataSet) => this.#channel?.send(contextId, command, dataSet),
      abort: () => this.#association.abort(),
      moved: () => this.#goOn(),
    });
  }

  async #serve(exchange: ScpExchange, isRoom: boolean): Promise<void> {
    try {
      if (Date.now() > this.#expiresAtMs) await this.#refuseExpired(exchange);
      else await serveRequest(exchange, isRoom, this.#host, this.#options.maximumMessageBytes, this.#logger);
    } catch (error) {
      await this.#answerFailure(exchange, error);
    }
  }

  /** The token has proved who it is until now, and no longer: the peer associates anew, with another. */
  async #refuseExpired(exchange: ScpExchange): Promise<void> {
    const { name: listener, authenticated } = this.#options;
    const address = plainAddress(this.#association.remoteAddress);
    const why = 'the token of the association has expired';
    this.#logger.warn('request refused', { why });
    authenticated?.({ listener, address, outcome: 'failure', why });
    const isSearch = exchange.message.command.commandField === COMMAND_FIELD.cFindRq;
    const status = isSearch ? outcomeOf('NOT_AUTHORIZED').dimseStatus : DIMSE_STATUS.notAuthorized;
    await exchange.respond(status, { errorComment: why });
  }

  async #answerFailure(exchange: ScpExchange, error: unknown): Promise<void> {
    // The peer went away in the middle of an answer: there is nothing more to say.
    if (!this.#association.isEstablished) return;
    this.#logger.error('request failed', errorFacts(error));
    const isOfComposite = isComposite(exchange.message.command.commandField);
    try {
      await exchange.respond(isOfComposite ? UNABLE_TO_PROCESS : DIMSE_STATUS.processingFailure);
    } catch {
      this.#association.abort();
    }
  }

  /**
   * Too late for a request that is answered already: then it means nothing (PS3.7 9.1.2.1.6), as it does for an
   * N-service.
   */
  #cancel(messageId: number | undefined): void {
    this.#outstanding
      .find(({ message: { command } }) => command.messageId === messageId && isComposite(command.commandField))
      ?.cancel();
  }

  #abandonRequests(comment: string): void {
    for (const exchange of this.#outstanding) exchange.abort(new ServiceFailure('CONNECTION_LOST', { comment }));
  }

  #watchIdle(): void {
    this.#stopIdle();
    this.#idleTimer = setTimeout(
      () => this.#association.abort({ kind: 'timeout', waitedFor: 'a request' }),
      this.#options.idleTimeoutMs,
    );
  }

  #stopIdle(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
  }
}

function isOfReports({ abstractSyntax }: ProposedContext): boolean {
  return abstractSyntax === STORAGE_COMMITMENT_PUSH_MODEL || abstractSyntax === MPPS_NOTIFICATION;
}

/**
 * Its answer can say that there is no room: of N-services that it is too large or that others hold the memory (0213H), of
 * C-services the latter (A700H).
 */
function isAnswerable({ commandField }: CommandSet, reason: DropReason): boolean {
  return !isResponse(commandField) && (reason === 'memory' || !isComposite(commandField));
}
