import { readFile } from 'node:fs/promises';
import { afterEach, expect, test } from '@jest/globals';
import { ProviderClient, ProviderError } from '../../../src/identity/provider-client.ts';
import { StubOriginServer } from '../../support/stub-origin-server.ts';
import type { StubScript } from '../../support/stub-origin-server.ts';
import { clientTls, filesOf } from '../../support/tls.ts';

const closing: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function ask(script: StubScript, timeoutMs = 2_000): Promise<unknown> {
  const stub = await StubOriginServer.start(script);
  const client = new ProviderClient({ timeoutMs });
  closing.push(
    () => stub.close(),
    () => client.close(),
  );
  return client.ask({ method: 'GET', url: new URL(stub.baseUrl) }).catch((error: unknown) => error);
}

test('gives answers of any status, and what is no JSON as nothing', async () => {
  expect(await ask(() => ({ status: 200, body: '{"a":1}' }))).toEqual({ status: 200, json: { a: 1 } });
  expect(await ask(() => ({ status: 500, body: '<html>' }))).toEqual({ status: 500, json: undefined });
});

test('follows no redirect: keys and secrets go where the configuration says', async () => {
  const answer = await ask(() => ({ status: 302, headers: { Location: 'http://127.0.0.1:1/' } }));
  expect(answer).toMatchObject({ status: 302 });
});

test('waits no longer than its time, be it for the head or for the rest of the answer', async () => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{';
  for (const raw of ['', head]) {
    const error = await ask(() => ({ raw, then: 'stay' }), 50);
    expect(error).toBeInstanceOf(ProviderError);
    expect(error).toMatchObject({ code: 'ETIMEDOUT' });
  }
});

test('reads no endless answer', async () => {
  const error = await ask(() => ({ body: Buffer.alloc(2 * 1024 * 1024, ' ') }));
  expect(error).toMatchObject({ name: 'ProviderError', code: 'UND_ERR_RES_EXCEEDED_MAX_SIZE' });
});

test('trusts the authorities of the system, or those it is given', async () => {
  const files = filesOf('server-ec');
  const [key, cert] = await Promise.all([readFile(files.key, 'utf8'), readFile(files.certificate, 'utf8')]);
  const stub = await StubOriginServer.start(() => ({ body: '{}' }), { key, cert });
  const { tls } = await clientTls();
  const ofSystem = new ProviderClient();
  const ofOurs = new ProviderClient({ timeoutMs: 2_000, tls });
  closing.push(
    () => stub.close(),
    () => ofSystem.close(),
    () => ofOurs.close(),
  );
  const url = new URL(`https://127.0.0.1:${stub.port}/`);
  await expect(ofOurs.ask({ method: 'GET', url })).resolves.toEqual({ status: 200, json: {} });
  await expect(ofSystem.ask({ method: 'GET', url })).rejects.toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
});
