import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { request } from 'node:http';
import { ConsoleServer } from '../../../src/console/server.ts';
import { GatewayError } from '../../../src/errors.ts';
import { healthOf } from '../../../src/observe/health.ts';
import { SILENT } from '../../../src/observe/log.ts';
import { openConsole } from '../../support/console.ts';
import { keepingLogger } from '../../support/requests.ts';

let listening = true;
let reloads = 0;
let reloadError: Error | undefined;
let server: ConsoleServer;
let port: number;

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

function call(method: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, method, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: (text === '' ? {} : JSON.parse(text)) as Answer['body'] }),
      );
    });
    outgoing.on('error', reject).end();
  });
}

beforeEach(async () => {
  listening = true;
  reloads = 0;
  reloadError = undefined;
  server = new ConsoleServer(
    { host: '127.0.0.1', port: 0 },
    {
      health: () => healthOf({ ward: { protocol: 'dimse', port: 104, listening } }, {}),
      reload: async () => {
        if (reloadError !== undefined) throw reloadError;
        reloads++;
        return { warnings: [] };
      },
      routers: [],
    },
    SILENT,
  );
  ({ port } = await server.listen());
});

afterEach(() => server.close());

describe('health', () => {
  test('/health/live answers 200 while the process runs', async () => {
    expect(await call('GET', '/health/live')).toEqual({ status: 200, body: { status: 'live' } });
  });

  test('/health/ready answers 503 only when a listener is down', async () => {
    expect(await call('GET', '/health/ready')).toMatchObject({ status: 200, body: { status: 'ready' } });
    listening = false;
    expect(await call('GET', '/health/ready')).toMatchObject({ status: 503, body: { status: 'not-ready' } });
  });
});

describe('reload', () => {
  const json = { 'content-type': 'application/json' };

  test('POST with application/json reloads', async () => {
    expect(await call('POST', '/api/reload', json)).toEqual({
      status: 200,
      body: { status: 'reloaded', warnings: [] },
    });
    expect(reloads).toBe(1);
  });

  test('without application/json it is refused: a cross-site form cannot send that type', async () => {
    expect(await call('POST', '/api/reload', { 'content-type': 'text/plain' })).toMatchObject({
      status: 415,
      body: { code: 'CONTENT_TYPE_NEEDED' },
    });
    expect(reloads).toBe(0);
  });

  test('a bad configuration is 422 with code, message and fix', async () => {
    reloadError = new GatewayError('CONFIG_INVALID', 'gateway.yaml:3:1 x: unknown', { fix: 'Mend the file.' });
    expect(await call('POST', '/api/reload', json)).toEqual({
      status: 422,
      body: { code: 'CONFIG_INVALID', message: 'gateway.yaml:3:1 x: unknown', fix: 'Mend the file.' },
    });
  });

  test('GET is 405 with Allow', async () => {
    expect(await call('GET', '/api/reload')).toMatchObject({ status: 405, body: { code: 'METHOD_NOT_ALLOWED' } });
  });
});

describe('requests from a browser elsewhere', () => {
  test('a Host that is not ours is refused (DNS rebinding)', async () => {
    expect(await call('GET', '/health/live', { host: 'evil.example' })).toMatchObject({ status: 421 });
  });

  test('on every interface the address that was called is ours, a name that leads to it is not', async () => {
    const wide = new ConsoleServer(
      { host: '0.0.0.0', port: 0 },
      { health: () => healthOf({}, {}), reload: () => Promise.reject(new Error('unused')), routers: [] },
      SILENT,
    );
    const before = port;
    ({ port } = await wide.listen());
    try {
      expect(await call('GET', '/health/live', { host: `127.0.0.1:${port}` })).toMatchObject({ status: 200 });
      expect(await call('GET', '/health/live', { host: `evil.example:${port}` })).toMatchObject({ status: 421 });
    } finally {
      await wide.close();
      port = before;
    }
  });

  test.each(['http://evil.example', 'null'])('the Origin %s is refused', async (origin) => {
    expect(await call('GET', '/health/live', { origin })).toMatchObject({ status: 403 });
  });

  test('its own origin and localhost are served', async () => {
    expect(await call('GET', '/health/live', { origin: `http://127.0.0.1:${port}` })).toMatchObject({ status: 200 });
    expect(await call('GET', '/health/live', { host: `localhost:${port}` })).toMatchObject({ status: 200 });
  });
});

