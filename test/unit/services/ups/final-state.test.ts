import { describe, expect, test } from '@jest/globals';

import { attribute, createDataSet, dataSetOf, itemsOf } from '../../../../src/dataset/model.ts';
import type { DataSet, Tag } from '../../../../src/dataset/model.ts';
import { missingForFinal, withCancellationTime } from '../../../../src/services/ups/final-state.ts';

const code = attribute('SQ', dataSetOf({ '00080100': attribute('SH', 'X') }));

const BASE = dataSetOf({
  '00080016': attribute('UI', '1.2.840.10008.5.1.4.34.6.1'),
  '00080018': attribute('UI', '1.2.3'),
  '00404005': attribute('DT', '20250407'),
  '00404010': attribute('DT', '20250407'),
  '00404041': attribute('CS', 'READY'),
  '00741000': attribute('CS', 'IN PROGRESS'),
  '00741200': attribute('CS', 'MEDIUM'),
});
const PERFORMED = dataSetOf({
  '00404019': code,
  '00404028': code,
  '00404033': attribute('SQ'),
  '00404050': attribute('DT', '20250407'),
  '00404051': attribute('DT', '20250407'),
});
const CANCELED = dataSetOf({ '00404052': attribute('DT', '20250407'), '0074100E': code });

const COMPLETE = dataSetOf({ ...BASE, '00741216': attribute('SQ', PERFORMED) });
const ENDED = dataSetOf({ ...BASE, '00741002': attribute('SQ', CANCELED) });

function without(dataSet: DataSet, tag: Tag): DataSet {
  const { [tag]: _removed, ...rest } = dataSet;
  return dataSetOf(rest);
}

describe('what a final state needs (final state codes of PS3.4 Table CC.2.5-3)', () => {
  test('a workitem that has it all misses nothing; Output Information may be empty', () => {
    expect(missingForFinal(COMPLETE, 'COMPLETED')).toEqual([]);
    expect(missingForFinal(ENDED, 'CANCELED')).toEqual([]);
  });

  test.each(Object.keys(BASE))('%s is needed for either (R)', (tag) => {
    expect(missingForFinal(without(COMPLETE, tag), 'COMPLETED')).toEqual([tag]);
    expect(missingForFinal(without(ENDED, tag), 'CANCELED')).toEqual([tag]);
  });

  test.each(Object.keys(PERFORMED))('%s is needed of what was performed (P), in every item', (tag) => {
    const items = attribute('SQ', PERFORMED, without(PERFORMED, tag));
    expect(missingForFinal(dataSetOf({ ...BASE, '00741216': items }), 'COMPLETED')).toEqual([tag]);
  });

  test.each(Object.keys(CANCELED))('%s is needed of what was canceled (X)', (tag) => {
    const items = attribute('SQ', without(CANCELED, tag));
    expect(missingForFinal(dataSetOf({ ...BASE, '00741002': items }), 'CANCELED')).toEqual([tag]);
  });

  test('sequences themselves are told where they are missing', () => {
    expect(missingForFinal(BASE, 'COMPLETED')).toEqual(['00741216']);
    expect(missingForFinal(BASE, 'CANCELED')).toEqual(['00741002']);
    expect(missingForFinal(createDataSet(), 'CANCELED')).toEqual([...Object.keys(BASE), '00741002'].sort());
  });
});

describe('Procedure Step Cancellation DateTime is filled by the SCP (code X)', () => {
  test('where there is none', () => {
    const filled = withCancellationTime(
      dataSetOf({ ...BASE, '00741002': attribute('SQ', without(CANCELED, '00404052')) }),
      0,
    );
    expect(missingForFinal(filled, 'CANCELED')).toEqual([]);
    expect(itemsOf(filled['00741002'])[0]?.['0074100E']).toEqual(code);
  });

  test('and left where there is one', () => {
    expect(withCancellationTime(ENDED, 0)).toEqual(ENDED);
  });
});
