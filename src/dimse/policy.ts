/** Who may associate with a listener, and the very rejection for those who may not (PS3.8 9.3.4, design 2.2). */
import { AddressList } from '../access/address-list.ts';
import { certificateMatcher } from '../services/certificate-names.ts';
import type { ShownCertificate } from '../services/certificate-names.ts';
import { MINIMUM_PAYLOAD_BYTES, sendingPduLength } from './message.ts';
import type { AssociateRq, Rejection } from './upper-layer/pdu.ts';
import { APPLICATION_CONTEXT } from './uids.ts';

export interface AccessOptions {
  /** AE titles of this listener. */
  readonly aeTitles: readonly string[];
  /** Calling AE titles that may associate; undefined: any. */
  readonly callingAeTitles?: readonly string[];
  /** Addresses and subnets (`10.0.0.0/8`, `fd00::/8`, `192.0.2.7`) that may associate; undefined: any. */
  readonly addresses?: readonly string[];
  /** Certificates that may associate, by name or fingerprint (`CN=ct1`, `sha256:AB:…`); undefined: any, and none at all. */
  readonly certificates?: readonly string[];
  readonly maximumAssociations: number;
  /** Undefined: no limit. */
  readonly maximumAssociationsPerCallingAeTitle?: number;
}

/** Every reason this listener rejects for: what the peer is told, and what stands in logs and counts. */
export const REJECTIONS = {
  applicationContext: { result: 1, source: 1, reason: 2, text: 'application context not supported' },
  address: { result: 1, source: 1, reason: 1, text: 'address not allowed' },
  certificate: { result: 1, source: 1, reason: 1, text: 'certificate not allowed' },
  calledAeTitle: { result: 1, source: 1, reason: 7, text: 'called AE title not recognized' },
  callingAeTitle: { result: 1, source: 1, reason: 3, text: 'calling AE title not recognized' },
  maximumPduLength: {
    result: 1,
    source: 2,
    reason: 1,
    text: `maximum PDU length leaves less than ${MINIMUM_PAYLOAD_BYTES} bytes of payload`,
  },
  userIdentity: { result: 1, source: 2, reason: 1, text: 'user identity refused' },
  userIdentityUnchecked: { result: 2, source: 2, reason: 1, text: 'user identity cannot be checked now' },
  limit: { result: 2, source: 3, reason: 2, text: 'maximum number of associations reached' },
  limitOfCallingAeTitle: {
    result: 2,
    source: 3,
    reason: 2,
    text: 'maximum number of associations of this calling AE title reached',
  },
  rate: { result: 2, source: 3, reason: 2, text: 'too many requests of this peer' },
  shuttingDown: { result: 2, source: 3, reason: 1, text: 'shutting down' },
} as const satisfies Record<string, Rejection & { text: string }>;

export type RejectionName = keyof typeof REJECTIONS;

/** Open associations at the moment of a request. */
export interface OpenAssociations {
  readonly total: number;
  readonly ofCallingAeTitle: number;
}

/** Who asks for an association. */
export interface Caller {
  /** From `plainAddress`. */
  readonly address: string;
  /** What it has shown and what was verified. */
  readonly certificate?: ShownCertificate | undefined;
  /** Admitted whatever the lists of AE titles and addresses say; a list of certificates holds for it too. */
  readonly isReporter?: boolean;
}

export class AccessPolicy {
  readonly #options: AccessOptions;
  readonly #addresses: AddressList | undefined;
  readonly #hasCertificate: ((certificate: ShownCertificate) => boolean) | undefined;

  /** @throws GatewayError CONFIG_INVALID for an address or a certificate that is none */
  constructor(options: AccessOptions) {
    this.#options = options;
    this.#addresses = options.addresses && new AddressList(options.addresses);
    this.#hasCertificate = options.certificates && certificateMatcher(options.certificates);
  }

  /** @returns why the request is rejected, undefined when it is not */
  check(request: AssociateRq, caller: Caller, open: OpenAssociations): RejectionName | undefined {
    const { aeTitles, maximumAssociations, maximumAssociationsPerCallingAeTitle } = this.#options;
    if (request.applicationContext !== APPLICATION_CONTEXT) return 'applicationContext';
    const unlisted = this.whyNotListed(request.callingAeTitle, caller);
    if (unlisted !== undefined && unlisted !== 'callingAeTitle') return unlisted;
    if (!aeTitles.includes(request.calledAeTitle)) return 'calledAeTitle';
    if (unlisted !== undefined) return unlisted;
    const announced = request.userInformation.maximumLength;
    if (announced !== undefined && sendingPduLength(announced) === undefined) return 'maximumPduLength';
    if (open.total >= maximumAssociations) return 'limit';
    const limit = maximumAssociationsPerCallingAeTitle ?? Infinity;
    return open.ofCallingAeTitle >= limit ? 'limitOfCallingAeTitle' : undefined;
  }

  /** What of the caller the lists do not have, whatever it asks for. */
  whyNotListed(
    callingAeTitle: string,
    { address, certificate, isReporter = false }: Caller,
  ): 'address' | 'certificate' | 'callingAeTitle' | undefined {
    if (!isReporter && !this.#allowsAddress(address)) return 'address';
    if (!this.#allowsCertificate(certificate)) return 'certificate';
    return isReporter || this.#allowsCallingAeTitle(callingAeTitle) ? undefined : 'callingAeTitle';
  }

  /** The lists of AE titles and addresses have the caller. */
  lists(callingAeTitle: string, address: string): boolean {
    return this.#allowsCallingAeTitle(callingAeTitle) && this.#allowsAddress(address);
  }

  #allowsCallingAeTitle(callingAeTitle: string): boolean {
    const { callingAeTitles } = this.#options;
    return callingAeTitles === undefined || callingAeTitles.includes(callingAeTitle);
  }

  #allowsAddress(address: string): boolean {
    return this.#addresses === undefined || this.#addresses.has(address);
  }

  #allowsCertificate(certificate: ShownCertificate | undefined): boolean {
    if (this.#hasCertificate === undefined) return true;
    return certificate !== undefined && this.#hasCertificate(certificate);
  }
}
