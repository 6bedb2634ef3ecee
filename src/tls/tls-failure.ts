/** What the codes of OpenSSL and Node mean, for a person. Pure. */

export interface TlsFailureWords {
  /** About the other end: "its certificate has expired". */
  readonly why: string;
  readonly fix: string;
}

/** Codes of certificates and handshakes that fail; those of the connection itself are none. */
const TLS_CODE =
  /^(?:CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_|ERR_SSL_|ERR_OSSL_|TLS_|INVALID_CA$|INVALID_PURPOSE$|PATH_LENGTH_EXCEEDED$|HOSTNAME_MISMATCH$|UNSPECIFIED$|NO_CERTIFICATE$|EPROTO$)/;

export function isTlsFailure(code: string): boolean {
  return TLS_CODE.test(code);
}

const UNKNOWN: TlsFailureWords = { why: 'the handshake failed', fix: 'Compare the TLS settings of both sides.' };

const NOT_SIGNED: TlsFailureWords = {
  why: 'no authority of ours has signed its certificate',
  fix: 'Add the certificate of its authority to tls.authorities, or let it send its whole chain.',
};
const WRONG_NAME: TlsFailureWords = {
  why: 'its certificate is for another name',
  fix: 'Call it by a name in its certificate, or give such a name as tls.serverName.',
};
const CHAIN_BROKEN: TlsFailureWords = {
  why: 'the chain of its certificate is not valid',
  fix: 'Have it issued again by its authority.',
};
const TOO_WEAK: TlsFailureWords = {
  why: 'its certificate is too weak for the profile',
  fix: 'Have it issued again with a longer key and SHA-256.',
};
const OURS_REFUSED: TlsFailureWords = {
  why: 'it does not accept our certificate',
  fix: 'Let it trust the authority of our certificate, and look whether ours has expired.',
};
const OURS_NEEDED: TlsFailureWords = {
  why: 'it asks for a certificate of ours',
  fix: 'Set tls.certificate and tls.key.',
};
const NO_VERSION: TlsFailureWords = {
  why: 'it speaks no version of TLS that the profile allows',
  fix: 'Let it speak TLS 1.2 or 1.3; the profile legacy is for what cannot.',
};
const NOTHING_IN_COMMON: TlsFailureWords = {
  why: 'no cipher suite, curve or signature in common',
  fix: 'Compare the profiles of both sides, and the kinds of key (RSA, ECDSA) in the certificates.',
};
const HANDSHAKE_REFUSED: TlsFailureWords = {
  why: 'it refuses the handshake',
  fix: 'Compare the profiles of both sides, and whether it asks for a certificate of ours.',
};
const NO_TLS: TlsFailureWords = { why: 'it does not speak TLS', fix: 'Use TLS on both sides, or on neither.' };

const WORDS: Readonly<Record<string, TlsFailureWords>> = {
  CERT_HAS_EXPIRED: { why: 'its certificate has expired', fix: 'Renew it, or that of its authority.' },
  CERT_NOT_YET_VALID: { why: 'its certificate is not valid yet', fix: 'Compare the clocks of both sides.' },
  CERT_REVOKED: { why: 'its certificate was revoked', fix: 'Give it a new one.' },
  SELF_SIGNED_CERT_IN_CHAIN: NOT_SIGNED,
  DEPTH_ZERO_SELF_SIGNED_CERT: NOT_SIGNED,
  UNABLE_TO_GET_ISSUER_CERT: NOT_SIGNED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: NOT_SIGNED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: NOT_SIGNED,
  ERR_TLS_CERT_ALTNAME_INVALID: WRONG_NAME,
  HOSTNAME_MISMATCH: WRONG_NAME,
  INVALID_PURPOSE: {
    why: 'its certificate is for another use',
    fix: 'Have it issued for TLS of the side it is on (client or server).',
  },
  INVALID_CA: CHAIN_BROKEN,
  PATH_LENGTH_EXCEEDED: CHAIN_BROKEN,
  CERT_SIGNATURE_FAILURE: CHAIN_BROKEN,
  CERT_CHAIN_TOO_LONG: CHAIN_BROKEN,
  TLS_CERTIFICATE_WEAK: TOO_WEAK,
  // OpenSSL names keys and hashes below its security level like this.
  UNSPECIFIED: TOO_WEAK,
  NO_CERTIFICATE: {
    why: 'it has shown no certificate',
    fix: 'Give it one of an authority in tls.authorities.',
  },
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: {
    why: 'it has shown no certificate',
    fix: 'Give it one of an authority in tls.authorities.',
  },
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: OURS_REFUSED,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: OURS_REFUSED,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: OURS_REFUSED,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: OURS_REFUSED,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: OURS_REFUSED,
  ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: OURS_REFUSED,
  ERR_SSL_TLSV1_ALERT_ACCESS_DENIED: OURS_REFUSED,
  ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR: OURS_REFUSED,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: OURS_NEEDED,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: NO_VERSION,
  ERR_SSL_UNSUPPORTED_PROTOCOL: NO_VERSION,
  ERR_SSL_VERSION_TOO_LOW: NO_VERSION,
  ERR_SSL_NO_SHARED_CIPHER: NOTHING_IN_COMMON,
  ERR_SSL_NO_SHARED_GROUP: NOTHING_IN_COMMON,
  ERR_SSL_NO_SUITABLE_GROUPS: NOTHING_IN_COMMON,
  ERR_SSL_NO_SUITABLE_KEY_SHARE: NOTHING_IN_COMMON,
  ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM: NOTHING_IN_COMMON,
  ERR_SSL_NO_SHARED_SIGNATURE_ALGORITHMS: NOTHING_IN_COMMON,
  ERR_SSL_WRONG_CURVE: NOTHING_IN_COMMON,
  ERR_SSL_WRONG_SIGNATURE_TYPE: NOTHING_IN_COMMON,
  ERR_SSL_DH_KEY_TOO_SMALL: NOTHING_IN_COMMON,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: HANDSHAKE_REFUSED,
  ERR_SSL_TLSV1_ALERT_INSUFFICIENT_SECURITY: HANDSHAKE_REFUSED,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_HTTP_REQUEST: NO_TLS,
  ERR_SSL_HTTPS_PROXY_REQUEST: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  ERR_SSL_UNKNOWN_PROTOCOL: NO_TLS,
  ERR_SSL_RECORD_LAYER_FAILURE: NO_TLS,
  ERR_TLS_HANDSHAKE_TIMEOUT: {
    why: 'it has not finished the handshake in time',
    fix: 'See whether it speaks TLS, and how busy it is.',
  },
};

/** What went wrong, seen from our side. */
export function explainTlsFailure(code: string): TlsFailureWords {
  return WORDS[code] ?? UNKNOWN;
}

/** The code of an error; OpenSSL's where a system call has failed on it. */
export function tlsCodeOf(error: unknown): string {
  const { code } = (typeof error === 'object' && error !== null ? error : {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}
