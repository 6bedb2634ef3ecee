/** `dimseway doctor`: each way to a far end that can be broken is found, with what to do about it. */
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../src/cli/cli.ts';
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import type { Finding } from '../../src/doctor/finding.ts';
import { MPPS_NOTIFICATION } from '../../src/services/mpps/notification.ts';
import { startListener } from '../support/dimse-listener.ts';
import { jsonAnswer, StubOriginServer } from '../support/stub-origin-server.ts';
import type { StubScript } from '../support/stub-origin-server.ts';
import { certificateFile, keyFile } from '../support/tls.ts';
import { RawServer } from '../support/raw-peer.ts';
import { acceptAssociation, agreeToRelease } from '../support/scripted-scp.ts';
import type { CertificateName } from '../support/tls.ts';

const ends: (() => unknown)[] = [];
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-doctor-'));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

interface Examined {
  readonly status: number;
  readonly findings: readonly Omit<Finding, 'ms'>[];
}

/** The lines of one upstream, without times. */
async function examined(upstream: string, services: string, more = '', timeout = '5s'): Promise<Examined> {
  const text = `listeners: { ward: { protocol: dimse, aeTitle: MODALITY, port: 0 } }
upstreams:
  far: ${upstream}
routes:
  - { name: all, ${services} }
${more}`;
  const file = join(folder, 'gateway.yaml');
  await writeFile(file, text);
  const written = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    const status = await run([
      'doctor',
      '--config',
      file,
      '--json',
      '--timeout',
      timeout,
      ...(more === '' ? ['far'] : []),
    ]);
    const findings = JSON.parse(written.mock.calls.map(([chunk]) => String(chunk)).join('')) as Finding[];
    return { status, findings: findings.map(({ ms: _, ...finding }) => finding) };
  } finally {
    written.mockRestore();
  }
}

const seen = ({ findings }: Examined): string[] =>
  findings.map(({ step, state, detail }) => `${step} ${state} ${detail}`);
const last = ({ status, findings }: Examined): [number, string, string | undefined] => {
  const bad = findings.find(({ state }) => state === 'failed');
  return [status, `${bad?.step}: ${bad?.detail}`, bad?.fix];
};

const classic = (port: number, aeTitle = 'DIMSEWAY'): string =>
  `{ protocol: dimse, host: 127.0.0.1, port: ${port}, aeTitle: ${aeTitle}, callingAeTitle: MODALITY }`;

async function serve(script: StubScript, certificate?: CertificateName): Promise<StubOriginServer> {
  const tls =
    certificate === undefined
      ? undefined
      : {
          key: await readFile(keyFile(certificate), 'utf8'),
          cert: await readFile(certificateFile(certificate), 'utf8'),
        };
  const server = await StubOriginServer.start(script, tls);
  ends.push(() => server.close());
  return server;
}

async function scp(...parameters: Parameters<typeof startListener>): ReturnType<typeof startListener> {
  const running = await startListener(...parameters);
  ends.push(() => running.listener.close(0));
  return running;
}

test('a classic peer that has what the routes need passes every step (PS3.8 9.3, PS3.7 9.1.5, PS3.4 K)', async () => {
  const { port, handler } = await scp(undefined, { aeTitles: ['DIMSEWAY'] });
  handler.search = async function* () {};
  const result = await examined(classic(port), 'worklist: { to: far }');
  expect(seen(result)).toEqual([
    'name ok 127.0.0.1 is an address',
    `tcp ok 127.0.0.1:${port} takes connections`,
    'association ok MODALITY → DIMSEWAY',
    'Verification ok accepted, 1.2.840.10008.1.2.1',
    'Modality Worklist ok accepted, 1.2.840.10008.1.2.1',
    'C-ECHO ok 0000H',
    'clock skipped DIMSE does not tell the time',
    'search ok answers',
  ]);
  expect(result.status).toBe(0);
});

test('a rejection says which AE title is meant (PS3.8 Table 9-21)', async () => {
  const { port } = await scp(undefined, { aeTitles: ['DIMSEWAY'], callingAeTitles: ['CT1'] });
  expect(last(await examined(classic(port, 'WRONG'), 'worklist: { to: far }'))).toEqual([
    1,
    'association: association rejected (1/1/7): called AE title not recognized',
    'Set aeTitle to what the far end calls itself: it is not WRONG.',
  ]);
  expect(last(await examined(classic(port), 'worklist: { to: far }'))).toEqual([
    1,
    'association: association rejected (1/1/3): calling AE title not recognized',
    'Let the far end know MODALITY, with the address of this machine.',
  ]);
});

