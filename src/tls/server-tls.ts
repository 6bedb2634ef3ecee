/** The listening end of TLS, for DICOM and HTTP alike. */
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Socket } from 'node:net';
import type { Server, TlsOptions, TLSSocket } from 'node:tls';
import { GatewayError } from '../errors.ts';
import { isSignedBy, shownBy, subjectOf, weaknessOf } from './certificates.ts';
import { KeptMaterial } from './kept-material.ts';
import { PROFILES } from './profiles.ts';
import { explainTlsFailure, tlsCodeOf } from './tls-failure.ts';
import { OncePerMinute } from './tls-log.ts';
import type { Clock, TlsLog } from './tls-log.ts';
import type { CertificateFacts, ServerTlsOptions } from './tls-options.ts';

/** Connections of a server whose handshake is not done. */
export interface Handshakes {
  readonly count: number;
  /** Ends them; the server goes on. */
  destroyAll(): void;
  /** Takes no more part in the server. */
  detach(): void;
}

const HANDSHAKE_MS = 10_000;

export class ServerTls {
  readonly #owner: string;
  readonly #options: ServerTlsOptions;
  readonly #material: KeptMaterial;
  readonly #log: TlsLog;
  readonly #seldom: OncePerMinute;
  /** Told, as seldom as the log, of peers that were refused; for the audit trail. It must neither throw nor wait. */
  observer: ((refusal: { address: string | undefined; why: string }) => void) | undefined;

  /**
   * @param owner part of the configuration, e.g. `listeners.ward`
   * @param clock monotonic, ms; for how often a failure is told
   * @throws GatewayError TLS_FILE_UNREADABLE, TLS_FILE_INVALID, TLS_KEY_INVALID, TLS_CERTIFICATE_WEAK,
   * TLS_AUTHORITIES_NEEDED
   */
  static async load(
    owner: string,
    options: ServerTlsOptions,
    log: TlsLog,
    clock: Clock = () => performance.now(),
  ): Promise<ServerTls> {
    const { clientCertificates, authorities = [], profile } = options;
    if (clientCertificates !== 'none' && authorities.length === 0) {
      throw new GatewayError(
        'TLS_AUTHORITIES_NEEDED',
        `${owner}: certificates of clients are asked for, and no authority is trusted to have signed them`,
        { fix: 'List the authorities of the clients as tls.authorities.' },
      );
    }
    // Those of the system would let in whoever can get a certificate for the web.
    const material = await KeptMaterial.load({ owner, files: { ...options, authorities }, profile }, log);
    return new ServerTls(owner, options, material, log, clock);
  }

  private constructor(owner: string, options: ServerTlsOptions, material: KeptMaterial, log: TlsLog, clock: Clock) {
    this.#owner = owner;
    this.#options = options;
    this.#material = material;
    this.#log = log;
    this.#seldom = new OncePerMinute(clock);
  }

  /** For the constructor of the server; `attach` is needed too. @param handshakeMs a handshake is done after so long */
  apply(handshakeMs = HANDSHAKE_MS): TlsOptions {
    return {
      ...this.#material.options,
      requestCert: this.#options.clientCertificates !== 'none',
      // `attach` ends what is not authorized, before anybody hears of the connection, and can name the certificate then.
      rejectUnauthorized: false,
      handshakeTimeout: handshakeMs,
    };
  }

  /** Checks the certificates of clients, tells of handshakes that fail, and gives the server new certificates when they change. */
  attach(server: Server): Handshakes {
    const pending = new Map<string, Socket>();
    /** Connections whose certificate was good, with its chain. */
    const known = new Map<TLSSocket, readonly X509Certificate[]>();
    let trusted = this.#trusted();
    const onConnection = (socket: Socket): void => {
      const key = endsOf(socket);
      pending.set(key, socket);
      socket.once('close', () => pending.delete(key));
    };
    const onSecure = (socket: TLSSocket): void => {
      pending.delete(endsOf(socket));
      const chain = this.#check(socket);
      if (chain.length === 0) return;
      known.set(socket, chain);
      socket.once('close', () => known.delete(socket));
    };
    const onError = (error: Error, socket: TLSSocket): void => {
      this.#tell(tlsCodeOf(error), socket.remoteAddress);
      // Node tells of a handshake that takes too long, and leaves it at that.
      socket.destroy();
    };
    const stop = this.#material.onChange(() => {
      server.setSecureContext(this.#material.options);
      const before = trusted;
      trusted = this.#trusted();
      if ([...before].every((fingerprint) => trusted.has(fingerprint))) return;
      for (const [socket, chain] of known) if (this.#endUntrusted(socket, chain)) known.delete(socket);
    });
    server.on('connection', onConnection);
    // Before those that speak the protocol.
    server.prependListener('secureConnection', onSecure);
    server.prependListener('tlsClientError', onError);
    return {
      get count() {
        return pending.size;
      },
      destroyAll: () => {
        for (const socket of pending.values()) socket.destroy();
      },
      detach: () => {
        stop();
        pending.clear();
        known.clear();
        server.off('connection', onConnection);
        server.off('secureConnection', onSecure);
        server.off('tlsClientError', onError);
      },
    };
  }

