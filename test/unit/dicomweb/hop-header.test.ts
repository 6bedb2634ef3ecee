import { describe, expect, test } from '@jest/globals';
import { hopHeader, hopsOf } from '../../../src/dicomweb/hop-header.ts';
import { MAXIMUM_HOPS } from '../../../src/services/port.ts';
import { contextOf } from '../../support/requests.ts';

const HOPS = [
  { instance: '0d3c', route: 'ct scanners; all, of them' },
  { instance: 'Klinik Süd', route: 'mrt' },
];

describe('Dimseway-Hop', () => {
  test('carries every gateway and route on the way, whatever they are called', () => {
    const headers = hopHeader({ ...contextOf(), hops: HOPS });
    expect(headers['dimseway-hop']).toBe('0d3c;ct%20scanners%3B%20all%2C%20of%20them, Klinik%20S%C3%BCd;mrt');
    expect(hopsOf(headers)).toEqual(HOPS);
  });

  test('is not sent without any', () => {
    expect([hopHeader(contextOf()), hopHeader({ ...contextOf(), hops: [] }), hopsOf({})]).toEqual([{}, {}, []]);
  });

  test('may be repeated: field lines count as one list', () => {
    expect(hopsOf({ 'dimseway-hop': ['a;1, b;2', 'c;3'] }).map(({ instance }) => instance)).toEqual(['a', 'b', 'c']);
  });

  test.each(['', ',', ';', 'a', 'a;', ';1', 'a;1;2', '%E4%;1', `${'x'.repeat(201)};1`])('%j names no hop', (text) => {
    expect(hopsOf({ 'dimseway-hop': text })).toEqual([]);
  });

  test('is read no further than needed to see that it is too long', () => {
    expect(hopsOf({ 'dimseway-hop': Array(10_000).fill('a;1').join() })).toHaveLength(MAXIMUM_HOPS + 1);
  });
});
