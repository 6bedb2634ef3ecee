/**
 * What stands before the transactions of a web listener: who may ask at all, how much one peer may ask, and how many bytes
 * of all peers are held.
 */
import type { Socket } from 'node:net';
import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import type { AccessRefusal } from '../access/access-refusal.ts';
import { AddressList, plainAddress } from '../access/address-list.ts';
import { ByteBudget, HeldBytes } from '../access/byte-budget.ts';
import { ConnectionDoor } from '../access/connection-door.ts';
import { isRefusal, PeerLimits } from '../access/peer-limits.ts';
import type { PeerLimitOptions, PeerRefusal, PeerTurn } from '../access/peer-limits.ts';
import type { Logger } from '../observe/log.ts';
import { certificateMatcher } from '../services/certificate-names.ts';
import type { ShownCertificate } from '../services/certificate-names.ts';
import { peerCertificateOf } from '../tls/peer-certificate.ts';
import { OncePerMinute } from '../tls/tls-log.ts';
import { requesterIdentity } from './authentication.ts';
import { HttpRefusal } from './http-refusal.ts';
import type { RequestMemory } from './transaction.ts';

export interface RequestGateOptions {
  /** Addresses and subnets that may ask; absent: any. */
  readonly addresses?: readonly string[];
  /** Certificates that may ask, by name or fingerprint (`CN=ct1`, `sha256:AB:…`); absent: any, and none at all. */
  readonly certificates?: readonly string[];
  /** Status for one who may not: 403 unless told. */
  readonly refusal?: 403 | 404;
  /** Of one peer: who it has proved to be, else its address; more are 429 with Retry-After. Absent: no limit. */
  readonly limits?: PeerLimitOptions;
  /** Of bodies and answers of all requests together, but for the first 64 KiB of each; what is more is 503. */
  readonly maximumHeldBytes: number;
  /** Told of each request that the lists do not let in, for the audit trail. It must neither throw nor wait. */
  readonly refused?: (refusal: AccessRefusal) => void;
}

/** The turn of a request, and what it holds of the memory. */
export interface RequestHold extends RequestMemory {
  /** To be called when nothing is done for it any more; before, the end of its response does not end it. */
  end(): void;
}

interface Hold extends RequestHold {
  /** Somebody ends it. */
  isTaken: boolean;
}

export class RequestGate {
  readonly #limits: PeerLimits;
  readonly #budget: ByteBudget;
  readonly #logger: Logger;
  readonly #door: ConnectionDoor;
  readonly #told = new OncePerMinute(() => performance.now());
  #addresses: AddressList | undefined;
  #hasCertificate: ((certificate: ShownCertificate) => boolean) | undefined;
  #refusal: 403 | 404 = 403;
  #refused: RequestGateOptions['refused'];

  /** @throws GatewayError CONFIG_INVALID for an address or a certificate that is none */
  constructor(options: RequestGateOptions, logger: Logger) {
    this.#limits = new PeerLimits({}, () => performance.now());
    this.#door = new ConnectionDoor(this.#limits);
    this.#budget = new ByteBudget(options.maximumHeldBytes);
    this.#logger = logger;
    this.update(options);
  }

  /** Bytes that are held now, beyond the first 64 KiB of each request. */
  get heldBytes(): number {
    return this.#budget.held;
  }

  /** Holds for requests from now on. @throws GatewayError CONFIG_INVALID; nothing is changed then */
  update(options: RequestGateOptions): void {
    const { addresses, certificates, refusal = 403, limits = {}, maximumHeldBytes, refused } = options;
    const list = addresses && new AddressList(addresses);
    this.#hasCertificate = certificates && certificateMatcher(certificates);
    this.#addresses = list;
    this.#refusal = refusal;
    this.#refused = refused;
    this.#limits.replace(limits);
    this.#budget.replace(maximumHeldBytes);
  }

  /**
   * Lets a connection in while there is room, which one address cannot take from the others. An address that goes on sending
   * what is no HTTP is not heard.
   * @returns false: it is closed
   */
  enter(socket: Socket, maximumConnections: number, isBusy: () => boolean): boolean {
    const place = this.#door.enter(socket, maximumConnections, () => void socket.destroy(), isBusy);
    if (place === undefined) {
      this.#tell('connection refused: too many', plainAddress(socket.remoteAddress));
      return false;
    }
    socket.once('close', () => place.leave());
    return true;
  }