  /** Whether the own certificate is for this name or address, as a client would judge. */
  isFor(host: string): boolean {
    const { own } = this.#material;
    return (isIP(host) === 0 ? own?.checkHost(host) : own?.checkIP(host)) !== undefined;
  }

  /** Reads the files again where they have changed. @throws GatewayError as `load`; what is in use stays then */
  reload(): Promise<boolean> {
    return this.#material.reload();
  }

  certificates(): readonly CertificateFacts[] {
    return this.#material.certificates;
  }

  close(): void {
    this.#material.close();
  }

  /** The certificates that were shown and are good; where they are not the connection is ended. */
  #check(socket: TLSSocket): readonly X509Certificate[] {
    if (this.#options.clientCertificates === 'none') return [];
    const shown = shownBy(socket);
    const refused = this.#whyRefused(socket, shown);
    if (refused === undefined) return shown;
    const [certificate] = shown;
    this.#tell(refused, socket.remoteAddress, certificate && subjectOf(certificate));
    socket.destroy();
    return [];
  }

  /** A connection may live for days: it ends with the trust in whoever has signed its certificate. */
  #endUntrusted(socket: TLSSocket, chain: readonly X509Certificate[]): boolean {
    if (isSignedBy(chain, this.#material.authorities)) return false;
    const [certificate] = chain;
    const { why } = explainTlsFailure('UNABLE_TO_GET_ISSUER_CERT_LOCALLY');
    const who = { owner: this.#owner, address: socket.remoteAddress };
    this.#log.warn('TLS connection of a peer ended', {
      ...who,
      ...(certificate && { certificate: subjectOf(certificate) }),
      why,
    });
    socket.destroy();
    return true;
  }

  /** Fingerprints of the authorities. */
  #trusted(): ReadonlySet<string> {
    return new Set(this.#material.authorities.map(({ fingerprint256 }) => fingerprint256));
  }

  /** The code of what is wrong with the certificate of a client. */
  #whyRefused(socket: TLSSocket, shown: readonly X509Certificate[]): string | undefined {
    const { clientCertificates, profile } = this.#options;
    if (shown.length === 0) return clientCertificates === 'require' ? 'NO_CERTIFICATE' : undefined;
    if (!socket.authorized) return String(socket.authorizationError);
    const { certificates: rules } = PROFILES[profile];
    return rules && weaknessOf(shown, rules) !== undefined ? 'TLS_CERTIFICATE_WEAK' : undefined;
  }

  #tell(code: string, address: string | undefined, certificate?: string): void {
    const who = { owner: this.#owner, address, code };
    // Load balancers and port scanners open connections and close them again.
    if (code === 'ECONNRESET' || code === 'EPIPE') {
      this.#log.debug('connection closed in the TLS handshake', who);
      return;
    }
    const turn = this.#seldom.next(`${address ?? ''} ${code}`);
    if (turn === undefined) return;
    const { why, fix } = explainTlsFailure(code);
    this.observer?.({ address, why });
    const more = turn.more === 0 ? {} : { more: turn.more };
    this.#log.warn('TLS connection of a peer refused', {
      ...who,
      why,
      ...(certificate && { certificate }),
      fix,
      ...more,
    });
  }
}

/** Both ends of a TCP connection; the socket of TLS has the same as the one below it. */
function endsOf({ remoteAddress = '', remotePort = 0, localPort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localPort}`;
}
