/** Worklists at both far ends that fail at random, and modalities that ask for them again and again. */
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { toJson } from '../../src/dataset/json.ts';
import { COMMAND_FIELD } from '../../src/dimse/command-set.ts';
import { call } from '../../test/support/http-client.ts';
import { RELEASE_RP } from '../../test/support/dimse-bytes.ts';
import { RawServer } from '../../test/support/raw-peer.ts';
import type { RawPeer } from '../../test/support/raw-peer.ts';
import { acceptAssociation, response } from '../../test/support/scripted-scp.ts';
import { plainWorklist } from '../../test/support/worklists.ts';
import type { Random } from '../../test/support/spool-faults/random.ts';
import { associate, find, release, WORKLIST } from '../bench/wire.ts';
import { broadIdentifier } from '../bench/worklist-item.ts';

const ENTRIES = plainWorklist(20);
const PENDING = 0xff00;
const OUT_OF_RESOURCES = 0xa700;
/** One answer in so many is not as it should be. */
const FAULT_CHANCE = 0.15;
const FAULTS = ['late', 'silent', 'drop', 'partial', 'refuse', 'garbage'] as const;
type Fault = (typeof FAULTS)[number];
/** Longer than the gateway waits. */
const SILENCE_MS = 1_500;
const SEARCH = '/dicomweb/modality-scheduled-procedure-steps?includefield=all';
const PATIENCE_MS = 20_000;

export interface FarEnd {
  readonly port: number;
  close(): Promise<unknown>;
}

function draw(random: Random): Fault | undefined {
  return random.chance(FAULT_CHANCE) ? random.pick(FAULTS) : undefined;
}

export async function startWebWorklist(random: Random): Promise<FarEnd> {
  const body = Buffer.from(`[${ENTRIES.map(toJson).join(',')}]`);
  const server = createServer((_request, response) => {
    response.on('error', () => undefined);
    void answerWeb(response, body, draw(random));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): Promise<unknown> => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { port: (server.address() as AddressInfo).port, close };
}

async function answerWeb(response: ServerResponse, body: Buffer, fault: Fault | undefined): Promise<void> {
  if (fault === 'late') await sleep(200);
  if (fault === 'silent') await sleep(SILENCE_MS);
  if (fault === 'silent' || fault === 'drop') return void response.destroy();
  if (fault === 'refuse') return void response.writeHead(503, { 'Retry-After': '1' }).end();
  response.writeHead(200, { 'Content-Type': 'application/dicom+json', 'Content-Length': body.length });
  if (fault === 'garbage') return void response.end(Buffer.alloc(body.length, 0x07));
  if (fault !== 'partial') return void response.end(body);
  response.write(body.subarray(0, body.length / 2));
  await sleep(20);
  response.destroy();
}

export async function startDimseWorklist(random: Random): Promise<FarEnd> {
  return RawServer.listen((peer) => serveDimse(peer, random).catch(() => peer.destroy()));
}

async function serveDimse(peer: RawPeer, random: Random): Promise<void> {
  const { messages } = await acceptAssociation(peer);
  // What is no message is the release, or the end: it is agreed to, and the other closes.
  peer.closed.catch(() => undefined);
  for (;;) {
    const message = await messages.next().catch(() => undefined);
    if (message === undefined) {
      peer.send(RELEASE_RP);
      peer.socket.end();
      return;
    }
    if (message.command.commandField !== COMMAND_FIELD.cFindRq) continue;
    const fault = draw(random);
    if (fault === 'late') await sleep(200);
    if (fault === 'silent') await sleep(SILENCE_MS);
    if (fault === 'silent' || fault === 'drop') return peer.destroy();
    if (fault === 'garbage') return peer.send(Buffer.alloc(64, 0x99));
    const sent = fault === 'partial' ? ENTRIES.slice(0, 5) : fault === 'refuse' ? [] : ENTRIES;
    for (const entry of sent) peer.send(response(message, { status: PENDING }, entry));
    if (fault === 'partial') {
      await sleep(20);
      return peer.destroy();
    }
    peer.send(response(message, { status: fault === 'refuse' ? OUT_OF_RESOURCES : 0 }));
  }
}

/** How searches ended; `problems` are ends that nothing justifies. */
export interface SearchTally {
  whole: number;
  failed: number;
  readonly problems: string[];
}

/** One C-FIND after another, each on an association of its own. */
export async function searchByDimse(port: number, goesOn: () => boolean, tally: SearchTally): Promise<void> {
  while (goesOn()) {
    const connection = await associate(port, { called: 'DIMSEWAY', calling: 'SEEKER', abstractSyntax: WORKLIST });
    const { matches, status } = await find(connection, broadIdentifier());
    settle(tally, status === 0, status !== undefined && status >= 0xa700, matches, `C-FIND ${status?.toString(16)}`);
    await release(connection);
    await sleep(10);
  }
}

export async function searchByWeb(port: number, goesOn: () => boolean, tally: SearchTally): Promise<void> {
  while (goesOn()) {
    const { status, results } = await get(port);
    // An answer that had begun can only break off.
    settle(tally, status === 200, status === 0 || status >= 500, results, `GET ${status}`);
    await sleep(10);
  }
}

async function get(port: number): Promise<{ status: number; results: number }> {
  try {
    const { status, body } = await call(port, SEARCH, {
      headers: { accept: 'application/dicom+json' },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const results = status === 200 ? (JSON.parse(body.toString('utf8')) as unknown[]).length : 0;
    return { status, results };
  } catch (error) {
    if (error instanceof Error && error.name === 'TimeoutError') return { status: 1, results: 0 };
    return { status: 0, results: 0 };
  }
}

/** A success has every entry, a failure says that it is one; there is nothing else. */
function settle(tally: SearchTally, isWhole: boolean, isFailure: boolean, results: number, what: string): void {
  if (isWhole && results === ENTRIES.length) tally.whole++;
  else if (!isWhole && isFailure) tally.failed++;
  else tally.problems.push(`${what} with ${results} of ${ENTRIES.length} entries`);
}
