import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attribute, createDataSet, dataSetOf } from '../../../src/dataset/model.ts';
import { toJson } from '../../../src/dataset/json.ts';
import { Ris } from '../../../src/ris/ris.ts';
import { readSeed } from '../../../src/ris/seed.ts';
import { collect, contextOf, entryOf, queryOf } from '../../support/requests.ts';
import { multiset, variedWorklist } from '../../support/worklists.ts';

describe('the embedded RIS', () => {
  test('gives everything it has for includefield=all, private attributes included', async () => {
    const found = await collect(
      new Ris(variedWorklist()).search(queryOf(createDataSet(), { returnKeys: 'all' }), contextOf()),
    );
    expect(multiset(found)).toEqual(multiset(variedWorklist()));
  });

  test.each([
    [2, 0, 2, [{ code: 'MORE_RESULTS', remaining: 1 }]],
    [1, 1, 1, [{ code: 'MORE_RESULTS', remaining: 1 }]],
    [3, 0, 3, []],
    [2, 1, 2, []],
    [5, 2, 1, []],
  ])('limit %i, offset %i of three: %i, and how many remain (PS3.18 8.3.4.4)', async (limit, offset, count, warned) => {
    const context = contextOf();
    const query = queryOf(dataSetOf({ '00100020': attribute('LO') }), { limit, offset, stableOrder: true });
    const found = await collect(new Ris([entryOf('P1'), entryOf('P2'), entryOf('P3')]).search(query, context));
    expect(found).toHaveLength(count);
    expect(context.warnings).toMatchObject(warned);
    expect(context.warnings).toHaveLength(warned.length);
  });

  test('says that it matches literally when fuzzy matching or a time zone is asked for (PS3.18 8.3.4)', async () => {
    const context = contextOf();
    const query = queryOf(dataSetOf({ '00100020': attribute('LO') }), {
      fuzzyMatching: true,
      timezoneAdjustment: true,
    });
    await collect(new Ris([]).search(query, context));
    expect(context.warnings.map((warning) => warning.code)).toEqual([
      'FUZZY_MATCHING_NOT_SUPPORTED',
      'TIMEZONE_NOT_SUPPORTED',
    ]);
  });
});

describe('a seed file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const read = async (name: string, text: string): ReturnType<typeof readSeed> => {
    await writeFile(join(folder, name), text);
    return readSeed(join(folder, name));
  };

  test('is DICOM JSON, one object or several, or the same as YAML', async () => {
    const json = `[${toJson(entryOf('P1'))},${toJson(entryOf('P2'))}]`;
    expect(await read('a.json', json)).toEqual([entryOf('P1'), entryOf('P2')]);
    expect(await read('b.yaml', json)).toEqual([entryOf('P1'), entryOf('P2')]);
    expect(await read('c.json', toJson(entryOf('P3')))).toEqual([entryOf('P3')]);
  });

  test('that is refused is not quoted: it may hold patient values', async () => {
    const reading = read('a.yaml', "- '00100010': { vr: PN }\n  b: [SECRET^NAME\n");
    await expect(reading).rejects.toMatchObject({ message: expect.stringMatching(/ at line 3, column 1$/) });
    await expect(reading).rejects.not.toMatchObject({ message: expect.stringContaining('SECRET') });
  });

  test.each([
    ['no JSON', 'a.json', '{'],
    ['no YAML', 'a.yaml', 'a: [b'],
    ['an entry without a step', 'a.json', '[{"00100020":{"vr":"LO","Value":["P1"]}}]'],
    ['an entry with two steps', 'a.json', '[{"00400100":{"vr":"SQ","Value":[{},{}]}}]'],
  ])('is refused with SEED_INVALID naming the file: %s', async (_title, name, text) => {
    await expect(read(name, text)).rejects.toMatchObject({
      code: 'SEED_INVALID',
      message: expect.stringContaining(join(folder, name)),
    });
  });
});
