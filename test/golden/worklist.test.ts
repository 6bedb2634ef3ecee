/**
 * Golden pairs of the worklist, in every direction they allow. `queries/*.json`: the query component of a search URL and
 * the keys it stands for; `alsoRead` are spellings that mean the same. `results/*`: the results of an origin server as
 * JSON and as Native DICOM Model, and the C-FIND responses that an SCU with the identifier gets.
 */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, test } from '@jest/globals';

import { parseJsonDataSets, toJson } from '../../src/dataset/json.ts';
import { decodeJsonStream } from '../../src/dataset/json-stream.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { fromXml, toXml } from '../../src/dataset/xml.ts';
import type { WorklistQuery } from '../../src/services/port.ts';
import {
  identifierFromQuery,
  queryFromIdentifier,
  reduceToRequested,
  splitSteps,
} from '../../src/services/worklist/identifier.ts';
import { matches } from '../../src/services/worklist/matching.ts';
import { parametersFromQuery, queryFromParameters } from '../../src/services/worklist/search-parameters.ts';
import type { SearchUrlOptions } from '../../src/services/worklist/search-parameters.ts';

const FOLDER = path.join(import.meta.dirname, 'worklist');

interface QueryPair {
  readonly title: string;
  /** As it is written. */
  readonly url: string;
  readonly alsoRead: readonly string[];
  /** False where the written form is longer than what it stands for, and reads as its parts. */
  readonly read?: false;
  readonly identifier: object;
  readonly query?: Partial<WorklistQuery>;
  readonly urlOptions?: SearchUrlOptions;
}

interface ResultCase {
  readonly title: string;
  readonly identifier: object;
}

function readJson(...parts: string[]): unknown {
  return JSON.parse(readFileSync(path.join(FOLDER, ...parts), 'utf8'));
}

function dataSets(value: unknown): DataSet[] {
  return parseJsonDataSets(JSON.stringify(value));
}

async function* oneByteAtATime(text: string): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let i = 0; i < bytes.length; i++) yield bytes.subarray(i, i + 1);
}

describe.each(readdirSync(path.join(FOLDER, 'queries')))('golden query %s', (file) => {
  const pair = readJson('queries', file) as QueryPair;
  const query: WorklistQuery = {
    identifier: dataSets(pair.identifier)[0] as DataSet,
    returnKeys: 'default',
    fuzzyMatching: false,
    emptyValueMatching: false,
    multipleValueMatching: false,
    timezoneAdjustment: false,
    offset: 0,
    stableOrder: true,
    ...pair.query,
  };

  test(`URL to keys: ${pair.title}`, () => {
    const spellings = pair.read === false ? pair.alsoRead : [pair.url, ...pair.alsoRead];
    for (const url of spellings) expect({ url, ...queryFromParameters(url) }).toEqual({ url, query, warnings: [] });
  });

  test(`keys to URL: ${pair.title}`, () => {
    expect(parametersFromQuery(query, pair.urlOptions)).toBe(pair.url);
  });

  test(`identifier of an SCU to URL: ${pair.title}`, () => {
    if (query.returnKeys === 'all') return; // an SCU names what it wants
    const { limit: _limit, ...asked } = { ...query, ...queryFromIdentifier(query.identifier, query), offset: 0 };
    const expected = pair.url.replace(/&offset=20&limit=10$/, '');
    expect(parametersFromQuery(asked, pair.urlOptions)).toBe(expected);
  });

  test(`URL to identifier, which asks for what a search returns: ${pair.title}`, () => {
    const { identifier } = identifierFromQuery(query, { emptyValueMatching: true, multipleValueMatching: true });
    expect(identifier).toMatchObject(query.identifier);
    for (const tag of ['00100010', '00100020', '00401001', '0020000D', '00400100']) expect(identifier).toHaveProperty(tag);
    expect(identifier['00400100']?.Value).toHaveLength(1);
  });
});

describe.each(readdirSync(path.join(FOLDER, 'results')))('golden results %s', (name) => {
  const { title, identifier } = readJson('results', name, 'case.json') as ResultCase;
  const text = readFileSync(path.join(FOLDER, 'results', name, 'results.json'), 'utf8');
  const results = parseJsonDataSets(text);
  const responses = dataSets(readJson('results', name, 'responses.json'));
  const models = results.map((_result, i) =>
    readFileSync(path.join(FOLDER, 'results', name, `result-${i + 1}.xml`), 'utf8'),
  );
  const keys = dataSets(identifier)[0] as DataSet;

  test(`JSON, read and written: ${title}`, async () => {
    expect(JSON.parse(`[${results.map(toJson).join(',')}]`)).toEqual(JSON.parse(text));
    const streamed: DataSet[] = [];
    for await (const result of decodeJsonStream(oneByteAtATime(text))) streamed.push(result);
    expect(streamed).toStrictEqual(results);
  });

  test(`XML to JSON: ${title}`, () => {
    expect(models.map((model) => JSON.parse(toJson(fromXml(model))) as unknown)).toEqual(JSON.parse(text));
  });

  test(`JSON to XML: ${title}`, () => {
    const compact = models.map((model) => model.replaceAll(/>\n\s*</g, '><').trim());
    expect(results.map((result) => toXml(result).replaceAll(/>\n\s*</g, '><'))).toEqual(compact);
  });

  test(`results to C-FIND responses: ${title}`, () => {
    const sent = results.flatMap(splitSteps).map((result) => reduceToRequested(result, keys));
    expect(sent).toEqual(responses);
  });

  test(`what was answered matches what was asked: ${title}`, () => {
    const query = queryFromIdentifier(keys, { fuzzyMatching: false, timezoneAdjustment: false });
    expect(results.flatMap(splitSteps).every((result) => matches(result, query))).toBe(true);
    const other: WorklistQuery = { ...query, identifier: Object.assign({}, keys, { '00100020': { vr: 'LO', Value: ['none'] } }) };
    expect(results.some((result) => matches(result, other))).toBe(false);
  });
});
