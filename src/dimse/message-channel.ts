/** Messages over an established association: what SCU and SCP share. */
import type { TransferSyntaxUid } from '../dataset/binary/transfer-syntax.ts';
import type { HeldBytes } from '../access/byte-budget.ts';
import { GatewayError } from '../errors.ts';
import type { CommandSet } from './command-set.ts';
import { encodeMessage, MessageAssembler } from './message.ts';
import type { DropReason, Message } from './message.ts';
import type { Association } from './upper-layer/association.ts';
import { ABORT_REASON } from './upper-layer/pdu-error.ts';
import type { Pdv } from './upper-layer/pdu.ts';

/** A presentation context both sides agreed on. */
export interface AcceptedContext {
  readonly id: number;
  readonly abstractSyntax: string;
  readonly transferSyntax: TransferSyntaxUid;
}

export class MessageChannel {
  readonly contexts: ReadonlyMap<number, AcceptedContext>;
  readonly #association: Association;
  readonly #pduLength: number;
  readonly #assembler: MessageAssembler;

  /**
   * @param pduLength of P-DATA-TF towards the peer, from `sendingPduLength`
   * @param drops as for `MessageAssembler`, and so is `held`
   */
  constructor(
    association: Association,
    contexts: readonly AcceptedContext[],
    pduLength: number,
    maximumMessageBytes: number,
    drops?: (command: CommandSet, reason: DropReason) => boolean,
    held?: HeldBytes,
  ) {
    this.#association = association;
    this.contexts = new Map(contexts.map((context) => [context.id, context]));
    this.#pduLength = pduLength;
    this.#assembler = new MessageAssembler(maximumMessageBytes, drops, held);
  }

  /** A message has begun and is not whole yet. */
  get isWithinMessage(): boolean {
    return this.#assembler.isWithinMessage;
  }

  /** The association has ended: what is not whole will never be. */
  discard(): void {
    this.#assembler.discard();
  }

  /** Hands on every message that is whole with these values; a message that cannot be understood ends in A-ABORT. */
  receive(values: readonly Pdv[], handle: (message: Message, context: AcceptedContext) => void): void {
    try {
      for (const value of values) {
        const context = this.contexts.get(value.contextId);
        if (context === undefined) {
          throw new GatewayError('MESSAGE_INVALID', `Presentation context ${value.contextId} was not accepted`);
        }
        const message = this.#assembler.push(value);
        if (message !== undefined) handle(message, context);
      }
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.abort(error);
    }
  }

  /**
   * Resolves when the peer takes more.
   * @throws GatewayError ASSOCIATION_ABORTED
   */
  send(contextId: number, command: CommandSet, dataSet?: Buffer): Promise<void> {
    return this.#association.sendData(encodeMessage(contextId, command, dataSet, this.#pduLength));
  }

  /** Ends the association because of what the peer sent. */
  abort(cause: GatewayError): void {
    this.#association.abort({ kind: 'aborted', by: 'us', source: 0, reason: ABORT_REASON.notSpecified, cause });
  }
}
