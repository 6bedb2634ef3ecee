/** PS3.2 N.8: who is let in, and what is kept secret. */
import type { ListenerConfig, UpstreamConfig } from '../config/schema.ts';
import { PROFILES } from '../tls/profiles.ts';
import type { TlsProfile } from '../tls/tls-options.ts';
import { heading, joined, list, table, text, yesNo } from './document.ts';
import type { Block } from './document.ts';
import { dimseListeners, dimseUpstreams, webListeners, webUpstreams } from './site.ts';
import type { Site } from './site.ts';

const PROFILE_NAMES: Readonly<Record<TlsProfile, string>> = {
  'bcp195-rfc9325': 'BCP 195 RFC 8996, 9325 TLS Profile (PS3.15 B.12)',
  'bcp195-rfc9325-modified': 'Modified BCP 195 RFC 8996, 9325 TLS Profile (PS3.15 B.13)',
  legacy: 'none: from TLS 1.0 on, for peers that know no other',
};

export function security(site: Site): Block[] {
  return [
    heading(2, 'N.8 Security'),
    heading(3, 'Secure transport connection profiles'),
    ...transport(site),
    heading(3, 'Users and other systems'),
    ...identities(site),
    heading(3, 'Audit trail'),
    ...audit(site),
    heading(3, 'Values of patients'),
    list([
      'Logs, metrics, errors, Status Reports and Warnings hold tags, counts and codes, no values.',
      site.config.console?.capture === undefined
        ? 'Data sets are not captured.'
        : 'Data sets are captured in memory for the console, until a moment that the configuration sets.',
      'DICOM attributes are changed by rules alone (N.5.2); nothing is de-identified.',
    ]),
  ];
}

interface Secured {
  readonly owner: string;
  readonly profile: TlsProfile | undefined;
  readonly certificates: string;
}

function securedParts({ config }: Site): Secured[] {
  const listener = ([name, { tls }]: readonly [string, ListenerConfig]): Secured => ({
    owner: `listener \`${name}\``,
    profile: tls?.profile,
    certificates:
      tls === undefined ? '–' : { none: 'not asked for', request: 'checked where shown', require: 'needed' }[tls.clientCertificates],
  });
  const upstream = ([name, one]: readonly [string, UpstreamConfig]): Secured[] => {
    if (one.protocol === 'ris') return [];
    // A server by https is called by a profile, also where nothing is said about it.
    const isWeb = one.protocol !== 'dimse';
    const isSecured = isWeb ? /^https:/i.test(one.baseUrl) : one.tls !== undefined;
    const certificates = one.tls?.certificate === undefined ? 'none is shown' : 'an own one is shown';
    return [
      {
        owner: `upstream \`${name}\``,
        profile: isSecured ? (one.tls?.profile ?? 'bcp195-rfc9325') : undefined,
        certificates: isSecured ? certificates : '–',
      },
    ];
  };
  const listeners = Object.entries(config.listeners).map(listener);
  return [...listeners, ...Object.entries(config.upstreams).flatMap(upstream)];
} // prettier-ignore

function transport(site: Site): Block[] {
  const parts = securedParts(site);
  const used = new Set(parts.flatMap(({ profile }) => profile ?? []));
  return [
    table(
      'TLS',
      ['Part', 'TLS', 'Profile', 'Certificates of clients'],
      parts.map(({ owner, profile, certificates }) => [
        owner,
        yesNo(profile !== undefined),
        profile === undefined ? '–' : PROFILE_NAMES[profile],
        certificates,
      ]),
    ),
    ...[...used].map((profile) => {
      const { minimumVersion, tls13Suites, tls12Suites, groups = [], certificates } = PROFILES[profile];
      return table(`Profile \`${profile}\``, ['Item', 'Value'], [
        ['Versions', `${minimumVersion.replace('TLSv', 'TLS ')} to TLS 1.3`],
        ['Cipher suites of TLS 1.3', joined(tls13Suites)],
        ['Cipher suites below (names of OpenSSL)', joined(tls12Suites)],
        ['Groups of the key exchange', joined(groups)],
        ['Keys of certificates', certificates === undefined ? 'any' : `RSA from ${certificates.rsaBits} bits, ECC from ${certificates.ecBits} bits`],
      ]);
    }),
  ]; // prettier-ignore
}

function identities(site: Site): Block[] {
  return [
    table(
      'DICOM user identity as acceptor (PS3.7 D.3.3.7)',
      ['Listener', 'Types', 'Needed'],
      dimseListeners(site).map(([name, { userIdentity }]) => [
        `\`${name}\``,
        userIdentity === undefined ? 'not looked at' : joined([
          ...(userIdentity.users === undefined ? [] : ['1 (user name)', '2 (user name and passcode)']),
          ...(userIdentity.jwt === undefined ? [] : ['5 (JSON Web Token)']),
        ]),
        yesNo(userIdentity?.mode === 'require'),
      ]),
    ),
    table(
      'DICOM user identity as requestor',
      ['Upstream', 'Type', 'Answer needed'],
      dimseUpstreams(site).map(([name, { userIdentity }]) => [
        `\`${name}\``,
        userIdentity === undefined ? 'none' : userIdentity.username === undefined ? '5 (that of the web client)' : userIdentity.passcode === undefined ? '1 (user name)' : '2 (user name and passcode)',
        yesNo(userIdentity?.acknowledged === true),
      ]),
    ),
    table(
      'Origin servers',
      ['Listener', 'Taken', 'Needed', 'Refusal of one who is known'],
      webListeners(site).map(([name, { authentication }]) => [
        `\`${name}\``,
        authentication === undefined ? 'anybody' : joined([
          ...(authentication.jwt === undefined ? [] : ['bearer tokens (OAuth 2, OpenID Connect)']),
          ...(authentication.apiKeys === undefined ? [] : ['API keys']),
          ...(authentication.certificates ? ['certificates of clients'] : []),
        ]),
        yesNo(authentication?.required === true),
        String(authentication?.refusal ?? '–'),
      ]),
    ),
    table(
      'User agents',
      ['Upstream', 'Credentials'],
      webUpstreams(site).map(([name, { credentials }]) => [
        `\`${name}\``,
        credentials === undefined ? 'none, but for header fields of the configuration' : joined([
          ...(credentials.bearer === undefined ? [] : ['a bearer token']),
          ...(credentials.basic === undefined ? [] : ['user name and password (RFC 7617)']),
          ...(credentials.oauth2 === undefined ? [] : ['OAuth 2 client credentials (RFC 6749)']),
          ...(credentials.passOn ? ['the token of the one who asks'] : []),
        ]),
      ]),
    ),
  ]; // prettier-ignore
}

function audit({ config }: Site): Block[] {
  if (config.audit === undefined) return [text('None is written.')];
  const { to, patients, source } = config.audit;
  const places = to.map((one) => ('file' in one ? `file, ${one.form}` : `syslog by ${one.syslog.toUpperCase()}`));
  return [
    table('Audit trail message format profile (PS3.15 A.5)', ['Item', 'Value'], [
      ['Audit source', source],
      ['Sent to', joined(places)],
      ['Patients and keys of queries', patients ? 'told' : 'withheld'],
    ]),
  ]; // prettier-ignore
}
