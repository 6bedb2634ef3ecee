import { afterEach, describe, expect, test } from '@jest/globals';
import { request } from 'node:https';
import { connect } from 'node:net';
import { once } from 'node:events';
import { ConsoleServer } from '../../../src/console/server.ts';
import { healthOf } from '../../../src/observe/health.ts';
import { SILENT } from '../../../src/observe/log.ts';
import type { ServerTlsOptions } from '../../../src/tls/tls-options.ts';
import { clientTls, filesOf, serverTls } from '../../support/tls.ts';

const closing: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(options: Partial<ServerTlsOptions> = {}): Promise<{ port: number; server: ConsoleServer }> {
  const { tls } = await serverTls(options);
  const server = new ConsoleServer(
    { host: '127.0.0.1', port: 0, tls },
    {
      health: () => healthOf({}, {}),
      reload: () => Promise.resolve({ warnings: [] }),
      routers: [],
    },
    SILENT,
  );
  const { port } = await server.listen();
  closing.push(
    () => tls.close(),
    () => server.close(),
  );
  return { port, server };
}

async function statusOf(port: number, host: string, serverName?: string): Promise<number | undefined> {
  const { tls } = await clientTls(serverName === undefined ? {} : { serverName });
  closing.push(() => tls.close());
  const target = { ...tls.connectOptions('127.0.0.1'), host: '127.0.0.1', port, path: '/health/live', agent: false };
  const outgoing = request({ ...target, headers: { host } }).end();
  const [answer] = (await once(outgoing, 'response')) as [{ statusCode?: number; resume: () => void }];
  answer.resume();
  return answer.statusCode;
}

describe('the console port by TLS', () => {
  test('answers at its address, and by a name its certificate is for', async () => {
    const { port } = await open(filesOf('elsewhere'));
    for (const host of [`127.0.0.1:${port}`, 'pacs.example', 'PACS.example:8443']) {
      expect([host, await statusOf(port, host, 'pacs.example')]).toEqual([host, 200]);
    }
  });

  test('refuses a name its certificate is not for: DNS rebinding', async () => {
    const { port } = await open();
    expect(await statusOf(port, 'pacs.example')).toBe(421);
  });

  test('closes without waiting for handshakes', async () => {
    const { port, server } = await open();
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resume();
    await once(socket, 'connect');
    expect(await statusOf(port, `127.0.0.1:${port}`)).toBe(200);
    await server.close();
    await closed;
  });
});
