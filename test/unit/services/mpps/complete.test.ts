import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { attribute, createDataSet, dataSetOf } from '../../../../src/dataset/model.ts';
import type { DataSet, Tag } from '../../../../src/dataset/model.ts';
import { MPPS_ATTRIBUTES, OPTIONAL_SETTABLE_TAGS, RETRIEVABLE_TAGS } from '../../../../src/services/mpps/attributes.ts';
import type { MppsAttribute } from '../../../../src/services/mpps/attributes.ts';
import {
  dropUnchanged,
  fillType2,
  preCreateOptional,
  selectAttributes,
  supplyDefaults,
} from '../../../../src/services/mpps/complete.ts';
import { checkCreate, checkUpdate } from '../../../../src/services/mpps/validate.ts';
import { fullCreate, leastCreate, rowsByPath, samplesOf, withAttribute } from '../../../support/mpps-rows.ts';

/** Wed 2 Jan 2025, 03:04:05 where the test runs. */
const NOW = new Date(2025, 0, 2, 3, 4, 5, 678);

describe('fillType2', () => {
  test('adds every type 2 attribute empty, in items too, and nothing else', () => {
    const { attributes, supplied } = fillType2(leastCreate());
    const expected = rowsByPath()
      .filter(([path, row]) => row.create === '2' && (path.length === 1 || path[0] === '00400270') && path.length < 3)
      .map(([path]) => path.at(-1));
    expect(supplied).toEqual([...new Set(expected)].sort());
    expect(checkCreate(attributes)).toEqual([]);
    expect((attributes['00400270']?.Value as DataSet[])[0]?.['00080050']).toEqual({ vr: 'SH' });
    expect(attributes['00400340']).toEqual({ vr: 'SQ' });
  });

  test('leaves what is there, and the message it was given, alone', () => {
    const full = fullCreate();
    expect(fillType2(full)).toEqual({ attributes: full, supplied: [] });
    const least = leastCreate();
    const before = JSON.stringify(least);
    fillType2(least);
    expect(JSON.stringify(least)).toBe(before);
  });

  test('fills every item of a series', () => {
    const series = samplesOf(MPPS_ATTRIBUTES.get('00400340')?.items ?? new Map(), ({ create }) => create === '1');
    const { attributes } = fillType2(Object.assign(leastCreate(), { '00400340': attribute('SQ', series, series) }));
    expect(checkCreate(attributes)).toEqual([]);
    expect((attributes['00400340']?.Value as DataSet[])[1]).toMatchObject({ '00081140': { vr: 'SQ' } });
  });
});

describe('preCreateOptional (Table F.7.2-1 note 5)', () => {
  test('creates empty what could not be set later', () => {
    const { attributes, supplied } = preCreateOptional(createDataSet());
    expect(supplied).toEqual(['00400280', '00400281', '00400320', '00400321', '00400324', '00401012']);
    expect(supplied).toEqual([...OPTIONAL_SETTABLE_TAGS].sort());
    expect(attributes['00400281']).toEqual({ vr: 'SQ' });
  });

  test('creates the reason for a discontinuation in any case', () => {
    expect(preCreateOptional(createDataSet(), false).supplied).toEqual(['00400281']);
  });

  test('leaves alone what is there', () => {
    expect(preCreateOptional(fullCreate())).toEqual({ attributes: fullCreate(), supplied: [] });
  });
});

