/** A collector of audit messages: what RFC 5425 (TLS) or RFC 5426 (UDP) brings, in the order it came. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { TlsCaller } from '../../src/audit/syslog-links.ts';
import { SELF_SIGNED } from './self-signed.ts';

export interface AuditCollector {
  readonly port: number;
  /** SYSLOG-MSGs. */
  readonly messages: Buffer[];
  /** Breaks of the framing (RFC 5425 4.3). */
  readonly breaches: string[];
  /** Resolves once there are so many messages. */
  has(count: number): Promise<void>;
  /** Ends every connection at once, without a word. */
  cut(): void;
  close(): Promise<void>;
}

/** Trusts the collector below. */
export const CALLER: TlsCaller = {
  connect: ({ host, port }) => connect({ host, port, ca: SELF_SIGNED.cert, servername: 'localhost' }),
};

class Inbox {
  readonly messages: Buffer[] = [];
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  add(message: Buffer): void {
    this.messages.push(message);
    for (const { count, resolve } of this.#waiting) if (this.messages.length >= count) resolve();
  }

  has(count: number): Promise<void> {
    const here = Promise.withResolvers<void>();
    if (this.messages.length >= count) here.resolve();
    else this.#waiting.push({ count, resolve: here.resolve });
    return here.promise;
  }
}

/** @param take false: a connection is made, and nothing is ever read */
export async function tlsCollector(port = 0, take = true): Promise<AuditCollector> {
  const inbox = new Inbox();
  const breaches: string[] = [];
  const sockets = new Set<TLSSocket>();
  const server = createServer({ key: SELF_SIGNED.key, cert: SELF_SIGNED.cert }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    let rest = Buffer.alloc(0);
    if (!take) {
      socket.pause();
      return;
    }
    socket.on('data', (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      for (;;) {
        const digits = /^(?:[1-9]\d*)? ?/.exec(rest.toString('latin1', 0, 12))?.[0] ?? '';
        if (!digits.endsWith(' ')) {
          if (rest.length > 0 && digits === '') breaches.push('no length');
          return;
        }
        const end = digits.length + Number(digits);
        if (rest.length < end) return;
        inbox.add(rest.subarray(digits.length, end));
        rest = rest.subarray(end);
      }
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    messages: inbox.messages,
    breaches,
    has: (count) => inbox.has(count),
    cut,
    close: async () => {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}

export async function udpCollector(port = 0): Promise<AuditCollector> {
  const inbox = new Inbox();
  const socket = createSocket('udp4', (message) => inbox.add(message));
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  return {
    port: socket.address().port,
    messages: inbox.messages,
    breaches: [],
    has: (count) => inbox.has(count),
    cut: () => undefined,
    close: async () => {
      socket.close();
      await once(socket, 'close');
    },
  };
}
