import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { shownBy, subjectOf } from './certificates.ts';
import type { PeerCertificate } from './tls-options.ts';

/** The certificate of the other end, undefined where it has shown none, where none was checked, or without TLS. */
export function peerCertificateOf(socket: Socket): PeerCertificate | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const [certificate] = shownBy(socket);
  return certificate && { subject: subjectOf(certificate), fingerprint: certificate.fingerprint256 };
}

/** As a requester has it. */
export function certificateFields(shown: PeerCertificate | undefined): {
  readonly certificate?: string;
  readonly certificateFingerprint?: string;
} {
  return shown === undefined ? {} : { certificate: shown.subject, certificateFingerprint: shown.fingerprint };
}
