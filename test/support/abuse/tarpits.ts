/** Far ends that keep those who call them: an origin server whose answers drip, and an SCP that never answers. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

export interface Tarpits {
  readonly web: number;
  readonly dimse: number;
}

const DRIP_MS = 50;

/** They last as long as the process. */
export async function startTarpits(): Promise<Tarpits> {
  const [web, dimse] = await Promise.all([listen(drip), listen((socket) => void socket.resume())]);
  return { web: portOf(web), dimse: portOf(dimse) };
}

function drip(socket: Socket): void {
  socket.once('data', () =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\nContent-Length: 1000000\r\n\r\n['),
  );
  const timer = setInterval(() => socket.write(' '), DRIP_MS);
  socket.on('close', () => clearInterval(timer));
}

async function listen(play: (socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    play(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
