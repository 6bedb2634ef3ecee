/** Bodies and data sets that are no MPPS message: the right status, the attribute named, nothing stored or forwarded. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import type { MppsScp } from '../../scripts/peers/mpps.ts';
import { associate, message, MPPS, N_CREATE_RQ, N_SET_RQ, release, statusOf } from '../../scripts/bench/wire.ts';
import type { Target } from '../support/peers.ts';
import { call, create, MPPS_PATH, MppsBed, retrieve, update, writesOf } from './mpps-bed.ts';
import { attribute, completeOf, createOf, progressOf, series } from './mpps-cases.ts';

const JSON_TYPE = 'application/dicom+json';
const XML_TYPE = 'application/dicom+xml';

const good = JSON.stringify(createOf());
const withText = (more: object): string => JSON.stringify(createOf(more as Parameters<typeof createOf>[0]));
const inXml = (inside: string, before = ''): string =>
  `<?xml version="1.0" encoding="UTF-8"?>${before}<NativeDicomModel>${inside}</NativeDicomModel>`;
const xmlAttribute = (value: string): string =>
  `<DicomAttribute tag="00080060" vr="CS"><Value number="1">${value}</Value></DicomAttribute>`;

interface Bad {
  readonly what: string;
  readonly body: string;
  readonly type?: string;
  readonly status: number;
  readonly attributes?: readonly string[];
}

/** What no create may be; an update may not be it either, unless told otherwise. */
const BODIES: readonly Bad[] = [
  { what: 'no body', body: '', status: 400 },
  { what: 'text that is no JSON', body: 'no JSON at all', status: 400 },
  { what: 'JSON cut short', body: good.slice(0, -20), status: 400 },
  { what: 'JSON with something behind it', body: `${good}x`, status: 400 },
  { what: 'JSON of another kind', body: '"text"', status: 400 },
  { what: 'an empty array', body: '[]', status: 400 },
  { what: 'two data sets', body: `[${good},${good}]`, status: 400 },
  { what: 'a key twice', body: `${good.slice(0, -1)},"00400252":{"vr":"CS","Value":["IN PROGRESS"]}}`, status: 400 },
  { what: 'a key that is no tag', body: withText({ Modality: attribute('CS', 'MR') }), status: 400 },
  {
    what: 'a VR that is no text',
    body: withText({ '00080060': { vr: 5, Value: ['MR'] } }),
    status: 400,
    attributes: ['00080060'],
  },
  {
    what: 'a value of another kind',
    body: withText({ '00080060': { vr: 'CS', Value: [{}] } }),
    status: 400,
    attributes: ['00080060'],
  },
  { what: 'JSON named XML', body: good, type: XML_TYPE, status: 400 },
  { what: 'XML cut short', body: inXml(xmlAttribute('MR')).slice(0, -10), type: XML_TYPE, status: 400 },
  { what: 'XML of another kind', body: '<html/>', type: XML_TYPE, status: 400 },
  {
    what: 'XML with a DOCTYPE',
    body: inXml(xmlAttribute('MR'), '<!DOCTYPE NativeDicomModel>'),
    type: XML_TYPE,
    status: 400,
  },
  {
    what: 'XML with an entity of its own',
    body: inXml(xmlAttribute('&m;'), '<!DOCTYPE NativeDicomModel [<!ENTITY m SYSTEM "file:///etc/passwd">]>'),
    type: XML_TYPE,
    status: 400,
  },
  { what: 'XML with an entity nobody declared', body: inXml(xmlAttribute('&m;')), type: XML_TYPE, status: 400 },
  { what: 'a media type that is not taken', body: good, type: 'text/plain', status: 415 },
  { what: 'a DICOM file', body: good, type: 'application/dicom', status: 415 },
  {
    what: 'a SOP Instance UID that differs from the path',
    body: withText({ '00080018': attribute('UI', '1.2.3.4.5') }),
    status: 400,
    attributes: ['00080018'],
  },
  {
    what: '5 MB against a limit of 1 MiB',
    body: withText({ '00400280': attribute('ST', 'x'.repeat(5e6)) }),
    status: 413,
  },
];

const CREATES: readonly Bad[] = [
  {
    what: 'COMPLETED from the begin',
    body: withText({ '00400252': attribute('CS', 'COMPLETED') }),
    status: 400,
    attributes: ['00400252'],
  },
  {
    what: 'a state that does not exist',
    body: withText({ '00400252': attribute('CS', 'PAUSED') }),
    status: 400,
    attributes: ['00400252'],
  },
  {
    what: 'a date that is none',
    body: withText({ '00400244': attribute('DA', '2nd May') }),
    status: 400,
    attributes: ['00400244'],
  },
  {
    what: 'no scheduled step',
    body: withText({ '00400270': attribute('SQ') }),
    status: 400,
    attributes: ['00400270'],
  },
];

