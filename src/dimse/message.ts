/** DIMSE messages in P-DATA-TF: fragments out, reassembly in (PS3.7 6.3, PS3.8 9.3.5, E). */
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
  /** The data set was larger than allowed, and is not here. */
  readonly isTooLarge?: true;
}

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
  /** What comes is dropped. */
  isTooLarge?: true;
  fragments: ChunkList;
}

/** Puts the fragments of an association together; contexts may interleave, PDUs may hold several messages. */
export class MessageAssembler {
  readonly #maximumBytes: number;
  readonly #drops: (command: CommandSet) => boolean;
  readonly #partials = new Map<number, PartialMessage>();
  #bufferedBytes = 0;

  /**
   * @param maximumBytes of the messages that are under way, together
   * @param drops messages whose data set is dropped when it is too large, so that they can be answered; others are invalid
   */
  constructor(maximumBytes: number, drops: (command: CommandSet) => boolean = () => false) {
    this.#maximumBytes = maximumBytes;
    this.#drops = drops;
  }

  /** A message has begun and is not whole yet. */
  get isWithinMessage(): boolean {
    return this.#partials.size > 0;
  }

  /**
   * @returns the message that is whole with this fragment
   * @throws GatewayError MESSAGE_INVALID
   */
  push(pdv: Pdv): Message | undefined {
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
    if (partial.isTooLarge === true || this.#bufferedBytes > this.#maximumBytes) {
      return this.#drop(contextId, partial, pdv);
    }
    partial.fragments.push(isLast ? fragment : unshared(fragment));
    if (isCommand && partial.fragments.length > MAXIMUM_COMMAND_BYTES) {
      throw invalid(`A command set of more than ${MAXIMUM_COMMAND_BYTES} bytes`);
    }
    if (!isLast) return undefined;

    const bytes = partial.fragments.take();
    this.#bufferedBytes -= bytes.length;
    if (partial.command !== undefined) return this.#finish(contextId, partial.command, bytes);
    const { command, hasDataSet } = decodeCommandSet(bytes);
    if (!hasDataSet) return this.#finish(contextId, command, undefined);
    partial.command = command;
    return undefined;
  }

  #drop(contextId: number, partial: PartialMessage, { fragment, isLast }: Pdv): Message | undefined {
    const { command } = partial;
    if (command === undefined || !this.#drops(command)) {
      throw invalid(`A message of more than ${this.#maximumBytes} bytes`);
    }
    this.#bufferedBytes -= fragment.length + partial.fragments.length;
    partial.fragments = new ChunkList();
    partial.isTooLarge = true;
    if (!isLast) return undefined;
    return { ...this.#finish(contextId, command, undefined), isTooLarge: true };
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
