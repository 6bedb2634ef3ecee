import { expect, test } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../../src/config/load.ts';
import type { Attribute, DataSet } from '../../../src/dataset/model.ts';
import { isEmpty, itemsOf } from '../../../src/dataset/model.ts';
import { readSeed } from '../../../src/ris/seed.ts';
import { WORKLIST_ATTRIBUTES } from '../../../src/services/worklist/attributes.ts';
import type { WorklistAttributes } from '../../../src/services/worklist/attributes.ts';

const FOLDER = join(import.meta.dirname, '../../../config');
const FILES = ['gateway.yaml', ...readdirSync(join(FOLDER, 'examples')).map((name) => `examples/${name}`)];

test.each(FILES)('config/%s loads without a problem and without a warning', async (name) => {
  const { warnings } = await loadConfig(join(FOLDER, name), {});
  expect(warnings).toEqual([]);
});

test('the embedded default listens as the contract says, on loopback', async () => {
  const { config } = await loadConfig(join(FOLDER, 'gateway.yaml'), {});
  expect(config).toMatchObject({
    listeners: {
      ward: { host: '127.0.0.1', port: 11112, aeTitles: ['DIMSEWAY', 'CROSSOVER'] },
      web: { host: '127.0.0.1', port: 8080, basePaths: ['/dicomweb', '/crossover'] },
    },
    console: { host: '127.0.0.1', port: 8090 },
    store: { path: join(FOLDER, '../data/dimseway.db') },
  });
  expect(config.routes.map(({ worklist, mpps }) => [worklist?.to, mpps?.to])).toEqual([
    [['ownWeb'], 'ownWeb'],
    [['ownWard'], 'ownWard'],
    [['ris'], 'ris'],
    [['ris'], 'ris'],
  ]);
});

/** Attributes of type 1 that have no value and attributes of type 2 that are missing (PS3.4 Table K.6-1). */
function violations(dataSet: DataSet, rows: WorklistAttributes, around = ''): string[] {
  return [...rows.values()].flatMap((row) => {
    const attribute: Attribute | undefined = dataSet[row.tag];
    const path = `${around}${row.keyword}`;
    if (row.returnType === '1' && (attribute === undefined || isEmpty(attribute))) return [`${path} has no value`];
    if (row.returnType === '2' && attribute === undefined) return [`${path} is missing`];
    return itemsOf(attribute).flatMap((item) => violations(item, row.items, `${path}.`));
  });
}

test('the entries of the embedded RIS have every attribute of type 1 and 2 (PS3.4 Table K.6-1)', async () => {
  const entries = await readSeed(join(FOLDER, 'worklist.yaml'));
  expect(entries.flatMap((entry, i) => violations(entry, WORKLIST_ATTRIBUTES, `${i + 1}: `))).toEqual([]);
});

test('the entries of the embedded RIS are varied', async () => {
  const entries = await readSeed(join(FOLDER, 'worklist.yaml'));
  const steps = entries.map((entry) => itemsOf(entry['00400100'])[0] as DataSet);
  expect(entries.length).toBeGreaterThanOrEqual(12);
  expect(new Set(steps.map((step) => step['00400009']?.Value?.[0])).size).toBe(entries.length);
  expect(new Set(steps.map((step) => step['00080060']?.Value?.[0])).size).toBeGreaterThanOrEqual(8);
  const text = JSON.stringify(entries);
  const scripts = ['Hiragana', 'Hangul', 'Cyrillic', 'Greek', 'Han', 'Hebrew', 'Thai'];
  expect(scripts.filter((script) => !new RegExp(`\\p{Script=${script}}`, 'u').test(text))).toEqual([]);
  expect(text).toContain('Müller');
  const studies = entries.map((entry) => entry['0020000D']?.Value?.[0]);
  expect(new Set(studies).size).toBe(entries.length - 1);
  expect(entries.some((entry) => entry['00090010'] !== undefined)).toBe(true);
});
