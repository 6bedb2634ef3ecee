import { GatewayError } from '../../errors.ts';

/** Reason/Diag. of an A-ABORT from the service provider (PS3.8 9.3.8). */
export const ABORT_REASON = {
  notSpecified: 0,
  unrecognizedPdu: 1,
  unexpectedPdu: 2,
  unrecognizedParameter: 4,
  unexpectedParameter: 5,
  invalidParameterValue: 6,
} as const;

export type AbortReason = (typeof ABORT_REASON)[keyof typeof ABORT_REASON];

/** Received bytes are no PDU; `abortReason` is what the A-ABORT to the peer says. */
export class PduError extends GatewayError {
  readonly abortReason: AbortReason;

  constructor(abortReason: AbortReason, message: string) {
    super('PDU_INVALID', message);
    this.abortReason = abortReason;
  }
}
