/** An association as requestor for one SOP class or a few, with one request outstanding at a time. */
import { GatewayError } from '../errors.ts';
import type { Trace } from '../services/port.ts';
import { traceNoAssociation, traceNoResponse, traceRequest, traceResponse } from './association-trace.ts';
import { COMMAND_FIELD, isPending, isResponse, nextMessageId, PRIORITY, responseField } from './command-set.ts';
import type { CommandSet } from './command-set.ts';
import { sendingPduLength } from './message.ts';
import type { Message } from './message.ts';
import { MessageChannel } from './message-channel.ts';
import type { AcceptedContext } from './message-channel.ts';
import { PeerRequests } from './peer-requests.ts';
import type { ServePeer } from './peer-requests.ts';
import { checkAcknowledged } from './requestor-identity.ts';
import { agreedContexts, associateRequest, noContext } from './requestor-negotiation.ts';
import type { AgreedContexts, AssociationProposal } from './requestor-negotiation.ts';
import { errorFromEnd, ScuError } from './scu-error.ts';
import { ScuExchange } from './scu-exchange.ts';
import type { ScuResponse } from './scu-exchange.ts';
import { SOP_CLASSES } from './uids.ts';
import { Association } from './upper-layer/association.ts';
import type { AssociationEnd, RequestorTimers } from './upper-layer/association.ts';
import type { CalledAddress } from './upper-layer/open-connection.ts';
import type { AssociateAc } from './upper-layer/pdu.ts';
import type { UserInformation } from './upper-layer/user-information.ts';

export interface ScuTimers {
  /** DNS, TCP and TLS. */
  readonly connectMs: number;
  /** The answer to A-ASSOCIATE-RQ. */
  readonly associateMs: number;
  /** Each response. */
  readonly responseMs: number;
  /** A-RELEASE-RP, and the peer to close. */
  readonly artimMs: number;
  /** The final response after C-CANCEL. */
  readonly drainMs: number;
}

export interface ScuOptions extends AssociationProposal, CalledAddress {
  readonly maximumMessageBytes: number;
  readonly timers: ScuTimers;
  /** Answers each N-EVENT-REPORT of the peer; any other request of the peer breaks the protocol. */
  readonly servePeer?: ServePeer;
}

/** When a caller stops waiting, whatever the timers say. */
export interface Budget {
  /** `performance.now()` of the end. May move. */
  readonly deadline: () => number;
  readonly signal: AbortSignal;
  /** Is told of what passes; absent: nobody looks. */
  readonly trace?: Trace | undefined;
}

const USUAL_PDU_LENGTH = 16_384;
const CLOSE_GRACE_MS = 1_000;

export class ScuAssociation {
  readonly #options: ScuOptions;
  readonly #opened = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #association: Association;
  #channel: MessageChannel | undefined;
  readonly #peerRequests: PeerRequests | undefined;
  #agreedContexts: AgreedContexts = { contexts: new Map(), refusals: new Map() };
  #answer: UserInformation = { roles: [], extended: [] };
  #exchange: ScuExchange | undefined;
  /** Of the exchange. */
  #trace: Trace | undefined;
  #end: AssociationEnd | undefined;
  #messageId = 0;
  /** The release waits for answers that are owed. */
  #releaseTimer: NodeJS.Timeout | undefined;

  /**
   * @throws ScuError ASSOCIATION_REJECTED, ASSOCIATION_ABORTED (no connection), ASSOCIATION_TIMEOUT, TLS_FAILED,
   * CONTEXT_NOT_ACCEPTED (none was), PDU_INVALID; the reason of the budget's signal
   */
  static async open(options: ScuOptions, budget: Budget): Promise<ScuAssociation> {
    budget.signal.throwIfAborted();
    const remaining = Math.max(1, Math.ceil(budget.deadline() - performance.now()));
    const { connectMs, associateMs } = options.timers;
    const timers = { connectMs: Math.min(connectMs, remaining), associateMs: Math.min(associateMs, remaining) };
    const scu = new ScuAssociation({ ...options, timers: { ...options.timers, ...timers } });
    const onAbort = (): void => scu.abort();
    budget.signal.addEventListener('abort', onAbort, { once: true });
    try {
      await scu.#opened.promise;
    } catch (error) {
      traceNoAssociation(budget.trace, error);
      budget.signal.throwIfAborted();
      throw error;
    } finally {
      budget.signal.removeEventListener('abort', onAbort);
    }
    return scu;
  }

