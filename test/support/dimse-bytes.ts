/** What scripted peers say: association requests, messages, odd PDUs. */
import { encodeDataSet } from '../../src/dataset/binary/encode.ts';
import { TRANSFER_SYNTAXES } from '../../src/dataset/binary/transfer-syntax.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import type { CommandSet } from '../../src/dimse/command-set.ts';
import { encodeMessage, MessageAssembler } from '../../src/dimse/message.ts';
import type { Message } from '../../src/dimse/message.ts';
import { APPLICATION_CONTEXT, SOP_CLASSES } from '../../src/dimse/uids.ts';
import { decodePdu, encodePdu, PDU_TYPE } from '../../src/dimse/upper-layer/pdu.ts';
import type { AssociateAc, AssociateRq, Pdu, PduType } from '../../src/dimse/upper-layer/pdu.ts';
import type { RawPdu, RawPeer } from './raw-peer.ts';

export const EXPLICIT = TRANSFER_SYNTAXES.explicitVrLittleEndian;
export const IMPLICIT = TRANSFER_SYNTAXES.implicitVrLittleEndian;

/** Contexts: 1 Verification, 3 Modality Worklist. */
export function associateRq(overrides: Partial<AssociateRq> = {}): AssociateRq {
  return {
    type: PDU_TYPE.associateRq,
    protocolVersion: 1,
    calledAeTitle: 'DIMSEWAY',
    callingAeTitle: 'MODALITY',
    applicationContext: APPLICATION_CONTEXT,
    contexts: [
      { id: 1, abstractSyntax: SOP_CLASSES.verification, transferSyntaxes: [EXPLICIT, IMPLICIT] },
      { id: 3, abstractSyntax: SOP_CLASSES.modalityWorklist, transferSyntaxes: [EXPLICIT, IMPLICIT] },
    ],
    userInformation: { maximumLength: 16_384, implementationClassUid: '1.2.3', roles: [], extended: [] },
    ...overrides,
  };
}

/** The answer that accepts every context with its first transfer syntax. */
export function acceptAll(request: AssociateRq, overrides: Partial<AssociateAc> = {}): Buffer {
  return encodePdu({
    ...request,
    type: PDU_TYPE.associateAc,
    contexts: request.contexts.map(({ id, transferSyntaxes }) => ({
      id,
      result: 0,
      transferSyntax: transferSyntaxes[0] ?? '',
    })),
    ...overrides,
  });
}

export const RELEASE_RQ = encodePdu({ type: PDU_TYPE.releaseRq });
export const RELEASE_RP = encodePdu({ type: PDU_TYPE.releaseRp });
export const ABORT = encodePdu({ type: PDU_TYPE.abort, source: 0, reason: 0 });

export function echoRq(messageId = 1, contextId = 1): Buffer {
  return message(contextId, { commandField: 0x0030, affectedSopClassUid: SOP_CLASSES.verification, messageId });
}

export function findRq(identifier: DataSet, messageId = 1, overrides: Partial<CommandSet> = {}): Buffer {
  const fields = { commandField: 0x0020, affectedSopClassUid: SOP_CLASSES.modalityWorklist, priority: 0, messageId };
  return message(3, { ...fields, ...overrides }, encodeIdentifier(identifier));
}

/** With its Specific Character Set even where every key is ASCII, as SCUs send it; our encoder would leave it out. */
export function encodeIdentifier(identifier: DataSet): Buffer {
  const bytes = encodeDataSet(identifier, EXPLICIT);
  const terms = identifier['00080005']?.Value?.map((term) => (typeof term === 'string' ? term : '')).join('\\');
  if (terms === undefined || bytes.readUInt32LE(0) === 0x00050008) return bytes;
  const value = Buffer.from(terms.length % 2 === 0 ? terms : `${terms} `, 'latin1');
  return Buffer.concat([Buffer.from([0x08, 0, 0x05, 0, 0x43, 0x53, value.length, 0]), value, bytes]);
}

export function cancelRq(messageIdBeingRespondedTo: number): Buffer {
  return message(3, { commandField: 0x0fff, messageIdBeingRespondedTo });
}

export function message(contextId: number, command: CommandSet, dataSet?: Buffer, pduLength = 16_384): Buffer {
  return Buffer.concat(encodeMessage(contextId, command, dataSet, pduLength));
}

/** A P-DATA-TF of PDVs given as `[contextId, control, fragment]`. */
export function dataPdu(...values: readonly (readonly [number, number, Buffer])[]): Buffer {
  return encodePdu({
    type: PDU_TYPE.dataTf,
    values: values.map(([contextId, control, fragment]) => ({
      contextId,
      isCommand: (control & 1) !== 0,
      isLast: (control & 2) !== 0,
      fragment,
    })),
  });
}

export function decodeRaw(pdu: RawPdu | undefined): Pdu {
  if (pdu === undefined) throw new Error('The connection was closed where a PDU was expected');
  return decodePdu(pdu.type as PduType, pdu.body);
}

/** Reads PDUs until a message is whole. */
export class MessageReader {
  readonly #peer: RawPeer;
  readonly #assembler = new MessageAssembler(1 << 24);
  readonly #messages: Message[] = [];

  constructor(peer: RawPeer) {
    this.#peer = peer;
  }

  async next(): Promise<Message> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      const pdu = decodeRaw(await this.#peer.receive());
      if (pdu.type !== PDU_TYPE.dataTf) throw new Error(`PDU type ${pdu.type} where a message was expected`);
      for (const value of pdu.values) {
        const whole = this.#assembler.push(value);
        if (whole !== undefined) this.#messages.push(whole);
      }
    }
  }

  async statuses(count: number): Promise<(number | undefined)[]> {
    const statuses: (number | undefined)[] = [];
    while (statuses.length < count) statuses.push((await this.next()).command.status);
    return statuses;
  }
}
