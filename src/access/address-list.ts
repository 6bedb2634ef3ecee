/** Which addresses may come (`10.0.0.0/8`, `fd00::/8`, `192.0.2.7`). */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { GatewayError } from '../errors.ts';

export class AddressList {
  readonly #list = new BlockList();

  /** @throws GatewayError CONFIG_INVALID for an entry that is neither an address nor a subnet */
  constructor(entries: readonly string[]) {
    for (const entry of entries) this.#add(entry);
  }

  /** @param address from `plainAddress`; an empty one is in no list */
  has(address: string): boolean {
    if (isIPv4(address)) return this.#list.check(address, 'ipv4');
    return isIPv6(address) && this.#list.check(address, 'ipv6');
  }

  #add(entry: string): void {
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
    this.#list.addSubnet(address, prefix, isIpv4 ? 'ipv4' : 'ipv6');
  }
}

/** Without a zone, and IPv4 as IPv4 where the system reports it mapped into IPv6 (`::ffff:10.0.0.1`); empty: not known. */
export function plainAddress(address = ''): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped ?? address.replace(/%.*$/, '');
}
