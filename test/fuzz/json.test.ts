import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { sameDataSet } from '../../src/dataset/comparison.ts';
import { fromJson, parseJsonDataSets, toJson } from '../../src/dataset/json.ts';
import { decodeJsonStream } from '../../src/dataset/json-stream.ts';
import { cloneDataSet } from '../../src/dataset/model.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { GatewayError } from '../../src/errors.ts';
import { dataSets } from '../support/data-sets.ts';
import { mutatedText } from '../support/mutations.ts';

const CHARACTERS = [...'aZ09 ^-.,"/éß日本語한글Лю', '😀', '\u0007'];

async function* chunked(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

async function streamed(text: string, size: number): Promise<DataSet[]> {
  const items: DataSet[] = [];
  for await (const item of decodeJsonStream(chunked(text, size))) items.push(item);
  return items;
}

describe('DICOM JSON model, generated (PS3.18 F.2)', () => {
  test.each([false, true])('a data set survives JSON unchanged (foreign VRs: %s)', (foreignVrs) => {
    fc.assert(
      fc.property(dataSets({ characters: CHARACTERS, foreignVrs }), (dataSet) => {
        const [read] = parseJsonDataSets(toJson(dataSet));
        expect(read).toStrictEqual(dataSet);
        expect(fromJson(JSON.parse(toJson(dataSet)))).toStrictEqual(dataSet);
        expect(sameDataSet(cloneDataSet(dataSet), dataSet)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  test('tags are written in ascending order', () => {
    fc.assert(
      fc.property(dataSets({ characters: CHARACTERS, depth: 0 }), (dataSet) => {
        const tags = [...toJson(dataSet).matchAll(/"([0-9A-F]{8})":\{"vr"/g)].map(([, tag]) => tag);
        expect(tags).toEqual([...tags].sort());
      }),
    );
  });

  test('a stream gives the items of the text, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(dataSets({ characters: CHARACTERS, depth: 1 }), { maxLength: 4 }),
        fc.integer({ min: 1, max: 100 }),
        async (items, size) => {
          expect(await streamed(`[${items.map(toJson).join(',')}]`, size)).toStrictEqual(items);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('a mutated text ends in data sets or a GatewayError, the same from the stream as far as it reads', async () => {
    const texts = fc
      .array(dataSets({ characters: CHARACTERS }), { maxLength: 3 })
      .map((items) => `[${items.map(toJson).join(',')}]`);
    await fc.assert(
      fc.asyncProperty(
        texts.chain(mutatedText).map((text) => text.toWellFormed()),
        fc.integer({ min: 1, max: 64 }),
        async (text, size) => {
          const whole = outcome(() => parseJsonDataSets(text));
          const parts = await streamed(text, size).catch((error: unknown) => error);
          if (!(parts instanceof GatewayError)) expect(Array.isArray(parts)).toBe(true);
          // The stream looks for no duplicate names and takes nothing for an empty list; else both agree.
          if (Array.isArray(whole)) expect(parts).toStrictEqual(whole);
        },
      ),
      { numRuns: 250 },
    );
  });

  test('any JSON value ends in a data set or a GatewayError', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        outcome(() => fromJson(value));
      }),
    );
  });
});

function outcome<T>(read: () => T): T | GatewayError {
  try {
    return read();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
}
