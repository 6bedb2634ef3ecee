/**
 * N-ACTION by odil and Orthanc → dimseway → an archive on the web, and its result back as N-EVENT-REPORT: on the same
 * association and on a new one (PS3.4 J.3, PS3.18 13).
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import {
  askWithOdil,
  askWithOrthanc,
  eventInformation,
  introduceToOrthanc,
  outcomeAtOrthanc,
  startOdilCommitmentListener,
  type CommitmentMessage,
  type CommitmentScp,
} from '../../scripts/peers/commitment.ts';
import type { Gateway } from '../../scripts/peers/gateway.ts';
import { startOrthanc, type Orthanc } from '../../scripts/peers/orthanc.ts';
import { expectSoundPdus, Peers, type Target } from '../support/peers.ts';
import { WebArchive } from '../support/web-archive.ts';
import { COMMITMENT_CASES, freshTransactionUid, reasonOf, type CommitmentCase } from './commitment-cases.ts';

type Options = Readonly<Record<string, unknown>>;

/** How an archive answers: the request itself, its first Result Check, a later one. */
const PACES = { 'at once': 0, 'at the first check': 1, later: 3 } as const;

describe('storage commitment, DIMSE → web', () => {
  const peers = new Peers();
  let folder = '';
  let archive: WebArchive;
  let pending = 0;
  let listener: CommitmentScp;
  let orthanc: Orthanc;
  let gateway: Gateway;
  let ward: Target;
  let second: Target;

  beforeAll(async () => {
    folder = await peers.folder();
    await peers.startJudging();
    archive = await WebArchive.start({ reasonOf, pendingAnswers: () => pending });
    peers.cleanup.add(() => archive.goAway());
    listener = peers.watch(await startOdilCommitmentListener());
    orthanc = peers.watch(await startOrthanc(folder, []));
    gateway = await peers.gateway(configuration(), ['ward', 'second']);
    ward = { port: gateway.port('ward'), aeTitle: 'DIMSEWAY' };
    second = { port: gateway.port('second'), aeTitle: 'SECOND' };
    await introduceToOrthanc(orthanc, 'ward', ward);
    await introduceToOrthanc(orthanc, 'second', second);
  });
  afterAll(() => peers.close());

  function configuration(): Options {
    const address = (port: number, aeTitle: string): Options => ({
      protocol: 'dimse',
      host: '127.0.0.1',
      port,
      aeTitle,
      callingAeTitle: 'DIMSEWAY',
    });
    const poll = { first: '20ms', maximum: '100ms' };
    return {
      listeners: {
        ward: { protocol: 'dimse', aeTitle: 'DIMSEWAY', port: 0 },
        second: { protocol: 'dimse', aeTitle: 'SECOND', port: 0 },
      },
      upstreams: {
        archive: { protocol: 'dicomweb', baseUrl: archive.baseUrl },
        orthanc: address(orthanc.port, 'ORTHANC'),
        odil: address(listener.port, 'ODILSCU'),
      },
      routes: [
        { name: 'ward', from: { listener: 'ward' }, storageCommitment: { to: 'archive', poll } },
        {
          name: 'second',
          from: { listener: 'second' },
          storageCommitment: {
            ...{ to: 'archive', poll, transactionUids: 'own', reportOn: 'new-association' },
            retrieveAeTitle: 'RETRIEVE',
          },
        },
      ],
      store: { kind: 'sqlite', path: join(folder, 'dimseway.db') },
      console: { port: 0 },
      log: { level: 'warn' },
    };
  }

  const eventsOf = (messages: readonly CommitmentMessage[], uid: string): CommitmentMessage[] =>
    messages.filter(
      ({ message, dataSet }) => message === 'N-EVENT-REPORT' && JSON.stringify(dataSet).includes(`"${uid}"`),
    );

  const reportTo = async (scu: CommitmentScp, uid: string): Promise<CommitmentMessage | undefined> => {
    await scu.running.waitFor(new RegExp(`"N-EVENT-REPORT".*"${uid.replaceAll('.', '\\.')}".*\n`));
    return eventsOf(scu.messages(), uid)[0];
  };

  const table = Object.entries(PACES).flatMap(([pace, answers]) =>
    COMMITMENT_CASES.map((one) => [one.title, pace, one, answers] as const),
  );

  test.each(table)(
    'odil waits on its association: %s, told %s',
    async (_title, _pace, one: CommitmentCase, answers) => {
      pending = answers;
      const uid = freshTransactionUid();
      const messages = await askWithOdil(ward, uid, one.asked, { waitS: 20 });
      expect(messages).toEqual([
        { message: 'N-ACTION', status: '0000', comment: null, errorId: null },
        {
          ...{ message: 'N-EVENT-REPORT', calling: 'ODILSCU', called: 'DIMSEWAY', isNew: false, role: 'SCU' },
          ...{ eventType: one.outcome.failed.length > 0 ? 2 : 1, status: '0000' },
          dataSet: eventInformation(uid, one.outcome),
        },
      ]);
      expect(archive.commitments.get(uid)?.asked).toEqual(one.asked);
    },
  );

  test.each(table)('odil releases and listens: %s, told %s', async (_title, _pace, one: CommitmentCase, answers) => {
    pending = answers;
    const uid = freshTransactionUid();
    const messages = await askWithOdil(ward, uid, one.asked);
    expect(messages).toEqual([{ message: 'N-ACTION', status: '0000', comment: null, errorId: null }]);
    expect(await reportTo(listener, uid)).toEqual({
      ...{ message: 'N-EVENT-REPORT', calling: 'DIMSEWAY', called: 'ODILSCU', isNew: true, role: 'SCP' },
      ...{ eventType: one.outcome.failed.length > 0 ? 2 : 1, status: '0000' },
      dataSet: eventInformation(uid, one.outcome),
    });
  });

  test.each(table)('Orthanc asks: %s, told %s', async (_title, _pace, one: CommitmentCase, answers) => {
    pending = answers;
    const uid = await askWithOrthanc(orthanc, 'ward', one.asked);
    expect(await outcomeAtOrthanc(orthanc, uid)).toEqual({ remote: 'DIMSEWAY', ...one.outcome });
  });

  test('reports by the AE title that was called, on a new association where the route says so, with Retrieve AE Title', async () => {
    pending = 1;
    const [{ asked, outcome }] = COMMITMENT_CASES.slice(2) as [CommitmentCase];
    const uid = freshTransactionUid();
    const messages = await askWithOdil(second, uid, asked, { waitS: 1 });
    expect(eventsOf(messages, uid)).toEqual([]);
    expect(await reportTo(listener, uid)).toMatchObject({
      ...{ calling: 'SECOND', called: 'ODILSCU', isNew: true, role: 'SCP' },
      dataSet: { ...eventInformation(uid, outcome), '00080054': { vr: 'AE', Value: ['RETRIEVE'] } },
    });
    const own = [...archive.commitments.values()].at(-1);
    expect(own).toMatchObject({ asked });
    expect(own?.transactionUid).not.toBe(uid);
  });

  test('a Transaction UID that is used again is refused, Error ID 0131H (PS3.4 J.3.2)', async () => {
    pending = 0;
    const [{ asked }] = COMMITMENT_CASES as [CommitmentCase];
    const uid = freshTransactionUid();
    await askWithOdil(ward, uid, asked);
    await reportTo(listener, uid);
    const [again] = await askWithOdil(ward, uid, asked);
    expect(again).toMatchObject({ message: 'N-ACTION', status: '0110', errorId: 0x0131 });
    // One of another requestor is another transaction, though one the archive does not take under the same UID.
    const [other] = await askWithOdil(second, uid, asked);
    expect(other).toMatchObject({ message: 'N-ACTION', status: '0000' });
  });

  test('an SCU that refuses the report gets it again until it takes it', async () => {
    pending = 0;
    const [{ asked, outcome }] = COMMITMENT_CASES as [CommitmentCase];
    await listener.running.stop();
    const busy = peers.watch(await startOdilCommitmentListener(['0213'], listener.port));
    const uid = freshTransactionUid();
    await askWithOdil(ward, uid, asked);
    await busy.running.waitFor(/"status": "0000"/, 30_000);
    const events = eventsOf(busy.messages(), uid);
    expect(events.map(({ status, dataSet }) => ({ status, dataSet }))).toEqual([
      { status: '0213', dataSet: eventInformation(uid, outcome) },
      { status: '0000', dataSet: eventInformation(uid, outcome) },
    ]);
  });

  test('tshark finds nothing wrong with what was sent and received', async () => {
    await gateway.running.stop();
    expectSoundPdus(await peers.judge());
  });
});
