/**
 * MPPS in `config/gateway.yaml` as it is shipped: both hops of a chain in one process, one listener passed twice by the same
 * UID, and the embedded RIS at the end of all of it.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { startGatewayOn, type Gateway } from '../../scripts/peers/gateway.ts';
import { findFreePort } from '../../scripts/peers/process.ts';
import { create, MppsBed, retrieve, uidsOf, update } from './mpps-bed.ts';
import { completeOf, createOf, MPPS_CASES, progressOf, series } from './mpps-cases.ts';

const SHIPPED = join(import.meta.dirname, '../../config/gateway.yaml');
const STRAIGHT = 'DIMSEWAY';
const CROSSING = 'CROSSOVER';

describe('MPPS in the embedded default', () => {
  const bed = new MppsBed();
  let gateway: Gateway;
  let port = 0;
  let web = '';
  let count = 0;
  const freshUid = (): string => `1.2.826.0.1.3680043.10.999.9.5.${++count}`;
  let files: string[] = [];

  beforeAll(async () => {
    await bed.open();
    await bed.prepare(MPPS_CASES);
    files = await bed.filesOf([
      { dataSet: createOf() },
      { dataSet: progressOf(series(1, 1)) },
      { dataSet: completeOf(series(1, 1)) },
    ]);
    gateway = await startGatewayOn(SHIPPED, {
      DIMSEWAY_DIMSE_PORT: String(await findFreePort()),
      DIMSEWAY_WEB_PORT: String(await findFreePort()),
      DIMSEWAY_CONSOLE_PORT: String(await findFreePort()),
      DIMSEWAY_DATA: bed.folder,
    });
    bed.peers.cleanup.add(() => gateway.running.stop());
    port = gateway.port('ward');
    web = `http://127.0.0.1:${gateway.port('web')}`;
  });
  afterAll(() => bed.close());

  test.each([STRAIGHT, CROSSING])('every case by odil through %s: statuses, and what is kept', async (aeTitle) => {
    const number = aeTitle === STRAIGHT ? 20 : 21;
    for (const [n, one] of MPPS_CASES.entries()) {
      const uids = uidsOf(one, number, n);
      const answers = await bed.play('odil', { port, aeTitle }, one, uids);
      const statuses = answers.map(({ status }) => status);
      expect({ title: one.title, statuses }).toEqual({
        title: one.title,
        statuses: one.messages.map(({ status }) => status),
      });
      if (one.messages.every(({ status }) => status !== '0000')) continue;
      for (const called of [STRAIGHT, CROSSING]) {
        const gets = uids.map((uid) => `get:${uid}` as const);
        const got = await bed.send('odil', { port, aeTitle: called }, gets);
        expect({ title: one.title, called, kept: got.map(({ dataSet }) => dataSet) }).toEqual({
          title: one.title,
          called,
          kept: bed.of(one).kept,
        });
      }
    }
  });

  test.each(['/dicomweb', '/crossover'])('every case by HTTP through %s: statuses, and what is kept', async (path) => {
    const number = path === '/dicomweb' ? 22 : 23;
    for (const [n, one] of MPPS_CASES.entries()) {
      const uids = uidsOf(one, number, n);
      const statuses: number[] = [];
      for (const { kind, instance, dataSet } of one.messages) {
        const send = kind === 'create' ? create : update;
        statuses.push((await send(`${web}${path}`, uids[instance] as string, dataSet)).status);
      }
      expect({ title: one.title, statuses }).toEqual({
        title: one.title,
        statuses: one.messages.map(({ http }) => http),
      });
      if (one.messages.every(({ status }) => status !== '0000')) continue;
      for (const [i, uid] of uids.entries()) {
        expect(await bed.read(await retrieve(`${web}/crossover`, uid))).toEqual([bed.of(one).kept[i]]);
      }
    }
  });

  test('one step crosses from every side: created through one, changed through another, final for all', async () => {
    const uid = freshUid();
    const by = async (aeTitle: string, step: `${'create' | 'set'}:${string}:${string}`): Promise<string | undefined> =>
      (await bed.send('odil', { port, aeTitle }, [step]))[0]?.status;
    expect(await by(CROSSING, `create:${uid}:${files[0]}`)).toBe('0000');
    expect(await by(STRAIGHT, `create:${uid}:${files[0]}`)).toBe('0111');
    expect((await create(`${web}/dicomweb`, uid, createOf())).status).toBe(409);
    expect((await create(`${web}/crossover`, uid, createOf())).status).toBe(409);
    expect(await by(STRAIGHT, `set:${uid}:${files[1]}`)).toBe('0000');
    expect((await update(`${web}/crossover`, uid, completeOf(series(1, 1)))).status).toBe(200);
    expect(await by(CROSSING, `set:${uid}:${files[1]}`)).toBe('0110');
    expect((await update(`${web}/dicomweb`, uid, progressOf(series(2, 1)))).status).toBe(409);
    const [kept] = await bed.plain([{ ...createOf(), ...completeOf(series(1, 1)) }]);
    for (const path of ['/dicomweb', '/crossover'])
      expect(await bed.read(await retrieve(`${web}${path}`, uid))).toEqual([kept]);
  });
});
