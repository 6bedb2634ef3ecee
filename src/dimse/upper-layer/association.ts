/**
 * One association over one TCP connection, requestor or acceptor: the state machine of PS3.8 9.2 with its timers. It
 * carries PDUs and knows no messages; the user of the service is told by callbacks.
 */
import type { Socket } from 'node:net';
import { GatewayError } from '../../errors.ts';
import { openConnection } from './open-connection.ts';
import type { CalledAddress } from './open-connection.ts';
import { encodePdu, PDU_TYPE } from './pdu.ts';
import type { AssociateAc, AssociateRq, Pdu, Pdv, Rejection } from './pdu.ts';
import { ABORT_REASON, PduError } from './pdu-error.ts';
import { PduReader } from './pdu-reader.ts';
import { ACTIONS, actionFor } from './state-machine.ts';
import type { Action, State, UpperLayerEvent } from './state-machine.ts';
import { Transport } from './transport.ts';
import type { TransportTimers } from './transport.ts';

export interface AssociationTimers extends TransportTimers {
  /** Waiting for A-ASSOCIATE-RQ, for A-RELEASE-RP, and for the peer to close (PS3.8 9.1.4). */
  readonly artimMs: number;
  /** A PDU that has begun must be whole after so long, however its bytes drip. */
  readonly pduMs: number;
}

export interface RequestorTimers extends AssociationTimers {
  /** DNS, TCP and TLS. */
  readonly connectMs: number;
  /** The answer to A-ASSOCIATE-RQ. */
  readonly associateMs: number;
}

export interface AssociationOptions<Timers extends AssociationTimers = AssociationTimers> {
  /** Bytes of one P-DATA-TF the peer may send, as told in the negotiation. */
  readonly maximumPduLength: number;
  readonly timers: Timers;
}

/** How an association ended. */
export type AssociationEnd =
  | { readonly kind: 'released' }
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  | { readonly kind: 'aborted'; readonly by: 'us' | 'peer'; readonly source: number; readonly reason: number; readonly cause?: Error } // prettier-ignore
  | { readonly kind: 'timeout'; readonly waitedFor: string }
  | { readonly kind: 'lost'; readonly cause?: Error };

/** What the service user is told. Everything but `dataReceived` comes at most once. */
export interface AssociationUser {
  /** Acceptor: answer with `accept` or `reject`. */
  associateRequested?(request: AssociateRq): void;
  /** Requestor. */
  associateAccepted?(answer: AssociateAc): void;
  dataReceived(values: readonly Pdv[]): void;
  /** The peer releases; the answer goes out by itself when this returns. */
  releaseRequested?(): void;
  /** There is no association any more. */
  ended(end: AssociationEnd): void;
  /** The connection is gone too. Always the last. */
  closed?(): void;
}

const USER_ABORT: AssociationEnd = { kind: 'aborted', by: 'us', source: 0, reason: ABORT_REASON.notSpecified };

/** What accompanies an event: the PDU received or to be sent, or why it happened. */
interface EventDetail {
  readonly pdu?: Pdu;
  readonly end?: AssociationEnd;
  readonly error?: PduError;
}

export class Association {
  readonly #transport: Transport;
  readonly #role: 'requestor' | 'acceptor';
  readonly #user: AssociationUser;
  readonly #timers: AssociationTimers;
  readonly #reader: PduReader;
  #state: State = 'Sta1';
  #timer: NodeJS.Timeout | undefined;
  #pduTimer: NodeJS.Timeout | undefined;
  #pduBegun = -1;
  #hasEnded = false;