describe('filled and pre-created', () => {
  const optional = rowsByPath().filter(([path, { create }]) => path.length === 1 && create !== '1');
  const least = leastCreate();
  const full = fullCreate();
  // Items of these hold nothing that is needed: taken apart they would end up without attributes.
  const loose: readonly Tag[] = ['00100024', '00101002', '00400321', '00400324'];
  const inItems = rowsByPath().filter(
    ([path, { create }]) => path.length > 1 && !loose.includes(path[0] ?? '') && (create === '2' || create === '3'),
  );
  const creates = fc
    .record({
      tags: fc.subarray(optional.map(([path]) => path[0] as Tag)),
      gone: fc.subarray(inItems),
    })
    .map(({ tags, gone }) => {
      let create = Object.assign(createDataSet(), full);
      for (const [path] of optional) if (!tags.includes(path[0] as Tag)) delete create[path[0] as Tag];
      for (const [path] of gone) if (has(create, path)) create = withAttribute(create, path, undefined);
      return Object.assign(createDataSet(), least, create);
    });

  test('any message that has its type 1 attributes passes strict validation, and all that is settable can be set', () => {
    fc.assert(
      fc.property(creates, (create) => {
        const { attributes } = preCreateOptional(fillType2(create).attributes);
        expect(checkCreate(attributes)).toEqual([]);
        const update = Object.fromEntries(
          [...MPPS_ATTRIBUTES.values()]
            .filter((row: MppsAttribute) => row.set !== undefined)
            .map(({ tag }) => [tag, full[tag]])
            .filter(([, value]) => value !== undefined),
        ) as DataSet;
        expect(checkUpdate(update, new Set(Object.keys(attributes)))).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});

function has(dataSet: DataSet, [tag, ...rest]: readonly Tag[]): boolean {
  const found = dataSet[tag ?? ''];
  if (found === undefined) return false;
  return rest.length === 0 || has((found.Value as DataSet[])[0] ?? createDataSet(), rest);
}

describe('supplyDefaults', () => {
  test('gives what a gateway can know: station, modality, start and a step id that fits SH', () => {
    const { attributes, supplied } = supplyDefaults(createDataSet(), {
      stationAeTitle: 'CT1',
      modality: 'CT',
      now: NOW,
    });
    expect(supplied).toEqual(['00080060', '00400241', '00400244', '00400245', '00400253']);
    expect(attributes).toMatchObject({
      '00080060': { vr: 'CS', Value: ['CT'] },
      '00400241': { vr: 'AE', Value: ['CT1'] },
      '00400244': { vr: 'DA', Value: ['20250102'] },
      '00400245': { vr: 'TM', Value: ['030405'] },
    });
    expect(attributes['00400253']?.Value?.[0]).toMatch(/^P[0-9A-Z]{1,15}$/);
  });

  test('takes an empty attribute for none, and leaves values alone', () => {
    const given = dataSetOf({ '00400241': attribute('AE', 'MR9'), '00400244': attribute('DA') });
    const { attributes, supplied } = supplyDefaults(given, { stationAeTitle: 'CT1', now: NOW });
    expect(supplied).toEqual(['00400244', '00400245', '00400253']);
    expect(attributes['00400241']).toEqual({ vr: 'AE', Value: ['MR9'] });
  });

  test('never makes up a scheduled step: its study is unknown', () => {
    const { attributes } = supplyDefaults(createDataSet(), { stationAeTitle: 'CT1', modality: 'CT', now: NOW });
    const missing = checkCreate(fillType2(attributes).attributes).map(({ path }) => path);
    expect(missing).toEqual([['00400270'], ['00400252']]);
  });
});

describe('dropUnchanged', () => {
  const update = dataSetOf({
    '00100010': attribute('PN', { Alphabetic: 'Doe' }),
    '00100020': attribute('LO', 'P1'),
    '00400254': attribute('LO', 'Head'),
    '00091001': attribute('UN'),
  });

  test('drops what an N-SET forbids and did not change', () => {
    const result = dropUnchanged(update, () => true);
    expect(result).toMatchObject({ dropped: ['00100010', '00100020'], conflicting: [] });
    expect(Object.keys(result.modifications).sort()).toEqual(['00091001', '00400254']);
  });

  test('leaves what changed and names it', () => {
    const result = dropUnchanged(update, (tag) => tag === '00100010');
    expect(result).toMatchObject({ dropped: ['00100010'], conflicting: ['00100020'] });
    expect(result.modifications).toHaveProperty('00100020');
  });
});

describe('selectAttributes (PS3.18 15.6, PS3.4 F.8.2)', () => {
  const stored = Object.assign(fullCreate(), {
    '00080005': attribute('CS', 'ISO_IR 192'),
    '00080016': attribute('UI', '1.2.840.10008.3.1.2.3.3'),
    '00080018': attribute('UI', '1.2.3'),
    '00090010': attribute('LO', 'MAKER'),
    '00090011': attribute('LO', 'OTHER'),
    '00091001': attribute('LO', 'private'),
  });

  test('everything, but the UIDs of the command', () => {
    const selected = selectAttributes(stored, 'all');
    expect(Object.keys(stored).filter((tag) => !(tag in selected))).toEqual(['00080016', '00080018']);
  });

  test('top-level attributes whole, with the character set', () => {
    const selected = selectAttributes(stored, [['00400340'], ['00100010'], ['00080018'], ['00400999']]);
    expect(Object.keys(selected).sort()).toEqual(['00080005', '00100010', '00400340']);
    expect(selected['00400340']).toEqual(stored['00400340']);
  });

  test('a path into a sequence prunes every item, at any depth', () => {
    const image = (uid: string): DataSet =>
      dataSetOf({ '00081150': attribute('UI', '1.2'), '00081155': attribute('UI', uid) });
    const series = (uid: string): DataSet =>
      dataSetOf({
        '0020000E': attribute('UI', uid),
        '00181030': attribute('LO', 'Head'),
        '00081140': attribute('SQ', image(`${uid}.1`), image(`${uid}.2`)),
      });
    const dataSet = dataSetOf({ '00400340': attribute('SQ', series('1.1'), series('1.2')) });
    const selected = selectAttributes(dataSet, [
      ['00400340', '0020000E'],
      ['00400340', '00081140', '00081155'],
    ]);
    const short = (uid: string): DataSet => dataSetOf({ '00081155': attribute('UI', uid) });
    const expected = ['1.1', '1.2'].map((uid) =>
      dataSetOf({
        '0020000E': attribute('UI', uid),
        '00081140': attribute('SQ', short(`${uid}.1`), short(`${uid}.2`)),
      }),
    );
    expect(selected).toEqual(dataSetOf({ '00400340': attribute('SQ', ...expected) }));
  });

  test('the whole sequence wins over a path into it; a path into no sequence finds nothing', () => {
    const selected = selectAttributes(stored, [['00400340', '0020000E'], ['00400340'], ['00100010', '00100020']]);
    expect(Object.keys(selected).sort()).toEqual(['00080005', '00400340']);
    expect(selected['00400340']).toEqual(stored['00400340']);
  });

  test('a private attribute keeps its creator, and no other', () => {
    const selected = selectAttributes(stored, [['00091001']]);
    expect(Object.keys(selected).sort()).toEqual(['00080005', '00090010', '00091001']);
  });

  test('an N-GET can name what Table F.8.2-1 has: the top level of F.7.2-1', () => {
    expect(RETRIEVABLE_TAGS).toEqual([...MPPS_ATTRIBUTES.keys()].sort());
  });
});
