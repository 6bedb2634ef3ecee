/** What asks an upstream for storage commitment, and the reports it gets from a scripted SCP. */
import type { CommandSet } from '../../src/dimse/command-set.ts';
import type { CommitmentContext } from '../../src/services/port.ts';
import type { CommitmentResult, ToldEvent } from '../../src/services/storage-commitment/commitment.ts';
import { eventReport } from '../../src/services/storage-commitment/messages.ts';
import { eventRq, RESULT, TRANSACTION_UID } from './dimse-commitment.ts';
import { createContext } from './dimse-upstream.ts';

export const OTHER_TRANSACTION_UID = '1.2.826.0.1.3680043.9.7433.5.2';

/** An N-EVENT-REPORT-RQ with Message ID 7. */
export function reportRq(
  transactionUid: string = TRANSACTION_UID,
  fields: Partial<CommandSet> = {},
  result: CommitmentResult = RESULT,
): Buffer {
  const { attributes, eventType } = eventReport(transactionUid, result);
  return eventRq(attributes, { eventTypeId: eventType, messageId: 7, ...fields });
}

export interface TestCommitmentContext extends CommitmentContext {
  /** Reports in the order in which they were handed over. */
  readonly events: ToldEvent[];
}

/** Without `holdMs` nothing is held; without `reported` every report is taken. */
export function createCommitmentContext(overrides: Partial<CommitmentContext> = {}): TestCommitmentContext {
  const events: ToldEvent[] = [];
  const { holdMs = 0, reported, ...others } = overrides;
  return {
    ...createContext(others),
    holdMs,
    events,
    reported: async (event) => {
      events.push(event);
      await reported?.(event);
    },
  };
}