test('a SOP class the routes need and the peer refuses is named (PS3.8 9.3.3.2)', async () => {
  const { port, handler } = await scp(undefined, { aeTitles: ['DIMSEWAY'] });
  handler.commitmentRoute = undefined;
  const result = await examined(classic(port), 'storageCommitment: { to: far }');
  expect(last(result)).toEqual([
    1,
    'Storage Commitment: presentation context refused (result 3)',
    'Enable the SOP class for our AE title at the far end, or take the service out of the route.',
  ]);
});

test('a port nobody listens on and a host nobody knows are told apart', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  expect(last(await examined(classic(port), 'worklist: { to: far }'))).toEqual([
    1,
    `tcp: 127.0.0.1:${port} refuses (ECONNREFUSED)`,
    'Nothing listens there: check the port, and whether the far end runs.',
  ]);
  const [status, detail] = last(
    await examined('{ protocol: dicomweb, baseUrl: http://no.such.host.invalid }', 'worklist: { to: far }'),
  );
  expect([status, detail]).toEqual([1, expect.stringMatching(/^name: no\.such\.host\.invalid is not known \(E/)]);
});

test('something that listens and says nothing is no DICOM peer (PS3.8 9.1)', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  ends.push(() => server.close());
  server.on('connection', (socket) => ends.unshift(() => socket.destroy()));
  const { port } = server.address() as AddressInfo;
  const [status, detail, fix] = last(await examined(classic(port), 'worklist: { to: far }', '', '500ms'));
  expect([status, detail.split(':')[0]]).toEqual([1, 'association']);
  expect(fix).toMatch(/speaks DICOM|listens on this port/);
});

test('an origin server is asked for each transaction of the routes, and for its clock (PS3.18 8.9, 14.4, 15.6, 13.5)', async () => {
  const server = await serve(({ method, path }) => {
    const date = { Date: new Date(Date.now() + 600_000).toUTCString() };
    if (method === 'OPTIONS') return { status: 200, headers: date };
    return path.includes('scheduled') ? { status: 204 } : { status: 404 };
  });
  const result = await examined(
    `{ protocol: dicomweb, baseUrl: "${server.baseUrl}" }`,
    'worklist: { to: far }, mpps: { to: far }, storageCommitment: { to: far }',
  );
  expect(seen(result).slice(2)).toEqual([
    'OPTIONS ok HTTP 200',
    expect.stringMatching(/^clock warning (599|600) s ahead of ours$/),
    'search ok answers',
    'retrieve an MPPS ok HTTP 404: does not know such an MPPS',
    'check a commitment ok HTTP 404: does not know such a commitment',
  ]);
  expect(result.status).toBe(0);
  expect(server.requests.map(({ method }) => method)).toEqual(['OPTIONS', 'GET', 'GET', 'GET']);
});

test.each([
  [401, 'OPTIONS: HTTP 401: it does not know us', 'Set credentials of the upstream.'],
  [503, 'OPTIONS: HTTP 503: it is out of order', 'Look at the log of the server, or of the proxy before it.'],
])('an origin server that answers %d is told with its fix', async (status, detail, fix) => {
  const server = await serve(() => ({ status }));
  const upstream = `{ protocol: dicomweb, baseUrl: "${server.baseUrl}" }`;
  expect(last(await examined(upstream, 'worklist: { to: far }'))).toEqual([1, detail, fix]);
});

test('of a UPS-RS server one workitem is asked for, not its whole worklist (PS3.18 11.9)', async () => {
  const workitem = dataSetOf({ '00080018': attribute('UI', '1.2.3'), '00741000': attribute('CS', 'SCHEDULED') });
  const server = await serve(({ path }) => {
    if (!path.endsWith('/workitems')) return { status: path.includes('/workitems/') ? 404 : 200 };
    // It looks at no limit, as some servers do: what it gives too much of is not read.
    return jsonAnswer([workitem, workitem, workitem]);
  });
  const result = await examined(
    `{ protocol: ups-rs, baseUrl: "${server.baseUrl}" }`,
    'worklist: { to: far }, mpps: { to: far }',
  );
  expect(seen(result).slice(2)).toEqual([
    'OPTIONS ok HTTP 200',
    expect.stringMatching(/^clock /),
    'search ok answers',
    'retrieve an MPPS ok HTTP 404: does not know such an MPPS',
  ]);
  const searches = server.requests.filter(({ path }) => path.endsWith('/workitems'));
  expect(searches.map(({ query }) => query)).toEqual(['00741000=SCHEDULED&includefield=all&limit=1']);
});

test('a UPS-RS server that cannot be searched is told by its status', async () => {
  const server = await serve(({ method }) => ({ status: method === 'OPTIONS' ? 200 : 403 }));
  const upstream = `{ protocol: ups-rs, baseUrl: "${server.baseUrl}" }`;
  const [status, , fix] = last(await examined(upstream, 'worklist: { to: far }'));
  expect([status, fix]).toEqual([1, 'Ask its administrator for the right to use it, or check credentials.']);
});

