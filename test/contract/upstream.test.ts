/** One suite over every upstream: the embedded RIS, both protocols over real sockets, and both in a row. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { attribute, createDataSet, dataSetOf, firstText, itemsOf } from '../../src/dataset/model.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import type { WorklistQuery } from '../../src/services/port.ts';
import { bedOf, UPSTREAMS_WITH_UPS } from '../support/beds.ts';
import type { Bed } from '../support/beds.ts';
import { collect, contextOf, queryOf } from '../support/requests.ts';
import { multiset, plainWorklist, variedWorklist } from '../support/worklists.ts';

const ENTRIES = variedWorklist();

/** Everything, as `includefield=all` asks. */
const ALL = queryOf(createDataSet(), { returnKeys: 'all' });

function step(keys: Record<string, DataSet[string]>): DataSet {
  return dataSetOf({ '00100020': attribute('LO'), '00400100': attribute('SQ', dataSetOf(keys)) });
}

function ids(results: readonly DataSet[]): string[] {
  return results.map((result) => firstText(result, '00100020') ?? '?').sort();
}

describe.each(UPSTREAMS_WITH_UPS)('%s', (_name, hops, { seen }) => {
  let bed: Bed;
  const search = (query: WorklistQuery): Promise<DataSet[]> => collect(bed.upstream.search(query, contextOf()));

  beforeAll(async () => {
    bed = await bedOf(hops, ENTRIES);
  });
  afterAll(() => bed.close());

  test('answers verify', async () => {
    await expect(bed.upstream.verify(contextOf())).resolves.toBeUndefined();
  });

  test('gives every entry whole when all is asked for: names in every script, empty sequences, codes', async () => {
    // Private attributes cannot be asked for by a search that names none of them (PS3.18 8.3.4.1, PS3.4 K.4.1).
    const known = ENTRIES.map((entry) =>
      dataSetOf(Object.fromEntries(Object.entries(seen(entry)).filter(([tag]) => !tag.startsWith('0009')))),
    );
    const found = await search(ALL);
    const asked = found.map((result, i) => onlyLike(result, known[i] ?? createDataSet()));
    expect(multiset(asked)).toEqual(multiset(known));
  });

  test('gives exactly the requested attributes, in items too', async () => {
    const identifier = dataSetOf({
      '00100010': attribute('PN'),
      '00400100': attribute('SQ', dataSetOf({ '00400009': attribute('SH') })),
    });
    const found = await search(queryOf(identifier));
    const expected = ENTRIES.map(seen).map((entry) =>
      dataSetOf({
        '00100010': entry['00100010'] as DataSet[string],
        '00400100': attribute(
          'SQ',
          dataSetOf({ '00400009': itemsOf(entry['00400100'])[0]?.['00400009'] as DataSet[string] }),
        ),
      }),
    );
    expect(multiset(found.map((result) => onlyRequested(result, identifier)))).toEqual(multiset(expected));
  });

  test('gives private attributes with their creator when they are asked for (PS3.5 7.8.1)', async () => {
    const identifier = dataSetOf({
      '00090010': attribute('LO', 'DIMSEWAY TEST'),
      '00091001': attribute('LO'),
      '00100020': attribute('LO', 'PID-A6'),
    });
    const [found, ...more] = await search(queryOf(identifier));
    expect(more).toEqual([]);
    const { '00090010': creator, '00091001': value } = seen(ENTRIES.at(-1) as DataSet);
    expect([found?.['00090010'], found?.['00091001']]).toEqual([creator, value]);
  });

  test('keeps the text of a decimal string (070.50) and an empty attribute empty', async () => {
    const identifier = dataSetOf({
      '00100020': attribute('LO', 'PID-A6'),
      '00101030': attribute('DS'),
      '00102000': attribute('LO'),
      '00081110': attribute('SQ'),
    });
    const [found] = await search(queryOf(identifier));
    expect([found?.['00101030'], found?.['00102000'], found?.['00081110']]).toEqual([
      attribute('DS', '070.50'),
      attribute('LO'),
      seen(ENTRIES.at(-1) as DataSet)['00081110'],
    ]);
  });

  test.each<[string, DataSet, string[]]>([
    ['single value in an item', step({ '00080060': attribute('CS', 'CT') }), ['PID-A1', 'PID-A3', 'PID-A5']],
    [
      'two keys that must match in the same item',
      step({ '00080060': attribute('CS', 'CT'), '00400001': attribute('AE', 'CT1') }),
      ['PID-A1', 'PID-A5'],
    ],
    ['range of dates', step({ '00400002': attribute('DA', '20260302-20260303') }), ['PID-A3', 'PID-A4', 'PID-A5']],
    ['open range of dates', step({ '00400002': attribute('DA', '-20260301') }), ['PID-A1', 'PID-A2']],
    [
      'combined range of date and time',
      step({ '00400002': attribute('DA', '20260301-20260302'), '00400003': attribute('TM', '0900-0800') }),
      ['PID-A2', 'PID-A3'],
    ],
    [
      'wildcard in a person name, any case',
      dataSetOf({ '00100010': attribute('PN', { Alphabetic: 'doe*' }), '00100020': attribute('LO') }),
      ['PID-A6'],
    ],
    [
      'wildcard outside ASCII',
      dataSetOf({ '00100010': attribute('PN', { Alphabetic: 'Люкс*' }), '00100020': attribute('LO') }),
      ['PID-A4'],
    ],
    ['single character wildcard', dataSetOf({ '00100020': attribute('LO', 'PID-?2') }), ['PID-A2']],
    [
      'list of UIDs',
      dataSetOf({
        '00100020': attribute('LO'),
        '0020000D': attribute('UI', '1.2.276.0.7230010.3.2.100', '1.2.276.0.7230010.3.2.104'),
      }),
      ['PID-A1', 'PID-A5'],
    ],
    [
      'value with a comma and an ampersand',
      dataSetOf({
        '00100020': attribute('LO'),
        '00321064': attribute('SQ', dataSetOf({ '00080104': attribute('LO', 'Thorax, ap & lateral') })),
      }),
      ['PID-A6'],
    ],
    ['no match', dataSetOf({ '00100020': attribute('LO', 'NOBODY') }), []],
  ])('matches: %s (PS3.4 C.2.2.2)', async (_title, identifier, expected) => {
    expect(ids(await search(queryOf(identifier)))).toEqual(expected);
  });

  test('pages tile the list: same order each time, nothing twice, nothing missing (PS3.18 8.3.4.4)', async () => {
    const identifier = dataSetOf({ '00100020': attribute('LO') });
    const paged = (offset: number, limit: number): WorklistQuery =>
      queryOf(identifier, { stableOrder: true, returnKeys: 'default', offset, limit });
    const whole = await search(queryOf(identifier, { stableOrder: true, returnKeys: 'default' }));
    const pages = [
      await search(paged(0, 2)),
      await search(paged(2, 3)),
      await search(paged(5, 3)),
      await search(paged(6, 3)),
    ];
    expect(pages.map((page) => page.length)).toEqual([2, 3, 1, 0]);
    expect(pages.flat()).toEqual(whole);
  });

  test('says how many more there are when it stops at the limit', async () => {
    const context = contextOf();
    const identifier = dataSetOf({ '00100020': attribute('LO') });
    await collect(bed.upstream.search(queryOf(identifier, { stableOrder: true, limit: 4 }), context));
    expect(context.warnings).toMatchObject([{ code: 'MORE_RESULTS', remaining: 2 }]);
  });

  test('twenty searches at once each get their own answer', async () => {
    const all = Array.from({ length: 20 }, (_, i) =>
      search(queryOf(dataSetOf({ '00100020': attribute('LO', `PID-A${1 + (i % 6)}`) }))),
    );
    expect((await Promise.all(all)).map(ids)).toEqual(all.map((_, i) => [`PID-A${1 + (i % 6)}`]));
  });
});

