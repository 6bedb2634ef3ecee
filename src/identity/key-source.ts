/** Where the keys of a token issuer come from: its JSON Web Key Set by URL, or a file for sites without a way to it. */
import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { JSONWebKeySet, JWK } from 'jose';
import { GatewayError } from '../errors.ts';
import type { ProviderClient } from './provider-client.ts';

export interface KeySource {
  /** A file is the operator's own: only there a shared secret may stand. */
  readonly kind: 'file' | 'url';
  /** @throws GatewayError KEYS_UNREADABLE */
  load(): Promise<JSONWebKeySet>;
}

const MAXIMUM_KEYS = 100;
const PEM = /-----BEGIN ([A-Z ]+)-----[\s\S]+?-----END \1-----/g;

/** A JSON Web Key Set, or public keys and certificates in PEM form. */
export function keysFromFile(path: string): KeySource {
  return {
    kind: 'file',
    load: async () => {
      const text = await readFile(path, 'utf8').catch((cause: unknown) => {
        throw unreadable(`The key file ${path} cannot be read (${codeOf(cause)})`, cause);
      });
      return checked(text.includes('-----BEGIN ') ? fromPem(text, path) : fromJson(text), `The key file ${path}`);
    },
  };
}

export function keysFromUrl(url: URL, client: ProviderClient): KeySource {
  const name = `${url.origin}${url.pathname}`;
  return {
    kind: 'url',
    load: async () => {
      const { status, json } = await client.ask({ method: 'GET', url }).catch((cause: unknown) => {
        throw unreadable(`No keys from ${name}: ${(cause as Error).message}`, cause);
      });
      if (status !== 200) throw unreadable(`No keys from ${name}: HTTP ${status}`);
      return checked(json, `What ${name} answers`);
    },
  };
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function fromPem(text: string, path: string): unknown {
  try {
    return { keys: [...text.matchAll(PEM)].map(([block]) => createPublicKey(block).export({ format: 'jwk' })) };
  } catch (cause) {
    throw unreadable(`The key file ${path} has something else than public keys and certificates`, cause);
  }
}

function checked(value: unknown, what: string): JSONWebKeySet {
  const keys = (value as { keys?: unknown } | undefined | null)?.keys;
  if (!Array.isArray(keys) || keys.length > MAXIMUM_KEYS || !keys.every(isKey)) {
    throw unreadable(`${what} is no JSON Web Key Set of up to ${MAXIMUM_KEYS} keys`);
  }
  return { keys };
}

function isKey(value: unknown): value is JWK {
  return typeof value === 'object' && value !== null && typeof (value as { kty?: unknown }).kty === 'string';
}

function unreadable(message: string, cause?: unknown): GatewayError {
  const fix = 'Check path or URL of the keys, and that the identity provider is up and trusted';
  return new GatewayError('KEYS_UNREADABLE', message, { fix, cause });
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}
