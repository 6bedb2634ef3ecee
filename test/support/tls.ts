/** Certificates made for tests (scripts/test-certificates.sh), and both ends of TLS made from them. */
import { fileURLToPath } from 'node:url';
import { ClientTls } from '../../src/tls/client-tls.ts';
import { ServerTls } from '../../src/tls/server-tls.ts';
import type { ClientTlsOptions, ServerTlsOptions, TlsProfile } from '../../src/tls/tls-options.ts';
import { keepingLogger } from './requests.ts';
import type { LogLine } from './requests.ts';

export type CertificateName =
  | 'ca'
  | 'other-ca'
  | 'server-ec'
  | 'server-rsa'
  | 'elsewhere'
  | 'client'
  | 'client-2'
  | 'expired'
  | 'weak-rsa'
  | 'weak-sha1';

export const PROFILE: TlsProfile = 'bcp195-rfc9325';

export function certificateFile(name: CertificateName): string {
  return fileURLToPath(new URL(`./certificates/${name}.crt`, import.meta.url));
}

export function keyFile(name: CertificateName | 'server-ec.locked'): string {
  return fileURLToPath(new URL(`./certificates/${name}.key`, import.meta.url));
}

/** A certificate with its key, and the authority that has signed all but one of them. */
export function filesOf(name: CertificateName): { certificate: string; key: string; authorities: string[] } {
  return { certificate: certificateFile(name), key: keyFile(name), authorities: [certificateFile('ca')] };
}

export const SERVER_OPTIONS: ServerTlsOptions = {
  ...filesOf('server-ec'),
  clientCertificates: 'none',
  profile: PROFILE,
};

export const CLIENT_OPTIONS: ClientTlsOptions = { authorities: [certificateFile('ca')], profile: PROFILE };

export interface Kept<End> {
  readonly tls: End;
  readonly lines: LogLine[];
}

/** With the lines it has logged. */
export async function serverTls(
  options: Partial<ServerTlsOptions> = {},
  clock?: () => number,
): Promise<Kept<ServerTls>> {
  const lines: LogLine[] = [];
  const tls = await ServerTls.load('listeners.ward', { ...SERVER_OPTIONS, ...options }, keepingLogger(lines), clock);
  return { tls, lines };
}

export async function clientTls(options: Partial<ClientTlsOptions> = {}): Promise<Kept<ClientTls>> {
  const lines: LogLine[] = [];
  const tls = await ClientTls.load('upstreams.pacs', { ...CLIENT_OPTIONS, ...options }, keepingLogger(lines));
  return { tls, lines };
}