describe.each(UPSTREAMS_WITH_UPS)('%s, with a long list', (_name, hops) => {
  let bed: Bed;
  beforeAll(async () => {
    bed = await bedOf(hops, plainWorklist(500));
  });
  afterAll(() => bed.close());

  const everything = queryOf(dataSetOf({ '00100020': attribute('LO') }));

  test('gives all of it', async () => {
    const found = await collect(bed.upstream.search(everything, contextOf()));
    expect(new Set(ids(found)).size).toBe(500);
    expect(found).toHaveLength(500);
  });

  test('stops when the requester cancels, and the next search works', async () => {
    const aborter = new AbortController();
    const seen: DataSet[] = [];
    const cancelled = (async () => {
      for await (const result of bed.upstream.search(everything, contextOf(undefined, aborter.signal))) {
        seen.push(result);
        if (seen.length === 3) aborter.abort();
      }
    })();
    await expect(cancelled).rejects.toMatchObject({ code: 'CANCELED' });
    expect(seen.length).toBeLessThan(500);
    expect(await collect(bed.upstream.search(everything, contextOf()))).toHaveLength(500);
  });

  test('stops when the requester stops pulling, and the next search works', async () => {
    for await (const _result of bed.upstream.search(everything, contextOf())) break;
    expect(await collect(bed.upstream.search(everything, contextOf()))).toHaveLength(500);
  });
});

describe.each(UPSTREAMS_WITH_UPS.slice(1))('%s whose far end is gone', (_name, hops) => {
  test('fails safely with UPSTREAM_UNREACHABLE, so that another upstream may be asked', async () => {
    const bed = await bedOf(hops.slice(0, 1), ENTRIES);
    try {
      await bed.endFarEnd();
      const identifier = dataSetOf({ '00100020': attribute('LO') });
      const failure = { code: 'UPSTREAM_UNREACHABLE', retry: 'safe' };
      await expect(collect(bed.upstream.search(queryOf(identifier), contextOf()))).rejects.toMatchObject(failure);
      await expect(bed.upstream.verify(contextOf())).rejects.toMatchObject(failure);
    } finally {
      await bed.close();
    }
  });
});

/** The attributes of a result that an entry has; what was asked besides and is not there comes back empty. */
function onlyLike(result: DataSet, entry: DataSet): DataSet {
  const kept = createDataSet();
  for (const [tag, found] of Object.entries(result)) {
    const like = entry[tag];
    if (like === undefined) continue;
    const [item] = itemsOf(like);
    kept[tag] = item === undefined ? found : { vr: 'SQ', Value: itemsOf(found).map((each) => onlyLike(each, item)) };
  }
  return kept;
}

function onlyRequested(result: DataSet, identifier: DataSet): DataSet {
  return onlyLike(result, identifier);
}
