/** The user agent by TLS, against origin servers of other makes. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { USER_AGENT_DEFAULTS, UserAgent } from '../../../src/dicomweb/user-agent.ts';
import type { HttpRequest } from '../../../src/dicomweb/user-agent.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { ClientTlsOptions } from '../../../src/tls/tls-options.ts';
import type { LogLine } from '../../support/requests.ts';
import { StubOriginServer } from '../../support/stub-origin-server.ts';
import { certificateFile, clientTls, keyFile } from '../../support/tls.ts';
import type { CertificateName } from '../../support/tls.ts';

const closing: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function stubWith(name: CertificateName): Promise<StubOriginServer> {
  const [cert, key] = await Promise.all([readFile(certificateFile(name), 'utf8'), readFile(keyFile(name), 'utf8')]);
  const stub = await StubOriginServer.start(() => ({ status: 200, body: 'here' }), { cert, key });
  closing.push(() => stub.close());
  return stub;
}

async function agentWith(options: Partial<ClientTlsOptions> = {}): Promise<{ agent: UserAgent; lines: LogLine[] }> {
  const { tls, lines } = await clientTls(options);
  const agent = new UserAgent({ ...USER_AGENT_DEFAULTS, tls });
  closing.push(
    () => tls.close(),
    () => agent.close(),
  );
  return { agent, lines };
}

function requestTo(url: string, method: 'GET' | 'POST' = 'GET'): HttpRequest {
  const payload = { contentType: 'application/dicom+json', bytes: Buffer.from('[]') };
  return {
    ...{ method, url: new URL(url), signal: new AbortController().signal },
    ...(method === 'POST' && { payload }),
  };
}

async function textOf(agent: UserAgent, url: string): Promise<string> {
  return (await agent.send(requestTo(url))).text(100);
}

async function failureOf(agent: UserAgent, request: HttpRequest): Promise<ServiceFailure> {
  const error: unknown = await agent.send(request).catch((reason: unknown) => reason);
  if (error instanceof ServiceFailure) return error;
  throw new Error('no failure');
}

describe('a user agent by TLS', () => {
  test.each(['127.0.0.1', 'localhost'])('trusts the authorities it is given, at %s', async (host) => {
    const stub = await stubWith('server-ec');
    const { agent } = await agentWith();
    expect(await textOf(agent, `https://${host}:${stub.port}/`)).toBe('here');
  });

  test('goes on without TLS where the URL says http', async () => {
    const stub = await StubOriginServer.start(() => ({ status: 200, body: 'plain' }));
    closing.push(() => stub.close());
    const { agent } = await agentWith();
    expect(await textOf(agent, `http://127.0.0.1:${stub.port}/`)).toBe('plain');
  });

  test('checks for the name the configuration gives', async () => {
    const stub = await stubWith('elsewhere');
    const { agent } = await agentWith({ serverName: 'pacs.example' });
    expect(await textOf(agent, `https://127.0.0.1:${stub.port}/`)).toBe('here');
    expect(await textOf(agent, `https://localhost:${stub.port}/`)).toBe('here');
  });

  test.each([
    ['expired', {}, 'its certificate has expired (CERT_HAS_EXPIRED)'],
    ['elsewhere', {}, 'its certificate is for another name (ERR_TLS_CERT_ALTNAME_INVALID)'],
    [
      'server-ec',
      { authorities: [certificateFile('other-ca')] },
      'no authority of ours has signed its certificate (UNABLE_TO_VERIFY_LEAF_SIGNATURE)',
    ],
    [
      'weak-sha1',
      { profile: 'bcp195-rfc9325-modified' },
      'its certificate is too weak for the profile (TLS_CERTIFICATE_WEAK)',
    ],
  ] as const)('%s, with %j: %s', async (name, options, expected) => {
    const stub = await stubWith(name);
    const { agent, lines } = await agentWith(options);
    const url = `https://127.0.0.1:${stub.port}/`;
    const failure = await failureOf(agent, requestTo(url, 'POST'));
    expect({ code: failure.code, retry: failure.retry, comment: failure.message }).toEqual({
      code: 'UPSTREAM_UNTRUSTED',
      retry: 'permanent',
      comment: `TLS to the origin server failed: ${expected}`,
    });
    expect(lines.at(-1)).toMatchObject({
      level: 'warn',
      host: '127.0.0.1',
      certificate: expect.stringMatching(/^CN=/),
    });
    expect(stub.requests).toEqual([]);
  });
});
