/** One notification connection (PS3.18 8.10), against a server that reads and writes as the test says. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { WebSocketServer } from 'ws';
import type { ServerOptions, WebSocket } from 'ws';
import { EventSocket } from '../../../src/ups/event-socket.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { certificateFile, clientTls, keyFile } from '../../support/tls.ts';

const OPTIONS = {
  headers: { authorization: 'Bearer x' },
  tls: undefined,
  handshakeTimeoutMs: 5_000,
  maximumReportBytes: 1_000,
};

let server: WebSocketServer;
let clock: FakeClock;
const end = new AbortController();
afterEach(() => {
  for (const client of server.clients) client.terminate();
  server.close();
});

async function serve(options: ServerOptions = {}): Promise<URL> {
  clock = new FakeClock(0);
  server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...options });
  await once(server, 'listening');
  return new URL(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws/subscribers/GATEWAY`);
}

async function open(options: ServerOptions = {}): Promise<{ socket: EventSocket; peer: WebSocket }> {
  const url = await serve(options);
  const connection = once(server, 'connection');
  const socket = await EventSocket.open(url, OPTIONS, clock, end.signal);
  const [peer] = (await connection) as [WebSocket];
  return { socket, peer };
}

async function textsOf(socket: EventSocket): Promise<string[]> {
  const texts: string[] = [];
  for await (const text of socket.texts()) texts.push(text);
  return texts;
}

test('gives text frames in order, and nothing of binary ones, until the connection ends', async () => {
  const { socket, peer } = await open();
  for (const text of ['one', 'zwei', '三']) peer.send(text);
  peer.send(Buffer.from('binary'));
  peer.close();
  expect(await textsOf(socket)).toEqual(['one', 'zwei', '三']);
});

test('loses nothing of what comes before anybody reads, nor of more than is read ahead', async () => {
  const { socket, peer } = await open();
  const sent = Array.from({ length: 500 }, (_, i) => `report ${i}`);
  for (const text of sent) peer.send(text);
  peer.close();
  expect(await textsOf(socket)).toEqual(sent);
});

test('ends with a frame that is larger than allowed', async () => {
  const { socket, peer } = await open();
  peer.send('x'.repeat(1_001));
  await expect(textsOf(socket)).rejects.toMatchObject({ code: 'UPSTREAM_PROTOCOL_ERROR' });
});

test('ends where a ping is not answered until the next', async () => {
  const { socket, peer } = await open({ autoPong: false });
  const texts = textsOf(socket);
  const pinged = once(peer, 'ping');
  await clock.pass(30_000);
  await pinged;
  await clock.pass(30_000);
  expect(await texts).toEqual([]);
});

test('stays where pings are answered', async () => {
  const { socket, peer } = await open();
  const texts = socket.texts();
  for (const round of ['first', 'second', 'third']) {
    const pinged = once(peer, 'ping');
    await clock.pass(30_000);
    await pinged;
    // Behind the answer to the ping.
    peer.send(round);
    expect(await texts.next()).toEqual({ done: false, value: round });
  }
});

test('that is refused says by which status', async () => {
  const url = await serve({ verifyClient: (_info, done) => done(false, 401) });
  await expect(EventSocket.open(url, OPTIONS, clock, end.signal)).rejects.toMatchObject({
    code: 'UNEXPECTED_STATUS',
    httpStatus: 401,
  });
});

test('to nobody is UPSTREAM_UNREACHABLE', async () => {
  const url = await serve();
  server.close();
  await once(server, 'close');
  await expect(EventSocket.open(url, OPTIONS, clock, end.signal)).rejects.toMatchObject({
    code: 'UPSTREAM_UNREACHABLE',
  });
});

test('is closed within a second, whatever the server does', async () => {
  const { socket, peer } = await open();
  peer.pause();
  const closed = socket.close();
  await clock.pass(1_000);
  await closed;
});

test('by TLS goes to a server with a certificate that is trusted, and to no other', async () => {
  clock = new FakeClock(0);
  const https = createServer({
    key: readFileSync(keyFile('server-ec')),
    cert: readFileSync(certificateFile('server-ec')),
  });
  server = new WebSocketServer({ server: https });
  https.listen(0, '127.0.0.1');
  await once(https, 'listening');
  const url = new URL(`wss://localhost:${(https.address() as AddressInfo).port}/`);
  server.on('connection', (peer) => {
    peer.send('hello');
    peer.close();
  });
  const trusting = await clientTls();
  const other = await clientTls({ authorities: [certificateFile('other-ca')] });
  try {
    const socket = await EventSocket.open(url, { ...OPTIONS, tls: trusting.tls }, clock, end.signal);
    expect(await textsOf(socket)).toEqual(['hello']);
    await expect(EventSocket.open(url, { ...OPTIONS, tls: other.tls }, clock, end.signal)).rejects.toMatchObject({
      code: 'UPSTREAM_UNREACHABLE',
    });
  } finally {
    trusting.tls.close();
    other.tls.close();
    https.close();
  }
});
