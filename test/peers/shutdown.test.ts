/** How `serve` ends: what runs is finished, nothing new begins, and nothing acknowledged is lost (design 7, PS3.8 7.2). */
import { afterEach, expect, jest, test } from '@jest/globals';
import { join } from 'node:path';
import { startGateway } from '../../scripts/peers/gateway.ts';
import type { Gateway } from '../../scripts/peers/gateway.ts';
import { Cleanup } from '../../scripts/peers/process.ts';
import { toJson } from '../../src/dataset/json.ts';
import { encodePdu, PDU_TYPE } from '../../src/dimse/upper-layer/pdu.ts';
import { associateRq, decodeRaw, MessageReader, RELEASE_RP } from '../support/dimse-bytes.ts';
import { createRq, MPPS_CONTEXTS, MPPS_UID } from '../support/dimse-mpps.ts';
import { call } from '../support/http-client.ts';
import { createMessage } from '../support/mpps.ts';
import { RawPeer } from '../support/raw-peer.ts';
import { FaultBed } from '../support/spool-faults/bed.ts';
import { livesOf } from '../support/spool-faults/lives.ts';
import { expectAllArrived } from '../support/spool-faults/proof.ts';
import { seedOfRun } from '../support/spool-faults/random.ts';
import { StubOriginServer } from '../support/stub-origin-server.ts';

jest.setTimeout(60_000);

const PATH = `/dicomweb/modality-performed-procedure-steps/${MPPS_UID}`;
const JSON_TYPE = { 'Content-Type': 'application/dicom+json' };
/** Longer than a test takes: who waits for it fails. */
const NEVER = '10m';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** A far end that answers when it is told to; `asked` when so many requests have come. */
async function heldFarEnd(): Promise<{ baseUrl: string; asked(count: number): Promise<void>; answer(): void }> {
  const gate = Promise.withResolvers<void>();
  let look = (): void => undefined;
  const stub = await StubOriginServer.start(async (_request, index) => {
    look();
    await gate.promise;
    return { status: index < 2 ? 201 : 409 };
  });
  cleanup.add(() => stub.close());
  return {
    baseUrl: stub.baseUrl,
    answer: () => gate.resolve(),
    asked: (count) =>
      new Promise((resolve) => {
        look = () => void (stub.requests.length >= count && resolve());
        look();
      }),
  };
}

/** Both protocols in, directly to the far end. */
async function gatewayTo(baseUrl: string, shutdown: string): Promise<Gateway> {
  const folder = await cleanup.folder();
  const gateway = await startGateway(folder, {
    listeners: {
      ward: { protocol: 'dimse', aeTitle: 'DIMSEWAY', port: 0 },
      web: { protocol: 'dicomweb', port: 0, basePath: '/dicomweb' },
    },
    upstreams: { far: { protocol: 'dicomweb', baseUrl } },
    routes: [{ name: 'all', mpps: { to: 'far' } }],
    store: { kind: 'sqlite', path: join(folder, 'dimseway.db') },
    timers: { shutdown },
  });
  cleanup.add(() => gateway.running.stop('SIGKILL'));
  return gateway;
}

/** An association with the gateway; undefined: there is none to be had. */
async function associate(port: number): Promise<RawPeer | undefined> {
  let peer: RawPeer;
  try {
    peer = await RawPeer.connect(port);
  } catch {
    return undefined;
  }
  cleanup.add(async () => peer.destroy());
  peer.send(encodePdu(associateRq({ contexts: MPPS_CONTEXTS })));
  const answer = await peer.receive();
  return answer !== undefined && decodeRaw(answer).type === PDU_TYPE.associateAc ? peer : undefined;
}

async function established(port: number): Promise<RawPeer> {
  const peer = await associate(port);
  if (peer === undefined) throw new Error('no association');
  return peer;
}

/** Resolves when the gateway says that it stops. */
async function terminate(gateway: Gateway): Promise<void> {
  process.kill(gateway.pid, 'SIGTERM');
  await gateway.running.waitFor(/"message":"stopping"/);
}

