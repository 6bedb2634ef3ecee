/**
 * Which certificates a list of the configuration means: by distinguished name (`CN=ct1`, `CN=ct1,O=Hospital`, as RFC 4514
 * writes them) or by fingerprint (`sha256:AB:CD:…`).
 */
import { GatewayError } from '../errors.ts';

/** As much of a verified certificate as a list asks for. */
export interface ShownCertificate {
  /** Distinguished name as RFC 4514 writes it. */
  readonly subject: string;
  /** SHA-256, `AB:CD:…`. */
  readonly fingerprint: string;
}

const FINGERPRINT = /^sha256:([0-9a-f]{2}(?::?[0-9a-f]{2}){31})$/i;
const TYPE = /^(?:[A-Za-z][A-Za-z0-9-]*|[0-9.]+)$/;
const FIX = 'Write it as CN=name, CN=name,O=organization or sha256: and 64 hex digits';

/**
 * A name fits a certificate that has every part of it, whatever else its subject says; values are compared as they are
 * written, upper and lower case told apart.
 * @throws GatewayError CONFIG_INVALID for an entry that is neither
 */
export function certificateMatcher(entries: readonly string[]): (certificate: ShownCertificate) => boolean {
  const fingerprints = new Set<string>();
  const names: (readonly string[])[] = [];
  for (const entry of entries) {
    const digits = FINGERPRINT.exec(entry)?.[1];
    if (digits !== undefined) fingerprints.add(plainFingerprint(digits));
    else names.push(partsOf(entry) ?? refuse(entry));
  }
  return ({ subject, fingerprint }) => {
    if (fingerprints.has(plainFingerprint(fingerprint))) return true;
    const parts = new Set(names.length === 0 ? [] : partsOf(subject));
    return names.some((name) => name.every((part) => parts.has(part)));
  };
}

function refuse(entry: string): never {
  throw new GatewayError('CONFIG_INVALID', `"${entry}" is no name or fingerprint of a certificate`, { fix: FIX });
}

function plainFingerprint(text: string): string {
  return text.replaceAll(':', '').toLowerCase();
}

/** `CN=ct1` and the like, each with its type in upper case and its value unescaped; undefined for what is no name. */
function partsOf(name: string): string[] | undefined {
  const written = splitUnescaped(name);
  const parts = written.map((part) => {
    const equals = part.indexOf('=');
    const type = part.slice(0, Math.max(0, equals)).trim();
    const value = withoutOuterSpace(part.slice(equals + 1));
    return TYPE.test(type) && value !== '' ? `${type.toUpperCase()}=${unescaped(value)}` : undefined;
  });
  return parts.length > 0 && parts.every((part) => part !== undefined) ? parts : undefined;
}

/** A space at the end that has a backslash in front belongs to the value. */
function withoutOuterSpace(text: string): string {
  const trimmed = text.trim();
  let backslashes = 0;
  while (trimmed.at(-1 - backslashes) === '\\') backslashes++;
  const [kept = ''] = backslashes % 2 === 0 ? [] : text.trimStart().slice(trimmed.length);
  return trimmed + kept;
}

/** At commas and pluses that have no backslash in front. */
function splitUnescaped(name: string): string[] {
  return name.match(/(?:\\.|[^\\,+])+/gs) ?? [];
}

/** RFC 4514 2.4: a backslash before a character, or before two hex digits of a byte of UTF-8. */
function unescaped(value: string): string {
  return value.replaceAll(/((?:\\[0-9a-f]{2})+)|\\(.)/gis, (_all, hex: string | undefined, character: string) =>
    hex === undefined ? character : Buffer.from(hex.replaceAll('\\', ''), 'hex').toString('utf8'),
  );
}
