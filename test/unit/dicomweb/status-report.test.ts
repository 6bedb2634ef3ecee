import { describe, expect, test } from '@jest/globals';
import { encodeStatusReport } from '../../../src/dicomweb/status-report.ts';

const REPORT = {
  status: 400,
  error: 'The value of limit is no number',
  code: 'BAD_REQUEST',
  dimseStatus: 'A900',
  attributes: ['00100020'],
  transaction: 'trace-1',
};

describe('the Status Report (PS3.18 8.6.3)', () => {
  test.each([
    undefined,
    '*/*',
    'application/json',
    'application/dicom+json',
    'application/json, text/plain, */*',
    'application/dicom+xml, */*;q=0.1',
  ])('is JSON when the client takes %s', (accept) => {
    const { contentType, body } = encodeStatusReport(REPORT, accept);
    expect(contentType).toBe('application/json');
    expect(JSON.parse(body)).toEqual(REPORT);
  });

  test.each(['application/dicom+xml', 'text/plain', 'text/*;q=0.9, */*;q=0.1', 'nonsense'])(
    'is text when the client takes %s',
    (accept) => {
      const { contentType, body } = encodeStatusReport(REPORT, accept);
      expect(contentType).toBe('text/plain; charset=utf-8');
      expect(body).toBe(
        '400 BAD_REQUEST: The value of limit is no number\nDIMSE status: A900\nAttributes: 00100020\nTransaction: trace-1\n',
      );
    },
  );
});
