/**
 * The services of docker-compose.yml without an engine: their shipped configurations, the gateway, Debian's Orthanc and
 * PostgreSQL, on free ports of this machine. What differs from the containers is where things are, nothing else.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { countMatches, finalStatus, searchPlain } from '../support/peers.ts';
import { findWithDcmtk, makeDcmtkWorklist } from '../../scripts/peers/dcmtk.ts';
import { startGateway, type Gateway } from '../../scripts/peers/gateway.ts';
import { startPostgres } from '../../scripts/peers/postgres.ts';
import { Cleanup, findFreePort, runOrThrow, startProgram, type Running } from '../../scripts/peers/process.ts';

const COMPOSE = join(import.meta.dirname, '../../deploy/compose');
const PLUGINS = '/usr/share/orthanc/plugins';
/** Of DCMTK's sample worklist. */
const ENTRIES = 10;

interface GatewayFile {
  listeners: Record<string, { host: string; port: number }>;
  upstreams: Record<string, { host?: string; port?: number }>;
  store: { url: unknown };
  console: { host: string; port: number; token: unknown };
}

describe('the services of docker-compose.yml', () => {
  const cleanup = new Cleanup();
  let folder: string;
  let gateway: Gateway;
  let orthanc: Running;
  let orthancPort: number;
  let consolePort: number;
  let token: string;

  const secret = async (name: string): Promise<string> =>
    (await readFile(join(folder, 'compose/secrets', name), 'utf8')).trim();

  async function startOrthanc(): Promise<number> {
    const [port, httpPort] = [await findFreePort(), await findFreePort()];
    const [shipped, users] = [join(folder, 'compose/orthanc.json'), await secret('orthanc-users.json')];
    const configuration = JSON.parse(await readFile(shipped, 'utf8')) as { Worklists: object };
    const here = {
      StorageDirectory: join(folder, 'orthanc'),
      IndexDirectory: join(folder, 'orthanc'),
      Plugins: [`${PLUGINS}/libModalityWorklists.so`, `${PLUGINS}/libOrthancDicomWeb.so`],
      Worklists: { ...configuration.Worklists, Database: join(folder, 'compose/worklists') },
      DicomPort: port,
      HttpPort: httpPort,
    };
    const file = join(folder, 'orthanc.json');
    await writeFile(file, JSON.stringify({ ...configuration, ...(JSON.parse(users) as object), ...here }));
    orthanc = await cleanup.started(startProgram('Orthanc', [file], { port: httpPort, deadlineMs: 30_000 }));
    return port;
  }

  beforeAll(async () => {
    folder = await cleanup.folder();
    await cp(COMPOSE, join(folder, 'compose'), { recursive: true });
    await runOrThrow(join(folder, 'compose/secrets.sh'), []);
    token = await secret('console-token');
    await mkdir(join(folder, 'orthanc'));
    await makeDcmtkWorklist(join(folder, 'compose/worklists'));
    orthancPort = await startOrthanc();
    const postgres = await startPostgres({ fsync: false });
    cleanup.add(() => postgres.remove());
    await writeFile(join(folder, 'store-url'), await postgres.createDatabase('gateway'));

    const file = parse(await readFile(join(folder, 'compose/gateway.yaml'), 'utf8')) as GatewayFile;
    for (const listener of Object.values(file.listeners)) Object.assign(listener, { host: '127.0.0.1', port: 0 });
    Object.assign(file.upstreams['orthanc'] ?? {}, { host: '127.0.0.1', port: orthancPort });
    file.store.url = { file: join(folder, 'store-url') };
    consolePort = await findFreePort();
    const tokenFile = { file: join(folder, 'compose/secrets/console-token') };
    Object.assign(file.console, { host: '127.0.0.1', port: consolePort, token: tokenFile });
    gateway = await startGateway(folder, file);
    cleanup.add(() => gateway.running.stop());
  }, 120_000);
  afterAll(() => cleanup.run());

  const web = (): string => `http://127.0.0.1:${gateway.port('web')}/dicomweb`;

  test('modalities of both kinds get the worklist of Orthanc', async () => {
    const found = await findWithDcmtk({ port: gateway.port('ward'), aeTitle: 'DIMSEWAY', keys: ['PatientID'] });
    expect([finalStatus(found.log), countMatches(found.log)]).toEqual(['Success', ENTRIES]);
    expect((await searchPlain(folder, web(), '')).length).toBe(ENTRIES);
  });

  test('nobody but the gateway gets it from Orthanc itself', async () => {
    const asked = { port: orthancPort, aeTitle: 'ORTHANC', keys: ['PatientID'] };
    const stranger = await findWithDcmtk({ ...asked, callingAeTitle: 'STRANGER' });
    expect([finalStatus(stranger.log), countMatches(stranger.log)]).not.toEqual(['Success', ENTRIES]);
    const known = await findWithDcmtk({ ...asked, callingAeTitle: 'DIMSEWAY' });
    expect([finalStatus(known.log), countMatches(known.log)]).toEqual(['Success', ENTRIES]);
  });

  test('its own pages ask for a password', async () => {
    const { HttpPort } = JSON.parse(await readFile(join(folder, 'orthanc.json'), 'utf8')) as { HttpPort: number };
    const { RegisteredUsers } = JSON.parse(await secret('orthanc-users.json')) as {
      RegisteredUsers: { operator: string };
    };
    const url = `http://127.0.0.1:${HttpPort}/system`;
    expect((await fetch(url)).status).toBe(401);
    const Authorization = `Basic ${Buffer.from(`operator:${RegisteredUsers.operator}`).toString('base64')}`;
    expect((await fetch(url, { headers: { Authorization } })).status).toBe(200);
  });

  test('the console shows its health to everybody and the rest to whoever bears the token', async () => {
    const base = `http://127.0.0.1:${consolePort}`;
    expect((await fetch(`${base}/health/ready`)).status).toBe(200);
    expect((await fetch(`${base}/api/worklist`)).status).toBe(401);
    const headers = { Authorization: `Bearer ${token}` };
    expect((await fetch(`${base}/api/worklist`, { headers })).status).toBe(200);
  });

  test('when Orthanc is away, the embedded RIS answers with what the API was fed', async () => {
    const entry = {
      PatientName: 'Carter^Helen',
      PatientID: 'DOWN-1',
      StudyInstanceUID: '1.2.826.0.1.3680043.10.1462.2.9001',
      RequestedProcedureID: 'RP1',
      ScheduledProcedureStepSequence: { ScheduledProcedureStepID: 'SPS1', Modality: 'CT' },
    };
    const fed = await fetch(`http://127.0.0.1:${consolePort}/api/worklist`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(entry),
    });
    expect(fed.status).toBe(201);
    await orthanc.stop();
    const found = await searchPlain(folder, web(), 'ScheduledProcedureStepSequence.Modality=CT');
    expect(found.map((each) => each['00100020'])).toEqual([['LO', 'DOWN-1']]);
  });
});
