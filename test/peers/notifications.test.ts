/** MPPS Notification with odil: told to it as SCU, and taken from it as SCP (PS3.4 F.9). */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { join } from 'node:path';
import type { Gateway } from '../../scripts/peers/gateway.ts';
import { sendMpps, startMppsScp, writeDicomFiles, type MppsScp, type MppsStep } from '../../scripts/peers/mpps.ts';
import {
  notifyByOdil,
  startOdilNotificationScu,
  type NotificationScu,
  type SeenNotification,
} from '../../scripts/peers/notification.ts';
import { expectSoundPdus, Peers, type Target } from '../support/peers.ts';
import { completeOf, createOf, discontinueOf, progressOf, series } from './mpps-cases.ts';

const peers = new Peers();
const MPPS_CLASS = '1.2.840.10008.3.1.2.3.3';
let folder = '';
let scp: MppsScp;
let scu: NotificationScu;
let gateway: Gateway;
/** Whose MPPS are told by the gateway itself, and by the SCP of MPPS. */
let own: Target;
let theirs: Target;
let files: string[];

beforeAll(async () => {
  folder = await peers.folder();
  await peers.startJudging();
  scp = peers.watch(await startMppsScp('odil', folder));
  // The first event of all finds no room.
  scu = peers.watch(await startOdilNotificationScu(['0213']));
  const peer = ({ port, aeTitle }: Target): object => {
    const spool = { firstDelay: '50ms', maximumDelay: '200ms' };
    return { protocol: 'dimse', host: '127.0.0.1', port, aeTitle, callingAeTitle: 'DIMSEWAY', spool };
  };
  const listener = (aeTitle: string): object => ({ protocol: 'dimse', aeTitle, port: 0 });
  const route = (name: string, source: string, more: object = {}): object => ({
    ...{ name, from: { listener: name }, mpps: { to: 'manager', ...more } },
    notifications: { to: 'board', source },
  });
  gateway = await peers.gateway(
    {
      listeners: { own: listener('DIMSEWAY'), theirs: listener('THEIRS') },
      upstreams: { manager: peer(scp), board: peer(scu) },
      routes: [route('own', 'gateway'), route('theirs', 'upstream', { unknownInstance: 'refuse' })],
      store: { path: join(folder, 'dimseway.db') },
      console: { port: 0 },
      log: { level: 'warn' },
    },
    ['own', 'theirs'],
  );
  own = { port: gateway.port('own'), aeTitle: 'DIMSEWAY' };
  theirs = { port: gateway.port('theirs'), aeTitle: 'THEIRS' };
  files = await writeDicomFiles(folder, [
    { name: 'create', dataSet: createOf() },
    { name: 'progress', dataSet: progressOf(series(1, 1)) },
    { name: 'complete', dataSet: completeOf(series(1, 2)) },
    { name: 'discontinue', dataSet: discontinueOf() },
  ]);
});
afterAll(() => peers.close());

const told = (uid: string, eventType: number, status = '0000'): SeenNotification => ({
  calling: 'DIMSEWAY',
  called: 'ODILSCU',
  role: 'SCP',
  class: '1.2.840.10008.3.1.2.3.5',
  uid,
  eventType,
  hasDataSet: false,
  status,
});

/** What odil was told of an instance, once it knows of an event. */
async function toldOf(uid: string, lastType: number): Promise<SeenNotification[]> {
  await scu.running.waitFor(new RegExp(`"uid": "${uid.replaceAll('.', '\\.')}", "eventType": ${lastType}.*\n`));
  return scu.seen().filter((seen) => seen.uid === uid);
}

/** By a modality; under the title of the SCU, that one would not be told. */
async function modality(target: Target, ...steps: MppsStep[]): Promise<void> {
  const answers = await sendMpps('odil', folder, target, steps, { callingAeTitle: 'MR01' });
  expect(answers.map(({ status }) => status)).toEqual(steps.map(() => '0000'));
}

const file = (name: string): string => files.find((path) => path.endsWith(`${name}.dcm`)) ?? '';
const UID = '1.2.276.0.7230010.3.9.8';

test('odil hears of each step a modality takes: one without room (0213H) is told again (F.9.2)', async () => {
  const uid = `${UID}.1`;
  const [create, progress, complete] = [file('create'), file('progress'), file('complete')];
  await modality(own, `create:${uid}:${create}`, `set:${uid}:${progress}`, `set:${uid}:${complete}`);
  expect(await toldOf(uid, 2)).toEqual([told(uid, 1, '0213'), told(uid, 1), told(uid, 4), told(uid, 2)]);
});

test('and of a step that is discontinued', async () => {
  const uid = `${UID}.2`;
  await modality(own, `create:${uid}:${file('create')}`, `set:${uid}:${file('discontinue')}`);
  expect(await toldOf(uid, 3)).toEqual([told(uid, 1), told(uid, 3)]);
});

test('odil tells as SCP what becomes of a step it was given, and odil hears of it', async () => {
  const uid = `${UID}.3`;
  await modality(theirs, `create:${uid}:${file('create')}`);
  const events = [1, 4, 2, 5].map((type) => [uid, type] as const);
  expect(await notifyByOdil(theirs, 'ODIL', events)).toEqual(['0000', '0000', '0000', '0000']);
  expect(await toldOf(uid, 5)).toEqual([told(uid, 1), told(uid, 4), told(uid, 2), told(uid, 5)]);
});

test('odil without a role is heard all the same, by any listener', async () => {
  const uid = `${UID}.4`;
  await modality(theirs, `create:${uid}:${file('create')}`);
  expect(await notifyByOdil(own, 'ODIL', [[uid, 3]], ['--no-role'])).toEqual(['0000']);
  expect(await toldOf(uid, 3)).toEqual([told(uid, 3)]);
});

test('0118H for another class, 0113H for another event, 0117H for what is no UID (status mapping 6)', async () => {
  const uid = `${UID}.3`;
  expect(await notifyByOdil(theirs, 'ODIL', [[uid, 1]], ['--as', MPPS_CLASS])).toEqual(['0118']);
  expect(
    await notifyByOdil(theirs, 'ODIL', [
      [uid, 6],
      ['1.02', 1],
    ]),
  ).toEqual(['0113', '0117']);
});

test('who is not the SCP of the MPPS is not offered the class', async () => {
  const [answer] = await notifyByOdil(theirs, 'SOMEBODY', [[`${UID}.3`, 1]]);
  expect(answer).toMatch(/^failed/);
});

test('every PDU is sound by tshark (PS3.8 9.3)', async () => {
  expectSoundPdus(await peers.judge());
});
