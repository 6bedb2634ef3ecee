import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { ClientTls } from '../../tls/client-tls.ts';

export interface CalledAddress {
  readonly host: string;
  readonly port: number;
  /** Absent: plain TCP. */
  readonly tls?: ClientTls | undefined;
}

/** Opens a connection to a peer. @param onOpen called when it may be written to */
export function openConnection({ host, port, tls }: CalledAddress, onOpen: () => void): Socket {
  if (tls !== undefined) return tls.connect({ host, port }).once('secureConnect', onOpen);
  return connect({ host, port, noDelay: true }).once('connect', onOpen);
}
