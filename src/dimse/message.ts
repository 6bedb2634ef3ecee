/** DIMSE messages in P-DATA-TF: fragments out, reassembly in (PS3.7 6.3, PS3.8 9.3.5, E). */
import type { HeldBytes } from '../access/byte-budget.ts';
import { GatewayError } from '../errors.ts';
import { ChunkList } from './chunk-list.ts';
import { decodeCommandSet, encodeCommandSet } from './command-set.ts';
import type { CommandSet } from './command-set.ts';
import { PDU_HEADER_BYTES, PDU_TYPE } from './upper-layer/pdu.ts';
import type { Pdv } from './upper-layer/pdu.ts';

export interface Message {
  readonly contextId: number;
  readonly command: CommandSet;
  /** Bytes of the data set in the transfer syntax of the context; undefined when the command announced none. */
  readonly dataSet: Buffer | undefined;
  /** The data set is not here: it was larger than allowed, or others hold the memory for it. */
  readonly dropped?: DropReason;
}

export type DropReason = 'size' | 'memory';

/** Item length, presentation context id, message control header. */
const PDV_HEADER_BYTES = 6;
const COMMAND = 1;
const LAST = 2;
/** A command set is some hundred bytes; offending elements and attribute lists grow it. */
const MAXIMUM_COMMAND_BYTES = 64 * 1024;
/** A peer that takes fewer bytes of payload in a PDU is refused (design 7.6). */
export const MINIMUM_PAYLOAD_BYTES = 16;
/** Where the peer's maximum is larger or unlimited; more gains nothing. */
const SENSIBLE_PDU_LENGTH = 128 * 1024;

/**
 * The maximum length of P-DATA-TF towards a peer, from what it announced (PS3.8 D.1); undefined when it is too small to
 * work with.
 */
export function sendingPduLength(announced: number): number | undefined {
  if (announced === 0) return SENSIBLE_PDU_LENGTH;
  if (announced < PDV_HEADER_BYTES + MINIMUM_PAYLOAD_BYTES) return undefined;
  return Math.min(announced, SENSIBLE_PDU_LENGTH);
}

/**
 * A message as P-DATA-TF PDUs. Where command and data set fit one PDU each they come as one buffer; a larger data set is
 * not copied.
 * @param pduLength from `sendingPduLength`
 */
export function encodeMessage(
  contextId: number,
  command: CommandSet,
  dataSet: Buffer | undefined,
  pduLength: number,
): Buffer[] {
  const commandBytes = encodeCommandSet(command, dataSet !== undefined);
  // Fragments are of even length (PS3.8 9.3.5.1 through PS3.5 7.1.1: everything in them is).
  const payload = (pduLength - PDV_HEADER_BYTES) & ~1;
  const overhead = PDU_HEADER_BYTES + PDV_HEADER_BYTES;
  if (commandBytes.length <= payload && (dataSet === undefined || dataSet.length <= payload)) {
    const dataBytes = dataSet === undefined ? 0 : overhead + dataSet.length;
    const buffer = Buffer.allocUnsafe(overhead + commandBytes.length + dataBytes);
    let position = writePduHeader(buffer, 0, contextId, COMMAND | LAST, commandBytes.length);
    position += commandBytes.copy(buffer, position);
    if (dataSet !== undefined) {
      position = writePduHeader(buffer, position, contextId, LAST, dataSet.length);
      dataSet.copy(buffer, position);
    }
    return [buffer];
  }
  const buffers: Buffer[] = [];
  pushFragments(buffers, contextId, COMMAND, commandBytes, payload);
  if (dataSet !== undefined) pushFragments(buffers, contextId, 0, dataSet, payload);
  return buffers;
}

function pushFragments(buffers: Buffer[], contextId: number, kind: number, bytes: Buffer, payload: number): void {
  let position = 0;
  do {
    const fragment = bytes.subarray(position, position + payload);
    position += fragment.length;
    const header = Buffer.allocUnsafe(PDU_HEADER_BYTES + PDV_HEADER_BYTES);
    writePduHeader(header, 0, contextId, position < bytes.length ? kind : kind | LAST, fragment.length);
    buffers.push(header, fragment);
  } while (position < bytes.length);
}

function writePduHeader(buffer: Buffer, position: number, contextId: number, control: number, length: number): number {
  buffer.writeUInt16BE(PDU_TYPE.dataTf << 8, position);
  buffer.writeUInt32BE(length + PDV_HEADER_BYTES, position + 2);
  buffer.writeUInt32BE(length + 2, position + 6);
  buffer[position + 10] = contextId;
  buffer[position + 11] = control;
  return position + PDU_HEADER_BYTES + PDV_HEADER_BYTES;
}

