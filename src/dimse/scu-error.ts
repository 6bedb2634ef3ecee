import { GatewayError } from '../errors.ts';
import type { GatewayErrorOptions } from '../errors.ts';
import { explainTlsFailure, isTlsFailure, tlsCodeOf } from '../tls/tls-failure.ts';
import type { AssociationEnd } from './upper-layer/association.ts';
import type { Rejection } from './upper-layer/pdu.ts';

export type ScuErrorCode =
  | 'ASSOCIATION_REJECTED'
  | 'ASSOCIATION_ABORTED' // or the connection lost, or released before the answer
  | 'ASSOCIATION_TIMEOUT'
  | 'TLS_FAILED'
  | 'CONTEXT_NOT_ACCEPTED'
  | 'PDU_INVALID'
  | 'MESSAGE_INVALID';

export interface ScuErrorDetail extends GatewayErrorOptions {
  /** `association`: the request was not sent, so nothing can have been done at the peer. */
  readonly phase: 'association' | 'request';
  readonly rejection?: Rejection;
  /** Result of the presentation context; undefined when the answer left it out. */
  readonly contextResult?: number;
}

/** Why an SCU has no answer; the upstream makes its `ServiceFailure` from it. */
export class ScuError extends GatewayError {
  override readonly code: ScuErrorCode;
  readonly phase: ScuErrorDetail['phase'];
  readonly rejection: Rejection | undefined;
  readonly contextResult: number | undefined;

  constructor(code: ScuErrorCode, message: string, detail: ScuErrorDetail) {
    super(code, message, detail);
    this.code = code;
    this.phase = detail.phase;
    this.rejection = detail.rejection;
    this.contextResult = detail.contextResult;
  }
}

/** Source and reason of an A-ASSOCIATE-RJ (PS3.8 Table 9-21); with what goes before, within the 64 characters of an Error Comment. */
const REJECTION_TEXTS: Readonly<Record<string, string>> = {
  '1/1': 'no reason given',
  '1/2': 'application context not supported',
  '1/3': 'calling AE title not recognized',
  '1/7': 'called AE title not recognized',
  '2/1': 'no reason given',
  '2/2': 'protocol version not supported',
  '3/1': 'temporary congestion',
  '3/2': 'local limit exceeded',
};

export function errorFromEnd(end: AssociationEnd, phase: ScuErrorDetail['phase']): ScuError {
  switch (end.kind) {
    case 'rejected': {
      const { result, source, reason } = end.rejection;
      const text = REJECTION_TEXTS[`${source}/${reason}`] ?? 'reason not known';
      const message = `association rejected (${result}/${source}/${reason}): ${text}`;
      return new ScuError('ASSOCIATION_REJECTED', message, { phase, rejection: end.rejection });
    }
    case 'timeout':
      return new ScuError('ASSOCIATION_TIMEOUT', `timeout while waiting for ${end.waitedFor}`, { phase });
    case 'released':
      return new ScuError('ASSOCIATION_ABORTED', 'association released by the peer', { phase });
    case 'lost':
      return errorOfConnection(end.cause, phase);
    case 'aborted': {
      const { by, source, reason, cause } = end;
      if (cause instanceof GatewayError) {
        const code = cause.code === 'PDU_INVALID' ? 'PDU_INVALID' : 'MESSAGE_INVALID';
        return new ScuError(code, cause.message, { phase, cause });
      }
      const message = by === 'us' ? 'association aborted' : `association aborted by the peer (${source}/${reason})`;
      return new ScuError('ASSOCIATION_ABORTED', message, { phase });
    }
  }
}

function errorOfConnection(cause: Error | undefined, phase: ScuErrorDetail['phase']): ScuError {
  const code = tlsCodeOf(cause);
  // What breaks TLS later is damage on the way: the two had trusted each other.
  if (phase === 'association' && isTlsFailure(code)) {
    const { why, fix } = explainTlsFailure(code);
    return new ScuError('TLS_FAILED', `TLS: ${why}`, { phase, fix, cause });
  }
  const message = phase === 'association' ? 'no connection' : 'connection lost';
  return new ScuError('ASSOCIATION_ABORTED', code === '' ? message : `${message} (${code})`, { phase, cause });
}
