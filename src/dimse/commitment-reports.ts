/** Takes the reports that come on the association of a request for storage commitment (PS3.4 J.3.3). */
import type { Logger } from '../observe/log.ts';
import { statusText } from '../services/answer.ts';
import { ServiceFailure } from '../services/port.ts';
import type { CommitmentContext } from '../services/port.ts';
import { commitmentDimseOutcome } from '../services/storage-commitment/outcomes.ts';
import { DIMSE_STATUS } from './command-set.ts';
import { readEvent } from './commitment-message.ts';
import type { Message } from './message.ts';
import type { AcceptedContext } from './message-channel.ts';
import type { PeerAnswer } from './peer-requests.ts';

export class CommitmentReports {
  /** Resolves once the report of the request's own Transaction UID was taken; its answer is not yet sent then. */
  readonly own: Promise<void>;
  readonly #transactionUid: string;
  readonly #context: CommitmentContext;
  readonly #logger: Logger;
  readonly #ownTaken: () => void;

  constructor(transactionUid: string, context: CommitmentContext, logger: Logger) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.own = promise;
    this.#ownTaken = resolve;
    this.#transactionUid = transactionUid;
    this.#context = context;
    this.#logger = logger;
  }

  /** The answer to an N-EVENT-REPORT-RQ, of whichever Transaction UID: 0000H only once it was taken. Never rejects. */
  async take(message: Message, agreed: AcceptedContext): Promise<PeerAnswer> {
    try {
      const event = readEvent(message, agreed);
      await this.#context.reported(event);
      if (event.transactionUid === this.#transactionUid) this.#ownTaken();
      return { status: DIMSE_STATUS.success };
    } catch (error) {
      const failure = error instanceof ServiceFailure ? error : new ServiceFailure('INTERNAL_ERROR', { cause: error });
      const { status, comment, errorId } = commitmentDimseOutcome(failure, 'report');
      const { traceId } = this.#context;
      this.#logger.warn('a report of storage commitment was refused', {
        code: failure.code,
        status: statusText(status),
        traceId,
      });
      return { status, errorComment: comment, ...(errorId !== undefined && { errorId }) };
    }
  }
}
