/**
 * Requests on the web → dimseway → odil and Orthanc as SCP, whose reports come on the same association, on a new one, and
 * before the answer to the request (PS3.18 13, PS3.4 J.3).
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  introduceToOrthanc,
  MANNERS,
  outcomeAtOrthanc,
  askWithOrthanc,
  reportByOdil,
  startOdilCommitmentScp,
  storeInOrthanc,
  type CommitmentScp,
  type Instance,
} from '../../scripts/peers/commitment.ts';
import type { Gateway } from '../../scripts/peers/gateway.ts';
import { findFreePort } from '../../scripts/peers/process.ts';
import { startOrthanc, type Orthanc } from '../../scripts/peers/orthanc.ts';
import { expectSoundPdus, Peers } from '../support/peers.ts';
import { moduleOf } from '../support/web-archive.ts';
import {
  COMMITMENT_CASES,
  freshTransactionUid,
  inTreeOrder,
  KNOWN,
  MISSING,
  treeOf,
  type CommitmentCase,
} from './commitment-cases.ts';

type Options = Readonly<Record<string, unknown>>;

/** The forms of PS3.18 J.1. */
const FORMS = {
  'Referenced SOP Sequence': {
    request: (asked: readonly Instance[]) => moduleOf({ committed: asked, failed: [] }),
    response: moduleOf,
  },
  'Referenced Study Sequence': {
    request: (asked: readonly Instance[]) => treeOf({ committed: asked, failed: [] }),
    response: treeOf,
  },
} as const;

