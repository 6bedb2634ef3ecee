/** web → dimseway → DIMSE: every case by HTTP in front of three SCPs, answers exactly, what arrives whole (PS3.18 15). */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MPPS_PEERS, type MppsScp } from '../../scripts/peers/mpps.ts';
import type { PlainDataSet } from '../../scripts/peers/read-dicom.ts';
import { expectSoundPdus } from '../support/peers.ts';
import { arrives, call, create, MPPS_PATH, MppsBed, retrieve, uidsOf, update, writesOf } from './mpps-bed.ts';
import { attribute, completeOf, createOf, MPPS_CASES, progressOf, scheduledStep, series } from './mpps-cases.ts';
import type { JsonDataSet } from './mpps-cases.ts';

interface Report {
  status?: number;
  attributes?: string[];
  errorId?: string;
}

const XML = 'application/dicom+xml';

describe.each(MPPS_PEERS.map((peer, n) => [peer, n] as const))('%s as SCP', (peer, number) => {
  const bed = new MppsBed();
  let scp: MppsScp;
  let baseUrl = '';

  beforeAll(async () => {
    await bed.open();
    await bed.prepare(MPPS_CASES);
    await bed.peers.startJudging();
    scp = await bed.scp(peer);
    baseUrl = await bed.originServer(scp);
  });
  afterAll(() => bed.close());

  const playable = MPPS_CASES.map((one, n) => [one.title, one, n] as const).filter(
    ([, { cannot }]) => cannot?.[peer] === undefined,
  );

  test.each(playable)('%s', async (_title, one, n) => {
    const uids = uidsOf(one, number, n);
    const answers: unknown[] = [];
    for (const { kind, instance, dataSet } of one.messages) {
      const send = kind === 'create' ? create : update;
      const { status, headers, body } = await send(baseUrl, uids[instance] as string, dataSet);
      const report = (status < 300 ? {} : JSON.parse(body.toString('utf8'))) as Report;
      const { attributes = [], errorId } = report;
      answers.push({
        status,
        location: headers.get('location'),
        attributes,
        errorId,
        length: status < 300 ? body.length : 0,
      });
    }
    expect(answers).toEqual(
      one.messages.map(({ kind, instance, http, attributes = [], errorId }) => ({
        status: http,
        location: kind === 'create' && http === 201 ? expect.stringContaining(`${MPPS_PATH}/${uids[instance]}`) : null,
        attributes,
        errorId,
        length: 0,
      })),
    );
    const { messages, kept } = bed.of(one);
    expect(writesOf(await scp.received(), uids)).toEqual(
      one.messages.flatMap((message, i) =>
        arrives(message)
          ? {
              message: message.kind === 'create' ? 'N-CREATE' : 'N-SET',
              uid: uids[message.instance],
              dataSet: messages[i]?.dataSet,
            }
          : [],
      ),
    );
    const known = one.messages.some(({ status }) => status === '0000');
    for (const [i, uid] of uids.entries()) {
      for (const accept of ['application/dicom+json', XML]) {
        const got = await retrieve(baseUrl, uid, '', { accept });
        expect([got.status, got.headers.get('content-type')?.split(';')[0]]).toEqual(
          known ? [200, accept] : [404, expect.anything()],
        );
        if (known) expect(await bed.read(got)).toEqual([kept[i]]);
      }
    }
  });

  test('every PDU we sent and received is sound', async () => {
    expectSoundPdus(await bed.judge());
  });
});

