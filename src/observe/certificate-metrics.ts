/** Certificates of TLS as metrics. */
import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/** A certificate that is in use. */
export interface SeenCertificate {
  /** Part of the configuration it belongs to. */
  readonly owner: string;
  readonly role: string;
  readonly subject: string;
  /** ms since 1970 */
  readonly notAfter: number;
}

export function certificateGaugeIn(registry: Registry): (seen: readonly SeenCertificate[]) => void {
  const gauge = new Gauge({
    name: 'dimseway_certificate_not_after_seconds',
    help: 'Until when a certificate of TLS is good, in seconds since 1970.',
    labelNames: ['owner', 'role', 'subject'],
    registers: [registry],
  });
  return (seen) => {
    gauge.reset();
    for (const { owner, role, subject, notAfter } of seen) {
      gauge.set({ owner, role, subject }, Math.floor(notAfter / 1_000));
    }
  };
}