test('a server that sends us elsewhere, such as to a page for a login, is not there (RFC 9110 15.4)', async () => {
  const server = await serve(() => ({ status: 302, headers: { Location: 'http://login.example/' } }));
  for (const protocol of ['dicomweb', 'ups-rs']) {
    const upstream = `{ protocol: ${protocol}, baseUrl: "${server.baseUrl}" }`;
    expect(last(await examined(upstream, 'worklist: { to: far }'))).toEqual([
      1,
      'OPTIONS: HTTP 302: it sends us elsewhere',
      'Set baseUrl to where the service is; a host it may lead to is named in redirectHosts. A page for a login wants credentials.',
    ]);
  }
});

test('a certificate that has expired, and the days of one that is good, are told (PS3.15 B.12)', async () => {
  const answer: StubScript = () => ({ status: 204 });
  const good = await serve(answer, 'server-rsa');
  const tls = `tls: { authorities: [${certificateFile('ca')}], serverName: localhost }`;
  const upstream = (port: number): string => `{ protocol: dicomweb, baseUrl: "https://127.0.0.1:${port}", ${tls} }`;
  const passed = await examined(upstream(good.port), 'worklist: { to: far }');
  expect(seen(passed)).toContainEqual(expect.stringMatching(/^tls ok TLSv1\.3, TLS_/));
  expect(seen(passed)).toContainEqual(
    expect.stringMatching(/^certificate ok CN=localhost,O=Hospital, until \d{4}-\d\d-\d\d, \d+ days$/),
  );

  const expired = await serve(answer, 'expired');
  expect(last(await examined(upstream(expired.port), 'worklist: { to: far }'))).toEqual([
    1,
    'tls: its certificate has expired (CERT_HAS_EXPIRED)',
    'Renew it, or that of its authority.',
  ]);
});

test('without names the certificates of the gateway are looked at too', async () => {
  const consoleTls = `console: { port: 0, tls: { certificate: ${certificateFile('server-rsa')}, key: ${keyFile('server-rsa')} } }`;
  const { findings } = await examined('{ protocol: ris }', 'worklist: { to: far }', consoleTls);
  expect(findings.map(({ subject, step, state }) => [subject, step, state])).toEqual([
    ['console', 'certificate', 'ok'],
    ['upstreams.far', 'ris', 'skipped'],
  ]);
});

/** Asks for a certificate of ours, and judges it behind the handshake. */
async function serveMutual(): Promise<StubOriginServer> {
  const [key, cert, ca] = await Promise.all(
    [keyFile('server-rsa'), certificateFile('server-rsa'), certificateFile('other-ca')].map((file) =>
      readFile(file, 'utf8'),
    ),
  );
  const tls = { key, cert, ca, requestCert: true, rejectUnauthorized: true };
  const server = await StubOriginServer.start(() => ({ status: 204 }), tls as { key: string; cert: string });
  ends.push(() => server.close());
  return server;
}

