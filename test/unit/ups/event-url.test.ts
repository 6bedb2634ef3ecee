/** Where the notification connection of a subscriber is, and what its reports say (PS3.18 8.10, 11.10.3, 11.13). */
import { describe, expect, test } from '@jest/globals';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import { parseEventReport } from '../../../src/ups/event-report-text.ts';
import { eventUrlOf } from '../../../src/ups/event-url.ts';

const ADDRESS = {
  baseUrl: 'https://ris.example/dicomweb',
  aeTitle: 'GATE WAY',
  redirectHosts: ['events.example:8443'],
};
const BUILT = 'wss://ris.example/dicomweb/ws/subscribers/GATE%20WAY';

describe('the URL of the connection', () => {
  test.each<[string, string | undefined, string, boolean]>([
    ['is built from the Base URI where the server names none', undefined, BUILT, true],
    ['is the one of Content-Location (11.10.3)', 'wss://ris.example/socket/1', 'wss://ris.example/socket/1', false],
    ['may be told without a scheme', '/socket/1', 'wss://ris.example/socket/1', false],
    ['may be told by its scheme of HTTP', 'https://ris.example/socket/1', 'wss://ris.example/socket/1', false],
    ['may be at another host that is allowed', 'wss://events.example:8443/1', 'wss://events.example:8443/1', false],
    ['is nowhere else, since our credentials would go there', 'wss://events.example/1', BUILT, true],
    ['is by TLS where the server is', 'ws://ris.example/socket/1', BUILT, true],
    ['is built where that is no URL', 'wss://ris.example:port/', BUILT, true],
  ])('%s', (_title, named, expected, isBuilt) => {
    const { url, isBuilt: found } = eventUrlOf(named, ADDRESS);
    expect([url.href, found]).toEqual([expected, isBuilt]);
  });

  test('is plain where the server is, or by TLS', () => {
    const plain = { ...ADDRESS, baseUrl: 'http://127.0.0.1:8080/ups' };
    expect(eventUrlOf(undefined, plain).url.href).toBe('ws://127.0.0.1:8080/ups/ws/subscribers/GATE%20WAY');
    expect(eventUrlOf('ws://127.0.0.1:8080/1', plain).url.href).toBe('ws://127.0.0.1:8080/1');
    expect(eventUrlOf('wss://127.0.0.1:8080/1', plain).url.href).toBe('wss://127.0.0.1:8080/1');
  });
});

describe('the text of a report', () => {
  const report = (more: object = {}): string =>
    JSON.stringify({
      '00000002': { vr: 'UI', Value: ['1.2.840.10008.5.1.4.34.6.4'] },
      '00000110': { vr: 'US', Value: [23] },
      '00001000': { vr: 'UI', Value: ['1.2.3'] },
      '00001002': { vr: 'US', Value: [1] },
      '00404041': { vr: 'CS', Value: ['READY'] },
      '00741000': { vr: 'CS', Value: ['IN PROGRESS'] },
      ...more,
    });

  test('holds attributes of the command, which are none of the event; the class it names says nothing (C20)', () => {
    expect(parseEventReport(report())).toEqual({
      workitemUid: '1.2.3',
      type: 1,
      attributes: dataSetOf({
        '00404041': attribute('CS', 'READY'),
        '00741000': attribute('CS', 'IN PROGRESS'),
      }),
    });
  });

  test('has attributes of the event by their right VR, whatever it says, as the example of the standard errs', () => {
    const event = parseEventReport(report({ '00741000': { vr: 'LT', Value: ['COMPLETED'] } }));
    expect(event?.attributes['00741000']).toEqual(attribute('CS', 'COMPLETED'));
  });

  test.each([
    ['of a type that nobody knows', report({ '00001002': { vr: 'US', Value: [9] } })],
    ['that names no workitem', report({ '00001000': { vr: 'UI' } })],
    ['that is an array', `[${report()}]`],
    ['that is null', 'null'],
  ])('%s tells of nothing', (_title, text) => {
    expect(parseEventReport(text)).toBeUndefined();
  });

  test.each([
    ['broken JSON', '{"00741000":'],
    ['an attribute that is none', report({ '00741000': 'COMPLETED' })],
  ])('cannot be read: %s', (_title, text) => {
    expect(() => parseEventReport(text)).toThrow(expect.objectContaining({ code: 'DATA_SET_INVALID' }));
  });
});
