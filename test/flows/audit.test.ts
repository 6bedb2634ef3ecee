/** What the audit trail has of the gateway itself and of its operators (PS3.15 A.5.3.11), over real sockets. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from '../../src/app.ts';
import { Audit } from '../../src/audit-parts.ts';
import { loadConfig } from '../../src/config/load.ts';
import { toJson } from '../../src/dataset/json.ts';
import { SILENT } from '../../src/observe/log.ts';
import { ClientTls } from '../../src/tls/client-tls.ts';
import { upstreamTo } from '../support/beds.ts';
import { contextOf, entryOf } from '../support/requests.ts';
import { certificateFile } from '../support/tls.ts';

let folder: string;
let file: string;
let app: App;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-audit-'));
  file = join(folder, 'gateway.yaml');
  app = new App({ ...SILENT, setLevel() {} }, () => loadConfig(file, {}));
});
afterEach(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

interface Ports {
  readonly ward: number;
  readonly web: number;
  readonly console: string;
}

async function start(to = '[{ file: audit.json }]'): Promise<Ports> {
  await writeFile(
    file,
    `listeners:
  ward: { protocol: dimse, aeTitle: FAREND, port: 0, access: { callingAeTitles: [CT1] } }
  web: { protocol: dicomweb, port: 0, access: { addresses: [192.0.2.0/24] } }
upstreams: { ris: { protocol: ris } }
routes: [{ name: all, worklist: { to: ris } }]
audit: { source: TEST, to: ${to}, spool: { path: spool } }
console: { port: 0 }
timers: { shutdown: 200ms }
store: { path: dimseway.db }
`,
  );
  const { listeners, console } = await app.start((await loadConfig(file, {})).config);
  return {
    ward: listeners['ward']?.port ?? 0,
    web: listeners['web']?.port ?? 0,
    console: `http://127.0.0.1:${console?.port}`,
  };
}

interface Written {
  readonly EventIdentification: {
    readonly EventOutcomeIndicator: string;
    readonly EventTypeCode?: readonly { readonly originalText: string }[];
  };
  readonly ParticipantObjectIdentification?: readonly {
    readonly ParticipantObjectDetail?: readonly { readonly value: string }[];
  }[];
  readonly ActiveParticipant: readonly { readonly UserID: string }[];
}

/** The alerts of the trail, which is closed for it: `type outcome description by whom`. */
async function alerts(): Promise<string[]> {
  await app.close();
  const lines = (await readFile(join(folder, 'audit.json'), 'utf8')).trim().split('\n');
  return lines.flatMap((line) => {
    const { EventIdentification: event, ...rest } = (JSON.parse(line) as { AuditMessage: Written }).AuditMessage;
    const [detail] = rest.ParticipantObjectIdentification?.[0]?.ParticipantObjectDetail ?? [];
    if (detail === undefined) return [];
    const [, by] = rest.ActiveParticipant;
    const description = Buffer.from(detail.value, 'base64').toString();
    const type = event.EventTypeCode?.[0]?.originalText;
    return [`${type} ${event.EventOutcomeIndicator}: ${description}${by === undefined ? '' : ` by ${by.UserID}`}`];
  });
}

test('a reload is told as a change of the software configuration, one that failed too', async () => {
  await start();
  await app.reload();
  await writeFile(file, 'listeners: none');
  await expect(app.reload()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  expect(await alerts()).toEqual([
    'Software Configuration 0: configuration reloaded',
    'Software Configuration 4: configuration not reloaded: CONFIG_INVALID',
  ]);
});

test('what operators change, and data sets they read, are told as uses of restricted functions; looking is not', async () => {
  const { console } = await start();
  const headers = { 'content-type': 'application/json' };
  const call = async (method: string, path: string, body?: string): Promise<void> => {
    const answer = await fetch(`${console}${path}`, { method, headers, ...(body !== undefined && { body }) });
    await answer.text();
  };
  await call('GET', '/api/spool');
  await call('GET', '/metrics');
  await call('POST', '/api/worklist', toJson(entryOf('P1')));
  await call('GET', '/api/worklist?patientId=P1');
  await call('GET', '/api/worklist/none');
  await call('GET', '/api/spool/export');
  await call('POST', '/api/spool/17/discard', '{"reason":"DOE^JANE"}');
  await call('POST', '/api/store/backup', JSON.stringify({ file: join(folder, 'backup.db') }));
  const told = (await alerts()).map((each) => each.replace('Use of Restricted Function ', ''));
  expect(told).toEqual([
    '0: console: POST /api/worklist (201) by 127.0.0.1',
    '0: console: GET /api/worklist (200) by 127.0.0.1',
    '4: console: GET /api/worklist (404) by 127.0.0.1',
    '0: console: GET /api/spool/export (200) by 127.0.0.1',
    '4: console: POST /api/spool (404) by 127.0.0.1',
    '0: console: POST /api/store/backup (200) by 127.0.0.1',
  ]);
});

test('callers that the lists of a listener do not have are told, and beyond some counted', async () => {
  const { ward, web } = await start();
  const modality = await upstreamTo('dimse', ward);
  await expect(modality.verify(contextOf())).rejects.toMatchObject({ code: 'UPSTREAM_REJECTED' });
  await modality.close();
  for (let i = 0; i < 40; i++) await (await fetch(`http://127.0.0.1:${web}/modality-scheduled-procedure-steps`)).text();
  const told = await alerts();
  expect(told.slice(0, 2)).toEqual([
    'Node Authentication 4: calling AE title not recognized by NEAREND',
    'Node Authentication 4: address not allowed by 127.0.0.1',
  ]);
  expect(told.length).toBeLessThan(35);
  const counted = told.flatMap((each) => [...each.matchAll(/(\d+) more refused connections/g)]);
  const more = counted.reduce((sum, [, count]) => sum + Number(count), 0);
  expect(told.filter((each) => /not (allowed|recognized)/.test(each)).length + more).toBe(41);
});

const COLLECTOR = `{ syslog: tls, host: 127.0.0.1, port: 1, tls: { authorities: ['${certificateFile('ca')}'] } }`;

test('metrics tell until when the certificates towards collectors are good', async () => {
  const { console } = await start(`[${COLLECTOR}]`);
  const text = await (await fetch(`${console}/metrics`)).text();
  expect(text).toMatch(/dimseway_certificate_not_after_seconds\{owner="audit 127\.0\.0\.1:1",role="authority"/);
});

test('a trail that cannot be opened leaves nothing open', async () => {
  await start();
  const close = jest.spyOn(ClientTls.prototype, 'close');
  const other = COLLECTOR.replace('ca.crt', 'missing.crt');
  await writeFile(file, (await readFile(file, 'utf8')).replace('[{ file: audit.json }]', `[${COLLECTOR}, ${other}]`));
  const { config } = await loadConfig(file, {});
  await expect(Audit.open(config, SILENT)).rejects.toMatchObject({ code: 'TLS_FILE_UNREADABLE' });
  expect(close).toHaveBeenCalledTimes(1);
  close.mockRestore();
});
