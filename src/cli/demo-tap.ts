/** A tap in front of a listener: passes every byte on unchanged, and lets a reader see it first. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { pipeline } from 'node:stream';
import type { ConnectionReader } from './demo-seen.ts';

const HOST = '127.0.0.1';

export interface TapOptions {
  /** One for each connection. */
  readonly read: () => ConnectionReader;
  /** A connection said what its reader cannot read; its bytes pass on unseen from now on. */
  readonly onUnreadable: (error: Error) => void;
}

export class Tap {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #target: number | undefined;

  private constructor(server: Server, options: TapOptions) {
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
    server.on('connection', (socket) => this.#relay(socket, options));
  }

  /** Binds a free port of loopback; connections are refused until `relayTo`. */
  static async open(options: TapOptions): Promise<Tap> {
    const server = createServer();
    server.listen(0, HOST);
    await once(server, 'listening');
    return new Tap(server, options);
  }

  /** @param port of the listener behind it; undefined: there is none any more */
  relayTo(port: number | undefined): void {
    this.#target = port;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #relay(peer: Socket, { read, onUnreadable }: TapOptions): void {
    if (this.#target === undefined) {
      peer.destroy();
      return;
    }
    const listener = connect(this.#target, HOST);
    let reader: ConnectionReader | undefined = read();
    const watch = (socket: Socket, direction: keyof ConnectionReader): void => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('data', (chunk: Buffer) => {
        try {
          reader?.[direction](chunk);
        } catch (error) {
          reader = undefined;
          onUnreadable(error as Error);
        }
      });
    };
    // Before the pipelines: what has been passed on has been seen.
    watch(peer, 'request');
    watch(listener, 'answer');
    const end = (error: Error | null | undefined): void => {
      if (error) for (const socket of [peer, listener]) socket.destroy();
    };
    pipeline(peer, listener, end);
    pipeline(listener, peer, end);
  }
}
