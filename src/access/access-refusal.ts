/** Somebody who may not use a listener, by its lists; for the audit trail. */
export interface AccessRefusal {
  /** Remote IP address. */
  readonly address: string;
  readonly callingAeTitle?: string;
  /** Distinguished name, as it was shown and verified. */
  readonly certificate?: string;
  /** In words, e.g. `address not allowed`. */
  readonly why: string;
}
