/**
 * Fourteen ways to write a name (PS3.5 6.1.2.3, annexes H to K): through both directions, read by pydicom, the text is the
 * one the SCP's own bytes mean, and Specific Character Set says which bytes follow.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import {
  dumpToFile,
  findWithDcmtk,
  makeDcmtkQueries,
  startWlmscpfs,
  type WorklistScp,
} from '../../scripts/peers/dcmtk.ts';
import { startOdilScp } from '../../scripts/peers/odil.ts';
import { readCharacterSets, readFiles, type PlainDataSet } from '../../scripts/peers/read-dicom.ts';
import { makeCharacterSetWorklist } from '../../scripts/peers/worklist.ts';
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

const namesOf = (results: readonly PlainDataSet[]): unknown[] => results.map((result) => result['00100010']?.[1]);

describe('the worklist in many character sets', () => {
  const peers = new Peers();
  let folder = '';
  let records: string[] = [];
  let query = '';
  let identifier: PlainDataSet = {};
  let scp: WorklistScp;
  let baseUrl = '';
  let direct: PlainDataSet[] = [];

  beforeAll(async () => {
    folder = await peers.folder();
    records = await makeCharacterSetWorklist(join(folder, 'OFFIS'));
    query = (await makeDcmtkQueries(folder))[11] as string;
    identifier = (await readFiles([query]))[0] ?? {};
    await peers.startJudging();
    scp = peers.watch(await startWlmscpfs(folder));
    baseUrl = await peers.originServer(scp);
    direct = await findPlain(folder, scp, { file: query });
  });
  afterAll(() => peers.close());

  /** Specific Character Set of each answer by patient name. */
  const crossWith = async (target: Target, args: readonly string[] = []): Promise<Map<unknown, string | undefined>> => {
    const found = await findWithDcmtk({ ...target, query, keys: args, outputFolder: join(folder, 'crossed') });
    const results = await readFiles(found.files);
    expectSameDataSets(results, direct);
    const sets = await readCharacterSets(found.files);
    return new Map(namesOf(results).map((name, i) => [name, sets[i]]));
  };

  test('the records are what they should be', async () => {
    expectSameDataSets(
      direct,
      (await readFiles(records)).map((record) => project(record, identifier)),
    );
    expect(namesOf(direct)).toContain('Müller^Jörg');
    expect(namesOf(direct)).toContain('Hong^Gildong=洪^吉洞=홍^길동');
    expect(namesOf(direct)).toContain('ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう');
  });

  test('web → DIMSE: JSON and XML say the same text as Unicode', async () => {
    for (const type of ['application/dicom+json', 'multipart/related; type="application/dicom+xml"']) {
      const answer = await searchPlain(folder, baseUrl, toParameters(identifier), type);
      expectSameDataSets(
        answer.map((result) => project(result, identifier)),
        direct,
      );
    }
  });

  test('DIMSE → web → DIMSE: without a wish of the SCU, ISO_IR 192 where ASCII does not do', async () => {
    const sets = await crossWith(await peers.scpBefore(baseUrl));
    expect(sets.get('Müller^Jörg')).toBe('ISO_IR 192');
    expect(sets.get('Yamada^Tarou=山田^太郎=やまだ^たろう')).toBe('ISO_IR 192');
    expect(sets.get('VIVALDI^ANTONIO')).toBeUndefined();
  });

  test("the identifier's own set is used where it can carry the text", async () => {
    const sets = await crossWith(await peers.scpBefore(baseUrl), ['SpecificCharacterSet=ISO_IR 100']);
    expect(sets.get('Müller^Jörg')).toBe('ISO_IR 100');
    expect(sets.get('Διονυσιος')).toBe('ISO_IR 192');
  });

  test("the route's sets are tried in order, ISO 2022 escapes included", async () => {
    const characterSets = ['ISO_IR 100', 'ISO_IR 144', '\\ISO 2022 IR 87', '\\ISO 2022 IR 149', 'ISO_IR 126'];
    const sets = await crossWith(await peers.scpBefore(baseUrl, { route: { characterSets } }));
    expect(sets.get('Müller^Jörg')).toBe('ISO_IR 100');
    expect(sets.get('Люкceмбypг')).toBe('ISO_IR 144');
    expect(sets.get('Yamada^Tarou=山田^太郎=やまだ^たろう')).toBe('\\ISO 2022 IR 87');
    expect(sets.get('Hong^Gildong=洪^吉洞=홍^길동')).toBe('\\ISO 2022 IR 149');
    expect(sets.get('Διονυσιος')).toBe('ISO_IR 126');
    expect(sets.get('שרון^דבורה')).toBe('ISO_IR 192');
  });

  test("a key in the SCU's Latin 1 finds the record behind two gateways (wlmscpfs compares bytes)", async () => {
    const dump = join(folder, 'latin1.dump');
    const file = join(folder, 'latin1.dcm');
    await writeFile(
      dump,
      Buffer.from('(0008,0005) CS [ISO_IR 100]\n(0010,0010) PN [Müller*]\n(0010,0020) LO []\n', 'latin1'),
    );
    await dumpToFile(dump, file);
    const latin = await peers.originServer(scp, { upstream: { characterSet: 'ISO_IR 100' } });
    const found = await findPlain(folder, await peers.scpBefore(latin), { file });
    expect(found).toEqual([{ '00100010': ['PN', 'Müller^Jörg'], '00100020': ['LO', 'PID00002'] }]);
  });

  test('a key in kanji reaches an SCP in UTF-8 and finds the record', async () => {
    const odil = peers.watch(await startOdilScp(records));
    const origin = await peers.originServer({ port: odil.port, aeTitle: 'ODIL' });
    const found = await searchPlain(folder, origin, `PatientName=${encodeURIComponent('*=山田^太郎=*')}`);
    expect(namesOf(found).sort()).toEqual(['Yamada^Tarou=山田^太郎=やまだ^たろう', 'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう']);
  });

  test('every PDU we sent and received is sound', async () => {
    expectSoundPdus(await peers.judge());
  });
});
