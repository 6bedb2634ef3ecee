/**
 * DCMTK's ten sample records and thirteen sample queries, through both directions: what arrives is what the SCP gives
 * directly, as a multiset, all attributes compared. Nobody else has an origin server for the worklist yet, so the web
 * side between the two directions is a second dimseway: findscu → dimseway → (DICOMweb) → dimseway → wlmscpfs.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import {
  copyWithKeys,
  makeDcmtkQueries,
  makeDcmtkWorklist,
  startWlmscpfs,
  type WorklistScp,
} from '../../scripts/peers/dcmtk.ts';
import { asMultiset, readFiles, type PlainDataSet } from '../../scripts/peers/read-dicom.ts';
import * as support from '../support/peers.ts';
import { VARIANTS } from './worklist-queries.ts';

const { expectSameDataSets, expectSoundPdus, findPlain, project, search, searchPlain, toParameters } = support;

interface Case {
  readonly title: string;
  readonly file: string;
  readonly identifier: PlainDataSet;
  /** What the SCP gives directly. */
  readonly direct: PlainDataSet[];
}

describe("DCMTK's sample worklist", () => {
  const peers = new support.Peers();
  let folder = '';
  let scp: WorklistScp;
  let baseUrl = '';
  let chain: support.Target;
  const cases: Case[] = [];

  const makeCase = async (title: string, file: string): Promise<Case> => {
    const [identifier] = await readFiles([file]);
    if (identifier === undefined) throw new Error(`${file} cannot be read`);
    return { title, file, identifier, direct: await findPlain(folder, scp, { file }) };
  };

  beforeAll(async () => {
    folder = await peers.folder();
    await makeDcmtkWorklist(join(folder, 'OFFIS'));
    await peers.startJudging();
    scp = peers.watch(await startWlmscpfs(folder));
    const samples = await makeDcmtkQueries(folder);
    for (const [i, file] of samples.entries()) cases.push(await makeCase(`query ${i}`, file));
    for (const { title, query, keys } of VARIANTS) {
      const file = join(folder, `variant${cases.length}.dcm`);
      await copyWithKeys(samples[query] as string, file, keys);
      cases.push(await makeCase(title, file));
    }
    baseUrl = await peers.originServer(scp);
    chain = await peers.scpBefore(baseUrl);
  });
  afterAll(() => peers.close());

  test('is worth the comparison: the counts are those of the sample, and every variant finds something', () => {
    const counts = cases.map(({ direct }) => direct.length);
    expect(counts.slice(0, 13)).toEqual([10, 10, 0, 10, 0, 6, 0, 0, 0, 0, 10, 10, 0]);
    expect(counts.slice(13)).not.toContain(0);
  });

  test('crosses DIMSE → web → DIMSE unchanged, query by query', async () => {
    for (const { title, file, direct } of cases) {
      const crossed = await findPlain(folder, chain, { file });
      expect({ title, results: asMultiset(crossed) }).toEqual({ title, results: asMultiset(direct) });
    }
  });

  test('crosses in Implicit VR Little Endian as well', async () => {
    const { file, direct } = cases[11] as Case;
    expectSameDataSets(await findPlain(folder, chain, { file, args: ['-xi'] }), direct);
  });

  test('crosses web → DIMSE unchanged, query by query: all that was asked for', async () => {
    for (const { title, identifier, direct } of cases) {
      const answer = await searchPlain(folder, baseUrl, toParameters(identifier));
      const asked = answer.map((result) => project(result, identifier));
      expect({ title, results: asMultiset(asked) }).toEqual({ title, results: asMultiset(direct) });
    }
  });

  test('returns every attribute that the SCP gave for the identifier it was sent, in each media type', async () => {
    const types = [
      'application/dicom+json',
      'multipart/related; type="application/dicom+json"',
      'multipart/related; type="application/dicom+xml"',
    ];
    for (const type of types) {
      const answer = await search(baseUrl, 'includefield=all', type);
      expect([answer.status, answer.headers.get('content-type')?.split(';')[0]]).toEqual([200, type.split(';')[0]]);
      const found = await searchPlain(folder, baseUrl, 'includefield=all', type);
      expect(found).toHaveLength(10);
      expectSameDataSets(found, await support.replayLastRequest(folder, scp));
    }
  });

  test('returns one result as a single XML part when application/dicom+xml is asked for', async () => {
    const parameters = 'AccessionNumber=00000';
    const answer = await search(baseUrl, parameters, 'application/dicom+xml');
    expect(answer.headers.get('content-type')).toMatch(/^application\/dicom\+xml/);
    const found = await searchPlain(folder, baseUrl, parameters, 'application/dicom+xml');
    expect(found).toHaveLength(1);
    expectSameDataSets(found, await support.replayLastRequest(folder, scp));
  });

  test('asks by keyword as by tag', async () => {
    const byKeyword = 'PatientName=HAYDN*&ScheduledProcedureStepSequence.Modality=CR&includefield=PatientWeight';
    const byTag = '00100010=HAYDN*&00400100.00080060=CR&includefield=00101030';
    const found = await searchPlain(folder, baseUrl, byKeyword);
    expect(found).toHaveLength(1);
    expect(await searchPlain(folder, baseUrl, byTag)).toEqual(found);
  });

  test('gives pages that make up the whole list, the same ones each time (PS3.18 8.3.4.4)', async () => {
    const readPages = async (): Promise<PlainDataSet[]> => {
      const pages: PlainDataSet[] = [];
      for (let offset = 0; offset < 12; offset += 3) {
        const parameters = `limit=3&offset=${offset}`;
        const { headers } = await search(baseUrl, parameters);
        const remaining = /There are (\d+) additional results/.exec(headers.get('warning') ?? '')?.[1];
        expect([offset, remaining]).toEqual([offset, offset < 7 ? String(10 - offset - 3) : undefined]);
        pages.push(...(await searchPlain(folder, baseUrl, parameters)));
      }
      return pages;
    };
    const pages = await readPages();
    expectSameDataSets(pages, await searchPlain(folder, baseUrl, ''));
    expect(await readPages()).toEqual(pages);
  });

  test('answers 204 without a body when nothing matches', async () => {
    const { status, body } = await search(baseUrl, 'PatientID=NOBODY');
    expect([status, body.length]).toEqual([204, 0]);
  });

  test('every PDU we sent and received is sound', async () => {
    expectSoundPdus(await peers.judge());
  });
});
