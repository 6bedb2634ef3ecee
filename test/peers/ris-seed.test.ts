/**
 * Worklist files as DCMTK makes them, and a worklist folder in fourteen character sets: the embedded RIS reads from them what
 * pydicom reads.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDcmtkWorklist } from '../../scripts/peers/dcmtk.ts';
import { runOrThrow } from '../../scripts/peers/process.ts';
import { readFiles, readJson } from '../../scripts/peers/read-dicom.ts';
import { makeCharacterSetWorklist } from '../../scripts/peers/worklist.ts';
import { toJson } from '../../src/dataset/json.ts';
import { readSeed } from '../../src/ris/seed.ts';
import { expectSameDataSets, Peers } from '../support/peers.ts';

describe('seeds made by DCMTK', () => {
  const peers = new Peers();
  let folder = '';
  let samples: string[] = [];

  beforeAll(async () => {
    folder = await peers.folder();
    samples = await makeDcmtkWorklist(join(folder, 'OFFIS'));
  });
  afterAll(() => peers.close());

  const expectAsPydicomReads = async (seed: string, files: readonly string[]): Promise<void> => {
    const entries = (await readSeed(seed)).map((entry) => JSON.parse(toJson(entry)) as unknown);
    expect(entries).toHaveLength(files.length);
    expectSameDataSets(await readJson(folder, entries), await readFiles(files));
  };

  test("the folder of wlmscpfs with DCMTK's ten sample records", async () => {
    expect(samples).toHaveLength(10);
    await expectAsPydicomReads(join(folder, 'OFFIS'), samples);
  });

  test('a folder of records in fourteen character sets (PS3.5 6.1.2.3)', async () => {
    const records = await makeCharacterSetWorklist(join(folder, 'NAMES'));
    expect(records.length).toBeGreaterThanOrEqual(14);
    await expectAsPydicomReads(join(folder, 'NAMES'), records);
  });

  test.each([
    ['Implicit VR Little Endian', ['+F', '+ti']],
    ['deflated', ['+F', '+td']],
    ['undefined lengths', ['+F', '-e']],
    ['without meta header, Explicit VR Little Endian', ['-F', '+te']],
    ['without meta header, Implicit VR Little Endian', ['-F', '+ti']],
  ])('a file as dcmconv writes it: %s', async (_title, args) => {
    const [sample = ''] = samples;
    const target = join(folder, args.join(''));
    await mkdir(target);
    await runOrThrow('dcmconv', ['-q', ...args, sample, join(target, 'record.wl')]);
    await expectAsPydicomReads(target, [sample]);
  });

  test('Big Endian is refused with the way out', async () => {
    const file = join(folder, 'big-endian.dcm');
    await runOrThrow('dcmconv', ['-q', '+tb', samples[0] as string, file]);
    await expect(readSeed(file)).rejects.toMatchObject({
      code: 'SEED_INVALID',
      message: expect.stringMatching(/transfer syntax is not supported: .*dcmconv \+te/),
    });
  });
});
