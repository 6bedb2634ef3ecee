/** A console on loopback and requests to it. */
import type { Router } from 'express';
import type { TokenOptions } from '../../src/console/identity.ts';
import { ConsoleServer } from '../../src/console/server.ts';
import type { ConsoleOptions } from '../../src/console/server.ts';
import { healthOf } from '../../src/observe/health.ts';
import type { Logger } from '../../src/observe/log.ts';
import { SILENT } from '../../src/observe/log.ts';

export interface ConsoleAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed; undefined when there is none. */
  readonly body: unknown;
}

export interface CallOptions {
  /** Sent as JSON; text and bytes as they are. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ConsoleBed {
  readonly port: number;
  /** With `Content-Type: application/json`, unless the headers say otherwise. */
  call(method: string, path: string, options?: CallOptions): Promise<ConsoleAnswer>;
  close(): Promise<void>;
}

export async function openConsole(
  routers: readonly Router[],
  options: TokenOptions & Pick<ConsoleOptions, 'acted'> & { logger?: Logger } = {},
): Promise<ConsoleBed> {
  const { logger = SILENT, ...more } = options;
  const server = new ConsoleServer(
    { host: '127.0.0.1', port: 0, ...more },
    { health: () => healthOf({}, {}), reload: () => Promise.resolve({ warnings: [] }), routers },
    logger,
  );
  const { port } = await server.listen();
  return { port, call: (method, path, call) => callConsole(port, method, path, call), close: () => server.close() };
}

async function callConsole(
  port: number,
  method: string,
  path: string,
  { body, headers = {} }: CallOptions = {},
): Promise<ConsoleAnswer> {
  const asIs = typeof body === 'string' || body instanceof Uint8Array;
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body !== undefined && { body: asIs ? (body as NonNullable<RequestInit['body']>) : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : (JSON.parse(text) as unknown),
  };
}