describe('what one web modality asks in other ways', () => {
  const bed = new MppsBed();
  let scp: MppsScp;
  let baseUrl = '';
  let count = 0;
  const freshUid = (): string => `1.2.826.0.1.3680043.10.999.9.2.${++count}`;

  beforeAll(async () => {
    await bed.open();
    await bed.peers.startJudging();
    scp = await bed.scp('odil');
    baseUrl = await bed.originServer(scp);
  });
  afterAll(() => bed.close());

  const received = async (uid: string): Promise<(PlainDataSet | undefined)[]> =>
    writesOf(await scp.received(), [uid]).map(({ dataSet }) => dataSet);

  test('what type 2 a client leaves out arrives empty, and a reason can be given later (PS3.4 F.7.2.1)', async () => {
    const uid = freshUid();
    const least: JsonDataSet = {
      '00080060': attribute('CS', 'MR'),
      '00400241': attribute('AE', 'MR01'),
      '00400244': attribute('DA', '20260102'),
      '00400245': attribute('TM', '101500'),
      '00400252': attribute('CS', 'IN PROGRESS'),
      '00400253': attribute('SH', 'PPS1'),
      '00400270': attribute('SQ', { '0020000D': attribute('UI', '1.2.3') }),
    };
    expect((await create(baseUrl, uid, least)).status).toBe(201);
    const [sent = {}] = await bed.plain([least]);
    const empty = (vr: string, ...tags: string[]): PlainDataSet => Object.fromEntries(tags.map((tag) => [tag, [vr]]));
    const item = {
      '0020000D': ['UI', '1.2.3'] as [string, string],
      ...empty('SH', '00080050', '00400009', '00401001'),
      ...empty('SQ', '00081110', '00400008'),
      ...empty('LO', '00321060', '00400007'),
    };
    expect(await received(uid)).toEqual([
      {
        ...sent,
        ...empty('SQ', '00081032', '00081120', '00400260', '00400281', '00400340'),
        ...empty('PN', '00100010'),
        ...empty('LO', '00100020', '00400254', '00400255'),
        ...empty('DA', '00100030', '00400250'),
        ...empty('CS', '00100040'),
        ...empty('SH', '00200010', '00400242', '00400243'),
        ...empty('TM', '00400251'),
        '00400270': ['SQ', item],
      },
    ]);
  });

  test('an update that repeats the create unchanged drops what N-SET forbids; a changed one is 409', async () => {
    const uid = freshUid();
    expect((await create(baseUrl, uid, createOf())).status).toBe(201);
    const whole = { ...createOf(), ...progressOf(series(1, 2)) };
    const repeated = await update(baseUrl, uid, whole);
    expect([repeated.status, repeated.body.toString('utf8')]).toEqual([200, '']);
    const changed = await update(baseUrl, uid, { ...whole, '00100020': attribute('LO', 'OTHER') });
    expect([changed.status, (JSON.parse(changed.body.toString('utf8')) as Report).attributes]).toEqual([
      409,
      ['00100020'],
    ]);
    const [, set, ...more] = await received(uid);
    expect(more).toEqual([]);
    const forbidden = ['00080060', '00081120', '00100010', '00100020', '00100030', '00100040', '00200010', '00400241'];
    const alsoForbidden = ['00400242', '00400243', '00400244', '00400245', '00400253', '00400270'];
    const [sent = {}] = await bed.plain([whole]);
    for (const tag of [...forbidden, ...alsoForbidden]) delete sent[tag];
    // What may be set and is as it was may go or stay.
    expect(sent).toMatchObject(set ?? {});
    expect(set).toMatchObject({ '00400340': sent['00400340'] });
  });

  test('XML in, arrays of one in, /update: the same to the SCP', async () => {
    const [byJson, byXml] = [freshUid(), freshUid()];
    expect((await create(baseUrl, byJson, [createOf()])).status).toBe(201);
    const got = await retrieve(baseUrl, byJson, '', { accept: XML });
    const url = `${baseUrl}/${MPPS_PATH}/${byXml}`;
    const body = new Uint8Array(got.body);
    expect((await call('POST', url, body, { 'content-type': XML })).status).toBe(201);
    expect(await received(byXml)).toEqual(await received(byJson));
    const set = JSON.stringify([completeOf(series(1, 1))]);
    expect((await call('POST', `${url}/update`, set)).status).toBe(200);
    expect((await received(byXml)).slice(1)).toEqual(await bed.plain([completeOf(series(1, 1))]));
  });

  test('includefield asks for attributes by tag, keyword and path (PS3.18 15.6)', async () => {
    const uid = freshUid();
    expect((await create(baseUrl, uid, createOf({}, [scheduledStep(1), scheduledStep(2)]))).status).toBe(201);
    const parameters = '?includefield=00100010,PerformedProcedureStepStatus&includefield=00400270.00080050';
    const got = await retrieve(baseUrl, uid, parameters);
    expect(await bed.read(got)).toEqual([
      {
        '00100010': ['PN', 'DOE^JANE'],
        '00400252': ['CS', 'IN PROGRESS'],
        '00400270': ['SQ', { '00080050': ['SH', 'ACC1'] }, { '00080050': ['SH', 'ACC2'] }],
      },
    ]);
  });

  test('a sequence that lost items is done, with a Warning (example B.38, note)', async () => {
    const uid = freshUid();
    expect((await create(baseUrl, uid, createOf())).status).toBe(201);
    expect((await update(baseUrl, uid, progressOf(series(1, 1), series(2, 1)))).headers.has('warning')).toBe(false);
    const shrunk = await update(baseUrl, uid, progressOf(series(2, 1)));
    expect([shrunk.status, shrunk.headers.get('warning')]).toEqual([200, expect.stringMatching(/^299 .*00400340/)]);
  });

  test('an SCP without N-GET is 501, or is answered for from a copy, by option', async () => {
    const silent = (): Promise<MppsScp> => bed.scp('odil', ['get:status=0211:always']);
    const without = await bed.originServer(await silent());
    const withCopy = await bed.originServer(await silent(), { mpps: { retrieveFromCopy: true } });
    const [first, second] = [freshUid(), freshUid()];
    expect((await create(without, first, createOf())).status).toBe(201);
    expect((await retrieve(without, first)).status).toBe(501);
    expect((await create(withCopy, second, createOf())).status).toBe(201);
    expect((await update(withCopy, second, completeOf(series(1, 1)))).status).toBe(200);
    const got = await retrieve(withCopy, second);
    expect([got.status, got.headers.has('warning')]).toEqual([200, true]);
    expect(await bed.read(got)).toEqual(await bed.plain([{ ...createOf(), ...completeOf(series(1, 1)) }]));
  });

  test('every PDU we sent and received is sound', async () => {
    expectSoundPdus(await bed.judge());
  });
});
