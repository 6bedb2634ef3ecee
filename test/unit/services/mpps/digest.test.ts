import { describe, expect, test } from '@jest/globals';

import { attribute, dataSetOf } from '../../../../src/dataset/model.ts';
import type { DataSet, Tag } from '../../../../src/dataset/model.ts';
import {
  EMPTY_DIGEST,
  digestOf,
  digestOfDataSet,
  digestsOf,
  sequencesOf,
  shrunkSequences,
  tagsWithValue,
} from '../../../../src/services/mpps/digest.ts';
import { fullCreate, rowsByPath, withAttribute } from '../../../support/mpps-rows.ts';

function series(uid: string, images: readonly string[]): DataSet {
  return dataSetOf({
    '0020000E': attribute('UI', uid),
    '00081140': attribute('SQ', ...images.map((image) => dataSetOf({ '00081155': attribute('UI', image) }))),
  });
}

function update(...items: DataSet[]): DataSet {
  return dataSetOf({ '00400340': attribute('SQ', ...items) });
}

function lost(before: DataSet, after: DataSet): Tag[] {
  return shrunkSequences(sequencesOf(before), sequencesOf(after));
}

describe('digests', () => {
  const create = fullCreate();
  const digest = digestOfDataSet(create);
  const digests = digestsOf(create);

  test('do not depend on the order of properties, nor on the character set', () => {
    const reversed = dataSetOf(Object.fromEntries(Object.entries(create).reverse()));
    reversed['00080005'] = attribute('CS', 'ISO_IR 100');
    const name = { Phonetic: 'p', Alphabetic: 'a' };
    expect(digestOfDataSet(reversed)).toBe(digestOfDataSet(create));
    expect(digestOf(attribute('PN', name))).toBe(digestOf(attribute('PN', { Alphabetic: 'a', Phonetic: 'p' })));
    expect(digestsOf(reversed)).toEqual(digestsOf(create));
  });

  test.each(
    rowsByPath()
      .filter(([path]) => path[0] !== '00080005')
      .map(([path]): [string, Tag[]] => [path.join('.'), path]),
  )('a change of %s is seen', (_name, path) => {
    const changed = withAttribute(create, path, attribute('LO', 'other'));
    expect(digestOfDataSet(changed)).not.toBe(digest);
    expect(digestOfDataSet(withAttribute(create, path, undefined))).not.toBe(digest);
    const after = digestsOf(changed);
    const [top = ''] = path;
    const differing = Object.keys(create).filter((tag) => after[tag] !== digests[tag]);
    expect(differing).toEqual([top]);
  });

  test.each([
    [attribute('LO', 'a', 'b'), attribute('LO', 'a,b')],
    [attribute('LO', 'a', null), attribute('LO', 'a')],
    [attribute('DS', 1), attribute('DS', '1.0')],
    [attribute('SQ', dataSetOf({ '00080100': attribute('SH', 'a') })), attribute('SQ', dataSetOf({}), dataSetOf({}))],
    [{ vr: 'UN', InlineBinary: 'AAA=' } as const, { vr: 'UN', InlineBinary: 'AAE=' } as const],
  ])('%j is not %j', (a, b) => {
    expect(digestOf(a)).not.toBe(digestOf(b));
  });

  test('hold no values and are short', () => {
    expect(digestOf(attribute('LO', 'SECRET'))).toMatch(/^[\w-]{16}$/);
    expect(digestOf(attribute('LO'))).toBe(EMPTY_DIGEST);
    expect(digestOf(attribute('LO', null))).toBe(EMPTY_DIGEST);
  });

  test('tell what has a value after all messages, the last one counting', () => {
    const created = digestsOf(dataSetOf({ '00400250': attribute('DA'), '00400254': attribute('LO', 'x') }));
    const set = digestsOf(dataSetOf({ '00400250': attribute('DA', '20250102'), '00400254': attribute('LO') }));
    expect(tagsWithValue(created)).toEqual(new Set(['00400254']));
    expect(tagsWithValue(created, set)).toEqual(new Set(['00400250']));
  });
});

describe('sequences that shrank (PS3.18 B.38 note)', () => {
  const before = update(series('1.1', ['1.1.1', '1.1.2']), series('1.2', ['1.2.1']));

  test('more series, more images, other order, other descriptions: nothing is lost', () => {
    const described = Object.assign(series('1.1', ['1.1.2', '1.1.1', '1.1.3']), { '00181030': attribute('LO', 'x') });
    expect(lost(before, update(series('1.3', []), series('1.2', ['1.2.1']), described))).toEqual([]);
  });

  test.each([
    ['a series', update(series('1.1', ['1.1.1', '1.1.2']))],
    ['an image', update(series('1.1', ['1.1.1']), series('1.2', ['1.2.1']))],
    ['an image for another', update(series('1.1', ['1.1.1', '1.1.3']), series('1.2', ['1.2.1']))],
    ['an image to another series', update(series('1.1', ['1.1.1']), series('1.2', ['1.2.1', '1.1.2']))],
    ['all', dataSetOf({ '00400340': attribute('SQ') })],
  ])('%s is lost', (_what, after) => {
    expect(lost(before, after)).toEqual(['00400340']);
  });

  test('an update without the sequence does not replace it', () => {
    expect(lost(before, dataSetOf({ '00400254': attribute('LO', 'x') }))).toEqual([]);
  });

  test('codes have no UID: only fewer of them are a loss', () => {
    const codes = (...values: string[]): DataSet =>
      dataSetOf({
        '00400260': attribute('SQ', ...values.map((value) => dataSetOf({ '00080100': attribute('SH', value) }))),
      });
    expect(lost(codes('A', 'B'), codes('C', 'D'))).toEqual([]);
    expect(lost(codes('A', 'B'), codes('A'))).toEqual(['00400260']);
  });

  test('a thousand images take about 20 kB of a record', () => {
    const images = Array.from({ length: 1000 }, (_each, i) => `1.2.840.113619.2.55.3.604688119.868.1234567890.${i}`);
    expect(JSON.stringify(sequencesOf(update(series('1.1', images)))).length).toBeLessThan(21_000);
  });
});
