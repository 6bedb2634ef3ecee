import { describe, expect, test } from '@jest/globals';
import { errorFromEnd } from '../../../src/dimse/scu-error.ts';
import type { AssociationEnd } from '../../../src/dimse/upper-layer/association.ts';

describe('an association that the peer rejects', () => {
  test.each([
    [{ result: 1, source: 1, reason: 7 }, 'association rejected (1/1/7): called AE title not recognized'],
    [{ result: 1, source: 1, reason: 3 }, 'association rejected (1/1/3): calling AE title not recognized'],
    [{ result: 1, source: 1, reason: 2 }, 'association rejected (1/1/2): application context not supported'],
    [{ result: 1, source: 2, reason: 2 }, 'association rejected (1/2/2): protocol version not supported'],
    [{ result: 2, source: 3, reason: 2 }, 'association rejected (2/3/2): local limit exceeded'],
    [{ result: 1, source: 3, reason: 9 }, 'association rejected (1/3/9): reason not known'],
  ])(
    'is told with its reason in words (PS3.8 Table 9-21), short enough for an Error Comment: %j',
    (rejection, text) => {
      const error = errorFromEnd({ kind: 'rejected', rejection }, 'association');
      expect(error).toMatchObject({ code: 'ASSOCIATION_REJECTED', message: text, rejection });
      expect(text.length).toBeLessThanOrEqual(64);
    },
  );
});

describe('a connection that is lost', () => {
  const lost = (code: string): AssociationEnd => ({ kind: 'lost', cause: Object.assign(new Error(code), { code }) });

  test.each([
    ['CERT_HAS_EXPIRED', 'TLS: its certificate has expired'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'TLS: no authority of ours has signed its certificate'],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'TLS: it speaks no version of TLS that the profile allows'],
    ['ERR_SSL_SOMETHING_NEW', 'TLS: the handshake failed'],
  ])('for want of trust is told in words, short enough for an Error Comment: %s', (code, text) => {
    expect(errorFromEnd(lost(code), 'association')).toMatchObject({ code: 'TLS_FAILED', message: text });
    expect(text.length).toBeLessThanOrEqual(64);
  });

  test('for other reasons, or after the request was sent, is no failure of trust', () => {
    expect(errorFromEnd(lost('ECONNREFUSED'), 'association')).toMatchObject({
      code: 'ASSOCIATION_ABORTED',
      message: 'no connection (ECONNREFUSED)',
    });
    expect(errorFromEnd(lost('ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC'), 'request')).toMatchObject({
      code: 'ASSOCIATION_ABORTED',
    });
  });
});
