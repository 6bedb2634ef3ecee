/** HTTP from the outside: node:http without niceties, and bare sockets for what no library would send. */
import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { request as requestSafely } from 'node:https';
import { connect } from 'node:net';

export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Values of a field that occurs several times. */
  readonly all: (name: string) => string[];
  readonly body: Buffer;
}

export interface HttpCall {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
  /** Called from this address of the machine. */
  readonly localAddress?: string;
  /** By https: the authority that is trusted (PEM). */
  readonly authority?: Buffer;
}

/** One request on a connection of its own. @param target as it stands in the request line */
export function call(port: number, target: string, options: HttpCall = {}): Promise<HttpReply> {
  const { method = 'GET', headers = {}, body, signal, localAddress, authority } = options;
  return new Promise((resolve, reject) => {
    const outgoing = (authority === undefined ? request : requestSafely)(
      {
        ...{ host: '127.0.0.1', port, path: target, method, headers, agent: false },
        ...(signal && { signal }),
        ...(localAddress && { localAddress }),
        ...(authority && { ca: authority }),
      },
      (message) => {
        const chunks: Buffer[] = [];
        message.on('data', (chunk: Buffer) => chunks.push(chunk));
        message.on('error', reject);
        message.on('end', () => {
          const { statusCode = 0, headers: received, rawHeaders } = message;
          const all = (name: string): string[] =>
            rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name);
          resolve({ status: statusCode, headers: received, all, body: Buffer.concat(chunks) });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Sends bytes and gives all that comes back until the far end closes; text is Latin-1. */
export function exchangeBytes(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.from(bytes, 'latin1')));
    const done = (): void => resolve(Buffer.concat(chunks).toString('latin1'));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('close', done);
    socket.on('error', () => {});
  });
}
