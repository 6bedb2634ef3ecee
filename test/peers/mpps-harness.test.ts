/** MPPS among the peers themselves, without a gateway: what the other files compare with is true. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MPPS_PEERS, type MppsScp } from '../../scripts/peers/mpps.ts';
import { expectSoundPdus } from '../support/peers.ts';
import { MppsBed, writesOf, uidsOf } from './mpps-bed.ts';
import { createOf, MPPS_CASES, progressOf, series } from './mpps-cases.ts';

describe('MPPS among the peers themselves', () => {
  const bed = new MppsBed();
  const scps = new Map<string, MppsScp>();

  beforeAll(async () => {
    await bed.open();
    await bed.prepare(MPPS_CASES);
    await bed.peers.startJudging();
    for (const peer of MPPS_PEERS) scps.set(peer, await bed.scp(peer));
  });
  afterAll(() => bed.close());

  // Where nothing is refused, no gateway is needed to say what has to arrive.
  const lawful = MPPS_CASES.filter(({ messages }) => messages.every(({ status }) => status === '0000'));
  const pairs = MPPS_PEERS.flatMap((scu) => MPPS_PEERS.map((scp) => [scu, scp] as const));

  test.each(pairs)(
    '%s → %s: every data set arrives as it was sent, and is retrieved as it was left',
    async (scu, name) => {
      const scp = scps.get(name) as MppsScp;
      const test = pairs.findIndex(([a, b]) => a === scu && b === name);
      const able = lawful.filter(({ cannot = {} }) => cannot[scu] === undefined && cannot[name] === undefined);
      const gets: string[] = [];
      for (const [n, one] of able.entries()) {
        const uids = uidsOf(one, test, n);
        gets.push(...uids);
        const answers = await bed.play(scu, scp, one, uids);
        expect(answers.map(({ status }) => status)).toEqual(one.messages.map(() => '0000'));
      }
      const received = await scp.received();
      for (const [n, one] of able.entries()) {
        const uids = uidsOf(one, test, n);
        expect({ title: one.title, writes: writesOf(received, uids) }).toEqual({
          title: one.title,
          writes: one.messages.map(({ kind, instance }, i) => ({
            message: kind === 'create' ? 'N-CREATE' : 'N-SET',
            uid: uids[instance],
            dataSet: bed.of(one).messages[i]?.dataSet,
          })),
        });
      }
      const got = await bed.send(
        scu,
        scp,
        gets.map((uid) => `get:${uid}` as const),
      );
      expect(got.map(({ dataSet }) => dataSet)).toEqual(able.flatMap((one) => bed.of(one).kept));
    },
  );

  test('odil keeps the states, and fails on order', async () => {
    const messages = [{ dataSet: createOf() }, { dataSet: progressOf(series(1, 1)) }];
    const [create = '', set = ''] = await bed.filesOf(messages);
    const scp = await bed.scp('odil', ['create:abort', 'set:status=0213', 'get:status=0211:always']);
    await expect(bed.send('odil', scp, [`create:1.2.7:${create}`])).rejects.toThrow(/0 answers to 1 requests/);
    const steps = [`create:1.2.7:${create}`, `set:1.2.7:${set}`, `set:1.2.7:${set}`, 'get:1.2.7', 'get:1.2.7'] as const;
    const answers = await bed.send('odil', scp, steps);
    expect(answers.map(({ status }) => status)).toEqual(['0111', '0213', '0000', '0211', '0211']);
    const statuses = (await scp.received()).map(({ status }) => status);
    expect(statuses).toEqual(['abort', '0111', '0213', '0000', '0211', '0211']);
  });

  test('tshark finds nothing wrong with them', async () => {
    const verdict = await bed.peers.judge();
    expectSoundPdus(verdict);
  });
});
