import { describe, expect, test } from '@jest/globals';

import { toJson } from '../../../../src/dataset/json.ts';
import { attribute, createDataSet, dataSetOf } from '../../../../src/dataset/model.ts';
import type { DataSet } from '../../../../src/dataset/model.ts';
import {
  cancelRequested,
  eventReport,
  mppsEventTypeOf,
  progressReport,
  readEventReport,
  stateReport,
  workitemStateOfEvent,
} from '../../../../src/services/ups/event-attributes.ts';
import { WORKITEM_STATES } from '../../../../src/services/ups/workitem.ts';
import type { UpsEvent, UpsEventType } from '../../../../src/services/ups/workitem.ts';

const reasons = attribute('SQ', dataSetOf({ '00080100': attribute('SH', '110513') }));
const progress = attribute('SQ', dataSetOf({ '00741004': attribute('DS', 50), '0074100E': reasons }));

function workitem(state: string): DataSet {
  return dataSetOf({
    '00100010': attribute('PN', { Alphabetic: 'Not^Told' }),
    '00404041': attribute('CS', 'INCOMPLETE'),
    '00741000': attribute('CS', state),
    '00741002': progress,
  });
}

describe('event reports (PS3.4 Table CC.2.4-1, PS3.18 11.13)', () => {
  test('a State Report has state and readiness, and nothing of the patient', () => {
    expect(stateReport('1.2.3', workitem('IN PROGRESS'))).toEqual({
      workitemUid: '1.2.3',
      type: 1,
      attributes: dataSetOf({ '00404041': attribute('CS', 'INCOMPLETE'), '00741000': attribute('CS', 'IN PROGRESS') }),
    });
  });

  test('of one that was canceled it has the reason', () => {
    expect(stateReport('1.2.3', workitem('CANCELED')).attributes).toEqual({
      '00404041': attribute('CS', 'INCOMPLETE'),
      '0074100E': reasons,
      '00741000': attribute('CS', 'CANCELED'),
    });
  });

  test('a Cancel Requested has who asks and what was given', () => {
    const given = dataSetOf({
      '0074100A': attribute('UR', 'tel:1'),
      '00741238': attribute('LT', 'why'),
      '00100020': attribute('LO', 'P'),
    });
    expect(cancelRequested('1.2.3', { requesterAeTitle: 'WATCHER', attributes: given }).attributes).toEqual({
      '0074100A': attribute('UR', 'tel:1'),
      '00741236': attribute('AE', 'WATCHER'),
      '00741238': attribute('LT', 'why'),
    });
  });

  test('a Progress Report has the whole sequence, an empty one where there is none', () => {
    expect(progressReport('1.2.3', workitem('IN PROGRESS')).attributes).toEqual({ '00741002': progress });
    expect(progressReport('1.2.3', createDataSet()).attributes).toEqual({ '00741002': { vr: 'SQ' } });
  });

  test('as it is sent it names UPS Push (CC.2.4.3), and is one JSON object', () => {
    const report = eventReport(stateReport('1.2.3', workitem('COMPLETED')), 17);
    expect(toJson(report)).toBe(
      '{"00000002":{"vr":"UI","Value":["1.2.840.10008.5.1.4.34.6.1"]},"00000110":{"vr":"US","Value":[17]},' +
        '"00001000":{"vr":"UI","Value":["1.2.3"]},"00001002":{"vr":"US","Value":[1]},' +
        '"00404041":{"vr":"CS","Value":["INCOMPLETE"]},"00741000":{"vr":"CS","Value":["COMPLETED"]}}',
    );
  });

  test.each([
    stateReport('1.2.3', workitem('CANCELED')),
    progressReport('1.2.3', workitem('IN PROGRESS')),
    cancelRequested('1.2.3', { requesterAeTitle: 'A', attributes: createDataSet() }),
  ])('what is sent is read again: type $type', (event) => {
    expect(readEventReport(eventReport(event, 1))).toEqual(event);
  });

  test('a report that names UPS Event, as the example of the standard does, is read all the same (C20)', () => {
    const report = eventReport(stateReport('1.2.3', workitem('SCHEDULED')), 1);
    report['00000002'] = attribute('UI', '1.2.840.10008.5.1.4.34.6.4');
    expect(readEventReport(report)?.workitemUid).toBe('1.2.3');
  });

  test.each([
    ['without an instance', '00001000', attribute('UI')],
    ['of what is no UID', '00001000', attribute('UI', 'workitem')],
    ['of an unknown type', '00001002', attribute('US', 9)],
    ['without a type', '00001002', attribute('US')],
  ])('a report %s is none', (_what, tag, value) => {
    const report = eventReport(stateReport('1.2.3', workitem('SCHEDULED')), 1);
    expect(readEventReport(dataSetOf({ ...report, [tag]: value }))).toBeUndefined();
  });
});

describe('events of workitems as MPPS Notification (proxy flows 6.6)', () => {
  test('a change of the state is the event of that state; what is not begun has no MPPS', () => {
    const types = WORKITEM_STATES.map((state) => mppsEventTypeOf(stateReport('1.2.3', workitem(state)), true));
    expect(types).toEqual([undefined, 1, 2, 3]);
  });

  const event = (type: UpsEventType): UpsEvent => ({ workitemUid: '1.2.3', type, attributes: createDataSet() });

  test.each([
    [1, undefined],
    [2, undefined],
    [3, 4],
    [4, undefined],
    [5, 4],
  ] as const)('type %i without a state is %p, if the MPPS is known', (type, expected) => {
    expect(mppsEventTypeOf(event(type), true)).toBe(expected);
    expect(mppsEventTypeOf(event(type), false)).toBeUndefined();
  });

  test('and back: the state that an MPPS event tells of (proxy flows 7.7)', () => {
    expect(([1, 2, 3, 4, 5] as const).map(workitemStateOfEvent)).toEqual([
      'IN PROGRESS', 'COMPLETED', 'CANCELED', undefined, undefined,
    ]); // prettier-ignore
  });
});