  private constructor(options: ScuOptions) {
    this.#options = options;
    const { host, port, tls, maximumPduLength } = options;
    this.#peerRequests = this.#requestsOfPeer(options);
    this.#association = Association.request(
      { host, port, tls },
      associateRequest(options),
      { maximumPduLength, timers: toAssociationTimers(options.timers) },
      {
        associateAccepted: (answer) => this.#accepted(answer),
        dataReceived: (values) => this.#channel?.receive(values, (message, context) => this.#receive(message, context)),
        ended: (end) => this.#ended(end),
        closed: () => this.#closed.resolve(),
      },
    );
  }

  /** What the peer told in its A-ASSOCIATE-AC. */
  get answer(): UserInformation {
    return this.#answer;
  }

  /** Established, and no request outstanding. */
  get isFree(): boolean {
    return this.#association.isEstablished && this.#exchange === undefined;
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** Resolves when the connection is gone. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** What was agreed for one of the abstract syntaxes. @throws ScuError CONTEXT_NOT_ACCEPTED */
  context(abstractSyntax: string): AcceptedContext {
    const { contexts, refusals } = this.#agreedContexts;
    const context = contexts.get(abstractSyntax);
    if (context === undefined) throw refusals.get(abstractSyntax) ?? noContext('presentation context missing');
    return context;
  }

  /** C-ECHO (PS3.7 9.1.5). @throws ScuError */
  async echo(budget: Budget): Promise<ScuResponse> {
    const context = this.context(SOP_CLASSES.verification);
    const fields = { commandField: COMMAND_FIELD.cEchoRq, affectedSopClassUid: context.abstractSyntax };
    return this.request(context, fields, undefined, budget).next();
  }

  /** C-FIND (PS3.7 9.1.2); `identifier` is encoded in the transfer syntax of the context. */
  find(context: AcceptedContext, identifier: Buffer, budget: Budget): ScuExchange {
    const fields = {
      commandField: COMMAND_FIELD.cFindRq,
      affectedSopClassUid: context.abstractSyntax,
      priority: PRIORITY.medium,
    };
    return this.request(context, fields, identifier, budget);
  }

  /**
   * Resolves when the connection is gone, by A-RELEASE or, when the peer does not answer in time, by A-ABORT. A request
   * of the peer that has begun to come is answered first, within the time of a response.
   */
  release(): Promise<void> {
    if (!this.#owesAnswer) this.#association.release();
    else this.#releaseTimer ??= setTimeout(() => this.#association.release(), this.#options.timers.responseMs);
    return this.closed;
  }

  abort(): void {
    this.#association.destroy();
  }

  /** @param fields without Message ID */
  request(context: AcceptedContext, fields: CommandSet, dataSet: Buffer | undefined, budget: Budget): ScuExchange {
    const channel = this.#agreed();
    const messageId = (this.#messageId = nextMessageId(this.#messageId));
    const exchange = new ScuExchange(
      messageId,
      fields.commandField,
      {
        pause: () => this.#association.pause(),
        resume: () => this.#association.resume(),
        sendCancel: (id) => this.#sendCancel(context, id, fields.commandField),
        timedOut: (waitedFor) => this.#association.abort({ kind: 'timeout', waitedFor }),
      },
      this.#options.timers,
      budget.deadline,
    );
    if (this.#end !== undefined) {
      exchange.ended(errorFromEnd(this.#end, 'association'));
      return exchange;
    }
    this.#exchange = exchange;
    this.#trace = budget.trace;
    traceRequest(this.#trace, fields.commandField, context.abstractSyntax);
    const onAbort = (): void => exchange.abandon(budget.signal.reason);
    budget.signal.addEventListener('abort', onAbort, { once: true });
    void exchange.settled.then(() => {
      if (this.#exchange === exchange) this.#exchange = undefined;
      budget.signal.removeEventListener('abort', onAbort);
    });
    // What goes wrong in sending ends the association, and with it the exchange.
    channel.send(context.id, { ...fields, messageId }, dataSet).catch(() => this.abort());
    if (budget.signal.aborted) onAbort();
    return exchange;
  }

  /** Only the C-FIND of the services here can be cancelled (PS3.7 9.3.2.3); for others there is the abort. */
  #sendCancel(context: AcceptedContext, messageIdBeingRespondedTo: number, commandField: number): void {
    if (commandField !== COMMAND_FIELD.cFindRq) return this.abort();
    const command = { commandField: COMMAND_FIELD.cCancelRq, messageIdBeingRespondedTo };
    this.#agreed()
      .send(context.id, command)
      .catch(() => this.abort());
  }

  #accepted(answer: AssociateAc): void {
    try {
      checkAcknowledged(answer.userInformation, this.#options.userIdentity);
      this.#agreedContexts = agreedContexts(answer, this.#options);
      const pduLength = sendingPduLength(answer.userInformation.maximumLength ?? USUAL_PDU_LENGTH);
      if (pduLength === undefined) {
        throw new ScuError('PDU_INVALID', 'the peer takes PDUs too small to be useful', { phase: 'association' });
      }
      const { maximumMessageBytes } = this.#options;
      const contexts = [...this.#agreedContexts.contexts.values()];
      this.#channel = new MessageChannel(this.#association, contexts, pduLength, maximumMessageBytes);
      this.#answer = answer.userInformation;
      this.#opened.resolve();
    } catch (error) {
      this.#opened.reject(error);
      this.#association.release();
    }
  }

  #receive(message: Message, context: AcceptedContext): void {
    const { command, dataSet } = message;
    const exchange = this.#exchange;
    const { commandField, messageIdBeingRespondedTo, status } = command;
    if (!isResponse(commandField)) {
      const isEvent = commandField === COMMAND_FIELD.nEventReportRq;
      if (isEvent && this.#peerRequests !== undefined) return this.#peerRequests.receive(message, context);
      throw new GatewayError('MESSAGE_INVALID', 'A request on an association of ours');
    }
    if (exchange === undefined || messageIdBeingRespondedTo !== exchange.messageId) {
      throw new GatewayError('MESSAGE_INVALID', 'A response to no request that is outstanding');
    }
    if (commandField !== responseField(exchange.commandField)) {
      throw new GatewayError('MESSAGE_INVALID', 'A response of another kind than the request');
    }
    if (status === undefined) throw new GatewayError('MESSAGE_INVALID', 'A response without status');
    // Its Affected SOP Class UID is optional and not looked at: dcmjs-dimse answers a worklist C-FIND with Study Root.
    const isFinal = !isPending(status);
    if (isFinal) {
      this.#exchange = undefined;
      traceResponse(this.#trace, exchange, { status });
    }
    exchange.receive({ status, command, dataSet }, isFinal);
  }

  #requestsOfPeer({ servePeer, maximumMessageBytes }: ScuOptions): PeerRequests | undefined {
    if (servePeer === undefined) return undefined;
    const line = {
      send: (context: AcceptedContext, response: CommandSet) => this.#agreed().send(context.id, response),
      answered: () => this.#releaseIfDue(),
    };
    return new PeerRequests(servePeer, line, maximumMessageBytes);
  }

  /** A request of the peer has come or is coming. */
  get #owesAnswer(): boolean {
    if (this.#peerRequests === undefined || this.#end !== undefined) return false;
    const isComing = this.#association.isWithinPdu || this.#channel?.isWithinMessage === true;
    return isComing || !this.#peerRequests.isEmpty;
  }

  #releaseIfDue(): void {
    if (this.#releaseTimer === undefined || this.#owesAnswer) return;
    clearTimeout(this.#releaseTimer);
    this.#association.release();
  }

  #ended(end: AssociationEnd): void {
    this.#end = end;
    clearTimeout(this.#releaseTimer);
    this.#opened.reject(errorFromEnd(end, 'association'));
    if (this.#exchange === undefined) return;
    const error = errorFromEnd(end, 'request');
    traceNoResponse(this.#trace, error);
    this.#exchange.ended(error);
  }

  #agreed(): MessageChannel {
    if (this.#channel === undefined) throw new GatewayError('ASSOCIATION_ABORTED', 'There is no association yet');
    return this.#channel;
  }
}

/** A PDU that has begun, and what was written, move on at least as fast as a response is expected. */
function toAssociationTimers(timers: ScuTimers): RequestorTimers {
  const { connectMs, associateMs, artimMs, responseMs } = timers;
  return { connectMs, associateMs, artimMs, pduMs: responseMs, writeMs: responseMs, closeMs: CLOSE_GRACE_MS };
}