  /** Opens a connection and requests an association on it. */
  static request(
    address: CalledAddress,
    request: AssociateRq,
    options: AssociationOptions<RequestorTimers>,
    user: AssociationUser,
  ): Association {
    const { connectMs, associateMs } = options.timers;
    const socket = openConnection(address, () => {
      association.#startTimer(associateMs, 'the answer to A-ASSOCIATE-RQ');
      association.#dispatch('transport connected', { pdu: request });
    });
    const association = new Association(socket, 'requestor', options, user);
    association.#dispatch('A-ASSOCIATE request');
    association.#startTimer(connectMs, address.tls === undefined ? 'a TCP connection' : 'a TLS connection');
    return association;
  }

  /** Waits for an association request on an accepted connection. */
  static receive(socket: Socket, options: AssociationOptions, user: AssociationUser): Association {
    const association = new Association(socket, 'acceptor', options, user);
    association.#dispatch('transport connection indicated');
    return association;
  }

  private constructor(
    socket: Socket,
    role: 'requestor' | 'acceptor',
    options: AssociationOptions,
    user: AssociationUser,
  ) {
    this.#role = role;
    this.#user = user;
    this.#timers = options.timers;
    this.#reader = new PduReader(options.maximumPduLength);
    this.#transport = new Transport(socket, options.timers, {
      received: (chunk) => this.#receive(chunk),
      stalled: () => {
        this.abort({ kind: 'timeout', waitedFor: 'the peer to read' });
        this.#transport.destroy();
      },
      finished: () => this.#transportClosed(),
      closed: () => {
        this.#clearTimer();
        this.#clearPduTimer();
        this.#user.closed?.();
      },
    });
  }

  get isEstablished(): boolean {
    return this.#state === 'Sta6';
  }

  /** The peer has begun to send a PDU that is not whole yet. */
  get isWithinPdu(): boolean {
    return this.#reader.isWithinPdu;
  }

  get remoteAddress(): string {
    return this.#transport.remoteAddress;
  }

  accept(answer: AssociateAc): void {
    this.#dispatch('A-ASSOCIATE response accept', { pdu: answer });
  }

  reject(rejection: Rejection): void {
    this.#dispatch('A-ASSOCIATE response reject', { pdu: { type: PDU_TYPE.associateRj, ...rejection } });
  }

  /**
   * Sends whole P-DATA-TF PDUs. Resolves when the peer takes more; what is sent in one turn of the event loop leaves
   * together.
   * @throws GatewayError ASSOCIATION_ABORTED when there is no association any more
   */
  async sendData(pdus: readonly Buffer[]): Promise<void> {
    if (actionFor('P-DATA request', this.#state) === undefined) throw this.#noAssociation();
    for (const pdu of pdus) this.#transport.write(pdu);
    await this.#transport.drained();
  }

  /** Asks for a release; `ended` tells when the peer has agreed, or did not in time. */
  release(): void {
    this.#dispatch('A-RELEASE request');
  }

  /** Sends A-ABORT where there is an association, and closes. */
  abort(end: AssociationEnd = USER_ABORT): void {
    this.#dispatch('A-ABORT request', { end });
  }

  /** Aborts and closes the connection without waiting for the peer. */
  destroy(): void {
    this.abort();
    this.#closeSoon();
  }

  /** Stops reading from the peer: TCP holds it back. */
  pause(): void {
    this.#transport.pause();
    this.#clearPduTimer();
  }

  resume(): void {
    this.#transport.resume();
    this.#watchPdu();
  }

  #receive(chunk: Buffer): void {
    try {
      this.#reader.push(chunk, (pdu) => this.#receivePdu(pdu));
    } catch (error) {
      // Not ours to judge what a user of the service threw: the peer gets an abort, the process lives on. The message
      // of a stranger's error may hold anything, its name does not.
      const name = error instanceof Error ? error.name : typeof error;
      const problem =
        error instanceof PduError ? error : new PduError(ABORT_REASON.notSpecified, `failed on a ${name}`);
      this.#dispatch('invalid PDU received', { error: problem });
    }
    this.#watchPdu();
  }

  #receivePdu(pdu: Pdu): void {
    switch (pdu.type) {
      case PDU_TYPE.dataTf:
        return this.#dispatch('P-DATA-TF received', { pdu });
      case PDU_TYPE.associateRq:
        return this.#dispatch('A-ASSOCIATE-RQ received', { pdu });
      case PDU_TYPE.associateAc:
        return this.#dispatch('A-ASSOCIATE-AC received', { pdu });
      case PDU_TYPE.associateRj:
        return this.#dispatch('A-ASSOCIATE-RJ received', { pdu });
      case PDU_TYPE.releaseRq:
        return this.#dispatch('A-RELEASE-RQ received', { pdu });
      case PDU_TYPE.releaseRp:
        return this.#dispatch('A-RELEASE-RP received', { pdu });
      case PDU_TYPE.abort:
        return this.#dispatch('A-ABORT received', { pdu });
    }
  }

  #dispatch(event: UpperLayerEvent, detail: EventDetail = {}): void {
    const action = actionFor(event, this.#state);
    if (action === undefined) return;
    const [next, other] = ACTIONS[action] as readonly [State, State?];
    this.#state = other !== undefined && this.#takesOther(action, detail) ? other : next;
    this.#perform(action, detail);
  }

  /** The two actions with two outcomes. */
  #takesOther(action: Action, { pdu }: EventDetail): boolean {
    if (action === 'AR-8') return this.#role === 'acceptor';
    return pdu?.type === PDU_TYPE.associateRq && (pdu.protocolVersion & 1) === 0;
  }

  #perform(action: Action, { pdu, end, error }: EventDetail): void {
    switch (action) {
      case 'AE-1': // the socket connects from its creation on
      case 'AA-6':
        break;
      case 'DT-1': // `sendData` writes by itself, since it waits
      case 'AR-7':
        break;
      case 'AE-2':
      case 'AE-7':
        if (pdu !== undefined) this.#transport.write(encodePdu(pdu));
        if (action === 'AE-7') this.#reader.takeData();
        break;
      case 'AE-3':
        this.#clearTimer();
        this.#reader.takeData();
        if (pdu?.type === PDU_TYPE.associateAc) this.#user.associateAccepted?.(pdu);
        break;
      case 'AE-4':
        if (pdu?.type === PDU_TYPE.associateRj) this.#end({ kind: 'rejected', rejection: pdu });
        this.#closeSoon();
        break;
      case 'AE-5':
        this.#startTimer(this.#timers.artimMs, 'A-ASSOCIATE-RQ');
        break;
      case 'AE-6':
        if (this.#state === 'Sta13') this.#reject({ result: 1, source: 2, reason: 2 });
        else {
          this.#clearTimer();
          if (pdu?.type === PDU_TYPE.associateRq) this.#user.associateRequested?.(pdu);
        }
        break;
      case 'AE-8':
        if (pdu?.type === PDU_TYPE.associateRj) this.#reject(pdu);
        break;
      case 'DT-2':
      case 'AR-6':
        if (pdu?.type === PDU_TYPE.dataTf) this.#user.dataReceived(pdu.values);
        break;
      case 'AR-1':
        this.#transport.write(encodePdu({ type: PDU_TYPE.releaseRq }));
        this.#startTimer(this.#timers.artimMs, 'A-RELEASE-RP');
        break;
      case 'AR-2':
      case 'AR-10':
        if (action === 'AR-2') this.#user.releaseRequested?.();
        this.#dispatch('A-RELEASE response');
        break;
      case 'AR-8':
        if (this.#state === 'Sta9') this.#dispatch('A-RELEASE response');
        break;
      case 'AR-3':
        this.#end({ kind: 'released' });
        this.#closeSoon();
        break;
      case 'AR-4':
        this.#transport.write(encodePdu({ type: PDU_TYPE.releaseRp }));
        this.#end({ kind: 'released' });
        this.#startTimer(this.#timers.artimMs, 'the connection to close');
        break;
      case 'AR-9':
        this.#transport.write(encodePdu({ type: PDU_TYPE.releaseRp }));
        break;
      case 'AA-1':
        this.#sendAbort(0, ABORT_REASON.notSpecified);
        this.#end(end ?? abortedByUs(0, error));
        break;
      case 'AA-2':
        this.#end(end ?? { kind: 'lost' });
        this.#clearTimer();
        this.#transport.destroy();
        break;
      case 'AA-3':
        if (pdu?.type === PDU_TYPE.abort) {
          this.#end({ kind: 'aborted', by: 'peer', source: pdu.source, reason: pdu.reason });
        }
        this.#closeSoon();
        break;
      case 'AA-4':
      case 'AA-5':
      case 'AR-5':
        this.#clearTimer();
        this.#end(lostBecauseOf(this.#transport.error));
        break;
      case 'AA-7':
        this.#transport.write(encodePdu({ type: PDU_TYPE.abort, source: 2, reason: error?.abortReason ?? 2 }));
        break;
      case 'AA-8':
        this.#sendAbort(2, error?.abortReason ?? ABORT_REASON.unexpectedPdu);
        this.#end(end ?? abortedByUs(2, error));
        break;
    }
  }

  #reject(rejection: Rejection): void {
    this.#transport.write(encodePdu({ ...rejection, type: PDU_TYPE.associateRj }));
    this.#end({ kind: 'rejected', rejection });
    this.#startTimer(this.#timers.artimMs, 'the connection to close');
  }

  #sendAbort(source: number, reason: number): void {
    this.#transport.write(encodePdu({ type: PDU_TYPE.abort, source, reason }));
    this.#startTimer(this.#timers.artimMs, 'the connection to close');
  }

  #end(end: AssociationEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#clearPduTimer();
    this.#transport.stopWaiting(() => this.#noAssociation());
    // A paused socket would never tell that the peer has closed.
    this.#transport.resume();
    this.#user.ended(end);
  }

  #transportClosed(): void {
    this.#dispatch('transport closed');
    this.#closeSoon();
  }

  #closeSoon(): void {
    this.#clearTimer();
    this.#transport.closeSoon();
  }

  #noAssociation(): GatewayError {
    return new GatewayError('ASSOCIATION_ABORTED', 'There is no association any more');
  }

  /** ARTIM, and the other waits for the peer; at its end the table decides, or the association is aborted. */
  #startTimer(ms: number, waitedFor: string): void {
    this.#clearTimer();
    this.#timer = setTimeout(() => {
      const end: AssociationEnd = { kind: 'timeout', waitedFor };
      const isArtim = actionFor('ARTIM expired', this.#state) !== undefined;
      this.#dispatch(isArtim ? 'ARTIM expired' : 'A-ABORT request', { end });
    }, ms);
  }

  /** The deadline of a PDU begins with its first bytes; further ones do not move it. */
  #watchPdu(): void {
    if (!this.#reader.isWithinPdu || this.#hasEnded || this.#transport.isPaused) return this.#clearPduTimer();
    if (this.#pduTimer !== undefined && this.#pduBegun === this.#reader.completed) return;
    this.#clearPduTimer();
    this.#pduBegun = this.#reader.completed;
    this.#pduTimer = setTimeout(() => this.abort({ kind: 'timeout', waitedFor: 'a whole PDU' }), this.#timers.pduMs);
  }

  #clearPduTimer(): void {
    clearTimeout(this.#pduTimer);
    this.#pduTimer = undefined;
  }

  #clearTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

function abortedByUs(source: number, cause: Error | undefined): AssociationEnd {
  const end = { kind: 'aborted', by: 'us', source, reason: ABORT_REASON.notSpecified } as const;
  return cause === undefined ? end : { ...end, cause };
}

function lostBecauseOf(cause: Error | undefined): AssociationEnd {
  return cause === undefined ? { kind: 'lost' } : { kind: 'lost', cause };
}
