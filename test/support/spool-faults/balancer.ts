/** A TCP balancer: each new connection goes to the next of its targets that takes it. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

export class Balancer {
  readonly #server: Server;
  readonly #targets: readonly number[];
  readonly #sockets = new Set<Socket>();
  #next = 0;

  /** @param targets ports of loopback */
  static async start(targets: readonly number[]): Promise<Balancer> {
    const balancer = new Balancer(targets);
    balancer.#server.listen(0, '127.0.0.1');
    await once(balancer.#server, 'listening');
    return balancer;
  }

  private constructor(targets: readonly number[]) {
    this.#targets = targets;
    this.#server = createServer({ noDelay: true }, (client) => void this.#serve(client));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(client: Socket): Promise<void> {
    this.#keep(client);
    const target = await this.#reach();
    if (target === undefined || client.destroyed) {
      client.destroy();
      target?.destroy();
      return;
    }
    client.pipe(target).pipe(client);
    client.on('close', () => target.destroy());
    target.on('close', () => client.destroy());
  }

  async #reach(): Promise<Socket | undefined> {
    for (let i = 0; i < this.#targets.length; i++) {
      const port = this.#targets[this.#next++ % this.#targets.length] as number;
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      this.#keep(socket);
      try {
        await once(socket, 'connect');
        return socket;
      } catch {
        socket.destroy();
      }
    }
    return undefined;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
