/** What goes wrong on the way: the gateway killed, an SCP that is slow, breaks off or is gone. Every message arrives once. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startGateway, type Gateway } from '../../scripts/peers/gateway.ts';
import type { MppsScp } from '../../scripts/peers/mpps.ts';
import { findFreePort } from '../../scripts/peers/process.ts';
import { expectSoundPdus, type Target } from '../support/peers.ts';
import { create, MppsBed, retrieve, update, writesOf } from './mpps-bed.ts';
import { completeOf, createOf, progressOf, series } from './mpps-cases.ts';

describe('faults', () => {
  const bed = new MppsBed();
  let count = 0;
  const freshUid = (): string => `1.2.826.0.1.3680043.10.999.9.4.${++count}`;
  let files: string[] = [];

  beforeAll(async () => {
    await bed.open();
    files = await bed.filesOf([
      { dataSet: createOf() },
      { dataSet: progressOf(series(1, 1)) },
      { dataSet: completeOf(series(1, 1)) },
    ]);
    await bed.peers.startJudging();
  });
  afterAll(() => bed.close());

  /** Messages that took effect at the SCP, by name. */
  const effects = async (scp: MppsScp, uid: string): Promise<string[]> => {
    const received = (await scp.received()).filter((one) => one.uid === uid && one.message !== 'N-GET');
    return received.filter(({ status }) => ['0000', 'abort'].includes(status)).map(({ message }) => message);
  };

  /** Starts it; `kill` ends it at once and starts it again on the same ports and store. */
  const killable = async (
    configurationOf: (port: number) => Readonly<Record<string, unknown>>,
    dicomListeners: readonly string[] = [],
  ): Promise<{ port: number; kill: () => Promise<void> }> => {
    const port = await findFreePort();
    const configuration = configurationOf(port);
    let gateway: Gateway = await bed.peers.gateway(configuration, dicomListeners);
    return {
      port,
      kill: async () => {
        await gateway.running.stop('SIGKILL');
        gateway = await startGateway(bed.folder, configuration, `again${++count}`);
        bed.peers.cleanup.add(() => gateway.running.stop());
      },
    };
  };

  test('kill -9 of the web gateway between create and update: the update works, the state is known', async () => {
    const scp = await bed.scp('dcmtk');
    const { port, kill } = await killable((free) => bed.webConfiguration(scp, { port: free }));
    const baseUrl = `http://127.0.0.1:${port}/dicomweb`;
    const uid = freshUid();
    expect((await create(baseUrl, uid, createOf())).status).toBe(201);
    await kill();
    expect((await create(baseUrl, uid, createOf())).status).toBe(409);
    expect((await update(baseUrl, uid, completeOf(series(1, 1)))).status).toBe(200);
    await kill();
    expect((await update(baseUrl, uid, progressOf(series(2, 1)))).status).toBe(409);
    expect((await retrieve(baseUrl, uid)).status).toBe(200);
    // Neither the second create nor the late update was sent: the record knew.
    expect((await scp.received()).filter(({ message }) => message !== 'N-GET').map(({ message }) => message)).toEqual([
      'N-CREATE',
      'N-SET',
    ]);
  });

  test('kill -9 of the DIMSE gateway between N-CREATE and N-SET: the same', async () => {
    const scp = await bed.scp('odil');
    const baseUrl = await bed.originServer(scp);
    const { port, kill } = await killable((free) => bed.wardConfiguration(baseUrl, { port: free }), ['ward']);
    const target: Target = { port, aeTitle: 'DIMSEWAY' };
    const uid = freshUid();
    const statuses = async (...steps: Parameters<MppsBed['send']>[2]): Promise<string[]> =>
      (await bed.send('odil', target, steps)).map(({ status }) => status);
    expect(await statuses(`create:${uid}:${files[0]}`)).toEqual(['0000']);
    await kill();
    expect(await statuses(`create:${uid}:${files[0]}`, `set:${uid}:${files[2]}`)).toEqual(['0111', '0000']);
    await kill();
    expect(await statuses(`set:${uid}:${files[1]}`, `get:${uid}`)).toEqual(['0110', '0000']);
    expect(await effects(scp, uid)).toEqual(['N-CREATE', 'N-SET']);
  });

  test.each([
    { fault: 'create:abort', what: 'stores the N-CREATE and breaks off: looked up by N-GET' },
    { fault: 'create:lose', what: 'breaks off before it stores the N-CREATE: sent once more' },
    { fault: 'set:abort', what: 'does the N-SET and breaks off: repeated, with the same effect' },
    { fault: 'set:lose', what: 'breaks off before it does the N-SET: sent once more' },
  ])('an SCP that $what', async ({ fault }) => {
    const scp = await bed.scp('odil', [fault]);
    const baseUrl = await bed.originServer(scp);
    const uid = freshUid();
    expect((await create(baseUrl, uid, createOf())).status).toBe(201);
    expect((await update(baseUrl, uid, progressOf(series(1, 1)))).status).toBe(200);
    expect((await update(baseUrl, uid, completeOf(series(1, 1)))).status).toBe(200);
    const twice = fault === 'set:abort' ? ['N-SET'] : [];
    expect(await effects(scp, uid)).toEqual(['N-CREATE', ...twice, 'N-SET', 'N-SET']);
    const [kept] = await bed.plain([{ ...createOf(), ...completeOf(series(1, 1)) }]);
    expect(await bed.read(await retrieve(baseUrl, uid))).toEqual([kept]);
  });

  test('an SCP without N-GET that stores the N-CREATE and breaks off: the duplicate of our own is success', async () => {
    const scp = await bed.scp('odil', ['create:abort', 'get:status=0211:always']);
    const uid = freshUid();
    expect((await create(await bed.originServer(scp), uid, createOf())).status).toBe(201);
    expect((await scp.received()).map(({ message, status }) => [message, status])).toEqual([
      ['N-CREATE', 'abort'],
      ['N-GET', '0211'],
      ['N-CREATE', '0111'],
    ]);
  });

  test('a final update done and not answered: the repeat that finds it final is success', async () => {
    const scp = await bed.scp('odil', ['set:abort']);
    const baseUrl = await bed.originServer(scp);
    const uid = freshUid();
    expect((await create(baseUrl, uid, createOf())).status).toBe(201);
    expect((await update(baseUrl, uid, completeOf(series(1, 1)))).status).toBe(200);
    expect(await effects(scp, uid)).toEqual(['N-CREATE', 'N-SET']);
    expect((await update(baseUrl, uid, progressOf(series(2, 1)))).status).toBe(409);
  });

  test('an SCP slower than the upstream waits: looked up inside the patience of the caller, arrives once', async () => {
    const scp = await bed.scp('odil', ['create:delay=1.5']);
    const baseUrl = await bed.originServer(scp, { upstream: { timers: { response: '500ms' } } });
    const uid = freshUid();
    expect((await create(baseUrl, uid, createOf())).status).toBe(201);
    expect(await effects(scp, uid)).toEqual(['N-CREATE']);
  });

  test('by DIMSE through two gateways, the SCU learns of none of it', async () => {
    const scp = await bed.scp('odil', ['create:abort', 'set:lose']);
    const chain = await bed.chainTo(scp);
    const uid = freshUid();
    const steps = [`create:${uid}:${files[0]}`, `set:${uid}:${files[1]}`, `set:${uid}:${files[2]}`] as const;
    const answers = await bed.send('dcmtk', chain, steps);
    expect(answers.map(({ status }) => status)).toEqual(['0000', '0000', '0000']);
    expect(await effects(scp, uid)).toEqual(['N-CREATE', 'N-SET', 'N-SET']);
  });

  test('an SCP that refuses for now: 503 with Retry-After, 0213H; the same message later is done', async () => {
    const scp = await bed.scp('odil', ['create:status=0213', 'set:status=0213']);
    const baseUrl = await bed.originServer(scp);
    const uid = freshUid();
    const busy = await create(baseUrl, uid, createOf());
    expect([busy.status, busy.headers.has('retry-after')]).toEqual([503, true]);
    expect((await create(baseUrl, uid, createOf())).status).toBe(201);
    expect((await update(baseUrl, uid, completeOf(series(1, 1)))).status).toBe(503);
    expect((await update(baseUrl, uid, completeOf(series(1, 1)))).status).toBe(200);
    expect(writesOf(await scp.received(), [uid])).toHaveLength(4);
  });

  test('an SCP that is down: 503 and 0213H, nothing remembered; once it is up the same message is done', async () => {
    const down: Target = { port: await findFreePort(), aeTitle: 'DCMTK' };
    const baseUrl = await bed.originServer(down);
    const chain = await bed.scpBefore(baseUrl, { listener: { timers: { request: '3s' } } });
    const uid = freshUid();
    expect((await create(baseUrl, uid, createOf())).status).toBe(503);
    const byDimse = freshUid();
    const [failed] = await bed.send('dcmtk', chain, [`create:${byDimse}:${files[0]}`]);
    expect(failed?.status).toBe('0213');
    const scp = await bed.scp('dcmtk', [], down.port);
    const again = await create(baseUrl, uid, createOf());
    expect([again.status, again.body.toString('utf8')]).toEqual([201, '']);
    const [done] = await bed.send('dcmtk', chain, [`create:${byDimse}:${files[0]}`]);
    expect(done?.status).toBe('0000');
    expect([await effects(scp, uid), await effects(scp, byDimse)]).toEqual([['N-CREATE'], ['N-CREATE']]);
  });

  test('every PDU we sent and received is sound', async () => {
    expectSoundPdus(await bed.judge());
  });
});
