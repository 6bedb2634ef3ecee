/**
 * DIMSE → dimseway → web → dimseway → DIMSE: every case by three SCUs in front of three SCPs, statuses exactly, what
 * arrives whole (PS3.4 F.7, F.8; PS3.18 15).
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MPPS_PEERS, type MppsPeer, type MppsScp } from '../../scripts/peers/mpps.ts';
import { expectSoundPdus, type Target } from '../support/peers.ts';
import { arrives, MppsBed, uidsOf, writesOf } from './mpps-bed.ts';
import { MPPS_CASES, type MppsCase } from './mpps-cases.ts';

/** dcmjs-dimse has no accessor for Error ID, and no program but odil is asked for Attribute Identifier List. */
const TELLS_ERROR_ID: readonly MppsPeer[] = ['odil', 'dcmtk'];

describe.each(MPPS_PEERS.map((peer, n) => [peer, n] as const))('%s as SCU and as SCP', (peer, number) => {
  const bed = new MppsBed();
  let scp: MppsScp;
  let chain: Target;

  beforeAll(async () => {
    await bed.open();
    await bed.prepare(MPPS_CASES);
    await bed.peers.startJudging();
    scp = await bed.scp(peer);
    chain = await bed.chainTo(scp);
  });
  afterAll(() => bed.close());

  const playable = MPPS_CASES.map((one, n) => [one.title, one, n] as const).filter(
    ([, { cannot }]) => cannot?.[peer] === undefined,
  );

  test.each(playable)('%s', async (_title, one, n) => {
    const uids = uidsOf(one, number, n);
    const answers = await bed.play(peer, chain, one, uids);
    const told = answers.map(({ status, uid, errorId, attributes }) => ({ status, uid, errorId, attributes }));
    expect(told).toEqual(
      one.messages.map(({ instance, status, errorId, attributes = [] }) => ({
        status,
        uid: uids[instance],
        errorId: TELLS_ERROR_ID.includes(peer) ? errorId : undefined,
        // Only 0120H lists attributes; others name them in the data set (PS3.7 C.5).
        attributes: peer !== 'dcmjs' && status === '0120' ? attributes : [],
      })),
    );
    if (peer !== 'dcmjs') {
      const named = answers.map(({ dataSet = {} }) => Object.keys(dataSet));
      const bad = one.messages.map(({ status, attributes = [] }) => (/0106|0121/.test(status) ? attributes : []));
      expect(named).toEqual(bad);
    }
    const { messages, kept } = bed.of(one);
    const expected = one.messages.flatMap((message, i) =>
      arrives(message)
        ? {
            message: message.kind === 'create' ? 'N-CREATE' : 'N-SET',
            uid: uids[message.instance],
            dataSet: messages[i]?.dataSet,
          }
        : [],
    );
    expect(writesOf(await scp.received(), uids)).toEqual(expected);
    const got = await bed.send(
      peer,
      chain,
      uids.map((uid) => `get:${uid}` as const),
    );
    const known = one.messages.some(({ status }) => status === '0000');
    expect(got.map(({ status, dataSet }) => [status, dataSet])).toEqual(
      uids.map((_uid, i) => (known ? ['0000', kept[i]] : ['0112', undefined])),
    );
  });

  test('every PDU we sent and received is sound', async () => {
    expectSoundPdus(await bed.judge());
  });
});

describe('what one SCU asks in other ways', () => {
  const bed = new MppsBed();
  const normal = MPPS_CASES[0] as MppsCase;
  const uid = '1.2.826.0.1.3680043.10.999.9.1';
  let scp: MppsScp;
  let baseUrl = '';
  let chain: Target;
  let files: string[] = [];

  beforeAll(async () => {
    await bed.open();
    await bed.prepare([normal]);
    await bed.peers.startJudging();
    scp = await bed.scp('odil');
    baseUrl = await bed.originServer(scp);
    chain = await bed.scpBefore(baseUrl);
    files = bed.of(normal).messages.map(({ file }) => file);
  });
  afterAll(() => bed.close());

  test('Implicit VR Little Endian, and an association for each message', async () => {
    const steps = files.map((file, i) => `${i === 0 ? 'create' : 'set'}:${uid}:${file}` as const);
    const answers = await bed.send('odil', chain, steps, { args: ['--ivle', '--new-association'] });
    expect(answers.map(({ status }) => status)).toEqual(['0000', '0000', '0000', '0000']);
    const sent = bed.of(normal).messages.map(({ dataSet }) => dataSet);
    expect(writesOf(await scp.received(), [uid]).map(({ dataSet }) => dataSet)).toEqual(sent);
  });

  test('N-GET of an Attribute Identifier List gets these and no more (PS3.4 F.8.2)', async () => {
    const [got] = await bed.send('odil', chain, [`get:${uid}:00100010,00400252,00400340`]);
    const [kept] = bed.of(normal).kept;
    const { '00100010': patient, '00400252': state, '00400340': images } = kept ?? {};
    expect(got?.dataSet).toEqual({ '00100010': patient, '00400252': state, '00400340': images });
  });

  test('N-CREATE without an instance UID is 0117H, or gets one by option', async () => {
    const [refused] = await bed.send('odil', chain, [`create::${files[0]}`]);
    expect(refused?.status).toBe('0117');
    const generous = await bed.scpBefore(baseUrl, { mpps: { missingInstanceUid: 'generate' } });
    const [given] = await bed.send('odil', generous, [`create::${files[0]}`]);
    expect([given?.status, given?.uid]).toEqual(['0000', expect.stringMatching(/^[0-9.]{3,64}$/)]);
    const arrived = writesOf(await scp.received(), [given?.uid ?? '']);
    expect(arrived.map(({ dataSet }) => dataSet)).toEqual([bed.of(normal).messages[0]?.dataSet]);
    const [set] = await bed.send('dcmtk', generous, [`set:${given?.uid}:${files[3]}`]);
    expect(set?.status).toBe('0000');
  });

  test('every PDU we sent and received is sound', async () => {
    expectSoundPdus(await bed.judge());
  });
});
