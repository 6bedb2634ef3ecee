/** The calling end of TLS, for DICOM and HTTP alike. */
import { isIP } from 'node:net';
import { checkServerIdentity, connect } from 'node:tls';
import type { ConnectionOptions, DetailedPeerCertificate, PeerCertificate, SecureContext, TLSSocket } from 'node:tls';
import { GatewayError } from '../errors.ts';
import { chainOf, shownBy, subjectOf, weaknessOf } from './certificates.ts';
import { KeptMaterial } from './kept-material.ts';
import { PROFILES } from './profiles.ts';
import type { CertificateRules } from './profiles.ts';
import { explainTlsFailure, isTlsFailure, tlsCodeOf } from './tls-failure.ts';
import { OncePerMinute } from './tls-log.ts';
import type { Clock, TlsLog } from './tls-log.ts';
import type { CertificateFacts, ClientTlsOptions } from './tls-options.ts';

/** What `connect` of Node is given for one connection. */
export interface ConnectTls {
  readonly secureContext: SecureContext;
  readonly rejectUnauthorized: true;
  /** Empty: none is sent, and the certificate is checked for the host. */
  readonly servername: string;
  readonly checkServerIdentity?: NonNullable<ConnectionOptions['checkServerIdentity']>;
}

export class ClientTls {
  readonly #owner: string;
  readonly #options: ClientTlsOptions;
  readonly #material: KeptMaterial;
  readonly #log: TlsLog;
  readonly #seldom: OncePerMinute;

  /**
   * @param owner part of the configuration, e.g. `upstreams.pacs`
   * @param clock monotonic, ms; for how often a failure is told
   * @throws GatewayError TLS_FILE_UNREADABLE, TLS_FILE_INVALID, TLS_KEY_INVALID, TLS_CERTIFICATE_WEAK
   */
  static async load(
    owner: string,
    options: ClientTlsOptions,
    log: TlsLog,
    clock: Clock = () => performance.now(),
  ): Promise<ClientTls> {
    const material = await KeptMaterial.load({ owner, files: options, profile: options.profile }, log);
    return new ClientTls(owner, options, material, log, clock);
  }

  private constructor(owner: string, options: ClientTlsOptions, material: KeptMaterial, log: TlsLog, clock: Clock) {
    this.#owner = owner;
    this.#options = options;
    this.#material = material;
    this.#log = log;
    this.#seldom = new OncePerMinute(clock);
  }

  /** For one connection, with the certificates of now. @param host name or address that is called */
  connectOptions(host: string): ConnectTls {
    const { serverName, profile } = this.#options;
    const { certificates: rules } = PROFILES[profile];
    return {
      secureContext: this.#material.context,
      rejectUnauthorized: true,
      // RFC 6066 3 allows no addresses there; the certificate is checked for them all the same.
      servername: serverName ?? (isIP(host) === 0 ? host : ''),
      ...(rules !== undefined && {
        checkServerIdentity: (name: string, shown: PeerCertificate) =>
          checkServerIdentity(name, shown) ?? weakCertificate(shown, rules),
      }),
    };
  }

  /** Opens a connection; it may be written to after `secureConnect`. */
  connect(target: { readonly host: string; readonly port: number }): TLSSocket {
    const { host, port } = target;
    const socket = connect({ ...this.connectOptions(host), host, port });
    socket.setNoDelay(true);
    this.watch(socket, host);
    return socket;
  }

  /** Tells of a failure, once per host and minute, with the certificate the far end has shown. */
  watch(socket: TLSSocket, host: string): void {
    let shown: string | undefined;
    // The certificate cannot be asked for any more when the connection has ended for it.
    socket.prependOnceListener('secure', () => {
      const [certificate] = shownBy(socket);
      shown = certificate && subjectOf(certificate);
    });
    socket.once('error', (error) => {
      const code = tlsCodeOf(error);
      if (isTlsFailure(code)) this.#tell(code, host, shown);
    });
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

  #tell(code: string, host: string, certificate: string | undefined): void {
    const turn = this.#seldom.next(`${host} ${code}`);
    if (turn === undefined) return;
    const { why, fix } = explainTlsFailure(code);
    const who = { owner: this.#owner, host, code, ...(certificate !== undefined && { certificate }) };
    this.#log.warn('TLS connection to the far end failed', {
      ...who,
      why,
      fix,
      ...(turn.more > 0 && { more: turn.more }),
    });
  }
}

function weakCertificate(shown: PeerCertificate, rules: CertificateRules): Error | undefined {
  const weakness = weaknessOf(chainOf(shown as DetailedPeerCertificate), rules);
  return weakness === undefined ? undefined : new GatewayError('TLS_CERTIFICATE_WEAK', weakness);
}
