import { describe, expect, test } from '@jest/globals';
import { plainAddress } from '../../../src/access/address-list.ts';
import { AccessPolicy, REJECTIONS } from '../../../src/dimse/policy.ts';
import type { AccessOptions } from '../../../src/dimse/policy.ts';
import { associateRq } from '../../support/dimse-bytes.ts';

const OPTIONS: AccessOptions = { aeTitles: ['DIMSEWAY', 'WARD'], maximumAssociations: 2 };
const NONE = { total: 0, ofCallingAeTitle: 0 };

function check(options: Partial<AccessOptions>, request = associateRq(), address = '10.0.0.1', open = NONE): string {
  return new AccessPolicy({ ...OPTIONS, ...options }).check(request, { address }, open) ?? 'admitted';
}

describe('access policy (PS3.8 9.3.4)', () => {
  test.each([
    ['applicationContext', 1, 1, 2],
    ['address', 1, 1, 1],
    ['certificate', 1, 1, 1],
    ['calledAeTitle', 1, 1, 7],
    ['callingAeTitle', 1, 1, 3],
    ['maximumPduLength', 1, 2, 1],
    ['limit', 2, 3, 2],
    ['limitOfCallingAeTitle', 2, 3, 2],
    ['rate', 2, 3, 2],
    ['shuttingDown', 2, 3, 1],
  ] as const)('%s is rejected as %i/%i/%i', (name, result, source, reason) => {
    expect(REJECTIONS[name]).toMatchObject({ result, source, reason });
  });

  test('admits every called AE title of the listener and no other, case included', () => {
    expect(check({}, associateRq({ calledAeTitle: 'WARD' }))).toBe('admitted');
    expect(check({}, associateRq({ calledAeTitle: 'ward' }))).toBe('calledAeTitle');
  });

  test('admits any calling AE title without a list, and only those of a list', () => {
    expect(check({})).toBe('admitted');
    expect(check({ callingAeTitles: ['MODALITY'] })).toBe('admitted');
    expect(check({ callingAeTitles: ['CT1'] })).toBe('callingAeTitle');
  });

  test('rejects another application context', () => {
    expect(check({}, associateRq({ applicationContext: '1.2.3' }))).toBe('applicationContext');
  });

  test.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['::ffff:10.0.0.0/104', '10.1.2.3', true],
    ['fd00::/8', 'fd12:3456::1', true],
    ['fd00::/8', 'fe80::1', false],
    ['::1', '::1', true],
    ['10.0.0.0/8', '', false],
  ])('address list %s and peer %s: %s', (entry, address, admitted) => {
    expect(check({ addresses: [entry] }, associateRq(), address)).toBe(admitted ? 'admitted' : 'address');
  });

  test('addresses are compared without IPv4 mapping and zone', () => {
    expect(plainAddress('::ffff:10.0.0.1')).toBe('10.0.0.1');
    expect(plainAddress('fe80::1%eth0')).toBe('fe80::1');
  });

  test.each(['10.0.0.0/33', 'ward', '10.0.0.0/8/8', '10.0.0.0/', 'fd00::/129', '::ffff:10.0.0.0/95'])(
    'an address that is none is an error: %s',
    (entry) => expect(() => check({ addresses: [entry] })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' })),
  );

  test('limits all associations, and those of one calling AE title', () => {
    const options = { maximumAssociationsPerCallingAeTitle: 1 };
    expect(check(options, associateRq(), '', { total: 2, ofCallingAeTitle: 0 })).toBe('limit');
    expect(check(options, associateRq(), '', { total: 1, ofCallingAeTitle: 1 })).toBe('limitOfCallingAeTitle');
    expect(check(options, associateRq(), '', { total: 1, ofCallingAeTitle: 0 })).toBe('admitted');
  });

  test('a reporter is admitted whatever the lists say of callers, not whatever else (design 6)', () => {
    const policy = new AccessPolicy({ ...OPTIONS, callingAeTitles: ['CT1'], addresses: ['192.0.2.0/24'] });
    const asReporter = (request = associateRq(), open = NONE): string | undefined =>
      policy.check(request, { address: '10.0.0.1', isReporter: true }, open);
    expect(asReporter()).toBeUndefined();
    expect(asReporter(associateRq({ calledAeTitle: 'ward' }))).toBe('calledAeTitle');
    expect(asReporter(associateRq({ applicationContext: '1.2.3' }))).toBe('applicationContext');
    expect(asReporter(associateRq(), { total: 2, ofCallingAeTitle: 0 })).toBe('limit');
  });

  test('a list of certificates admits those it names and nobody without one, reporters neither', () => {
    const policy = new AccessPolicy({ ...OPTIONS, certificates: ['CN=ct1', `sha256:${'ab'.repeat(32)}`] });
    const shows = (subject: string, fingerprint: string, isReporter = false): string =>
      policy.check(associateRq(), { address: '10.0.0.1', isReporter, certificate: { subject, fingerprint } }, NONE) ??
      'admitted';
    expect(shows('CN=ct1,O=Hospital', 'CD')).toBe('admitted');
    expect(shows('CN=ct2', Array(32).fill('AB').join(':'))).toBe('admitted');
    expect(shows('CN=ct2', 'CD')).toBe('certificate');
    expect(shows('CN=ct2', 'CD', true)).toBe('certificate');
    expect(policy.check(associateRq(), { address: '10.0.0.1', isReporter: true }, NONE)).toBe('certificate');
    expect(check({ certificates: [] })).toBe('certificate');
  });

  test('the lists have a caller by AE title and address', () => {
    const policy = new AccessPolicy({ ...OPTIONS, callingAeTitles: ['CT1'], addresses: ['192.0.2.0/24'] });
    expect(policy.lists('CT1', '192.0.2.7')).toBe(true);
    expect(policy.lists('CT2', '192.0.2.7')).toBe(false);
    expect(policy.lists('CT1', '10.0.0.1')).toBe(false);
    expect(new AccessPolicy(OPTIONS).lists('CT2', '10.0.0.1')).toBe(true);
  });

  test.each([
    [6, 'maximumPduLength'],
    [16, 'maximumPduLength'],
    [22, 'admitted'],
    [0, 'admitted'],
  ])('a maximum PDU length of %i: %s (trap 6)', (maximumLength, outcome) => {
    expect(check({}, associateRq({ userInformation: { maximumLength, roles: [], extended: [] } }))).toBe(outcome);
  });
});
