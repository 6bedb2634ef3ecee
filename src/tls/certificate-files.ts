/** The files of one end of TLS: read, judged before they are used, and read again when they have changed. */
import { createPrivateKey } from 'node:crypto';
import type { KeyObject, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { getCACertificates } from 'node:tls';
import type { SecureContextOptions } from 'node:tls';
import { GatewayError } from '../errors.ts';
import { certificatesOf, factsOf, subjectOf, weaknessOf } from './certificates.ts';
import { PROFILES } from './profiles.ts';
import type { CertificateFacts, TlsFiles, TlsProfile } from './tls-options.ts';

/** What was read. */
export interface Material {
  readonly own: X509Certificate | undefined;
  /** Empty where none are given. */
  readonly authorities: readonly X509Certificate[];
  readonly options: SecureContextOptions;
  /** The own certificate comes first. */
  readonly certificates: readonly CertificateFacts[];
}

export interface TlsPart {
  /** Part of the configuration, e.g. `listeners.ward`. */
  readonly owner: string;
  readonly files: TlsFiles;
  readonly profile: TlsProfile;
}

const PEM_BEGIN = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/g;

/** Tells one state of the files from another; a file that is missing is a state too. */
export async function stampOf(files: TlsFiles): Promise<string> {
  const stamps = await Promise.all(
    pathsOf(files).map(async (path) => {
      try {
        const { mtimeMs, size, ino } = await stat(path);
        return `${mtimeMs} ${size} ${ino}`;
      } catch {
        return 'missing';
      }
    }),
  );
  return stamps.join('\n');
}

/**
 * @throws GatewayError TLS_FILE_UNREADABLE, TLS_FILE_INVALID, TLS_KEY_INVALID, TLS_CERTIFICATE_WEAK; each names the owner,
 * the file and the certificate
 */
export async function readMaterial(part: TlsPart): Promise<Material> {
  const { owner, files } = part;
  const own = await readOwn(part);
  const authorities = await Promise.all((files.authorities ?? []).map((path) => readCertificates(part, path)));
  const trusted = authorities.flat();
  return {
    own: own?.certificate,
    authorities: trusted,
    options: {
      ...own?.options,
      // With none given it is for clients only, and what the system trusts; Node's own list where the system has none.
      ca: files.authorities === undefined ? systemAuthorities() : trusted.map((each) => each.toString()),
    },
    certificates: [
      ...(own === undefined ? [] : [factsOf(owner, 'own', own.certificate)]),
      ...trusted.map((each) => factsOf(owner, 'authority', each)),
    ],
  };
}

async function readOwn(
  part: TlsPart,
): Promise<{ options: SecureContextOptions; certificate: X509Certificate } | undefined> {
  const { owner, files, profile } = part;
  const { certificate: path, key: keyPath, passphrase } = files;
  if (path === undefined || keyPath === undefined) return undefined;
  const chain = await readCertificates(part, path);
  const [certificate] = chain as [X509Certificate];
  const keyText = await readText(part, keyPath);
  const key = privateKey(part, keyPath, keyText);
  if (!certificate.checkPrivateKey(key)) throw otherKey(part, chain, key);
  const { certificates: rules } = PROFILES[profile];
  const weakness = rules && weaknessOf(chain, rules);
  if (weakness !== undefined) {
    throw new GatewayError('TLS_CERTIFICATE_WEAK', `${owner}: ${path} is too weak for ${profile}: ${weakness}`, {
      fix: 'Have the certificate issued again with an RSA key of 2048 bits or an ECC key of 256, and SHA-256.',
    });
  }
  return {
    certificate,
    options: {
      cert: chain.map((each) => each.toString()).join(''),
      key: keyText,
      ...(passphrase !== undefined && { passphrase }),
    },
  };
}

function otherKey({ owner, files }: TlsPart, chain: readonly X509Certificate[], key: KeyObject): GatewayError {
  const { certificate: path = '', key: keyPath = '' } = files;
  const [first] = chain as [X509Certificate];
  const isElsewhere = chain.some((each) => each.checkPrivateKey(key));
  const message = `${owner}: the key ${keyPath} does not belong to the first certificate of ${path}, ${subjectOf(first)}`;
  const fix = isElsewhere
    ? 'Put the own certificate first, those of its authorities behind it.'
    : 'Give certificate and key of one pair; while they are being exchanged the pair in use stays.';
  return new GatewayError('TLS_KEY_INVALID', message, { fix });
}

function privateKey({ owner, files }: TlsPart, path: string, text: string): KeyObject {
  const { passphrase } = files;
  try {
    return createPrivateKey({ key: text, format: 'pem', ...(passphrase !== undefined && { passphrase }) });
  } catch (error) {
    const isLocked = /ENCRYPTED/.test(text);
    const why = isLocked ? 'cannot be decrypted' : 'is no private key in PEM form';
    throw new GatewayError('TLS_KEY_INVALID', `${owner}: ${path} ${why}`, {
      fix: isLocked ? 'Give its passphrase as tls.passphrase.' : 'Convert it with openssl pkey.',
      cause: error,
    });
  }
}

/** At least one. */
async function readCertificates(part: TlsPart, path: string): Promise<readonly X509Certificate[]> {
  const text = await readText(part, path);
  let certificates: readonly X509Certificate[];
  try {
    certificates = certificatesOf(text);
  } catch (error) {
    throw fileInvalid(part, `${path} has a certificate that is damaged`, error);
  }
  // One without its end is still being written.
  const begun = text.match(PEM_BEGIN)?.length ?? 0;
  if (begun > certificates.length) throw fileInvalid(part, `${path} has a certificate that is damaged`);
  if (certificates.length === 0) throw fileInvalid(part, `${path} has no certificate in PEM form`);
  return certificates;
}

function fileInvalid({ owner }: TlsPart, what: string, cause?: unknown): GatewayError {
  const fix = 'Give a file with "-----BEGIN CERTIFICATE-----"; openssl x509 and openssl pkcs12 convert to it.';
  return new GatewayError('TLS_FILE_INVALID', `${owner}: ${what}`, { fix, cause });
}

async function readText({ owner }: TlsPart, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new GatewayError('TLS_FILE_UNREADABLE', `${owner}: ${path} cannot be read (${code})`, {
      fix: 'Check its name, and that the gateway may read it.',
      cause: error,
    });
  }
}

function pathsOf({ certificate, key, authorities = [] }: TlsFiles): readonly string[] {
  return [certificate, key, ...authorities].filter((path) => path !== undefined);
}

function systemAuthorities(): string[] {
  const ofSystem = getCACertificates('system');
  return ofSystem.length > 0 ? ofSystem : getCACertificates('default');
}
