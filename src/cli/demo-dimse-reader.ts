/** Reads an association that passes a tap: what was negotiated, and every request with its whole answer. */
import { decodeDataSet } from '../dataset/binary/decode.ts';
import type { TransferSyntaxUid } from '../dataset/binary/transfer-syntax.ts';
import type { DataSet } from '../dataset/model.ts';
import { isPending, isResponse } from '../dimse/command-set.ts';
import { MessageAssembler } from '../dimse/message.ts';
import type { Message } from '../dimse/message.ts';
import type { AcceptedContext } from '../dimse/message-channel.ts';
import { PduReader } from '../dimse/upper-layer/pdu-reader.ts';
import { CONTEXT_RESULT, PDU_TYPE } from '../dimse/upper-layer/pdu.ts';
import type { AssociateAc, AssociateRq, Pdu } from '../dimse/upper-layer/pdu.ts';
import { GatewayError } from '../errors.ts';
import { NO_DATA } from './demo-seen.ts';
import type { ConnectionReader, Seen, SeenData } from './demo-seen.ts';

/** More than any listener of ours announces by default. */
const MAXIMUM_BYTES = 16 * 1024 * 1024;

type Pending = SeenData<DataSet> & { readonly status: number | undefined };

/** Messages of one direction, put together from its bytes. */
class Direction {
  readonly #pdus = new PduReader(MAXIMUM_BYTES);
  readonly #messages = new MessageAssembler(MAXIMUM_BYTES);

  constructor() {
    this.#pdus.takeData();
  }

  /** @throws GatewayError PDU_INVALID, MESSAGE_INVALID */
  push(chunk: Buffer, onMessage: (message: Message) => void, onPdu: (pdu: Pdu) => void): void {
    this.#pdus.push(chunk, (pdu) => {
      if (pdu.type !== PDU_TYPE.dataTf) onPdu(pdu);
      else {
        for (const value of pdu.values) {
          const message = this.#messages.push(value);
          if (message !== undefined) onMessage(message);
        }
      }
    });
  }
}

export class DimseReader implements ConnectionReader {
  readonly #tell: (seen: Seen) => void;
  readonly #requests = new Direction();
  readonly #answers = new Direction();
  readonly #contexts = new Map<number, AcceptedContext>();
  /** By direction and message ID: what has come of an answer that is not complete. */
  readonly #pending = new Map<string, Pending>();
  #proposal: AssociateRq | undefined;

  constructor(tell: (seen: Seen) => void) {
    this.#tell = tell;
  }

  /** @throws GatewayError */
  request(chunk: Buffer): void {
    this.#requests.push(
      chunk,
      (message) => this.#onMessage('listener', message),
      (pdu) => {
        if (pdu.type === PDU_TYPE.associateRq) this.#proposal = pdu;
      },
    );
  }

  /** @throws GatewayError */
  answer(chunk: Buffer): void {
    this.#answers.push(
      chunk,
      (message) => this.#onMessage('peer', message),
      (pdu) => {
        if (pdu.type === PDU_TYPE.associateAc) this.#accept(pdu);
      },
    );
  }

  #accept({ contexts }: AssociateAc): void {
    for (const { id, result, transferSyntax } of contexts) {
      const proposed = this.#proposal?.contexts.find((context) => context.id === id);
      if (result !== CONTEXT_RESULT.accepted || proposed === undefined) continue;
      // What is none of ours was never proposed by the gateway; `decodeDataSet` is the judge of what others propose.
      const accepted = transferSyntax as TransferSyntaxUid;
      this.#contexts.set(id, { id, abstractSyntax: proposed.abstractSyntax, transferSyntax: accepted });
    }
  }

  #onMessage(towards: 'listener' | 'peer', message: Message): void {
    const { contextId, command, dataSet } = message;
    if (isResponse(command.commandField)) return this.#onAnswer(towards, message);
    const around = this.#around(contextId);
    this.#tell({ kind: 'dimse-request', towards, ...around, command, data: dataOf(dataSet, around.context) });
  }

  #onAnswer(towards: 'listener' | 'peer', { contextId, command, dataSet }: Message): void {
    const around = this.#around(contextId);
    const id = `${towards} ${command.messageIdBeingRespondedTo ?? 0}`;
    const { status, ...before } = this.#pending.get(id) ?? { ...NO_DATA, status: undefined };
    const isFirst = before.first === undefined;
    const data: SeenData<DataSet> = {
      count: before.count + (dataSet === undefined ? 0 : 1),
      first: isFirst ? dataOf(dataSet, around.context).first : before.first,
    };
    if (isPending(command.status ?? 0)) {
      this.#pending.set(id, { ...data, status: command.status });
      return;
    }
    this.#pending.delete(id);
    this.#tell({ kind: 'dimse-answer', towards, ...around, command, data, pending: status });
  }

  /** @throws GatewayError MESSAGE_INVALID */
  #around(contextId: number): { callingAeTitle: string; calledAeTitle: string; context: AcceptedContext } {
    const context = this.#contexts.get(contextId);
    if (this.#proposal === undefined || context === undefined) {
      throw new GatewayError('MESSAGE_INVALID', `Presentation context ${contextId} was not accepted`);
    }
    const { callingAeTitle, calledAeTitle } = this.#proposal;
    return { callingAeTitle, calledAeTitle, context };
  }
}

function dataOf(bytes: Buffer | undefined, { transferSyntax }: AcceptedContext): SeenData<DataSet> {
  if (bytes === undefined) return NO_DATA;
  return { count: 1, first: decodeDataSet(bytes, transferSyntax) };
}
