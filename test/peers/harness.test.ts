/** The peers among themselves: what the other files compare with is true, and the judge can say no. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { startCapture } from '../../scripts/peers/capture.ts';
import { makeDcmtkQueries, makeDcmtkWorklist, startWlmscpfs, type WorklistScp } from '../../scripts/peers/dcmtk.ts';
import { startOdilScp, findWithOdil } from '../../scripts/peers/odil.ts';
import { startOrthanc } from '../../scripts/peers/orthanc.ts';
import { asMultiset, readBody, readFiles } from '../../scripts/peers/read-dicom.ts';
import { expectSameDataSets, expectSoundPdus, findPlain, Peers, project } from '../support/peers.ts';

describe('the peers among themselves', () => {
  const peers = new Peers();
  let folder = '';
  let queries: string[] = [];
  let records: string[] = [];
  let scp: WorklistScp;

  beforeAll(async () => {
    folder = await peers.folder();
    records = await makeDcmtkWorklist(join(folder, 'OFFIS'));
    queries = await makeDcmtkQueries(folder);
    await peers.startJudging();
    scp = peers.watch(await startWlmscpfs(folder));
  });
  afterAll(() => peers.close());

  test("wlmscpfs answers DCMTK's thirteen queries with the counts of the sample", async () => {
    const counts: number[] = [];
    for (const file of queries) counts.push((await findPlain(folder, scp, { file })).length);
    expect(counts).toEqual([10, 10, 0, 10, 0, 6, 0, 0, 0, 0, 10, 10, 0]);
  });

  test('wlmscpfs, Orthanc and odil give the same ten data sets', async () => {
    const query = queries[11] as string;
    const [identifier] = await readFiles([query]);
    const stored = (await readFiles(records)).map((record) => project(record, identifier ?? {}));
    const orthanc = peers.watch(await startOrthanc(await peers.folder(), records));
    const odil = peers.watch(await startOdilScp(records));
    expectSameDataSets(await findPlain(folder, scp, { file: query }), stored);
    expectSameDataSets(await findPlain(folder, orthanc, { file: query }), stored);
    expectSameDataSets(await findPlain(folder, { ...odil, aeTitle: 'X' }, { file: query }), stored);
    const { matches, status } = await findWithOdil(folder, scp, { '00100010': { vr: 'PN' } });
    expect([matches.length, status]).toEqual([10, '0000']);
  });

  test('the reader brings DICOM, JSON, XML and multipart to one form', async () => {
    const json =
      '{"00100010":{"vr":"PN","Value":[{"Alphabetic":"A^B","Phonetic":"p"}]},"00101030":{"vr":"DS","Value":[70.5]}}';
    const xml =
      '<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM"><DicomAttribute tag="00100010" vr="PN">' +
      '<PersonName number="1"><Alphabetic><FamilyName>A</FamilyName><GivenName>B</GivenName></Alphabetic>' +
      '<Phonetic><FamilyName>p</FamilyName></Phonetic></PersonName></DicomAttribute>' +
      '<DicomAttribute tag="00101030" vr="DS"><Value number="1">70.50</Value></DicomAttribute></NativeDicomModel>';
    const expected = [{ '00100010': ['PN', 'A^B==p'], '00101030': ['DS', '70.5'] }];
    const multipart = `--b\r\nContent-Type: application/dicom+xml\r\n\r\n${xml}\r\n--b--\r\n`;
    expect(await readBody(folder, 'application/dicom+json', Buffer.from(json))).toEqual(expected);
    expect(await readBody(folder, 'application/dicom+xml', Buffer.from(xml))).toEqual(expected);
    const type = 'multipart/related; type="application/dicom+xml"; boundary=b';
    expect(await readBody(folder, type, Buffer.from(multipart))).toEqual(expected);
  });

  test('multisets tell how often a data set occurs', () => {
    const [a, b] = [{ '00100020': ['LO', '1'] as [string, string] }, { '00100020': ['LO', '2'] as [string, string] }];
    expect(asMultiset([a, b, a])).toEqual(asMultiset([a, a, b]));
    expect(asMultiset([a, b, a])).not.toEqual(asMultiset([a, b, b]));
  });

  test('tshark finds nothing wrong with them', async () => {
    expectSoundPdus(await peers.judge());
  });

  test('tshark finds a PDV longer than its PDU', async () => {
    const capture = await startCapture(await peers.folder());
    const server = createServer((socket) => socket.on('error', () => undefined).resume()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const socket = connect(port, '127.0.0.1');
    const command = Buffer.alloc(26);
    socket.end(Buffer.concat([Buffer.from('04000000002000000077', 'hex'), Buffer.from('0103', 'hex'), command]));
    await once(socket, 'close');
    server.close();
    expect((await capture.judge([port])).problems).not.toEqual([]);
  });
});
