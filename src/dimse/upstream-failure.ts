/** What a failed association or an unreadable answer means to the one who asked (status mapping 2.1). */
import { GatewayError } from '../errors.ts';
import { ServiceFailure } from '../services/port.ts';
import type { RetryClass } from '../services/port.ts';
import { ScuError } from './scu-error.ts';
import { CONTEXT_RESULT } from './upper-layer/pdu.ts';

const TRANSIENT = 2;
const PROVIDER_PRESENTATION = 3;

/** A search and a verification change nothing at the peer: where no answer came they may be asked again. */
export function toServiceFailure(error: unknown): ServiceFailure {
  if (error instanceof ServiceFailure) return error;
  if (error instanceof ScuError) return fromScuError(error);
  const isGatewayError = error instanceof GatewayError;
  return new ServiceFailure('INTERNAL_ERROR', { cause: error, ...(isGatewayError && { comment: error.code }) });
}

function fromScuError(error: ScuError): ServiceFailure {
  const comment = error.message;
  const { code, phase, rejection, contextResult } = error;
  switch (code) {
    case 'ASSOCIATION_REJECTED':
      if (rejection?.result === TRANSIENT || rejection?.source === PROVIDER_PRESENTATION) {
        return new ServiceFailure('OUT_OF_RESOURCES', { retry: 'safe', comment, cause: error });
      }
      return new ServiceFailure('UPSTREAM_REJECTED', { comment, cause: error });
    case 'CONTEXT_NOT_ACCEPTED':
      if (contextResult === CONTEXT_RESULT.abstractSyntaxNotSupported) {
        return new ServiceFailure('NOT_SUPPORTED', { comment, cause: error });
      }
      return new ServiceFailure('UPSTREAM_REJECTED', { comment, cause: error });
    case 'TLS_FAILED':
      return new ServiceFailure('UPSTREAM_UNTRUSTED', { comment, cause: error });
    case 'ASSOCIATION_ABORTED':
      return new ServiceFailure(phase === 'association' ? 'UPSTREAM_UNREACHABLE' : 'CONNECTION_LOST', {
        retry: 'safe',
        comment,
        cause: error,
      });
    case 'ASSOCIATION_TIMEOUT':
      return new ServiceFailure(phase === 'association' ? 'UPSTREAM_UNREACHABLE' : 'UPSTREAM_TIMEOUT', {
        retry: 'safe',
        comment,
        cause: error,
      });
    case 'PDU_INVALID':
    case 'MESSAGE_INVALID':
      return new ServiceFailure('UPSTREAM_PROTOCOL_ERROR', {
        retry: phase === 'association' ? 'safe' : 'ambiguous',
        comment,
        cause: error,
      });
  }
}

/**
 * The same for a request that changes something: once it was sent and no answer came, nobody knows whether it was done.
 * A `ServiceFailure` says by itself whether it may be sent again.
 */
function toWriteFailure(error: unknown, wasSent: boolean): ServiceFailure {
  if (error instanceof ServiceFailure) return error;
  const failure = toServiceFailure(error);
  return wasSent ? withRetry(failure, 'ambiguous') : failure;
}

/** What a request that changes something has failed with: the answer of the far end, or else the reason of the signal. */
export function failureOfWrite(error: unknown, signal: AbortSignal, wasSent: boolean): ServiceFailure {
  const isAnswer = error instanceof ServiceFailure && error !== signal.reason;
  return signal.aborted && !isAnswer ? writeFailureOfSignal(signal, wasSent) : toWriteFailure(error, wasSent);
}

/** The reason of an aborted signal, for a request that changes something. */
function writeFailureOfSignal(signal: AbortSignal, wasSent: boolean): ServiceFailure {
  return withRetry(failureOfSignal(signal), wasSent ? 'ambiguous' : 'safe');
}

function withRetry(failure: ServiceFailure, retry: RetryClass): ServiceFailure {
  return new ServiceFailure(failure.code, { retry, comment: failure.message, cause: failure.cause ?? failure });
}

/** The reason of an aborted signal as a failure. */
export function failureOfSignal(signal: AbortSignal): ServiceFailure {
  return signal.reason instanceof ServiceFailure ? signal.reason : new ServiceFailure('CANCELED');
}
