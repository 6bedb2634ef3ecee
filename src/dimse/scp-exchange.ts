/** One request of a peer and the answers to it. */
import { ServiceFailure } from '../services/port.ts';
import type { Requester } from '../services/port.ts';
import { isPending, responseTo } from './command-set.ts';
import type { CommandSet } from './command-set.ts';
import type { DeliveryWatch } from './delivery-watch.ts';
import type { Message } from './message.ts';
import type { AcceptedContext, MessageChannel } from './message-channel.ts';
import type { Admission } from './reporters.ts';
import type { ScpReports } from './scp-reports.ts';
import type { WorklistNegotiation } from './worklist-negotiation.ts';

/** What every request of one association shares. */
export interface AssociationFacts {
  readonly requester: Requester;
  /** Token of the peer, for upstreams on the web. */
  readonly bearer?: string;
  readonly admission: Admission;
  readonly worklist: WorklistNegotiation;
  readonly deliveries: DeliveryWatch;
  /** Reports of ours to the peer. */
  readonly reports: ScpReports;
}

/** Answers one kind of request; a rejection is answered with a failure status by the association. */
export type ScpService = (exchange: ScpExchange) => Promise<void>;

/** A service by the Command Field it answers. */
export interface ScpServiceEntry {
  readonly abstractSyntaxes: readonly string[];
  readonly serve: ScpService;
}

/** The additional fields of a response. */
export type ResponseFields = Pick<
  CommandSet,
  'offendingElements' | 'errorComment' | 'errorId' | 'attributeIdentifierList' | 'affectedSopInstanceUid'
>;

export class ScpExchange {
  readonly message: Message;
  readonly context: AcceptedContext;
  readonly facts: AssociationFacts;
  /** It came with the Message ID of a request that was not answered yet. */
  readonly isDuplicate: boolean;
  readonly #channel: MessageChannel;
  /** Made when first asked for: a C-ECHO does without. */
  #aborter: AbortController | undefined;
  #isAnswered = false;

  constructor(
    message: Message,
    context: AcceptedContext,
    facts: AssociationFacts,
    channel: MessageChannel,
    isDuplicate: boolean,
  ) {
    this.message = message;
    this.context = context;
    this.facts = facts;
    this.#channel = channel;
    this.isDuplicate = isDuplicate;
  }

  /** The final response is written. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /** Aborted by C-CANCEL (reason CANCELED), the loss of the association, or `abort`. Reasons are ServiceFailures. */
  get signal(): AbortSignal {
    return (this.#aborter ??= new AbortController()).signal;
  }

  abort(reason: ServiceFailure): void {
    (this.#aborter ??= new AbortController()).abort(reason);
  }

  cancel(): void {
    this.abort(new ServiceFailure('CANCELED', { comment: 'canceled by the SCU' }));
  }

  /**
   * Resolves when the peer takes more.
   * @throws GatewayError ASSOCIATION_ABORTED
   */
  respond(status: number, fields: ResponseFields = {}, dataSet?: Buffer): Promise<void> {
    this.#isAnswered = !isPending(status);
    const command = { ...responseTo(this.message.command, status), ...fields };
    return this.#channel.send(this.context.id, command, dataSet);
  }

  /**
   * The same for an answer whose arrival matters.
   * @returns `sent` as from `respond`; `delivered` always settles: true once the peer goes on, false when the
   * association ends before
   */
  respondWatched(
    status: number,
    fields: ResponseFields = {},
    dataSet?: Buffer,
  ): { sent: Promise<void>; delivered: Promise<boolean> } {
    const sent = this.respond(status, fields, dataSet);
    return { sent, delivered: this.facts.deliveries.answered() };
  }
}
