import { describe, expect, test } from '@jest/globals';

import { attribute, createDataSet, dataSetOf } from '../../../../src/dataset/model.ts';
import { mergeWorkitem, selectWorkitem, unchangeable } from '../../../../src/services/ups/attributes.ts';
import { dateTimeAt } from '../../../../src/services/ups/date-times.ts';

const WORKITEM = dataSetOf({
  '00080018': attribute('UI', '1.2.3'),
  '00081195': attribute('UI', '1.2.9'),
  '00100020': attribute('LO', 'P-1'),
  '00102160': attribute('SH', 'a return key of type 3'),
  '00404041': attribute('CS', 'READY'),
  '00741000': attribute('CS', 'SCHEDULED'),
  '00741002': attribute(
    'SQ',
    dataSetOf({ '00741004': attribute('DS', 10) }),
    dataSetOf({ '00741006': attribute('ST', 'x') }),
  ),
});

describe('an update (PS3.4 CC.2.6.2, PS3.18 11.6)', () => {
  test('replaces whole attributes, sequences with all their items', () => {
    const shorter = attribute('SQ', dataSetOf({ '00741004': attribute('DS', 20) }));
    expect(mergeWorkitem(WORKITEM, dataSetOf({ '00741002': shorter }), 0)).toEqual({
      ...WORKITEM,
      '00404010': attribute('DT', dateTimeAt(0)),
      '00741002': shorter,
    });
  });

  test('touches neither state nor lock nor patient', () => {
    const modifications = dataSetOf({
      '00081195': attribute('UI', '1.2.8'),
      '00100020': attribute('LO', 'P-2'),
      '00741000': attribute('CS', 'COMPLETED'),
    });
    const merged = mergeWorkitem(WORKITEM, modifications, 0);
    expect(merged).toEqual({ ...WORKITEM, '00404010': attribute('DT', dateTimeAt(0)) });
    expect(unchangeable(WORKITEM, modifications)).toEqual(['00081195', '00100020', '00741000']);
  });

  test('that sends again what is there changes nothing of it', () => {
    expect(unchangeable(WORKITEM, WORKITEM)).toEqual([]);
    expect(unchangeable(WORKITEM, dataSetOf({ '00100030': attribute('DA') }))).toEqual([]);
    expect(unchangeable(WORKITEM, dataSetOf({ '00404041': attribute('CS', 'UNAVAILABLE') }))).toEqual([]);
  });
});

describe('what is returned (PS3.18 11.5 and 11.9)', () => {
  test('the Transaction UID never is', () => {
    const { '00081195': _lock, ...rest } = WORKITEM;
    expect(selectWorkitem(WORKITEM, dataSetOf({ '00081195': attribute('UI') }), 'all')).toEqual(rest);
  });

  test('a search returns what the table has under 1 and 2, and what was asked for', () => {
    const { '00081195': _lock, '00102160': _group, ...rest } = WORKITEM;
    expect(selectWorkitem(WORKITEM, createDataSet(), 'default')).toEqual(rest);
    const asked = selectWorkitem(WORKITEM, dataSetOf({ '00102160': attribute('SH') }), 'default');
    expect(asked).toEqual({ ...rest, '00102160': WORKITEM['00102160'] });
  });
});