test.each([
  ['none', '', 'it asks for a certificate of ours', 'Set tls.certificate and tls.key.'],
  [
    'one of an authority it does not trust',
    `, certificate: ${certificateFile('client')}, key: ${keyFile('client')}`,
    'it closes right after the handshake',
    'It seems not to accept our certificate: let it trust its authority, and look whether it has expired.',
  ],
])(
  'a server that wants a certificate of ours and is shown %s fails at TLS, not at HTTP (RFC 8446 4.4.2.4)',
  async (_what, own, why, fix) => {
    const { port } = await serveMutual();
    const tls = `tls: { authorities: [${certificateFile('ca')}], serverName: localhost${own} }`;
    const upstream = `{ protocol: dicomweb, baseUrl: "https://127.0.0.1:${port}", ${tls} }`;
    const [status, detail, found] = last(await examined(upstream, 'worklist: { to: far }'));
    expect([status, detail.replace(/ \(.*/, ''), found]).toEqual([1, `tls: ${why}`, fix]);
  },
);

test('an identity provider that is away or silent is no trouble of the server (RFC 6749 4.4)', async () => {
  const server = await serve(() => ({ status: 204 }));
  const silent = await serve(() => new Promise(() => undefined));
  const fix = 'Check credentials of the upstream: the identity provider refuses them or is away.';
  const upstream = (url: string): string =>
    `{ protocol: dicomweb, baseUrl: "${server.baseUrl}", credentials: { oauth2: { tokenUrl: "${url}", clientId: a, clientSecret: hush } } }`;
  const tokenUrl = silent.baseUrl;
  const late = await examined(upstream(tokenUrl), 'worklist: { to: far }', '', '500ms');
  expect(last(late)).toEqual([1, 'credentials: the identity provider does not answer in time', fix]);
  await silent.close();
  const away = await examined(upstream(tokenUrl), 'worklist: { to: far }');
  const [status, detail, found] = last(away);
  expect([status, detail.split(':')[0], found]).toEqual([1, 'credentials', fix]);
  expect(JSON.stringify([late, away])).not.toContain('hush');
  expect(server.requests).toEqual([]);
});

test('a server that takes the tokens of requesters is not blamed for wanting one', async () => {
  const server = await serve(() => ({ status: 401 }));
  const upstream = `{ protocol: dicomweb, baseUrl: "${server.baseUrl}", credentials: { passOn: true } }`;
  const result = await examined(upstream, 'worklist: { to: far }');
  expect(seen(result).filter((each) => !each.startsWith('clock'))).toEqual([
    'name ok 127.0.0.1 is an address',
    expect.stringMatching(/^tcp ok /),
    'credentials skipped those of the requester are passed on, and nobody asks here',
    'OPTIONS ok HTTP 401: it wants to know who asks',
    'transactions skipped they are for requesters with a token',
  ]);
  expect([result.status, server.requests.length]).toEqual([0, 1]);
});

test('what a transaction waited for too long is told by what ended it', async () => {
  const server = await serve(({ method }) => (method === 'OPTIONS' ? { status: 200 } : new Promise(() => undefined)));
  const web = (timers: string): string => `{ protocol: dicomweb, baseUrl: "${server.baseUrl}", timers: { ${timers} } }`;
  const fixes: (string | undefined)[] = [];
  for (const [timers, timeout] of [
    ['response: 400ms', '5s'],
    ['response: 5s', '400ms'],
  ] as const) {
    const [status, , fix] = last(await examined(web(timers), 'worklist: { to: far }', '', timeout));
    expect(status).toBe(1);
    fixes.push(fix);
  }
  const scu = await RawServer.listen(async (peer, index) => {
    try {
      // The way is looked at first, then the association; that of the search is left without an answer.
      if (index < 2) await acceptAssociation(peer, { results: [3, 0] });
      if (index < 2) await agreeToRelease(peer);
    } catch {
      peer.destroy();
    }
  });
  ends.push(() => scu.close());
  const deaf = classic(scu.port).replace(' }', ', timers: { association: 400ms } }');
  fixes.push(last(await examined(deaf, 'worklist: { to: far }'))[2]);
  expect(fixes).toEqual([
    'It takes longer than `timers.response`: see how busy it is.',
    'It takes longer than `--timeout` of this command: give it more, or see how busy it is.',
    'It takes no further connection within `timers.connect` and `timers.association`: see how many it allows.',
  ]);
});

test('each transaction has the whole of --timeout', async () => {
  const server = await serve(async ({ method, path }) => {
    if (method !== 'OPTIONS') await new Promise((resolve) => setTimeout(resolve, 300));
    return { status: path.includes('scheduled') ? 204 : 404 };
  });
  const all = 'worklist: { to: far }, mpps: { to: far }, storageCommitment: { to: far }';
  const result = await examined(`{ protocol: dicomweb, baseUrl: "${server.baseUrl}" }`, all, '', '700ms');
  expect(result.findings.filter(({ state }) => state === 'failed')).toEqual([]);
});

const TOLD_BY_US = [{ sopClassUid: MPPS_NOTIFICATION, scu: false, scp: true }];

test.each([
  ['require', [], 'failed accepted, but not that we are its SCP: nothing is told'],
  ['require', TOLD_BY_US, 'ok accepted, 1.2.840.10008.1.2.1'],
  ['try', [], 'ok accepted, 1.2.840.10008.1.2.1'],
])(
  'with commitment.roleSelection %s, an SCU that answers the role of SCP by %j is told apart (PS3.7 D.3.3.4)',
  async (selection, roles, found) => {
    const scu = await RawServer.listen(async (peer) => {
      try {
        // Nobody but C-ECHO would have to be answered.
        await acceptAssociation(peer, { results: [3], roles });
        await agreeToRelease(peer);
      } catch {
        peer.destroy();
      }
    });
    ends.push(() => scu.close());
    const upstream = classic(scu.port).replace(' }', `, commitment: { roleSelection: ${selection} } }`);
    const services = 'mpps: { to: kept }, notifications: { to: far }';
    const result = await examined(`${upstream}\n  kept: { protocol: ris }`, services);
    expect(seen(result).filter((each) => each.startsWith('MPPS'))).toEqual([`MPPS Notification ${found}`]);
    expect(result.status).toBe(found.startsWith('ok') ? 0 : 1);
  },
);

test('an upstream that is not there is a wrong usage', async () => {
  const stderr = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    expect(await run(['doctor', '--config', join(folder, 'gateway.yaml'), 'nobody'])).toBe(2);
    expect(stderr.mock.calls.join('')).toContain('There is no upstream "nobody"');
  } finally {
    stderr.mockRestore();
  }
});
