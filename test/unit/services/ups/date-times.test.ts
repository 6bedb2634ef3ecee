import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { dateAndTimeOf, dateTimeAt, dateTimeOf, localDateAndTimeOf } from '../../../../src/services/ups/date-times.ts';
import { parseSpan } from '../../../../src/services/worklist/date-time.ts';

describe('DA and TM as DT (PS3.5 6.2, 00080201)', () => {
  test.each([
    ['20250407', '0905', '+0200', '202504070905+0200'],
    ['20250407', '090500.25', undefined, '20250407090500.25'],
    ['20250407', undefined, '+0200', '20250407'],
    ['20250407', '', '+0200', '20250407'],
    ['2025.04.07', '09:05:00', undefined, '20250407090500'],
    ['20250407', 'noon', '+0200', '20250407'],
    ['20250407', '09', 'CET', '2025040709'],
    [undefined, '0905', '+0200', undefined],
    ['tomorrow', '0905', undefined, undefined],
  ])('%p %p %p is %p', (date, time, zone, expected) => {
    expect(dateTimeOf(date, time, zone)).toBe(expected);
  });
});

describe('DT as DA and TM', () => {
  test.each([
    ['20250407090500', undefined, { date: '20250407', time: '090500' }],
    ['20250407090500+0200', '+0200', { date: '20250407', time: '090500' }],
    ['20250407233015.5-0130', '+0100', { date: '20250408', time: '020015.5' }],
    ['2025010100+0100', '-0500', { date: '20241231', time: '1800' }],
    ['20250407090500+0200', undefined, { date: '20250407', time: '090500' }],
    ['20250407090500', '+0200', { date: '20250407', time: '090500' }],
    ['20250407', '+0200', { date: '20250407' }],
    ['202504', undefined, undefined],
    ['', undefined, undefined],
  ])('%p for a data set in zone %p is %p', (dateTime, zone, expected) => {
    expect(dateAndTimeOf(dateTime, zone)).toEqual(expected);
  });

  test('there and back, whatever the zone', () => {
    const digits = (number: number): string => String(number).padStart(2, '0');
    const zones = fc
      .integer({ min: -11, max: 12 })
      .map((hours) => `${hours < 0 ? '-' : '+'}${digits(Math.abs(hours))}30`);
    const dates = fc.date({ min: new Date('1900-01-01'), max: new Date('2199-12-31'), noInvalidDate: true });
    fc.assert(
      fc.property(dates, zones, zones, (moment, zone, other) => {
        const text = moment
          .toISOString()
          .replaceAll(/[-:TZ]/g, '')
          .slice(0, 14);
        const [date, time] = [text.slice(0, 8), text.slice(8)];
        const dateTime = dateTimeOf(date, time, zone) ?? '';
        expect(dateAndTimeOf(dateTime, zone)).toEqual({ date, time });
        const moved = dateAndTimeOf(dateTime, other);
        const again = dateTimeOf(moved?.date, moved?.time, other) ?? '';
        expect(parseSpan('DT', again)).toEqual(parseSpan('DT', dateTime));
      }),
    );
  });
});

describe('an MPPS has no zone', () => {
  const MOMENT = Date.UTC(2025, 3, 7, 9, 5, 7);
  const local = dateTimeAt(MOMENT);

  test('a moment is told with the zone of the place', () => {
    expect(parseSpan('DT', local)?.from).toBe(MOMENT * 1000);
  });

  test.each([
    ['20250407090507+0000', undefined],
    ['20250407144507+0540', '-0300'],
    ['20250407110507', '+0200'],
  ])('%p of a data set in zone %p is what the clock of the place showed', (dateTime, zone) => {
    expect(localDateAndTimeOf(dateTime, zone)).toEqual({ date: local.slice(0, 8), time: local.slice(8, 14) });
  });

  test('without any zone the digits stay', () => {
    expect(localDateAndTimeOf('20250407090507', undefined)).toEqual({ date: '20250407', time: '090507' });
  });
});
