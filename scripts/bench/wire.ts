/**
 * A raw DICOM upper layer for the benches and the findings: bytes made by hand, sharing no code with the product or with
 * dcmjs-dimse, so that every server is driven by the same client (PS3.8 9.3, PS3.7 E.1; commands in Implicit VR LE).
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export const VERIFICATION = '1.2.840.10008.1.1';
export const WORKLIST = '1.2.840.10008.5.1.4.31';
export const MPPS = '1.2.840.10008.3.1.2.3.3';
export const IMPLICIT_LE = '1.2.840.10008.1.2';
export const EXPLICIT_LE = '1.2.840.10008.1.2.1';

export const PDU = {
  associateRq: 1,
  associateAc: 2,
  associateRj: 3,
  data: 4,
  releaseRq: 5,
  releaseRp: 6,
  abort: 7,
} as const;

const COMMAND = 0x01;
const LAST = 0x02;

export function pdu(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(6);
  head[0] = type;
  head.writeUInt32BE(body.length, 2);
  return Buffer.concat([head, body]);
}

function item(type: number, body: Buffer | string): Buffer {
  const bytes = Buffer.from(body as string, 'latin1');
  const head = Buffer.alloc(4);
  head[0] = type;
  head.writeUInt16BE(bytes.length, 2);
  return Buffer.concat([head, bytes]);
}

export interface AssociateOptions {
  called: string;
  calling?: string;
  abstractSyntax: string;
  transferSyntax?: string;
  maximumPduLength?: number;
}

/** One presentation context, id 1. */
export function associateRq(options: AssociateOptions): Buffer {
  const {
    called,
    calling = 'BENCH',
    abstractSyntax,
    transferSyntax = EXPLICIT_LE,
    maximumPduLength = 65_536,
  } = options;
  const context = Buffer.concat([Buffer.from([1, 0, 0, 0]), item(0x30, abstractSyntax), item(0x40, transferSyntax)]);
  return pdu(PDU.associateRq, associateBody(called, calling, item(0x20, context), maximumPduLength));
}

/** Accepts context 1. */
export function associateAc(options: AssociateOptions): Buffer {
  const { called, calling = 'BENCH', transferSyntax = EXPLICIT_LE, maximumPduLength = 65_536 } = options;
  const context = Buffer.concat([Buffer.from([1, 0, 0, 0]), item(0x40, transferSyntax)]);
  return pdu(PDU.associateAc, associateBody(called, calling, item(0x21, context), maximumPduLength));
}

function associateBody(called: string, calling: string, context: Buffer, maximumPduLength: number): Buffer {
  const fixed = Buffer.alloc(68);
  fixed.writeUInt16BE(1, 0);
  fixed.write(called.padEnd(16), 4, 'latin1');
  fixed.write(calling.padEnd(16), 20, 'latin1');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(maximumPduLength);
  const user = Buffer.concat([item(0x51, length), item(0x52, '1.2.826.0.1.3680043.9.9999')]);
  return Buffer.concat([fixed, item(0x10, '1.2.840.10008.3.1.1.1'), context, item(0x50, user)]);
}

export const RELEASE_RQ = pdu(PDU.releaseRq, Buffer.alloc(4));
export const RELEASE_RP = pdu(PDU.releaseRp, Buffer.alloc(4));

function implicit(group: number, element: number, value: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16LE(group, 0);
  head.writeUInt16LE(element, 2);
  head.writeUInt32LE(value.length, 4);
  return Buffer.concat([head, value]);
}

export function explicit(group: number, element: number, vr: string, value: Buffer | string): Buffer {
  const raw = Buffer.from(value as string, 'utf8');
  const pad = raw.length % 2 === 0 ? '' : vr === 'UI' || vr === 'OB' || vr === 'UN' ? '\0' : ' ';
  const bytes = Buffer.concat([raw, Buffer.from(pad)]);
  const long = ['OB', 'OW', 'SQ', 'UN', 'UT'].includes(vr);
  const head = Buffer.alloc(long ? 12 : 8);
  head.writeUInt16LE(group, 0);
  head.writeUInt16LE(element, 2);
  head.write(vr, 4, 'latin1');
  if (long) head.writeUInt32LE(bytes.length, 8);
  else head.writeUInt16LE(bytes.length, 6);
  return Buffer.concat([head, bytes]);
}

/** A sequence with one item of defined length. */
export function explicitSequence(group: number, element: number, content: Buffer): Buffer {
  const head = Buffer.from('feff00e000000000', 'hex');
  head.writeUInt32LE(content.length, 4);
  return explicit(group, element, 'SQ', Buffer.concat([head, content]));
}

const us = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
};
const ui = (uid: string): Buffer => Buffer.from(uid.length % 2 === 0 ? uid : `${uid}\0`, 'latin1');

export interface CommandFields {
  field: number;
  sopClass: string;
  /** Message ID of a request, or the one being responded to. */
  messageId: number;
  /** SOP Instance UID of an N-service. */
  instanceUid?: string;
  status?: number;
  hasDataSet: boolean;
}

export const N_CREATE_RQ = 0x0140;
export const N_SET_RQ = 0x0120;

