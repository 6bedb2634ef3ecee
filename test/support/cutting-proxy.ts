/** A TCP proxy on loopback that cuts a connection at a byte sequence the client sends: before the server gets it, or after. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export type Cut = 'before' | 'after' | 'unseen';

export interface CuttingProxy {
  readonly port: number;
  /**
   * Cuts the next connection whose client sends these bytes. `before`: the server does not get them; `after`: it does, but
   * the client gets no answer any more; `unseen`: the server gets neither them nor word that the client is gone. Resolves
   * when the server has ended its side.
   */
  cutAt(bytes: string, when: Cut): Promise<void>;
  close(): Promise<void>;
}

export async function startCuttingProxy(targetPort: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let cut: { bytes: string; when: Cut; done: () => void } | undefined;
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    let isUnseen = false;
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket
        .on('error', () => undefined)
        .on('close', () => {
          sockets.delete(socket);
          client.destroy();
          if (!isUnseen) target.destroy();
        });
    }
    target.pipe(client);
    client.on('data', (chunk) => {
      const at = cut === undefined ? -1 : chunk.indexOf(cut.bytes);
      if (cut === undefined || at < 0) return void target.write(chunk);
      const { when, done } = cut;
      cut = undefined;
      target.unpipe(client);
      target.once('close', done);
      if (when === 'before') target.destroy();
      else if (when === 'unseen') {
        isUnseen = true;
        target.resume();
        client.destroy();
      } else {
        target.resume();
        // Half-closed: the server does what it got, then ends the connection.
        target.write(chunk);
        target.end();
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    cutAt: (bytes, when) => new Promise((resolve) => (cut = { bytes, when, done: resolve })),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