describe('with a token (RFC 6750)', () => {
  const token = 'v3ry-secret_t0ken.of/16+~==';

  test.each([
    ['none', {}, 'Bearer realm="dimseway"'],
    ['another scheme', { authorization: `Basic ${token}` }, 'Bearer realm="dimseway"'],
    ['a wrong one', { authorization: 'Bearer v3ry-secret' }, 'Bearer realm="dimseway", error="invalid_token"'],
    ['a longer one', { authorization: `Bearer ${token}=` }, 'Bearer realm="dimseway", error="invalid_token"'],
    ['two words', { authorization: `Bearer ${token} ${token}` }, 'Bearer realm="dimseway"'],
  ])('every path but the health pages answers 401 to %s', async (_title, headers, challenge) => {
    const bed = await openConsole([], { token });
    try {
      for (const [method, path] of [
        ['POST', '/api/reload'],
        ['GET', '/api/worklist'],
        ['GET', '/metrics'],
        ['GET', '/nowhere'],
        ['GET', '/health'],
      ] as const) {
        const answer = await bed.call(method, path, { headers });
        expect(answer).toMatchObject({ status: 401, body: { code: 'TOKEN_NEEDED', fix: expect.any(String) } });
        expect(answer.headers.get('www-authenticate')).toBe(challenge);
      }
      expect(await bed.call('GET', '/health/live', { headers })).toMatchObject({ status: 200 });
      expect(await bed.call('GET', '/health/ready', { headers })).toMatchObject({ status: 200 });
    } finally {
      await bed.close();
    }
  });

  test.each(['0.0.0.0', '127.0.0.1'])(
    'without it %s tells whether it is ready, and on loopback alone with whom it works',
    async (host) => {
      const upstreams = { ris: { protocol: 'dimse', state: 'ok' } } as const;
      const waiting = { route: 'all', upstream: 'ris', isServed: true };
      const console = new ConsoleServer(
        { host, port: 0, token },
        {
          health: () =>
            healthOf({ ward: { protocol: 'dimse', port: 104, listening: false } }, upstreams, {
              store: 'ok',
              destinations: [waiting],
            }),
          reload: () => Promise.resolve({ warnings: [] }),
          routers: [],
        },
        SILENT,
      );
      try {
        const url = `http://127.0.0.1:${(await console.listen()).port}/health/ready`;
        const told = async (headers: Record<string, string>): Promise<[number, boolean]> => {
          const answer = await fetch(url, { headers });
          const text = await answer.text();
          expect(JSON.parse(text)).toMatchObject({ status: 'not-ready', store: { state: 'ok' } });
          return [answer.status, text.includes('ris')];
        };
        const isLoopback = host === '127.0.0.1';
        expect(await told({})).toEqual([503, isLoopback]);
        expect(await told({ authorization: 'Bearer guess' })).toEqual([503, isLoopback]);
        expect(await told({ authorization: `Bearer ${token}` })).toEqual([503, true]);
      } finally {
        await console.close();
      }
    },
  );

  test('the right one is let in; the scheme is read in any case (RFC 9110 11.1)', async () => {
    const bed = await openConsole([], { token });
    try {
      for (const scheme of ['Bearer', 'bearer']) {
        const headers = { authorization: `${scheme} ${token}` };
        expect(await bed.call('POST', '/api/reload', { headers })).toMatchObject({ status: 200 });
        expect(await bed.call('GET', '/nowhere', { headers })).toMatchObject({ status: 404 });
      }
    } finally {
      await bed.close();
    }
  });

  test('a wrong one leaves a line with the address and without the token', async () => {
    const logger = keepingLogger();
    const bed = await openConsole([], { token, logger });
    try {
      await bed.call('GET', '/metrics');
      await bed.call('GET', '/metrics', { headers: { authorization: 'Bearer guess' } });
      expect(logger.lines).toEqual([{ level: 'warn', message: 'token refused on the console port', by: '127.0.0.1' }]);
    } finally {
      await bed.close();
    }
  });
});

test('an unknown path is 404 in the same form', async () => {
  expect(await call('GET', '/nowhere')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
});