/** One message under way on one presentation context. */
interface PartialMessage {
  /** Undefined while the command set itself is incomplete. */
  command: CommandSet | undefined;
  /** Why what comes is dropped. */
  dropped?: DropReason;
  fragments: ChunkList;
}

/** Puts the fragments of an association together; contexts may interleave, PDUs may hold several messages. */
export class MessageAssembler {
  readonly #maximumBytes: number;
  readonly #drops: (command: CommandSet, reason: DropReason) => boolean;
  readonly #held: HeldBytes | undefined;
  readonly #partials = new Map<number, PartialMessage>();
  #bufferedBytes = 0;
  #isDiscarded = false;

  /**
   * @param maximumBytes of the messages that are under way, together
   * @param drops messages whose data set is dropped when there is no room for it, so that they can be answered; others are
   *   invalid
   * @param held grows with every fragment; who takes a message shrinks it by its data set
   */
  constructor(
    maximumBytes: number,
    drops: (command: CommandSet, reason: DropReason) => boolean = () => false,
    held?: HeldBytes,
  ) {
    this.#maximumBytes = maximumBytes;
    this.#drops = drops;
    this.#held = held;
  }

  /** A message has begun and is not whole yet. */
  get isWithinMessage(): boolean {
    return this.#partials.size > 0;
  }

  /** Gives back what is held of messages that are not whole; nothing more comes. */
  discard(): void {
    this.#isDiscarded = true;
    for (const { fragments } of this.#partials.values()) this.#held?.shrink(fragments.length);
    this.#partials.clear();
  }

  /**
   * @returns the message that is whole with this fragment
   * @throws GatewayError MESSAGE_INVALID
   */
  push(pdv: Pdv): Message | undefined {
    if (this.#isDiscarded) return undefined;
    const { contextId, isCommand, isLast, fragment } = pdv;
    let partial = this.#partials.get(contextId);
    if (partial === undefined) {
      partial = { command: undefined, fragments: new ChunkList() };
      this.#partials.set(contextId, partial);
    }
    if (isCommand !== (partial.command === undefined)) {
      throw invalid(
        isCommand ? 'A command set where a data set was announced' : 'A data set that no command announced',
      );
    }
    this.#bufferedBytes += fragment.length;
    const reason = partial.dropped ?? this.#whyNoRoom(fragment);
    if (reason !== undefined) return this.#drop(contextId, partial, pdv, reason);
    partial.fragments.push(isLast ? fragment : unshared(fragment));
    if (isCommand && partial.fragments.length > MAXIMUM_COMMAND_BYTES) {
      throw invalid(`A command set of more than ${MAXIMUM_COMMAND_BYTES} bytes`);
    }
    if (!isLast) return undefined;

    const bytes = partial.fragments.take();
    this.#bufferedBytes -= bytes.length;
    if (partial.command !== undefined) return this.#finish(contextId, partial.command, bytes);
    this.#held?.shrink(bytes.length);
    const { command, hasDataSet } = decodeCommandSet(bytes);
    if (!hasDataSet) return this.#finish(contextId, command, undefined);
    partial.command = command;
    return undefined;
  }

  #whyNoRoom({ length }: Buffer): DropReason | undefined {
    if (this.#bufferedBytes > this.#maximumBytes) return 'size';
    return this.#held?.grow(length) === false ? 'memory' : undefined;
  }

  #drop(
    contextId: number,
    partial: PartialMessage,
    { fragment, isLast }: Pdv,
    reason: DropReason,
  ): Message | undefined {
    const { command, fragments } = partial;
    if (command === undefined || !this.#drops(command, reason)) {
      throw invalid(
        reason === 'size'
          ? `A message of more than ${this.#maximumBytes} bytes`
          : 'Others hold the memory for a message',
      );
    }
    this.#bufferedBytes -= fragment.length + fragments.length;
    this.#held?.shrink(fragments.length);
    partial.fragments = new ChunkList();
    partial.dropped = reason;
    if (!isLast) return undefined;
    return { ...this.#finish(contextId, command, undefined), dropped: reason };
  }

  #finish(contextId: number, command: CommandSet, dataSet: Buffer | undefined): Message {
    this.#partials.delete(contextId);
    return { contextId, command, dataSet };
  }
}

/**
 * What waits for the rest of its message is copied out of a much larger PDU: empty values and messages beside it are not
 * counted, and would stay in memory as long.
 */
function unshared(fragment: Buffer): Buffer {
  if (fragment.buffer.byteLength <= 4 * fragment.length) return fragment;
  const own = Buffer.allocUnsafeSlow(fragment.length);
  fragment.copy(own);
  return own;
}

function invalid(message: string): GatewayError {
  return new GatewayError('MESSAGE_INVALID', message);
}
