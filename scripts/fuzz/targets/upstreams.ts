/** Both upstreams over real sockets, with a far end that answers the input. Its first byte says what was asked, and when. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { toJson } from '../../../src/dataset/json.ts';
import { DicomwebUpstream } from '../../../src/dicomweb/upstream.ts';
import { DimseUpstream } from '../../../src/dimse/upstream.ts';
import type { Upstream } from '../../../src/services/port.ts';
import { acceptAll, decodeRaw, message, RELEASE_RP } from '../../../test/support/dimse-bytes.ts';
import { eventRq, EVENT_INFORMATION, REFERENCES, TRANSACTION_UID } from '../../../test/support/dimse-commitment.ts';
import { QUERY, UPSTREAM_OPTIONS } from '../../../test/support/dimse-upstream.ts';
import { createMessage, finalMessage, mppsContextOf } from '../../../test/support/mpps.ts';
import { RawPeer } from '../../../test/support/raw-peer.ts';
import { contextOf } from '../../../test/support/requests.ts';
import { variedWorklist } from '../../../test/support/worklists.ts';
import { encodeDataSet } from '../../../src/dataset/binary/encode.ts';
import { TRANSFER_SYNTAXES } from '../../../src/dataset/binary/transfer-syntax.ts';
import { PDU_TYPE } from '../../../src/dimse/upper-layer/pdu.ts';
import { associationSeeds, PDU_TOKENS } from '../associations.ts';
import { ErrorWatch } from '../served.ts';
import { attemptAsync } from '../target.ts';
import type { FuzzTarget, Session } from '../target.ts';
import { MEDIA_TOKENS } from '../web-messages.ts';

/** The far end hangs up so long after its answer: time for ours to say something. */
const HANG_UP_MS = 20;
const UID = '1.2.3.4';
const PENDING = 0xff00;

const ASKED: readonly ((upstream: Upstream) => Promise<unknown>)[] = [
  async (upstream) => {
    let results = 0;
    for await (const _result of upstream.search(QUERY, contextOf())) results++;
    return results > 0 ? 'results' : 'none';
  },
  (upstream) => upstream.createMpps(UID, createMessage(), mppsContextOf()),
  (upstream) => upstream.updateMpps(UID, finalMessage(), mppsContextOf()),
  (upstream) => upstream.retrieveMpps(UID, 'all', contextOf()),
  (upstream) => {
    const context = { ...contextOf(), holdMs: 30, reported: (): Promise<void> => Promise.resolve() };
    return upstream.requestCommitment(TRANSACTION_UID, REFERENCES, context);
  },
  (upstream) => upstream.checkCommitment(TRANSACTION_UID, contextOf()),
  (upstream) => upstream.reportCommitment(TRANSACTION_UID, { committed: REFERENCES, failed: [] }, contextOf()),
  (upstream) => upstream.verify(contextOf()),
];
/** Added to the number of what is asked: the input answers the first bytes, not the message. */
const AT_ONCE = 0x80;

/** @param answer plays the far end of one connection, with the first byte of the input and the rest */
async function serve(
  answer: (socket: Socket, first: number, bytes: Buffer) => Promise<void>,
  create: (port: number, watch: ErrorWatch) => Upstream,
): Promise<Session> {
  let input: Buffer = Buffer.alloc(0);
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => undefined);
    void answer(socket, input[0] ?? 0, input.subarray(1)).finally(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    read: async (bytes) => {
      input = bytes;
      const watch = new ErrorWatch();
      const upstream = create(port, watch);
      const first = bytes[0] ?? 0;
      const ask = ASKED[(first % AT_ONCE) % ASKED.length] as (typeof ASKED)[number];
      const outcome = await attemptAsync(() => ask(upstream));
      await upstream.close();
      watch.check();
      return `${first % ASKED.length} ${outcome}`;
    },
    close: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  };
}

async function playDimse(socket: Socket, first: number, bytes: Buffer): Promise<void> {
  const peer = new RawPeer(socket);
  const request = await peer.receive();
  if (request === undefined) return;
  if (first < AT_ONCE) {
    const asked = decodeRaw(request);
    if (asked.type === PDU_TYPE.associateRq) peer.send(acceptAll(asked));
    await peer.receive();
  }
  peer.send(bytes);
  await sleep(HANG_UP_MS);
}

