/** MPPS Notification through a whole gateway over real sockets: an SCP of MPPS, a modality, and an SCU that listens. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from '../../src/app.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Reporter } from '../../src/dimse/reporters.ts';
import { DimseUpstream } from '../../src/dimse/upstream.ts';
import { SILENT } from '../../src/observe/log.ts';
import type { MppsEvent } from '../../src/services/mpps/notification.ts';
import { ServiceFailure } from '../../src/services/port.ts';
import { ScriptedHandler, startListener } from '../support/dimse-listener.ts';
import type { RunningListener } from '../support/dimse-listener.ts';
import { createContext, UPSTREAM_OPTIONS } from '../support/dimse-upstream.ts';
import { createMessage, finalMessage, MPPS_UID, progressMessage } from '../support/mpps.ts';

const GATEWAY: Reporter = { aeTitle: 'DIMSEWAY', host: '127.0.0.1', reports: ['mpps'] };

let folder: string;
let app: App;
let manager: RunningListener;
let board: RunningListener;
let callers: DimseUpstream[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
  app = new App({ ...SILENT, setLevel: () => undefined }, () => loadConfig(join(folder, 'gateway.yaml'), {}));
  manager = await startListener(new ScriptedHandler(), { aeTitles: ['MANAGER'] });
  board = await startListener(new ScriptedHandler(), { aeTitles: ['BOARD'], reporters: [GATEWAY] });
  callers = [];
});
afterEach(async () => {
  for (const caller of callers) await caller.close();
  await app.close();
  for (const { listener } of [manager, board]) await listener.close(0);
  await rm(folder, { recursive: true });
});

async function start(source: string): Promise<void> {
  const peer = (port: number, aeTitle: string): string =>
    `{ protocol: dimse, host: 127.0.0.1, port: ${port}, aeTitle: ${aeTitle}, callingAeTitle: DIMSEWAY, spool: { firstDelay: 50ms } }`;
  const file = join(folder, 'gateway.yaml');
  const text = `
store: { path: ${join(folder, 'store.db')} }
listeners: { ward: { protocol: dimse, aeTitle: DIMSEWAY, port: 0 } }
upstreams:
  manager: ${peer(manager.port, 'MANAGER')}
  board: ${peer(board.port, 'BOARD')}
routes:
  - { name: all, mpps: { to: manager }, notifications: { to: board, source: ${source} } }
timers: { shutdown: 200ms }
`;
  await writeFile(file, text);
  await app.start((await loadConfig(file, {})).config);
}

/** Calls the gateway under an AE title. */
function caller(callingAeTitle: string): DimseUpstream {
  const port = app.ports().listeners['ward']?.port ?? 0;
  const made = new DimseUpstream({ ...UPSTREAM_OPTIONS, port, callingAeTitle, aeTitle: 'DIMSEWAY' }, SILENT);
  callers.push(made);
  return made;
}

/** The first events that the SCU has taken; `refuse` is thrown at the first attempt. */
function toldTo({ handler }: RunningListener, count: number, refuse?: ServiceFailure): Promise<MppsEvent[]> {
  const all = Promise.withResolvers<MppsEvent[]>();
  const events: MppsEvent[] = [];
  let refusal = refuse;
  handler.notifyMpps = async (event) => {
    if (refusal !== undefined) {
      const failure = refusal;
      refusal = undefined;
      throw failure;
    }
    if (events.push(event) === count) all.resolve(events);
  };
  return all.promise;
}

test('what a modality does to a step is told to an SCU, state by state (PS3.4 F.9.2)', async () => {
  await start('gateway');
  const told = toldTo(board, 3);
  const modality = caller('CT1');
  await modality.createMpps(MPPS_UID, createMessage(), createContext());
  await modality.updateMpps(MPPS_UID, progressMessage(), createContext());
  await modality.updateMpps(MPPS_UID, finalMessage(), createContext());
  expect(await told).toEqual([1, 4, 2].map((type) => ({ uid: MPPS_UID, type })));
  expect(manager.handler.asked).toHaveLength(3);
});

test('an SCU without room is told again, until it has it (status mapping 6)', async () => {
  await start('gateway');
  const told = toldTo(board, 1, new ServiceFailure('OUT_OF_RESOURCES'));
  await caller('CT1').createMpps(MPPS_UID, createMessage(), createContext());
  expect(await told).toEqual([{ uid: MPPS_UID, type: 1 }]);
});

test('what the SCP of MPPS tells is passed on, and what modalities say is not told besides (proxy flows 7.7)', async () => {
  await start('upstream');
  const told = toldTo(board, 2);
  await caller('CT1').createMpps(MPPS_UID, createMessage(), createContext());
  const scp = caller('MANAGER');
  await scp.notifyMpps({ uid: MPPS_UID, type: 1 }, createContext());
  await scp.notifyMpps({ uid: MPPS_UID, type: 3 }, createContext());
  expect(await told).toEqual([1, 3].map((type) => ({ uid: MPPS_UID, type })));
});

test('nobody notifies where the word of the upstream is not waited for: the class is not offered', async () => {
  await start('gateway');
  await expect(caller('MANAGER').notifyMpps({ uid: MPPS_UID, type: 1 }, createContext())).rejects.toMatchObject({
    code: 'NOT_SUPPORTED',
  });
});
