/** Who may associate with a listener, and the very rejection for those who may not (PS3.8 9.3.4, design 2.2). */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { GatewayError } from '../errors.ts';
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
  readonly maximumAssociations: number;
  /** Undefined: no limit. */
  readonly maximumAssociationsPerCallingAeTitle?: number;
}

/** Every reason this listener rejects for: what the peer is told, and what stands in logs and counts. */
export const REJECTIONS = {
  applicationContext: { result: 1, source: 1, reason: 2, text: 'application context not supported' },
  address: { result: 1, source: 1, reason: 1, text: 'address not allowed' },
  calledAeTitle: { result: 1, source: 1, reason: 7, text: 'called AE title not recognized' },
  callingAeTitle: { result: 1, source: 1, reason: 3, text: 'calling AE title not recognized' },
  maximumPduLength: {
    result: 1,
    source: 2,
    reason: 1,
    text: `maximum PDU length leaves less than ${MINIMUM_PAYLOAD_BYTES} bytes of payload`,
  },
  limit: { result: 2, source: 3, reason: 2, text: 'maximum number of associations reached' },
  limitOfCallingAeTitle: {
    result: 2,
    source: 3,
    reason: 2,
    text: 'maximum number of associations of this calling AE title reached',
  },
  shuttingDown: { result: 2, source: 3, reason: 1, text: 'shutting down' },
} as const satisfies Record<string, Rejection & { text: string }>;

export type RejectionName = keyof typeof REJECTIONS;

/** Open associations at the moment of a request. */
export interface OpenAssociations {
  readonly total: number;
  readonly ofCallingAeTitle: number;
}

export class AccessPolicy {
  readonly #options: AccessOptions;
  readonly #addresses: BlockList | undefined;

  /** @throws GatewayError CONFIG_INVALID for an address that is none */
  constructor(options: AccessOptions) {
    this.#options = options;
    this.#addresses = options.addresses === undefined ? undefined : addressList(options.addresses);
  }

  /**
   * @param isReporter admitted whatever the lists of AE titles and addresses say
   * @returns why the request is rejected, undefined when it is not.
   */
  check(request: AssociateRq, address: string, open: OpenAssociations, isReporter = false): RejectionName | undefined {
    const { aeTitles, maximumAssociations, maximumAssociationsPerCallingAeTitle } = this.#options;
    if (request.applicationContext !== APPLICATION_CONTEXT) return 'applicationContext';
    if (!isReporter && !this.#allowsAddress(address)) return 'address';
    if (!aeTitles.includes(request.calledAeTitle)) return 'calledAeTitle';
    if (!isReporter && !this.#allowsCallingAeTitle(request.callingAeTitle)) return 'callingAeTitle';
    const announced = request.userInformation.maximumLength;
    if (announced !== undefined && sendingPduLength(announced) === undefined) return 'maximumPduLength';
    if (open.total >= maximumAssociations) return 'limit';
    const limit = maximumAssociationsPerCallingAeTitle ?? Infinity;
    return open.ofCallingAeTitle >= limit ? 'limitOfCallingAeTitle' : undefined;
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
    if (this.#addresses === undefined) return true;
    if (isIPv4(address)) return this.#addresses.check(address, 'ipv4');
    return isIPv6(address) && this.#addresses.check(address, 'ipv6');
  }
}

/** Without a zone, and IPv4 as IPv4 where the system reports it mapped into IPv6 (`::ffff:10.0.0.1`). */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped ?? address.replace(/%.*$/, '');
}

function addressList(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) addAddress(list, entry);
  return list;
}

function addAddress(list: BlockList, entry: string): void {
  const [text = '', prefixText, ...rest] = entry.split('/');
  const address = plainAddress(text);
  const isIpv4 = isIPv4(address);
  const bits = isIpv4 ? 32 : 128;
  const mappedBits = isIpv4 && address !== text ? 96 : 0;
  const prefix = prefixText === undefined ? bits : Number(prefixText) - mappedBits;
  const isPrefix = prefixText === undefined || /^\d{1,3}$/.test(prefixText);
  if (rest.length > 0 || !(isIpv4 || isIPv6(address)) || !isPrefix || prefix < 0 || prefix > bits) {
    throw new GatewayError('CONFIG_INVALID', `"${entry}" is no IP address or subnet`, {
      fix: 'Write it as 10.0.0.0/8, fd00::/8 or 192.0.2.7',
    });
  }
  list.addSubnet(address, prefix, isIpv4 ? 'ipv4' : 'ipv6');
}
