import { describe, expect, test } from '@jest/globals';
import { compileRouteMatcher, explainRoutes, matchRoute } from '../../../src/gateway/routes.ts';
import type { RouteFrom } from '../../../src/gateway/routes.ts';
import type { Requester } from '../../../src/services/port.ts';

const DIMSE: Requester = {
  listener: 'ward',
  protocol: 'dimse',
  address: '10.1.2.3',
  callingAeTitle: 'CT1',
  calledAeTitle: 'DIMSEWAY',
};
const WEB: Requester = { listener: 'web', protocol: 'dicomweb', address: '10.1.2.3', basePath: '/dicomweb' };
const CERTIFICATE = {
  certificate: 'CN=ct1,O=Hospital',
  certificateFingerprint: Array<string>(32).fill('AB').join(':'),
};
const FINGERPRINT = `sha256:${'ab'.repeat(32)}`;

describe('a route fits', () => {
  test.each<[string, RouteFrom, Requester, boolean]>([
    ['anything when nothing is asked', {}, WEB, true],
    ['its listener', { listener: 'ward' }, DIMSE, true],
    ['no other listener', { listener: 'web' }, DIMSE, false],
    ['one of its calling AE titles', { callingAeTitles: ['MR1', 'CT1'] }, DIMSE, true],
    ['no other calling AE title', { callingAeTitles: ['ct1'] }, DIMSE, false],
    [
      'a calling AE title whatever its padding',
      { callingAeTitles: ['CT1'] },
      { ...DIMSE, callingAeTitle: ' CT1  ' },
      true,
    ],
    ['no web requester when calling AE titles are asked', { callingAeTitles: ['CT1'] }, WEB, false],
    ['one of its called AE titles', { calledAeTitles: ['DIMSEWAY'] }, DIMSE, true],
    ['no other called AE title', { calledAeTitles: ['CROSSOVER'] }, DIMSE, false],
    ['an address', { addresses: ['10.1.2.3'] }, DIMSE, true],
    ['an address of its subnet', { addresses: ['192.0.2.0/24', '10.1.0.0/16'] }, DIMSE, true],
    ['no address outside', { addresses: ['10.2.0.0/16'] }, DIMSE, false],
    [
      'an IPv4 address on a dual-stack socket',
      { addresses: ['10.1.0.0/16'] },
      { ...DIMSE, address: '::ffff:10.1.2.3' },
      true,
    ],
    ['an IPv6 address of its subnet', { addresses: ['fd00::/8'] }, { ...DIMSE, address: 'fd12::1' }, true],
    ['no IPv4 address in an IPv6 subnet', { addresses: ['fd00::/8'] }, DIMSE, false],
    ['no address that is none', { addresses: ['0.0.0.0/0', '::/0'] }, { ...DIMSE, address: '' }, false],
    ['its base path', { basePath: '/dicomweb' }, WEB, true],
    ['no other base path', { basePath: '/dicom' }, WEB, false],
    ['the empty base path', { basePath: '' }, { ...WEB, basePath: '' }, true],
    ['no DIMSE requester when a base path is asked', { basePath: '' }, DIMSE, false],
    ['one of its subjects', { subjects: ['ris', 'ct1'] }, { ...WEB, subject: 'ct1' }, true],
    ['no other subject', { subjects: ['ris'] }, { ...WEB, subject: 'ct1' }, false],
    ['nobody who has proved nothing, when a subject is asked', { subjects: ['ris'] }, WEB, false],
    ['a certificate by its name', { certificates: ['CN=ct1'] }, { ...DIMSE, ...CERTIFICATE }, true],
    ['a certificate by its fingerprint', { certificates: [FINGERPRINT] }, { ...DIMSE, ...CERTIFICATE }, true],
    ['no other certificate', { certificates: ['CN=ct2'] }, { ...DIMSE, ...CERTIFICATE }, false],
    ['nobody without one, when a certificate is asked', { certificates: ['CN=ct1'] }, DIMSE, false],
    [
      'only when every condition fits',
      { listener: 'ward', callingAeTitles: ['CT1'], addresses: ['10.9.9.9'] },
      DIMSE,
      false,
    ],
  ])('%s', (_rule, from, requester, fits) => {
    const route = compileRouteMatcher('r', from);
    expect(matchRoute([route], requester)).toBe(fits ? route : undefined);
    expect(explainRoutes([route], requester)[0]?.matches).toBe(fits);
  });
});

test('the first route that fits is taken', () => {
  const routes = [
    compileRouteMatcher('other', { listener: 'web' }),
    compileRouteMatcher('first', { listener: 'ward' }),
    compileRouteMatcher('second', {}),
  ];
  expect(matchRoute(routes, DIMSE)?.name).toBe('first');
  expect(matchRoute(routes.slice(0, 1), DIMSE)).toBeUndefined();
});

test('an explanation gives every reason', () => {
  const routes = [
    compileRouteMatcher('a', {
      listener: 'web',
      callingAeTitles: ['MR1', 'MR2'],
      addresses: ['10.2.0.0/16'],
      basePath: '/x',
    }),
    compileRouteMatcher('b', { calledAeTitles: ['DIMSEWAY'] }),
  ];
  expect(explainRoutes(routes, DIMSE)).toEqual([
    {
      route: 'a',
      matches: false,
      reasons: [
        'the listener is ward, not web',
        'the calling AE title is CT1, not MR1 or MR2',
        'the address 10.1.2.3 is not in 10.2.0.0/16',
        'the requester has no base path',
      ],
    },
    { route: 'b', matches: true, reasons: [] },
  ]);
});
