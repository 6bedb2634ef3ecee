import { describe, expect, test } from '@jest/globals';
import { checkJsonBounds } from '../../../src/dataset/json-bounds.ts';
import { parseJsonDataSets } from '../../../src/dataset/json.ts';

const TOO_LARGE = expect.objectContaining({ code: 'DATA_SET_TOO_LARGE' });

describe('the brackets of a JSON text', () => {
  test.each([
    ['as deep as a data set may be', '['.repeat(256) + ']'.repeat(256)],
    ['brackets in strings, with quotes escaped in them', JSON.stringify({ a: '"'.repeat(600) + '[{'.repeat(600) })],
    ['a backslash at the end of a string', `["\\\\",${'[],'.repeat(10_000)}[]]`],
    ['many, one after another', `[${'{},'.repeat(999_999)}{}]`],
    ['a string without end', `"${'['.repeat(600)}`],
    ['nothing', ''],
  ])('are taken: %s', (_what, text) => {
    expect(() => checkJsonBounds(text)).not.toThrow();
  });

  test.each([
    ['too deep in arrays', '['.repeat(257)],
    ['too deep in objects', '{"00400100":{"vr":"SQ","Value":['.repeat(86)],
    ['too deep behind a string with escapes', `"\\"",${'['.repeat(257)}`],
    ['more attributes and items than a data set has', '{},'.repeat(1_000_001)],
  ])('are refused: %s', (_what, text) => {
    expect(() => checkJsonBounds(text)).toThrow(TOO_LARGE);
    expect(() => parseJsonDataSets(text)).toThrow(TOO_LARGE);
  });
});
