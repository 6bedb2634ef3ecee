import type { Logger } from '../observe/log.ts';
import type { AssociationEnd } from './upper-layer/association.ts';

/** How an association with a peer that called ended, and how loud that is told. */
export function logEnd(logger: Logger, end: AssociationEnd, wasAccepted: boolean): void {
  switch (end.kind) {
    case 'released':
      return logger.debug('association released');
    case 'timeout':
      return logger.warn('association timed out', { waitedFor: end.waitedFor });
    case 'rejected':
      // Told with its reason when it was rejected.
      return;
    case 'lost':
      // Port scanners and load balancers open connections and close them again.
      if (!wasAccepted) return logger.debug('connection closed without an association');
      return logger.warn('connection lost');
    case 'aborted': {
      const { by, source, reason, cause } = end;
      const fields = { by, source, reason, ...(cause === undefined ? {} : { cause: cause.message }) };
      return by === 'us' ? logger.warn('association aborted', fields) : logger.debug('association aborted', fields);
    }
  }
}
