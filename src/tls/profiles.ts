/**
 * What the named profiles let OpenSSL negotiate (PS3.15 B.12 and B.13, RFC 9325, RFC 8996).
 *
 * B.12 names no cipher suites but those of BCP 195: of TLS 1.2 the four of RFC 9325 section 4.2. B.13 names its own; the ten
 * of TLS 1.2 are those a server shall support since CP 2311 has made Camellia optional, which OpenSSL is built without here.
 * Ephemeral Diffie-Hellman over a finite field, which B.13 permits and RFC 9325 advises against, is left out.
 */
import { constants } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import type { TlsProfile } from './tls-options.ts';

/** What a certificate must have at least. */
export interface CertificateRules {
  readonly rsaBits: number;
  readonly ecBits: number;
}

export interface ProfileRules {
  readonly minimumVersion: 'TLSv1' | 'TLSv1.2';
  /** By the names of OpenSSL, preferred ones first. */
  readonly tls13Suites: readonly string[];
  readonly tls12Suites: readonly string[];
  /** Of the key exchange; undefined: those of OpenSSL. */
  readonly groups?: readonly string[];
  /** Undefined: those of OpenSSL. */
  readonly signatureAlgorithms?: readonly string[];
  /** Of OpenSSL: 0 lets everything pass that the lists here do not forbid. */
  readonly securityLevel: 0 | 2;
  /** Of ours when they are read, of peers when they are shown; undefined: any. */
  readonly certificates?: CertificateRules;
}

const ECDHE_GCM = [
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
] as const;
const ECDHE_CHACHA20 = ['ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'] as const;
const ECDHE_CCM = [
  'ECDHE-ECDSA-AES256-CCM',
  'ECDHE-ECDSA-AES128-CCM',
  'ECDHE-ECDSA-AES256-CCM8',
  'ECDHE-ECDSA-AES128-CCM8',
] as const;
/** Of PS3.15 B.1, B.3 and B.9 to B.11, all retired, as far as OpenSSL still has them. */
const RETIRED = [
  'DHE-RSA-AES256-GCM-SHA384',
  'DHE-RSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES256-SHA',
  'ECDHE-RSA-AES128-SHA',
  'AES256-SHA',
  'AES128-SHA',
] as const;

const TLS13 = ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'] as const;
const TLS13_CCM = ['TLS_AES_128_CCM_SHA256', 'TLS_AES_128_CCM_8_SHA256'] as const;

/** SHA-256 and longer; those of PKCS #1 v1.5 are for TLS 1.2 and for chains. */
const SHA2_SIGNATURES = [
  'ecdsa_secp256r1_sha256',
  'ecdsa_secp384r1_sha384',
  'ecdsa_secp521r1_sha512',
  'rsa_pss_rsae_sha256',
  'rsa_pss_rsae_sha384',
  'rsa_pss_rsae_sha512',
  'rsa_pss_pss_sha256',
  'rsa_pss_pss_sha384',
  'rsa_pss_pss_sha512',
  'rsa_pkcs1_sha256',
  'rsa_pkcs1_sha384',
  'rsa_pkcs1_sha512',
] as const;
/** RFC 9325 4.5, and PS3.15 B.13 for either kind of key; hashes are SHA-256 or longer. */
const CERTIFICATES: CertificateRules = { rsaBits: 2048, ecBits: 256 };
const NIST_CURVES = ['P-256', 'P-384', 'P-521'] as const;

export const PROFILES: Readonly<Record<TlsProfile, ProfileRules>> = {
  'bcp195-rfc9325': {
    minimumVersion: 'TLSv1.2',
    tls13Suites: TLS13,
    tls12Suites: ECDHE_GCM,
    groups: ['X25519', ...NIST_CURVES],
    signatureAlgorithms: [...SHA2_SIGNATURES, 'ed25519'],
    securityLevel: 2,
    certificates: CERTIFICATES,
  },
  'bcp195-rfc9325-modified': {
    minimumVersion: 'TLSv1.2',
    tls13Suites: [...TLS13, ...TLS13_CCM],
    tls12Suites: [...ECDHE_GCM, ...ECDHE_CHACHA20, ...ECDHE_CCM],
    // "256 bits or more" for ECDHE: the curves about which there is no doubt.
    groups: NIST_CURVES,
    signatureAlgorithms: SHA2_SIGNATURES,
    // OpenSSL has put CCM_8 on level 0 for its short tag, B.13 has it among the suites a server shall support. What else the
    // level would keep out is kept out by the lists and the rules for certificates.
    securityLevel: 0,
    certificates: CERTIFICATES,
  },
  legacy: {
    minimumVersion: 'TLSv1',
    tls13Suites: TLS13,
    tls12Suites: [...ECDHE_GCM, ...ECDHE_CHACHA20, ...RETIRED],
    securityLevel: 0,
  },
};

/** For `createSecureContext`, `createServer` and `connect`. */
export function profileOptions(profile: TlsProfile): SecureContextOptions {
  const { minimumVersion, tls13Suites, tls12Suites, groups, signatureAlgorithms, securityLevel } = PROFILES[profile];
  return {
    minVersion: minimumVersion,
    maxVersion: 'TLSv1.3',
    ciphers: [`@SECLEVEL=${securityLevel}`, ...tls13Suites, ...tls12Suites].join(':'),
    honorCipherOrder: true,
    // Nothing here needs a second handshake on a connection, and it is work a peer can ask for without end.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ...(groups !== undefined && { ecdhCurve: groups.join(':') }),
    ...(signatureAlgorithms !== undefined && { sigalgs: signatureAlgorithms.join(':') }),
    ...(profile === 'legacy' && { dhparam: 'auto' }),
  };
}
