import { describe, expect, test } from '@jest/globals';
import { createSecureContext } from 'node:tls';
import { PROFILES, profileOptions } from '../../../src/tls/profiles.ts';
import { TLS_PROFILES } from '../../../src/tls/tls-options.ts';

const TLS13_OF_RFC8446 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

const TLS12_OF_RFC9325 = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES256-GCM-SHA384',
];

const sorted = (names: readonly string[]): string[] => [...names].sort();

describe('TLS profiles', () => {
  test('bcp195-rfc9325: TLS 1.2 with the four suites of RFC 9325 4.2, TLS 1.3 with those of RFC 8446 (PS3.15 B.12)', () => {
    const { minimumVersion, tls12Suites, tls13Suites, securityLevel } = PROFILES['bcp195-rfc9325'];
    expect([minimumVersion, securityLevel]).toEqual(['TLSv1.2', 2]);
    expect(sorted(tls12Suites)).toEqual(TLS12_OF_RFC9325);
    expect(sorted(tls13Suites)).toEqual(TLS13_OF_RFC8446);
  });

  test('bcp195-rfc9325-modified: the suites a server shall support, and no others (PS3.15 B.13)', () => {
    const { minimumVersion, tls12Suites, tls13Suites } = PROFILES['bcp195-rfc9325-modified'];
    expect(minimumVersion).toBe('TLSv1.2');
    expect(sorted(tls12Suites)).toEqual(
      sorted([
        ...TLS12_OF_RFC9325,
        'ECDHE-ECDSA-CHACHA20-POLY1305',
        'ECDHE-RSA-CHACHA20-POLY1305',
        'ECDHE-ECDSA-AES128-CCM',
        'ECDHE-ECDSA-AES128-CCM8',
        'ECDHE-ECDSA-AES256-CCM',
        'ECDHE-ECDSA-AES256-CCM8',
      ]),
    );
    expect(sorted(tls13Suites)).toEqual(
      sorted([...TLS13_OF_RFC8446, 'TLS_AES_128_CCM_8_SHA256', 'TLS_AES_128_CCM_SHA256']),
    );
  });

  test('bcp195-rfc9325-modified: curves of 256 bits or more, SHA-256 or longer, RSA keys of 2048 bits (PS3.15 B.13)', () => {
    const { groups, signatureAlgorithms, certificates } = PROFILES['bcp195-rfc9325-modified'];
    expect(groups).toEqual(['P-256', 'P-384', 'P-521']);
    expect(certificates).toEqual({ rsaBits: 2048, ecBits: 256 });
    expect(signatureAlgorithms?.filter((name) => !/_sha(?:256|384|512)$/.test(name))).toEqual([]);
  });

  test('no profile but legacy goes below TLS 1.2 or has a suite without forward secrecy or with CBC (RFC 8996, RFC 9325 4.1)', () => {
    for (const profile of TLS_PROFILES.filter((name) => name !== 'legacy')) {
      const { minimumVersion, tls12Suites } = PROFILES[profile];
      expect([profile, minimumVersion]).toEqual([profile, 'TLSv1.2']);
      expect(tls12Suites.filter((suite) => !/^ECDHE-.*(?:GCM|POLY1305|CCM8?)/.test(suite))).toEqual([]);
    }
  });

  test.each(TLS_PROFILES)('%s is one that OpenSSL takes', (profile) => {
    expect(() => createSecureContext(profileOptions(profile))).not.toThrow();
  });
});