  /** What came was no HTTP, or did not come in time. */
  failed(socket: Socket): void {
    this.#door.failed(plainAddress(socket.remoteAddress));
  }

  /** Before anybody is asked who he is. @throws HttpRefusal 403 or 404; 429 for an address that failed too often */
  readonly checkAccess: RequestHandler = ({ socket }, _response, next) => {
    const address = plainAddress(socket.remoteAddress);
    if (this.#addresses?.has(address) === false) throw this.#forbidden(address, 'address');
    if (this.#hasCertificate !== undefined) {
      const certificate = peerCertificateOf(socket);
      if (certificate === undefined || !this.#hasCertificate(certificate)) {
        throw this.#forbidden(address, 'certificate', certificate?.subject);
      }
    }
    const refusal = this.#limits.whyNot(address);
    if (refusal !== undefined) {
      this.#door.failed(address);
      throw this.#tooMany(address, refusal);
    }
    next();
  };

  /** One who does not prove who he is spends what his address has, so that nobody tries keys without end. */
  readonly countFailure: ErrorRequestHandler = (error, { socket }, _response, next) => {
    this.#limits.count(plainAddress(socket.remoteAddress));
    next(error);
  };

  /** @throws HttpRefusal 429 */
  readonly begin: RequestHandler = ({ socket }, response, next) => {
    const { subject } = requesterIdentity(response);
    const address = plainAddress(socket.remoteAddress);
    const turn = this.#limits.begin(peerOf(address, subject));
    if (isRefusal(turn)) {
      // Who goes on asking costs as much as who is answered: in the end he is not heard, but where others share his address.
      if (subject === undefined) this.#door.failed(address);
      throw this.#tooMany(subject ?? address, turn);
    }
    const hold = holdOf(turn, new HeldBytes(this.#budget), new HeldBytes(this.#budget));
    response.locals.hold = hold;
    response.on('close', () => {
      if (!hold.isTaken) hold.end();
    });
    next();
  };

  /** For what outlives its request; whoever takes it releases it. */
  holdMore(): HeldBytes {
    return new HeldBytes(this.#budget);
  }

  #forbidden(address: string, what: 'address' | 'certificate', certificate?: string): HttpRefusal {
    const why = `${what} not allowed`;
    this.#tell('request refused', address, why);
    this.#refused?.({ address, ...(certificate !== undefined && { certificate }), why });
    if (this.#refusal === 404) return new HttpRefusal(404, 'RESOURCE_NOT_FOUND', 'There is no such resource');
    return new HttpRefusal(403, 'NOT_AUTHORIZED', `This ${what} may not ask here`);
  }

  #tooMany(peer: string, { why, retryAfterMs }: PeerRefusal): HttpRefusal {
    const comment = why === 'rate' ? 'Too many requests' : 'Too many requests at a time';
    this.#tell('request refused', peer, comment);
    const retryAfter = Math.max(1, Math.ceil(retryAfterMs / 1_000));
    const headers = { Connection: 'close' };
    return new HttpRefusal(429, 'OUT_OF_RESOURCES', comment, { retry: 'safe', retryAfter, headers });
  }

  #tell(message: string, peer: string, why?: string): void {
    const next = this.#told.next(`${why ?? message} ${peer}`);
    if (next === undefined) return;
    this.#logger.warn(message, { peer, ...(why !== undefined && { why }), ...(next.more > 0 && { more: next.more }) });
  }
}

/** Whose requests count together: a subject may be called like an address. */
function peerOf(address: string, subject: string | undefined): string {
  return subject === undefined ? address : `subject ${subject}`;
}

/** What `begin` gave; it is the caller's to end from now on. */
export function takeHold({ locals }: Response): RequestHold {
  const hold = locals.hold as Hold;
  hold.isTaken = true;
  return hold;
}

function holdOf(turn: PeerTurn, body: HeldBytes, made: HeldBytes): Hold {
  return {
    body,
    made,
    isTaken: false,
    end: () => {
      turn.weigh(body.bytes);
      turn.end();
      body.release();
      made.release();
    },
  };
}
