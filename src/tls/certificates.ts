/** X.509 certificates: read from PEM, named as RFC 4514 does, judged by what a profile asks of them. */
import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { CertificateRules } from './profiles.ts';
import type { CertificateFacts } from './tls-options.ts';

const PEM_CERTIFICATE =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

/** Every certificate of a text, in order. @throws Error for one that is damaged */
export function certificatesOf(pem: string): readonly X509Certificate[] {
  return (pem.match(PEM_CERTIFICATE) ?? []).map((each) => new X509Certificate(each));
}

/** The subject as RFC 4514 writes it: the last part of the name comes first. */
export function subjectOf(certificate: X509Certificate): string {
  return distinguishedName(certificate.subject);
}

/** @param lines one relative name in each, escaped as RFC 4514 has it, as Node gives `subject` and `issuer` */
function distinguishedName(lines: string | undefined): string {
  // A line break within a value is escaped, and so is the plus sign: neither can be mistaken.
  return (lines ?? '').split('\n').reverse().join(',').replaceAll(' + ', '+');
}

export function factsOf(owner: string, role: CertificateFacts['role'], certificate: X509Certificate): CertificateFacts {
  return {
    owner,
    role,
    subject: subjectOf(certificate),
    issuer: distinguishedName(certificate.issuer),
    notBefore: certificate.validFromDate.getTime(),
    notAfter: certificate.validToDate.getTime(),
    fingerprint: certificate.fingerprint256,
  };
}

/**
 * What the other end has shown, the own certificate first; empty where it has shown none. By the older of the two calls Node
 * has: once the newer one was used, Node does not find the names in the certificate any more.
 */
export function shownBy(socket: TLSSocket): readonly X509Certificate[] {
  return chainOf(socket.getPeerCertificate(true));
}

/** The certificate and those that have issued it, as far as they were shown. */
export function chainOf(shown: DetailedPeerCertificate): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  // The last one is its own issuer, or has none; without a certificate the object is empty.
  let next = shown as Partial<DetailedPeerCertificate> | undefined;
  while (next?.raw !== undefined && chain.at(-1)?.raw.equals(next.raw) !== true) {
    chain.push(new X509Certificate(next.raw));
    next = next.issuerCertificate;
  }
  return chain;
}

/** Whether one of the authorities is in a chain that was verified once, or has signed the end of it. */
export function isSignedBy(chain: readonly X509Certificate[], authorities: readonly X509Certificate[]): boolean {
  return chain.some((certificate) =>
    authorities.some(
      (authority) =>
        authority.fingerprint256 === certificate.fingerprint256 ||
        (certificate.checkIssued(authority) && certificate.verify(authority.publicKey)),
    ),
  );
}

/**
 * Why a chain is too weak for a profile (RFC 9325 4.5, PS3.15 B.13: RSA keys of 2048 bits, ECC keys of 256 bits, SHA-256 or
 * longer), or undefined when it is not.
 */
export function weaknessOf(chain: readonly X509Certificate[], rules: CertificateRules): string | undefined {
  for (const certificate of chain) {
    const weakness = weaknessOfKey(certificate, rules) ?? weaknessOfSignature(certificate);
    if (weakness !== undefined) return `${subjectOf(certificate)}: ${weakness}`;
  }
  return undefined;
}

function weaknessOfKey({ publicKey }: X509Certificate, { rsaBits, ecBits }: CertificateRules): string | undefined {
  const { asymmetricKeyType: type = 'unknown', asymmetricKeyDetails } = publicKey;
  const { modulusLength = 0, namedCurve = '' } = asymmetricKeyDetails ?? {};
  if (type === 'rsa' || type === 'rsa-pss') {
    return modulusLength < rsaBits ? `an RSA key of ${modulusLength} bits` : undefined;
  }
  if (type === 'ed25519' || type === 'ed448') return undefined;
  if (type !== 'ec') return `a key of the kind ${type}`;
  const bits = CURVE_BITS[namedCurve] ?? 0;
  return bits < ecBits ? `a key on the curve ${namedCurve}` : undefined;
}

/** Named curves of a certificate; others are not taken. */
const CURVE_BITS: Readonly<Record<string, number>> = {
  prime256v1: 256,
  secp384r1: 384,
  secp521r1: 521,
  brainpoolP256r1: 256,
  brainpoolP384r1: 384,
  brainpoolP512r1: 512,
};

/** Object identifiers of MD2, MD4, MD5 and SHA-1 with RSA, DSA with SHA-1 and ECDSA with SHA-1, in DER. */
const WEAK_SIGNATURES: ReadonlySet<string> = new Set([
  '2a864886f70d010102',
  '2a864886f70d010103',
  '2a864886f70d010104',
  '2a864886f70d010105',
  '2a8648ce380403',
  '2a8648ce3d0401',
]);
const RSASSA_PSS = '2a864886f70d01010a';
/** SHA-256, SHA-384 and SHA-512 as they stand in the parameters of RSASSA-PSS, which mean SHA-1 where they say nothing. */
const SHA2 = /60864801650304020[123]/;

/** The signature of a root by itself proves nothing, so that its hash does not matter. */
function weaknessOfSignature(certificate: X509Certificate): string | undefined {
  if (certificate.issuer === certificate.subject && certificate.verify(certificate.publicKey)) return undefined;
  const { identifier, parameters } = signatureAlgorithmOf(certificate.raw);
  const isWeak = identifier === RSASSA_PSS ? !SHA2.test(parameters) : WEAK_SIGNATURES.has(identifier);
  return isWeak ? 'signed with a hash shorter than SHA-256' : undefined;
}

/** AlgorithmIdentifier behind TBSCertificate (RFC 5280 4.1), in hex. */
function signatureAlgorithmOf(der: Buffer): { identifier: string; parameters: string } {
  const certificate = valueAt(der, 0);
  const toBeSigned = valueAt(der, certificate.begin);
  const algorithm = valueAt(der, toBeSigned.end);
  const identifier = valueAt(der, algorithm.begin);
  return {
    identifier: der.toString('hex', identifier.begin, identifier.end),
    parameters: der.toString('hex', identifier.end, algorithm.end),
  };
}

/** Where the value of the element that begins at `at` lies; OpenSSL has read the same bytes before. */
function valueAt(der: Buffer, at: number): { begin: number; end: number } {
  const first = der[at + 1] ?? 0;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const begin = at + 2 + lengthBytes;
  return { begin, end: begin + (lengthBytes === 0 ? first : der.readUIntBE(at + 2, lengthBytes)) };
}