const BY_ASKED = [0x8020, 0x8140, 0x8120, 0x8110, 0x8130, 0x8130, 0x8100, 0x8030];

function dimseSeeds(): Buffer[] {
  const { explicitVrLittleEndian } = TRANSFER_SYNTAXES;
  const item = encodeDataSet(variedWorklist()[1] ?? {}, explicitVrLittleEndian);
  const answers = BY_ASKED.map((commandField, i) => {
    const done = message(1, { commandField, messageIdBeingRespondedTo: 1, status: 0 }, i === 3 ? item : undefined);
    const pending = message(1, { commandField, messageIdBeingRespondedTo: 1, status: PENDING }, item);
    const event = i === 4 ? eventRq(EVENT_INFORMATION) : Buffer.alloc(0);
    return Buffer.concat([Buffer.of(i), i === 0 ? pending : Buffer.alloc(0), done, event, RELEASE_RP]);
  });
  return [...answers, ...associationSeeds().map((bytes, i) => Buffer.concat([Buffer.of(AT_ONCE + i), bytes]))];
}

export const dimseUpstream: FuzzTarget = {
  name: 'dimse-upstream',
  seeds: dimseSeeds,
  tokens: PDU_TOKENS,
  open: () =>
    serve(playDimse, (port, { logger }) => {
      const timers = { connectTimeoutMs: 500, associationTimeoutMs: 500, responseTimeoutMs: 500, drainTimeoutMs: 100 };
      const pool = { maximum: 1, idleMs: 0 };
      return new DimseUpstream({ ...UPSTREAM_OPTIONS, ...timers, artimMs: 100, port, pool }, logger);
    }),
};

async function playWeb(socket: Socket, _first: number, bytes: Buffer): Promise<void> {
  await Promise.race([once(socket, 'data'), once(socket, 'close')]);
  socket.write(bytes);
  await sleep(HANG_UP_MS);
}

function webSeeds(): Buffer[] {
  const json = toJson(variedWorklist()[3] ?? {});
  const answer = (status: string, fields: readonly string[], body: string): Buffer =>
    Buffer.from([`HTTP/1.1 ${status}`, ...fields, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'));
  const typed = ['Content-Type: application/dicom+json'];
  const answers = [
    answer('200 OK', [...typed, 'Warning: 299 ris: There are 3 additional results that can be requested'], `[${json}]`),
    answer('201 Created', ['Location: /dicomweb/x'], ''),
    answer('204 No Content', [], ''),
    answer('202 Accepted', ['Retry-After: 2'], ''),
    answer('302 Found', ['Location: /elsewhere'], ''),
    answer('409 Conflict', typed, '{"status":"Failure","comment":"duplicate"}'),
    answer('503 Service Unavailable', ['Retry-After: Sat, 21 Nov 2026 08:00:00 GMT'], ''),
    Buffer.from(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${json.length.toString(16)}\r\n${json}\r\n0\r\n\r\n`,
    ),
  ];
  return answers.flatMap((bytes, i) => [0, i].map((asked) => Buffer.concat([Buffer.of(asked), bytes])));
}

export const webUpstream: FuzzTarget = {
  name: 'web-upstream',
  seeds: webSeeds,
  tokens: [
    ...MEDIA_TOKENS,
    ...[
      'HTTP/1.1 200 OK\r\n',
      'HTTP/1.1 100 Continue\r\n\r\n',
      'HTTP/1.1 103 Early Hints\r\n\r\n',
      'HTTP/1.0 ',
      'Location: http://127.0.0.1:1/',
    ],
    ...[
      'Transfer-Encoding: chunked\r\n',
      'Content-Length: 3\r\n',
      'Content-Encoding: gzip\r\n',
      'Connection: close\r\n',
      'ffffffff\r\n',
      '0\r\n\r\n',
    ],
    ...[
      'Retry-After: ',
      'Warning: 299 ',
      'Set-Cookie: a=b',
      'Trailer: x',
      'WWW-Authenticate: Bearer',
      '401',
      '429',
      '500',
    ],
  ],
  open: () =>
    serve(playWeb, (port, { logger }) => {
      const baseUrl = `http://127.0.0.1:${port}/dicomweb`;
      return new DicomwebUpstream({ name: 'ris', baseUrl, mediaType: 'json' }, logger);
    }),
};
