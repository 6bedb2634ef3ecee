/** What an end of a TLS connection is told: files, profile, and whose certificates it asks for. */

/** PS3.15 B.12, B.13; `legacy` is for peers that are too old for both, and warns. */
export const TLS_PROFILES = ['bcp195-rfc9325', 'bcp195-rfc9325-modified', 'legacy'] as const;
export type TlsProfile = (typeof TLS_PROFILES)[number];

/** Files in PEM form; read when the part is made, and again when they change. */
export interface TlsFiles {
  /** Own certificate, with its chain. */
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  readonly passphrase?: string | undefined;
  /** Certificates of the authorities that are trusted; of a client, absent: those of the system. */
  readonly authorities?: readonly string[] | undefined;
  /** The files are looked at so often; default 60 s. */
  readonly checkEveryMs?: number | undefined;
}

export interface ServerTlsOptions extends TlsFiles {
  readonly certificate: string;
  readonly key: string;
  /** Certificates of clients: not asked for, checked where one is shown, or needed. */
  readonly clientCertificates: 'none' | 'request' | 'require';
  readonly profile: TlsProfile;
}

export interface ClientTlsOptions extends TlsFiles {
  /** Name in the certificate of the far end, where it is not that of the host. */
  readonly serverName?: string | undefined;
  readonly profile: TlsProfile;
}

/** A certificate as metrics and operators see it. */
export interface CertificateFacts {
  /** Part of the configuration it belongs to, e.g. `listeners.ward`. */
  readonly owner: string;
  readonly role: 'own' | 'authority';
  readonly subject: string;
  readonly issuer: string;
  /** Wall clock, ms since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** SHA-256, `AB:CD:…`. */
  readonly fingerprint: string;
}

/** The certificate a peer has shown and that was verified. */
export interface PeerCertificate {
  /** Distinguished name as RFC 4514 writes it, e.g. `CN=ct1,O=Hospital`. */
  readonly subject: string;
  /** SHA-256, `AB:CD:…`. */
  readonly fingerprint: string;
}
