import { describe, expect, test } from '@jest/globals';
import { explainTlsFailure, isTlsFailure } from '../../../src/tls/tls-failure.ts';

describe('failures of TLS', () => {
  test.each(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'ETIMEDOUT', 'UND_ERR_SOCKET', ''])(
    '%p is a failure of the connection, not of trust',
    (code) => {
      expect(isTlsFailure(code)).toBe(false);
    },
  );

  test.each([
    ['CERT_HAS_EXPIRED', 'its certificate has expired'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'no authority of ours has signed its certificate'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'its certificate is for another name'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'it does not accept our certificate'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'it does not speak TLS'],
    ['ERR_SSL_A_REASON_OF_TOMORROW', 'the handshake failed'],
  ])('%s is told in words, with what to do', (code, why) => {
    expect(isTlsFailure(code)).toBe(true);
    expect(explainTlsFailure(code)).toEqual({ why, fix: expect.stringMatching(/\.$/) });
  });
});
