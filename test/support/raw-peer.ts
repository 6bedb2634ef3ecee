/** A scripted peer of the DIMSE wire: bytes in, bytes out, nothing checked, nothing answered by itself. */
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

/** What came over the wire, cut by PDU lengths only. */
export interface RawPdu {
  readonly type: number;
  readonly body: Buffer;
}

export class RawPeer {
  readonly socket: Socket;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  #received = Buffer.alloc(0);
  #isClosed = false;
  #wake: (() => void) | undefined;

  /** @param localAddress the address of the machine it calls from */
  static async connect(port: number, localAddress?: string): Promise<RawPeer> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, localAddress });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawPeer(socket);
  }

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake?.();
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#isClosed = true;
        resolve();
        this.#wake?.();
      });
    });
  }

  send(...parts: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** One byte per write, `everyMs` apart, until all are sent or the connection is gone. */
  async drip(bytes: Uint8Array, everyMs: number): Promise<void> {
    for (const byte of bytes) {
      if (this.#isClosed || this.socket.destroyed) return;
      this.socket.write(Buffer.of(byte));
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }

  /** The next PDU; undefined when the connection was closed without one. */
  async receive(): Promise<RawPdu | undefined> {
    for (;;) {
      const pdu = this.#cut();
      if (pdu !== undefined || this.#isClosed) return pdu;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** The types of all PDUs until the connection is closed. */
  async receiveTypes(): Promise<number[]> {
    const types: number[] = [];
    for (let pdu = await this.receive(); pdu !== undefined; pdu = await this.receive()) types.push(pdu.type);
    return types;
  }

  destroy(): void {
    this.socket.destroy();
  }

  #cut(): RawPdu | undefined {
    if (this.#received.length < 6) return undefined;
    const end = 6 + this.#received.readUInt32BE(2);
    if (this.#received.length < end) return undefined;
    const pdu = { type: this.#received.readUInt8(0), body: this.#received.subarray(6, end) };
    this.#received = this.#received.subarray(end);
    return pdu;
  }
}

/** A server whose connections are played one by one, in the order they come. */
export class RawServer {
  readonly port: number;
  /** Connections so far. */
  connections = 0;
  readonly #server: Server;
  readonly #peers: RawPeer[] = [];

  static async listen(play: (peer: RawPeer, index: number) => Promise<void> | void): Promise<RawServer> {
    const server = createServer({ noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new RawServer(server, play);
  }

  private constructor(server: Server, play: (peer: RawPeer, index: number) => Promise<void> | void) {
    this.#server = server;
    this.port = (server.address() as { port: number }).port;
    server.on('connection', (socket) => {
      const peer = new RawPeer(socket);
      this.#peers.push(peer);
      void play(peer, this.connections++);
    });
  }

  async close(): Promise<void> {
    for (const peer of this.#peers) peer.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
