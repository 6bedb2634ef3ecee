import { describe, expect, test } from '@jest/globals';

import { toJson } from '../../../src/dataset/json.ts';
import { decodeJsonStream } from '../../../src/dataset/json-stream.ts';
import { dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { GatewayError } from '../../../src/errors.ts';

async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

async function read(text: string | Uint8Array, size = 7, maximumItemBytes?: number): Promise<DataSet[]> {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  const limits = maximumItemBytes === undefined ? {} : { maximumItemBytes };
  return await collect(decodeJsonStream(chunked(bytes, size), limits));
}

async function collect(items: AsyncIterable<DataSet>): Promise<DataSet[]> {
  const all: DataSet[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const ITEMS = [
  dataSetOf({ '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎' }] } }),
  dataSetOf({ '00104000': { vr: 'LT', Value: ['braces }{ ][ quote " backslash \\ and \\" 😀'] } }),
  dataSetOf({}),
  dataSetOf({
    '00400100': { vr: 'SQ', Value: [dataSetOf({ '00080060': { vr: 'CS', Value: ['CT'] } }), dataSetOf({})] },
  }),
];

describe('JSON results as a stream (PS3.18 8.6, F.2)', () => {
  test('finds every item wherever the chunks are cut, also inside a UTF-8 character', async () => {
    const text = `[ ${ITEMS.map(toJson).join(' ,\r\n')} ]\n`;
    for (let size = 1; size < 40; size++) expect(await read(text, size)).toStrictEqual(ITEMS);
  });

  test('reads one object, an empty array, a byte order mark, and nothing at all', async () => {
    expect(await read(toJson(ITEMS[0] as DataSet))).toStrictEqual([ITEMS[0]]);
    expect(await read(' [ ] ')).toStrictEqual([]);
    expect(await read('\ufeff[{}]', 1)).toStrictEqual([{}].map(() => dataSetOf({})));
    expect(await read('')).toStrictEqual([]);
  });

  test('hands out the first item before the rest has arrived', async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('[{},');
      throw new Error('read too far');
    }
    const items = decodeJsonStream(endless());
    expect(await items.next()).toEqual({ done: false, value: dataSetOf({}) });
    await expect(items.next()).rejects.toThrow('read too far');
  });

  test('keeps 64-bit integers that are JSON numbers', async () => {
    const [item] = await read('[{"00091001":{"vr":"SV","Value":[-9223372036854775808]}}]');
    expect(item?.['00091001']?.Value).toEqual(['-9223372036854775808']);
  });

  test.each([
    ['an array without end', '[{}'],
    ['an item without end', '[{"00080060":{"vr":"CS"'],
    ['a string without end', '[{"00080060":{"vr":"CS'],
    ['a comma before the end', '[{},]'],
    ['a missing comma', '[{}{}]'],
    ['something behind the end', '[{}] []'],
    ['a second object', '{}{}'],
    ['an item that is no object', '[1]'],
    ['an array in an array', '[[{}]]'],
    ['brackets that do not match', '[{"00080060":{"vr":"CS"]}]'],
    ['HTML', '<html></html>'],
    ['a bad data set', '[{"0008":{}}]'],
    ['bytes that are not UTF-8', Buffer.from('5b7b22ff227d5d', 'hex')],
  ])('refuses %s', async (_title, text) => {
    await expect(read(text)).rejects.toMatchObject({ code: 'DATA_SET_INVALID' });
  });

  test('refuses an item larger than allowed before it has been read whole', async () => {
    let sent = 0;
    async function* long(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('[{"00104000":{"vr":"LT","Value":["');
      for (; sent < 1000; sent++) yield Buffer.from('x'.repeat(100));
    }
    const reading = collect(decodeJsonStream(long(), { maximumItemBytes: 1000 }));
    await expect(reading).rejects.toMatchObject({ code: 'DATA_SET_TOO_LARGE' });
    expect(sent).toBeLessThan(12);
  });

  test('refuses a property given twice where that is asked for: else its last value counts', async () => {
    const text = '{"00080060":{"vr":"CS","Value":["CT"]},"00080060":{"vr":"CS","Value":["MR"]}}';
    expect(await read(text)).toStrictEqual([dataSetOf({ '00080060': { vr: 'CS', Value: ['MR'] } })]);
    const strict = collect(decodeJsonStream(chunked(Buffer.from(text), 7), { refuseRepeatedNames: true }));
    await expect(strict).rejects.toMatchObject({ code: 'DATA_SET_INVALID' });
  });

  test('refuses nesting that no data set needs', async () => {
    const error = await read('['.repeat(1) + '{"00400100":['.repeat(5000)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(GatewayError);
    expect(error).toMatchObject({ code: 'DATA_SET_TOO_LARGE' });
  });
});
