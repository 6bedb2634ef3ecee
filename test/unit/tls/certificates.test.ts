import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import type { X509Certificate } from 'node:crypto';
import { certificatesOf, factsOf, subjectOf, weaknessOf } from '../../../src/tls/certificates.ts';
import { certificateFile } from '../../support/tls.ts';
import type { CertificateName } from '../../support/tls.ts';

function read(name: CertificateName): X509Certificate {
  const [certificate] = certificatesOf(readFileSync(certificateFile(name), 'utf8'));
  if (certificate === undefined) throw new Error('no certificate');
  return certificate;
}

const RULES = { rsaBits: 2048, ecBits: 256 };

describe('certificates', () => {
  test('are named with the last part first, commas within a part escaped (RFC 4514 2.1, 2.4)', () => {
    expect(subjectOf(read('client'))).toBe('CN=ct1,O=Hospital,C=DE');
    expect(subjectOf(read('client-2'))).toBe('CN=ct2,O=Hospital\\, Ward 2,C=DE');
  });

  test('are all read from a file with several, whatever stands between them', () => {
    const text = `Bag Attributes\n${readFileSync(certificateFile('client'), 'utf8')}\nissuer=/CN=x\n${readFileSync(certificateFile('ca'), 'utf8')}`;
    expect(certificatesOf(text).map(subjectOf)).toEqual(['CN=ct1,O=Hospital,C=DE', 'CN=Test CA,O=Hospital']);
    expect(certificatesOf('no certificate')).toEqual([]);
  });

  test('tell their times and their fingerprint', () => {
    const facts = factsOf('listeners.ward', 'own', read('expired'));
    expect(facts).toEqual({
      owner: 'listeners.ward',
      role: 'own',
      subject: 'CN=expired,O=Hospital',
      issuer: 'CN=Test CA,O=Hospital',
      notBefore: Date.UTC(2020, 0, 1),
      notAfter: Date.UTC(2021, 0, 1),
      fingerprint: expect.stringMatching(/^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/),
    });
  });

  test.each([
    ['server-rsa', undefined],
    ['server-ec', undefined],
    ['ca', undefined],
    ['weak-rsa', 'CN=weak,O=Hospital: an RSA key of 1024 bits'],
    ['weak-sha1', 'CN=sha1,O=Hospital: signed with a hash shorter than SHA-256'],
  ] as const)('%s: what is shorter than RSA 2048, ECC 256 or SHA-256 is weak (PS3.15 B.13)', (name, weakness) => {
    expect(weaknessOf([read(name), read('ca')], RULES)).toBe(weakness);
  });
});
