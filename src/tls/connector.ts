/** TLS for undici. */
import { TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';
import type { ClientTls } from './client-tls.ts';

/**
 * Opens the connections of undici: those of `https` with the certificates of the moment, without sessions kept from before,
 * so that each far end is checked anew.
 * @param timeoutMs DNS, TCP and TLS
 */
export function tlsConnector(tls: ClientTls, timeoutMs: number): buildConnector.connector {
  const plain = buildConnector({ timeout: timeoutMs });
  return (target, callback) => {
    if (target.protocol !== 'https:') return plain(target, callback);
    const options = tls.connectOptions(target.hostname);
    const open = buildConnector({ ...options, timeout: timeoutMs, allowH2: false });
    const socket: unknown = open({ ...target, servername: options.servername }, callback);
    if (socket instanceof TLSSocket) tls.watch(socket, target.hostname);
  };
}
