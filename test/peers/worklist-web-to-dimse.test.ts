/** Web in, DIMSE out, in front of SCPs that nobody here wrote: Orthanc, odil, dcmjs-dimse (wlmscpfs: worklist-samples). */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { makeDcmtkQueries, makeDcmtkWorklist } from '../../scripts/peers/dcmtk.ts';
import { startDcmjsScp } from '../../scripts/peers/dcmjs.ts';
import { startOdilScp } from '../../scripts/peers/odil.ts';
import { startOrthanc } from '../../scripts/peers/orthanc.ts';
import { readFiles, type PlainDataSet } from '../../scripts/peers/read-dicom.ts';
import {
  expectSameDataSets,
  expectSoundPdus,
  findPlain,
  Peers,
  project,
  searchPlain,
  toParameters,
  type Target,
} from '../support/peers.ts';

const MEDIA_TYPES = [
  'application/dicom+json',
  'multipart/related; type="application/dicom+json"',
  'multipart/related; type="application/dicom+xml"',
];

describe('a web modality in front of a classic SCP', () => {
  const peers = new Peers();
  let folder = '';
  let records: string[] = [];
  let query = '';
  let identifier: PlainDataSet = {};

  beforeAll(async () => {
    folder = await peers.folder();
    records = await makeDcmtkWorklist(join(folder, 'OFFIS'));
    query = (await makeDcmtkQueries(folder))[11] as string;
    identifier = (await readFiles([query]))[0] ?? {};
    await peers.startJudging();
  });
  afterAll(() => peers.close());

  const compare = async (scp: Target): Promise<void> => {
    const direct = await findPlain(folder, scp, { file: query });
    const baseUrl = await peers.originServer(scp);
    expect(direct).toHaveLength(10);
    for (const type of MEDIA_TYPES) {
      const answer = await searchPlain(folder, baseUrl, toParameters(identifier), type);
      expectSameDataSets(
        answer.map((result) => project(result, identifier)),
        direct,
      );
    }
    const oneOf = await searchPlain(
      folder,
      baseUrl,
      `${toParameters(identifier)}&AccessionNumber=00000`,
      'application/dicom+xml',
    );
    const [expected] = direct.filter((result) => result['00080050']?.[1] === '00000');
    expect(oneOf.map((result) => project(result, identifier))).toEqual([expected]);
  };

  test("gets Orthanc's ten data sets, in JSON, XML and both multiparts", async () => {
    await compare(peers.watch(await startOrthanc(await peers.folder(), records)));
  });

  test("gets odil's ten data sets, in JSON, XML and both multiparts", async () => {
    await compare({ ...peers.watch(await startOdilScp(records)), aeTitle: 'ODIL' });
  });

  test("gets dcmjs-dimse's three data sets", async () => {
    const scp = peers.watch(await startDcmjsScp());
    const baseUrl = await peers.originServer({ port: scp.port, aeTitle: 'DCMJS' });
    const found = await searchPlain(folder, baseUrl, '');
    expect(found.map((result) => result['00100010']?.[1]).sort()).toEqual([
      'DOE^JANE',
      'Müller^Jörg',
      'Yamada^Tarou=山田^太郎',
    ]);
    expect(await searchPlain(folder, baseUrl, 'ScheduledProcedureStepSequence.Modality=CT')).toHaveLength(1);
  });

  test('every PDU we sent and received is sound', async () => {
    expectSoundPdus(await peers.judge());
  });
});
