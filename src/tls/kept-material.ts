/** Certificates and key of one end, kept up to date with their files while it runs. */
import type { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { SecureContext, SecureContextOptions } from 'node:tls';
import { GatewayError } from '../errors.ts';
import { readMaterial, stampOf } from './certificate-files.ts';
import type { Material, TlsPart } from './certificate-files.ts';
import { profileOptions } from './profiles.ts';
import type { TlsLog } from './tls-log.ts';
import type { CertificateFacts } from './tls-options.ts';

const CHECK_MS = 60_000;
const EARLY_MS = 30 * 24 * 3_600_000;

export class KeptMaterial {
  readonly #part: TlsPart;
  readonly #log: TlsLog;
  readonly #timer: NodeJS.Timeout;
  readonly #listeners = new Set<() => void>();
  #material: Material;
  #context: SecureContext;
  #stamp: string;
  #reloading: Promise<boolean> | undefined;
  /** What was told of files that cannot be used: it is not told at every look. */
  #told = '';

  /** @throws GatewayError TLS_FILE_UNREADABLE, TLS_FILE_INVALID, TLS_KEY_INVALID, TLS_CERTIFICATE_WEAK */
  static async load(part: TlsPart, log: TlsLog): Promise<KeptMaterial> {
    const stamp = await stampOf(part.files);
    const kept = new KeptMaterial(part, await readMaterial(part), stamp, log);
    if (part.profile === 'legacy') {
      log.warn('TLS profile legacy allows versions and cipher suites that are broken', { owner: part.owner });
    }
    kept.#tellOfTimes();
    return kept;
  }

  private constructor(part: TlsPart, material: Material, stamp: string, log: TlsLog) {
    this.#part = part;
    this.#log = log;
    this.#material = material;
    this.#stamp = stamp;
    this.#context = this.#contextOf(material);
    this.#timer = setInterval(() => void this.#look(), part.files.checkEveryMs ?? CHECK_MS).unref();
  }

  get context(): SecureContext {
    return this.#context;
  }

  /** The same for a server, which makes its own. */
  get options(): SecureContextOptions {
    return { ...profileOptions(this.#part.profile), ...this.#material.options };
  }

  get certificates(): readonly CertificateFacts[] {
    return this.#material.certificates;
  }

  get own(): X509Certificate | undefined {
    return this.#material.own;
  }

  get authorities(): readonly X509Certificate[] {
    return this.#material.authorities;
  }

  /** Calls when there are others. @returns ends that */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Resolves true when files had changed and were put to work.
   * @throws GatewayError as `load`; what is in use stays then
   */
  reload(): Promise<boolean> {
    this.#reloading ??= this.#reload().finally(() => (this.#reloading = undefined));
    return this.#reloading;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#listeners.clear();
  }

  async #reload(): Promise<boolean> {
    // Looked at before they are read: what changes meanwhile is seen the next time.
    const stamp = await stampOf(this.#part.files);
    if (stamp === this.#stamp) return false;
    const material = await readMaterial(this.#part);
    this.#context = this.#contextOf(material);
    this.#material = material;
    this.#stamp = stamp;
    this.#told = '';
    for (const listener of this.#listeners) listener();
    this.#log.info('certificates reloaded', { owner: this.#part.owner, ...this.#ownFields() });
    this.#tellOfTimes();
    return true;
  }

  /** Certificate and key are seldom exchanged in one step: what cannot be used now is looked at again. */
  async #look(): Promise<void> {
    try {
      await this.reload();
    } catch (error) {
      const { message, code, fix } = error as GatewayError;
      if (message !== this.#told) {
        this.#log.error('new certificates cannot be used, those in use stay', { code, why: message, fix });
      }
      this.#told = message;
    }
  }

  #contextOf(material: Material): SecureContext {
    const { owner, profile } = this.#part;
    try {
      return createSecureContext({ ...profileOptions(profile), ...material.options });
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException;
      throw new GatewayError('TLS_CERTIFICATE_WEAK', `${owner}: OpenSSL does not take the certificate (${code})`, {
        fix: `Have it issued again with a longer key and SHA-256, as the profile ${profile} asks.`,
        cause: error,
      });
    }
  }

  #ownFields(): Readonly<Record<string, string>> {
    const [first] = this.#material.certificates;
    if (first?.role !== 'own') return {};
    return { certificate: first.subject, expires: new Date(first.notAfter).toISOString() };
  }

  #tellOfTimes(): void {
    const now = Date.now();
    for (const { owner, role, subject, notBefore, notAfter } of this.#material.certificates) {
      const fields = { owner, role, certificate: subject, expires: new Date(notAfter).toISOString() };
      if (notAfter <= now) this.#log.error('certificate has expired: peers will not accept it', fields);
      else if (notAfter - now < EARLY_MS) this.#log.warn('certificate expires soon', fields);
      else if (notBefore > now) this.#log.error('certificate is not valid yet', fields);
    }
  }
}
