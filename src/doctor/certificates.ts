/** How long certificates are still good. */
import type { CertificateFacts } from '../tls/tls-options.ts';
import { failed, ok, warning } from './finding.ts';
import type { Seen } from './finding.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Renewing takes a site some weeks. */
export const WARNING_DAYS = 30;

type Validity = Pick<CertificateFacts, 'subject' | 'notBefore' | 'notAfter'>;

/** @param nowMs wall clock */
export function seenCertificate({ subject, notBefore, notAfter }: Validity, nowMs: number): Seen {
  const days = Math.floor((notAfter - nowMs) / DAY_MS);
  const until = `${subject}, until ${new Date(notAfter).toISOString().slice(0, 10)}`;
  if (nowMs < notBefore) return failed(`${until}: not valid yet`, 'Compare the clocks, or wait.');
  if (days < 0) return failed(`${until}: expired`, 'Renew it; the gateway reads the new file by itself.');
  const text = `${until}, ${days} ${days === 1 ? 'day' : 'days'}`;
  if (days < WARNING_DAYS) return warning(text, 'Renew it; the gateway reads the new file by itself.');
  return ok(text);
}