describe('storage commitment, web → DIMSE', () => {
  const peers = new Peers();
  let folder = '';
  let orthanc: Orthanc;
  let gateway: Gateway;
  const scps = new Map<string, CommitmentScp>();

  beforeAll(async () => {
    folder = await peers.folder();
    await peers.startJudging();
    const ward = await findFreePort();
    for (const manner of MANNERS) {
      scps.set(manner, peers.watch(await startOdilCommitmentScp(folder, KNOWN, manner, ward)));
    }
    scps.set('no-role', peers.watch(await startOdilCommitmentScp(folder, KNOWN, 'new', ward, ['--no-role'])));
    scps.set('busy', peers.watch(await startOdilCommitmentScp(folder, KNOWN, 'never', ward, ['--refuse', '0213'])));
    scps.set('mute', peers.watch(await startOdilCommitmentScp(folder, KNOWN, 'never', ward)));
    orthanc = peers.watch(await startOrthanc(folder, []));
    await storeInOrthanc(orthanc, folder, KNOWN);
    gateway = await peers.gateway(configuration(ward), ['ward']);
    await introduceToOrthanc(orthanc, 'dimseway', { aeTitle: 'DIMSEWAY', port: ward });
  });
  afterAll(() => peers.close());

  /** Each SCP behind a base path of its own; reports come to one listener, from each by an AE title of its own. */
  function configuration(ward: number): Options {
    const far = [
      ...[...scps].map(([name, { port }], n) => ({ name, port, aeTitle: `ODIL${n}` })),
      { name: 'orthanc', port: orthanc.port, aeTitle: 'ORTHANC' },
    ];
    const web = far.map(({ name }) => [name, { protocol: 'dicomweb', port: 0, basePath: `/${name}` }]);
    const upstreams = far.map(({ name, port, aeTitle }) => [
      name,
      { protocol: 'dimse', host: '127.0.0.1', port, aeTitle, callingAeTitle: 'DIMSEWAY' },
    ]);
    return {
      listeners: {
        ...Object.fromEntries(web),
        // Who reports is let in all the same.
        ward: { protocol: 'dimse', aeTitle: 'DIMSEWAY', port: ward, access: { callingAeTitles: ['ORTHANC'] } },
      },
      upstreams: Object.fromEntries(upstreams),
      routes: [
        ...far.map(({ name }) => ({
          name,
          from: { listener: name },
          storageCommitment: {
            to: name,
            ...(name === 'mute' && { holdTime: '100ms', deadline: '2s' }),
            ...(name === 'later' && { holdTime: '300ms' }),
          },
        })),
        // Orthanc asks itself, by DIMSE all the way.
        { name: 'ward', from: { listener: 'ward' }, storageCommitment: { to: 'orthanc', transactionUids: 'own' } },
      ],
      store: { kind: 'sqlite', path: join(folder, 'dimseway.db') },
      console: { port: 0 },
      log: { level: 'warn' },
    };
  }

  const call = async (
    name: string,
    uid: string,
    module?: object,
  ): Promise<{ status: number; retryAfter: string | null; body: unknown }> => {
    const response = await fetch(`http://127.0.0.1:${gateway.port(name)}/${name}/commitment-requests/${uid}`, {
      method: module === undefined ? 'GET' : 'POST',
      headers: {
        accept: 'application/dicom+json',
        ...(module !== undefined && { 'content-type': 'application/dicom+json' }),
      },
      ...(module !== undefined && { body: JSON.stringify([module]) }),
    });
    const text = await response.text();
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    return { status: response.status, retryAfter: response.headers.get('retry-after'), body };
  };

  /** The result, whether it comes at once or is asked for; 202 has no payload (PS3.18 13.4). */
  const resultOf = async (name: string, uid: string, module: object): Promise<unknown> => {
    const answer = await call(name, uid, module);
    return settled(name, uid, answer);
  };

  const settled = async (name: string, uid: string, first?: Awaited<ReturnType<typeof call>>): Promise<unknown> => {
    let answer = first ?? (await call(name, uid));
    while (answer.status === 202) {
      expect({ body: answer.body, retryAfter: Number(answer.retryAfter) > 0 }).toEqual({
        body: undefined,
        retryAfter: true,
      });
      await sleep(50);
      answer = await call(name, uid);
    }
    expect(answer.status).toBe(200);
    return answer.body;
  };

  const table = [...MANNERS, 'no-role', 'orthanc'].flatMap((name) =>
    Object.entries(FORMS).map(([form, { request, response }]) => [name, form, request, response] as const),
  );

  test.each(table)('SCP that reports %s, asked by %s', async (name, _form, request, response) => {
    for (const { asked, outcome } of COMMITMENT_CASES) {
      const uid = freshTransactionUid();
      expect(await resultOf(name, uid, request(asked))).toEqual([response(outcome)]);
      // A result may be read again (13.5); its Transaction UID is used up (13.4).
      expect(await call(name, uid)).toMatchObject({ status: 200, body: [response(outcome)] });
      expect((await call(name, uid, request(asked))).status).toBe(409);
    }
  });

  test('what was reported was answered 0000H, on the association where it came', () => {
    for (const manner of [...MANNERS, 'no-role']) {
      const messages = scps.get(manner)?.messages() ?? [];
      const reports = messages.filter(({ message }) => message === 'N-EVENT-REPORT');
      const statuses = reports.map(({ status }) => status);
      expect({ manner, statuses }).toEqual({
        manner,
        statuses: Array.from({ length: 2 * COMMITMENT_CASES.length }, () => '0000'),
      });
    }
  });

  test('the N-ACTION has Transaction UID and Referenced SOP Sequence, whatever the form (PS3.4 J.3.2)', async () => {
    const uid = freshTransactionUid();
    const { asked } = COMMITMENT_CASES[2] as CommitmentCase;
    await resultOf('same', uid, treeOf({ committed: asked, failed: [] }));
    const action = scps
      .get('same')
      ?.messages()
      .find(({ transactionUid, message }) => transactionUid === uid && message === 'N-ACTION');
    expect(action).toMatchObject({
      ...{ calling: 'DIMSEWAY', called: 'ODIL0' },
      dataSet: {
        '00081195': { vr: 'UI', Value: [uid] },
        ...moduleOf({ committed: inTreeOrder(asked), failed: [] }),
      },
    });
  });

  test('0213H is 503, and the Transaction UID can be used again', async () => {
    const uid = freshTransactionUid();
    const module = moduleOf({ committed: KNOWN, failed: [] });
    for (let i = 0; i < 2; i++) {
      const { status, retryAfter } = await call('busy', uid, module);
      expect([status, Number(retryAfter) > 0]).toEqual([503, true]);
    }
    expect((await call('busy', uid)).status).toBe(404);
  });

  test('an SCP that never reports: 202 until the deadline, then every instance has failed by 0110H', async () => {
    const uid = freshTransactionUid();
    const failed = KNOWN.map((each) => ({ ...each, reason: 0x0110 }));
    expect(await resultOf('mute', uid, moduleOf({ committed: KNOWN, failed: [] }))).toEqual([
      moduleOf({ committed: [], failed }),
    ]);
    // It reports after all: that is what counts from then on (status mapping 7.2).
    const ward = { port: gateway.port('ward'), aeTitle: 'DIMSEWAY' };
    const mute = `ODIL${[...scps.keys()].indexOf('mute')}`;
    expect(await reportByOdil(ward, mute, uid, KNOWN)).toBe('0000');
    const late = { status: 200, body: [moduleOf({ committed: KNOWN, failed: [] })] };
    expect(await call('mute', uid)).toMatchObject(late);
    // And a report that says otherwise is answered, and changes nothing.
    expect(await reportByOdil(ward, mute, uid, KNOWN.slice(1))).toBe('0000');
    expect(await call('mute', uid)).toMatchObject(late);
  });

  test('Orthanc asks Orthanc by way of the gateway: DIMSE on both sides', async () => {
    await introduceToOrthanc(orthanc, 'gateway', { aeTitle: 'DIMSEWAY', port: gateway.port('ward') });
    for (const { asked, outcome } of COMMITMENT_CASES) {
      const uid = await askWithOrthanc(orthanc, 'gateway', asked);
      expect(await outcomeAtOrthanc(orthanc, uid)).toEqual({ remote: 'DIMSEWAY', ...outcome });
    }
  });

  test('a report of one who was not asked is 0115H, a stranger is not let in: nothing is taken from either', async () => {
    const ward = { port: gateway.port('ward'), aeTitle: 'DIMSEWAY' };
    const uid = freshTransactionUid();
    const { status } = await call('later', uid, moduleOf({ committed: MISSING, failed: [] }));
    expect(status).toBe(202);
    expect(await reportByOdil(ward, 'ODIL0', uid, MISSING)).toBe('0115');
    expect(await reportByOdil(ward, 'STRANGER', uid, MISSING)).toBe('failed');
    const failed = MISSING.map((each) => ({ ...each, reason: 0x0112 }));
    await expect(settled('later', uid)).resolves.toEqual([moduleOf({ committed: [], failed })]);
    expect(await reportByOdil(ward, 'ODIL0', freshTransactionUid(), MISSING)).toBe('0115');
  });

  test('tshark finds nothing wrong with what was sent and received', async () => {
    await gateway.running.stop();
    expectSoundPdus(await peers.judge());
  });
});
