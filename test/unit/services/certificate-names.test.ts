import { describe, expect, test } from '@jest/globals';
import { certificateMatcher } from '../../../src/services/certificate-names.ts';

const FINGERPRINT = Array.from({ length: 32 }, (_value, i) => (i * 7 + 3).toString(16).padStart(2, '0')).join(':');
const CT1 = { subject: 'CN=ct1,OU=Radiology,O=Hospital', fingerprint: FINGERPRINT.toUpperCase() };

function fits(entry: string, subject: string = CT1.subject): boolean {
  return certificateMatcher([entry])({ ...CT1, subject });
}

describe('names of certificates (RFC 4514)', () => {
  test.each([
    ['CN=ct1', true],
    ['cn = ct1', true],
    ['CN=ct1,O=Hospital', true],
    ['O=Hospital, CN=ct1', true],
    ['O=Hospital', true],
    ['CN=CT1', false],
    ['CN=ct', false],
    ['CN=ct10', false],
    ['CN=ct1,O=Clinic', false],
    ['OU=ct1', false],
    [`sha256:${FINGERPRINT}`, true],
    [`SHA256:${FINGERPRINT.replaceAll(':', '').toUpperCase()}`, true],
    [`sha256:${FINGERPRINT.replace('03', '04')}`, false],
  ])('%s fits CN=ct1,OU=Radiology,O=Hospital: %s', (entry, expected) => {
    expect(fits(entry)).toBe(expected);
  });

  test('a comma, plus or equals sign within a value makes no other part of it', () => {
    expect(fits('CN=ct1', 'CN=evil\\,CN=ct1')).toBe(false);
    expect(fits('CN=ct1', 'CN=evil\\+CN\\=ct1')).toBe(false);
    expect(fits('CN=ct1', 'CN=evil\\2CCN=ct1')).toBe(false);
    expect(fits('CN=evil\\,CN\\=ct1', 'CN=evil\\2CCN=ct1')).toBe(true);
  });

  test('escapes stand for what they escape, once', () => {
    expect(fits('CN=Bücher', 'CN=B\\C3\\BCcher')).toBe(true);
    expect(fits('CN=\\\\41', 'CN=\\\\41')).toBe(true);
    expect(fits('CN=A', 'CN=\\\\41')).toBe(false);
    expect(fits('CN=x\\\\', 'CN=x\\ ')).toBe(false);
    expect(fits('CN=x', 'CN= x ,O=y')).toBe(true);
    expect(fits('CN=x', 'CN=x\\ ,O=y')).toBe(false);
    expect(fits('CN=x\\20', 'CN=x\\  ,O=y')).toBe(true);
  });

  test('both parts of a name that has several types at once are parts', () => {
    expect(fits('UID=7', 'CN=ct1+UID=7,O=Hospital')).toBe(true);
  });

  test('any entry of a list is enough; an empty subject fits no name', () => {
    const fitsEither = certificateMatcher(['CN=ct2', 'CN=ct1']);
    expect([fitsEither(CT1), fitsEither({ ...CT1, subject: '' })]).toEqual([true, false]);
  });

  test.each(['', 'ct1', 'CN=', '=ct1', 'sha256:AB:CD', `sha1:${FINGERPRINT}`])('"%s" is no entry', (entry) => {
    expect(() => certificateMatcher([entry])).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});