export function command(fields: CommandFields): Buffer {
  const { field, sopClass, messageId, instanceUid, status, hasDataSet } = fields;
  const isResponse = (field & 0x8000) !== 0;
  const isCompositeRequest = field < 0x0100;
  // Class and instance are Affected ones, and Requested ones in an N-SET-RQ.
  const requested = field === N_SET_RQ ? 1 : 0;
  const elements = Buffer.concat([
    implicit(0, 0x0002 + requested, ui(sopClass)),
    implicit(0, 0x0100, us(field)),
    implicit(0, isResponse ? 0x0120 : 0x0110, us(messageId)),
    ...(isCompositeRequest && hasDataSet ? [implicit(0, 0x0700, us(0))] : []),
    implicit(0, 0x0800, us(hasDataSet ? 0x0001 : 0x0101)),
    ...(status === undefined ? [] : [implicit(0, 0x0900, us(status))]),
    ...(instanceUid === undefined ? [] : [implicit(0, 0x1000 + requested, ui(instanceUid))]),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(elements.length);
  return Buffer.concat([implicit(0, 0, length), elements]);
}

function pdv(kind: number, fragment: Buffer): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt32BE(fragment.length + 2, 0);
  head[4] = 1;
  head[5] = kind | LAST;
  return Buffer.concat([head, fragment]);
}

/** A whole message: the command, and the data set in a PDU of its own. */
export function message(fields: Omit<CommandFields, 'hasDataSet'>, dataSet?: Buffer): Buffer {
  const head = pdu(PDU.data, pdv(COMMAND, command({ ...fields, hasDataSet: dataSet !== undefined })));
  return dataSet === undefined ? head : Buffer.concat([head, pdu(PDU.data, pdv(0, dataSet))]);
}

/** Status of a command set as it stands in a command PDV, undefined when there is none. */
export function statusOf(commandSet: Buffer): number | undefined {
  for (let at = 0; at + 8 <= commandSet.length;) {
    const length = commandSet.readUInt32LE(at + 4);
    if (commandSet.readUInt16LE(at) === 0 && commandSet.readUInt16LE(at + 2) === 0x0900)
      return commandSet.readUInt16LE(at + 8);
    at += 8 + length;
  }
  return undefined;
}

export interface ReceivedPdu {
  readonly type: number;
  readonly body: Buffer;
}

/** A connection that reads PDUs one after another, without queueing more than the socket does. */
export class RawConnection {
  readonly socket: Socket;
  private buffered: Buffer[] = [];
  private length = 0;
  private ended = false;
  private wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      this.buffered.push(chunk);
      this.length += chunk.length;
      this.wake?.();
    });
    const end = (): void => {
      this.ended = true;
      this.wake?.();
    };
    socket.on('close', end).on('error', end).on('end', end);
  }

  /** @param localAddress the address it calls from; without one the system chooses, and finds a free port much faster */
  static async open(port: number, localAddress?: string): Promise<RawConnection> {
    const socket = connect({ host: '127.0.0.1', port, localAddress });
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  send(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** The next PDU; undefined when the peer closed, or when `timeoutMs` passed. */
  async receive(timeoutMs = 60_000): Promise<ReceivedPdu | undefined> {
    const head = await this.take(6, timeoutMs);
    if (head === undefined) return undefined;
    const body = await this.take(head.readUInt32BE(2), timeoutMs);
    return body === undefined ? undefined : { type: head[0] ?? 0, body };
  }

  close(): void {
    this.socket.destroy();
  }

  private async take(count: number, timeoutMs: number): Promise<Buffer | undefined> {
    const end = performance.now() + timeoutMs;
    while (this.length < count) {
      const left = end - performance.now();
      if (this.ended || left <= 0) return undefined;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.wake = undefined;
    }
    let first = this.buffered[0] ?? Buffer.alloc(0);
    if (first.length < count) {
      first = Buffer.concat(this.buffered);
      this.buffered = [first];
    }
    const taken = first.subarray(0, count);
    this.length -= count;
    if (first.length === count) this.buffered.shift();
    else this.buffered[0] = first.subarray(count);
    return taken;
  }
}

export interface FindOutcome {
  matches: number;
  /** Final status, undefined when the association was lost. */
  status: number | undefined;
}

/** Opens an association; throws when it is not accepted. */
export async function associate(port: number, options: AssociateOptions): Promise<RawConnection> {
  const connection = await RawConnection.open(port);
  connection.send(associateRq(options));
  const answer = await connection.receive();
  if (answer?.type !== PDU.associateAc) throw new Error(`No A-ASSOCIATE-AC but PDU ${answer?.type ?? 'none'}`);
  return connection;
}

export async function release(connection: RawConnection): Promise<void> {
  connection.send(RELEASE_RQ);
  await connection.receive(5_000);
  connection.close();
}

/** Sends a worklist C-FIND and counts the pending responses until the final one. */
export async function find(
  connection: RawConnection,
  identifier: Buffer,
  options: { messageId?: number; onMatch?: (matches: number) => Promise<void> } = {},
): Promise<FindOutcome> {
  const { messageId = 1, onMatch } = options;
  connection.send(message({ field: 0x0020, sopClass: WORKLIST, messageId }, identifier));
  let matches = 0;
  for (;;) {
    const received = await connection.receive();
    if (received?.type !== PDU.data) return { matches, status: undefined };
    for (let at = 0; at + 6 <= received.body.length;) {
      const length = received.body.readUInt32BE(at);
      if (((received.body[at + 5] ?? 0) & COMMAND) !== 0) {
        const status = statusOf(received.body.subarray(at + 6, at + 4 + length));
        if (status !== 0xff00 && status !== 0xff01) return { matches, status };
        matches++;
        if (onMatch !== undefined) await onMatch(matches);
      }
      at += 4 + length;
    }
  }
}
