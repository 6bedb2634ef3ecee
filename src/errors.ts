/**
 * Errors of the gateway itself. Each carries a stable code, says what happened and what to do; none carries patient
 * values. Failures of a service (an upstream refused, a query was bad) are `ServiceFailure` in services/port.ts.
 */
export const ERROR_CODES = {
  CONFIG_UNREADABLE: 'The configuration file cannot be read or is not YAML',
  CONFIG_INVALID: 'The configuration file has problems',
  LISTENER_FAILED: 'A listener cannot be bound',
  NODE_TOO_OLD: 'This Node.js is older than needed',
  DATA_SET_INVALID: 'A data set does not follow its encoding',
  DATA_SET_TOO_LARGE: 'A data set is larger or deeper than allowed',
  CHARACTER_SET_UNSUPPORTED: 'A Specific Character Set value is unknown',
  CHARACTER_UNENCODABLE: 'A character does not exist in the character set of the peer',
  ATTRIBUTE_PATH_INVALID: 'An attribute path names no known attribute',
  RULE_INVALID: 'A mapping rule cannot be applied',
  SEED_INVALID: 'A file of worklist entries cannot be read',
  ENTRY_INVALID: 'A worklist entry lacks what a worklist cannot do without',
  ENTRY_EXISTS: 'A worklist entry is there already',
  RELOAD_FAILED: 'A new configuration could not be put to work; the running one stays',
  MULTIPART_INVALID: 'A multipart message does not follow its encoding',
  MULTIPART_TRUNCATED: 'A multipart message ends before its close delimiter',
  PDU_INVALID: 'A peer broke the DICOM upper layer protocol',
  MESSAGE_INVALID: 'A peer sent a DIMSE message that cannot be understood',
  ASSOCIATION_REJECTED: 'A peer rejected the association',
  ASSOCIATION_ABORTED: 'The association was aborted or the connection lost',
  ASSOCIATION_TIMEOUT: 'A peer did not answer in time',
  CONTEXT_NOT_ACCEPTED: 'A peer did not accept a presentation context',
  KEYS_UNREADABLE: 'The keys of a token issuer cannot be read',
  STORE_UNREADABLE: 'The store cannot be opened or made',
  STORE_UNREACHABLE: 'The data base server of the store cannot be reached',
  STORE_DAMAGED: 'The store is damaged',
  STORE_FOREIGN: 'The store belongs to another program',
  STORE_TOO_NEW: 'The store was written by a newer version',
  STORE_LOCKED: 'Another process has the store, or holds it up',
  STORE_FULL: 'The store has no room left',
  STORE_FAILED: 'The store could not read or write, or is closed',
  STORE_BACKUP_FAILED: 'A copy of the store could not be written',
  TLS_FILE_UNREADABLE: 'A file of certificates or of a key cannot be read',
  TLS_FILE_INVALID: 'A file has no certificate in PEM form',
  TLS_KEY_INVALID: 'A private key cannot be used, or belongs to another certificate',
  TLS_CERTIFICATE_WEAK: 'A certificate is too weak for the TLS profile',
  TLS_AUTHORITIES_NEEDED: 'Certificates of clients are asked for, and no authority is trusted',
  TLS_FAILED: 'A TLS connection could not be made',
  AUDIT_UNWRITABLE: 'The audit trail cannot be written',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface GatewayErrorOptions {
  /** What a person should do about it. */
  fix?: string;
  cause?: unknown;
}

export class GatewayError extends Error {
  override readonly name: string = 'GatewayError';
  readonly code: ErrorCode;
  readonly fix: string | undefined;

  constructor(code: ErrorCode, message: string, options: GatewayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.fix = options.fix;
  }
}
