/**
 * An archive as origin server of the Storage Commitment service (PS3.18 13), JSON only: it knows nothing of dimseway, keeps
 * an account of what it was asked and of what it has told, and can be late, wrong, silent or away.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Instance, Outcome } from '../../scripts/peers/commitment.ts';

/** What it does with a request: as it should, or one of its faults; `lost`: it takes it, and breaks off. */
export type ArchiveManner = 'answer' | 'drop' | 'lost' | 'garbage' | 'busy' | 'failure';

export const ARCHIVE_STEPS = [
  'archive is asked',
  'archive has taken the request',
  'archive has answered the request',
  'archive is checked',
  'archive has answered the check',
] as const;
export type ArchiveStep = (typeof ARCHIVE_STEPS)[number];

export interface ArchiveOptions {
  /** Failure Reason of an instance; undefined: it is committed. */
  readonly reasonOf: (instance: Instance) => number | undefined;
  /** So many Result Checks are answered 202 before the result is there; 0: the request itself is answered 200. */
  readonly pendingAnswers?: (transactionUid: string) => number;
  readonly retryAfterS?: number;
  readonly manner?: () => ArchiveManner;
  /** How it words a result, perhaps wrongly. */
  readonly words?: (result: Outcome) => Outcome;
  /** Awaited where a step has come. */
  readonly at?: (step: ArchiveStep) => Promise<void>;
}

export interface Commitment {
  readonly transactionUid: string;
  readonly asked: readonly Instance[];
  /** As it was told each time, oldest first. */
  readonly told: Outcome[];
  checks: number;
}

interface Item {
  readonly '00081150'?: { readonly Value: readonly string[] };
  readonly '00081155'?: { readonly Value: readonly string[] };
}

const TYPE = { 'Content-Type': 'application/dicom+json' };
const RESOURCE = /^\/far\/commitment-requests\/([0-9.]{1,64})$/;

export class WebArchive {
  readonly commitments = new Map<string, Commitment>();
  /** Of each instance that was asked about, how often the request was not taken. */
  readonly refusals = new Map<string, number>();
  readonly #options: ArchiveOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  static async start(options: ArchiveOptions): Promise<WebArchive> {
    const archive = new WebArchive(options);
    await archive.comeBack();
    return archive;
  }

  private constructor(options: ArchiveOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      response.on('error', () => undefined);
      this.#serve(request, response).catch(() => response.destroy());
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  get port(): number {
    return this.#port;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${this.#port}/far`;
  }

  /** Nobody is there any more; what it has taken it keeps. */
  async goAway(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** On the same port. */
  async comeBack(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, transactionUid] = RESOURCE.exec(request.url ?? '') ?? [];
    const body = Buffer.concat(await request.toArray()).toString('utf8');
    if (transactionUid === undefined) response.writeHead(404).end();
    else if (request.method === 'POST') await this.#request(transactionUid, request, body, response);
    else await this.#check(transactionUid, response);
  }

  async #request(uid: string, request: IncomingMessage, body: string, response: ServerResponse): Promise<void> {
    const asked = readRequest(body);
    if (request.headers['content-type'] !== TYPE['Content-Type']) return void response.writeHead(415).end();
    if (asked === undefined) return void response.writeHead(400).end();
    const { at, manner } = this.#options;
    await at?.('archive is asked');
    const now = manner?.() ?? 'answer';
    if (now !== 'answer' && now !== 'lost') {
      for (const { instance } of asked) this.refusals.set(instance, (this.refusals.get(instance) ?? 0) + 1);
      return misbehave(now, response);
    }
    if (this.commitments.has(uid)) return void response.writeHead(409).end();
    const commitment: Commitment = { transactionUid: uid, asked, told: [], checks: 0 };
    this.commitments.set(uid, commitment);
    await at?.('archive has taken the request');
    if (now === 'lost') return misbehave(now, response);
    await this.#tell(commitment, response);
    await at?.('archive has answered the request');
  }

  async #check(uid: string, response: ServerResponse): Promise<void> {
    const { at, manner } = this.#options;
    await at?.('archive is checked');
    const now = manner?.() ?? 'answer';
    if (now !== 'answer') return misbehave(now, response);
    const commitment = this.commitments.get(uid);
    if (commitment === undefined) return void response.writeHead(404).end();
    commitment.checks++;
    await this.#tell(commitment, response);
    await at?.('archive has answered the check');
  }

  async #tell(commitment: Commitment, response: ServerResponse): Promise<void> {
    const { retryAfterS, words, reasonOf, pendingAnswers } = this.#options;
    if (commitment.checks < (pendingAnswers?.(commitment.transactionUid) ?? 0)) {
      response.writeHead(202, retryAfterS === undefined ? {} : { 'Retry-After': String(retryAfterS) });
      return end(response);
    }
    const result = resultOf(commitment.asked, reasonOf);
    const told = words?.(result) ?? result;
    commitment.told.push(told);
    response.writeHead(200, TYPE);
    await end(response, JSON.stringify([moduleOf(told)]));
  }
}

/** Resolves when the answer has left, or cannot any more. */
function end(response: ServerResponse, body = ''): Promise<void> {
  return new Promise((resolve) => {
    response.on('close', resolve);
    response.end(body, () => resolve());
  });
}

function misbehave(manner: ArchiveManner, response: ServerResponse): void {
  if (manner === 'busy') response.writeHead(503).end();
  else if (manner === 'failure') response.writeHead(500).end('{"fault"');
  else if (manner === 'garbage') response.socket?.end('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n[{"00081199"');
  else response.destroy();
}

/** The flat form, and nothing else (PS3.18 J.1). */
function readRequest(body: string): Instance[] | undefined {
  const parsed = JSON.parse(body) as unknown;
  const module = (Array.isArray(parsed) ? parsed[0] : parsed) as Record<string, { Value?: readonly Item[] }>;
  const items = module['00081199']?.Value ?? [];
  const asked = items.map((item) => ({
    sopClass: item['00081150']?.Value[0] ?? '',
    instance: item['00081155']?.Value[0] ?? '',
  }));
  const isWhole = asked.every(({ sopClass, instance }) => sopClass !== '' && instance !== '');
  return isWhole && asked.length > 0 && Object.keys(module).length === 1 ? asked : undefined;
}

/** What an archive says that has some of what was asked about. */
export function resultOf(asked: readonly Instance[], reasonOf: ArchiveOptions['reasonOf']): Outcome {
  const judged = asked.map((each) => ({ each, reason: reasonOf(each) }));
  return {
    committed: judged.flatMap(({ each, reason }) => (reason === undefined ? [each] : [])),
    failed: judged.flatMap(({ each, reason }) => (reason === undefined ? [] : [{ ...each, reason }])),
  };
}

/** Response module (PS3.18 J.2) in the flat form, as DICOM JSON. */
export function moduleOf({ committed, failed }: Outcome): object {
  return {
    ...(committed.length > 0 && { '00081199': { vr: 'SQ', Value: committed.map((each) => itemOf(each)) } }),
    ...(failed.length > 0 && { '00081198': { vr: 'SQ', Value: failed.map((each) => itemOf(each, each.reason)) } }),
  };
}

function itemOf({ sopClass, instance }: Instance, reason?: number): object {
  return {
    '00081150': { vr: 'UI', Value: [sopClass] },
    '00081155': { vr: 'UI', Value: [instance] },
    ...(reason !== undefined && { '00081197': { vr: 'US', Value: [reason] } }),
  };
}