const createByWeb = (gateway: Gateway, uid = '.2'): ReturnType<typeof call> =>
  call(gateway.port('web'), PATH + uid, { method: 'POST', headers: JSON_TYPE, body: toJson(createMessage()) });

test('SIGTERM: running exchanges are answered, then A-RELEASE; nothing new begins; exit status 0', async () => {
  const far = await heldFarEnd();
  const gateway = await gatewayTo(far.baseUrl, NEVER);
  const idle = await established(gateway.port('ward'));
  const busy = await established(gateway.port('ward'));
  const reader = new MessageReader(busy);
  busy.send(createRq(createMessage()));
  const byWeb = createByWeb(gateway);
  await far.asked(2);

  await terminate(gateway);
  expect(decodeRaw(await idle.receive()).type).toBe(PDU_TYPE.releaseRq);
  idle.send(RELEASE_RP);
  expect(await associate(gateway.port('ward'))).toBeUndefined();
  await expect(createByWeb(gateway, '.3')).rejects.toThrow();

  far.answer();
  expect((await reader.next()).command).toMatchObject({ commandField: 0x8140, status: 0 });
  expect(decodeRaw(await busy.receive()).type).toBe(PDU_TYPE.releaseRq);
  busy.send(RELEASE_RP);
  expect((await byWeb).status).toBe(201);
  expect(await gateway.running.stop()).toBe(0);
});

test('what has not ended within timers.shutdown is refused or aborted (A-ABORT, 504: its outcome is unknown), never acknowledged; exit status 0', async () => {
  const far = await heldFarEnd();
  const gateway = await gatewayTo(far.baseUrl, '300ms');
  const busy = await established(gateway.port('ward'));
  busy.send(createRq(createMessage()));
  const byWeb = createByWeb(gateway);
  await far.asked(2);
  await terminate(gateway);
  expect(await busy.receiveTypes()).toEqual([PDU_TYPE.abort]);
  expect((await byWeb).status).toBe(504);
  expect(await gateway.running.stop()).toBe(0);
});

test('a second signal ends it at once; what was acknowledged is delivered after the next start', async () => {
  const seed = seedOfRun();
  const bed = await FaultBed.open(seed);
  cleanup.add(() => bed.close());
  await bed.startDestinations({ hasFaults: false, rejects: false });
  const gateway = await bed.gateway(
    'gateway',
    { kind: 'sqlite', path: join(bed.folder, 'dimseway.db') },
    { timers: { shutdown: NEVER }, log: { level: 'info' } },
  );
  await gateway.start();
  // They take connections and answer nothing: attempts are under way to the end.
  for (const { running } of bed.destinations) process.kill(running.pid, 'SIGSTOP');
  const lives = livesOf(seed, 20);
  const ward = bed.ward(gateway.ports, { sources: 4 });
  await ward.send(lives);
  expect(ward.problems).toEqual([]);

  process.kill(gateway.running.pid, 'SIGTERM');
  await gateway.running.waitFor(/"message":"stopping"/);
  expect(await gateway.stop('SIGINT')).toBe(0);
  for (const { running } of bed.destinations) process.kill(running.pid, 'SIGCONT');
  await gateway.start();
  await expectAllArrived(bed, gateway, lives, 20_000);
});

test('restarted again and again while modalities work: exit status 0 each time, every message arrives once and in order', async () => {
  const seed = seedOfRun();
  const bed = await FaultBed.open(seed);
  cleanup.add(() => bed.close());
  await bed.startDestinations({ hasFaults: false, rejects: false });
  const gateway = await bed.gateway('gateway', { kind: 'sqlite', path: join(bed.folder, 'dimseway.db') });
  await gateway.start();
  const lives = livesOf(seed, 40);
  const ward = bed.ward(gateway.ports, { sources: 4 });
  const sent = ward.send(lives);
  const codes: (number | null)[] = [];
  for (let restart = 1; restart <= 3; restart++) {
    await ward.hasSent(restart * 35);
    codes.push(await gateway.stop());
    await gateway.start();
  }
  await sent;
  expect({ seed, codes, problems: ward.problems }).toEqual({ seed, codes: [0, 0, 0], problems: [] });
  await expectAllArrived(bed, gateway, lives, 20_000);
});
