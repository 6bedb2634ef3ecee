/** An origin server that answers what the test says, down to the very bytes, over a real socket. */
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { toJson } from '../../src/dataset/json.ts';
import type { DataSet } from '../../src/dataset/model.ts';

export interface StubRequest {
  readonly method: string;
  readonly path: string;
  /** As it came, without `?`. */
  readonly query: string;
  readonly parameters: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Bytes as they go out: text is Latin-1, an async iterable is written piece by piece, each when the one before is taken. */
type Bytes = string | Uint8Array;

export type StubAnswer =
  | {
      readonly status?: number;
      readonly headers?: OutgoingHttpHeaders;
      readonly body?: string | Uint8Array;
    }
  | {
      /** Head and body, nothing added. */
      readonly raw: Bytes | AsyncIterable<Bytes>;
      /** What becomes of the connection: FIN (default), RST, or left open. */
      readonly then?: 'end' | 'reset' | 'stay';
    };

export type StubScript = (request: StubRequest, index: number) => StubAnswer | Promise<StubAnswer>;

export class StubOriginServer {
  readonly requests: StubRequest[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Connections ever accepted. */
  connections = 0;

  private constructor(script: StubScript, tls?: { key: string; cert: string }) {
    const listener = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
      const [path = '', query = ''] = splitAtFirst(message.url ?? '', '?');
      const body = Buffer.concat(await message.toArray());
      const request: StubRequest = {
        method: message.method ?? '',
        path,
        query,
        parameters: new URLSearchParams(query),
        headers: message.headers,
        body,
      };
      const index = this.requests.push(request) - 1;
      const answer = await script(request, index);
      if ('raw' in answer) {
        await writeRaw(message.socket, answer.raw);
        if (answer.then === 'reset') message.socket.resetAndDestroy();
        else if (answer.then !== 'stay') message.socket.end();
        return;
      }
      response.writeHead(answer.status ?? 200, answer.headers);
      response.end(answer.body);
    };
    const serve = (message: IncomingMessage, response: ServerResponse): void => void listener(message, response);
    this.#server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
    this.#server.on('connection', (socket: Socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(script: StubScript, tls?: { key: string; cert: string }): Promise<StubOriginServer> {
    const stub = new StubOriginServer(script, tls);
    await new Promise<void>((resolve) => stub.#server.listen(0, '127.0.0.1', resolve));
    return stub;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Base URI of the service; plain HTTP. */
  get baseUrl(): string {
    return `http://127.0.0.1:${this.port}/dicomweb`;
  }

  /** Bytes the operating system has taken from us, over all open connections. */
  get bytesSent(): number {
    return [...this.#sockets].reduce((sum, socket) => sum + socket.bytesWritten - socket.writableLength, 0);
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  /** Ends every connection, as a far end does that is restarted. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** 200 with the results as a JSON array. */
export function jsonAnswer(results: readonly DataSet[], headers: Record<string, string | string[]> = {}): StubAnswer {
  return {
    headers: { 'Content-Type': 'application/dicom+json', ...headers },
    body: `[${results.map(toJson).join(',')}]`,
  };
}

/** The Warning that announces more results. */
export function moreResults(baseUrl: string, remaining: number): Record<string, string> {
  return { Warning: `299 ${baseUrl}: There are ${remaining} additional results that can be requested` };
}

async function writeRaw(socket: Socket, raw: Bytes | AsyncIterable<Bytes>): Promise<void> {
  const pieces = typeof raw === 'string' || raw instanceof Uint8Array ? [raw] : raw;
  for await (const piece of pieces) {
    if (socket.destroyed) return;
    const taken = socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
    if (taken) await nextTurn();
    else await new Promise<void>((resolve) => void socket.once('drain', resolve).once('close', () => resolve()));
  }
}

function splitAtFirst(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)];
}