describe('bad input', () => {
  const bed = new MppsBed();
  let scp: MppsScp;
  let baseUrl = '';
  let chain: Target;
  let count = 0;
  const freshUid = (): string => `1.2.826.0.1.3680043.10.999.9.3.${++count}`;

  beforeAll(async () => {
    await bed.open();
    await bed.peers.startJudging();
    scp = await bed.scp('dcmtk');
    baseUrl = await bed.originServer(scp);
    chain = await bed.scpBefore(baseUrl);
  });
  afterAll(() => bed.close());

  const post = async (
    { body, type = JSON_TYPE }: Bad,
    url: string,
  ): Promise<{ status: number; attributes: string[] }> => {
    const { status, body: answer } = await call('POST', url, body, { 'content-type': type });
    const report = (status < 300 ? {} : JSON.parse(answer.toString('utf8'))) as { attributes?: string[] };
    return { status, attributes: report.attributes ?? [] };
  };
  const seen = async (uid: string): Promise<string[]> =>
    writesOf(await scp.received(), [uid]).map(({ message: name }) => name);

  test.each([...BODIES, ...CREATES])('a create: $what: $status', async (bad) => {
    const uid = freshUid();
    const url = `${baseUrl}/${MPPS_PATH}/${uid}`;
    expect(await post(bad, url)).toEqual({ status: bad.status, attributes: bad.attributes ?? [] });
    expect(await seen(uid)).toEqual([]);
    // Nothing was stored either: the far end is asked and does not know it, and the UID is free.
    expect((await retrieve(baseUrl, uid)).status).toBe(404);
    expect((await create(baseUrl, uid, createOf())).status).toBe(201);
  });

  describe('of an update', () => {
    const uid = freshUid();
    beforeAll(async () => {
      expect((await create(baseUrl, uid, createOf())).status).toBe(201);
    });

    test.each(BODIES)('$what: $status, and the step goes on', async (bad) => {
      const answer = await post(bad, `${baseUrl}/${MPPS_PATH}/${uid}?update`);
      expect(answer).toEqual({ status: bad.status, attributes: bad.attributes ?? [] });
      expect(await seen(uid)).toEqual(['N-CREATE']);
    });

    test.each([
      {
        what: 'a state that does not exist',
        change: { '00400252': attribute('CS', 'PAUSED') },
        status: 400,
        tag: '00400252',
      },
      {
        what: 'a series without UID',
        change: progressOf({ ...series(1, 1), '0020000E': attribute('UI') }),
        status: 400,
        tag: '00400340',
      },
      { what: 'completed without a series', change: completeOf(), status: 400, tag: '00400340' },
      {
        what: 'an attribute not settable',
        change: { '00100020': attribute('LO', 'OTHER') },
        status: 409,
        tag: '00100020',
      },
      {
        what: 'an attribute not created',
        change: { '00400280': attribute('ST', 'text') },
        status: 409,
        tag: '00400280',
      },
    ])('$what: $status with $tag', async ({ change, status, tag }) => {
      const answer = await post(
        { what: '', body: JSON.stringify(change), status },
        `${baseUrl}/${MPPS_PATH}/${uid}?update`,
      );
      expect(answer).toEqual({ status, attributes: [tag] });
      expect(await seen(uid)).toEqual(['N-CREATE']);
    });

    test('a state that goes backwards: 409', async () => {
      expect((await update(baseUrl, uid, completeOf(series(1, 1)))).status).toBe(200);
      const back = { '00400252': attribute('CS', 'IN PROGRESS') };
      expect((await update(baseUrl, uid, back)).status).toBe(409);
      expect(await seen(uid)).toEqual(['N-CREATE', 'N-SET']);
    });
  });

  test('a path that is no UID: 400', async () => {
    for (const path of ['1.2.x', '1.02.3', 'a', `1.${'2'.repeat(64)}`]) {
      expect([path, (await create(baseUrl, path, createOf())).status]).toEqual([path, 400]);
    }
  });

  test('an N-CREATE or N-SET with a data set cut short: 0110H, nothing forwarded, the association goes on', async () => {
    const uid = freshUid();
    const files = await bed.filesOf([{ dataSet: createOf() }, { dataSet: completeOf(series(1, 3)) }]);
    const [whole, set] = await Promise.all(files.map(bodyOfFile));
    if (whole === undefined || set === undefined) throw new Error('no files');
    const connection = await associate(chain.port, { called: chain.aeTitle, abstractSyntax: MPPS });
    let messageId = 0;
    const send = async (field: number, dataSet: Buffer): Promise<string | undefined> => {
      connection.send(message({ field, sopClass: MPPS, messageId: ++messageId, instanceUid: uid }, dataSet));
      const answer = await connection.receive();
      return answer === undefined ? undefined : statusOf(answer.body.subarray(6))?.toString(16).padStart(4, '0');
    };
    expect(await send(N_CREATE_RQ, whole.subarray(0, -11))).toBe('0110');
    expect(await seen(uid)).toEqual([]);
    expect(await send(N_CREATE_RQ, whole)).toBe('0000');
    expect(await send(N_SET_RQ, set.subarray(0, -11))).toBe('0110');
    expect(await seen(uid)).toEqual(['N-CREATE']);
    expect(await send(N_SET_RQ, set)).toBe('0000');
    expect(await seen(uid)).toEqual(['N-CREATE', 'N-SET']);
    await release(connection);
  });

  test('tshark sees our two data sets cut short, and nothing else that is wrong', async () => {
    const { problems } = await bed.judge();
    expect(problems).toEqual([expect.stringMatching(/N-CREATE-RQ/), expect.stringMatching(/N-SET-RQ/)]);
  });
});

/** The data set of a DICOM file, behind its group 0002. */
async function bodyOfFile(file: string): Promise<Buffer> {
  const bytes = await readFile(file);
  return bytes.subarray(132 + 12 + bytes.readUInt32LE(140));
}
