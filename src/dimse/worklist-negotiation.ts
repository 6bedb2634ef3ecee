/** SOP class extended negotiation of the Modality Worklist: `1, 1, fuzzy, timezone` (PS3.4 K.5, C.5.1.1). */
import type { RouteOptions } from '../services/port.ts';
import { SOP_CLASSES } from './uids.ts';
import type { UserInformation } from './upper-layer/user-information.ts';

export interface WorklistNegotiation {
  readonly fuzzyMatching: boolean;
  readonly timezoneAdjustment: boolean;
}

export const NOTHING_EXTENDED: WorklistNegotiation = { fuzzyMatching: false, timezoneAdjustment: false };

const FUZZY = 2;
const TIMEZONE = 3;
const BYTES = 4;

/** Acceptor: agrees to what was proposed and the route offers; the answer is no longer than the proposal. */
export function negotiateWorklist(
  proposal: Uint8Array,
  offered: Pick<RouteOptions, 'fuzzyMatching' | 'timezoneAdjustment'>,
): { information: Uint8Array; agreed: WorklistNegotiation } {
  const agreed = {
    fuzzyMatching: proposal[FUZZY] === 1 && offered.fuzzyMatching,
    timezoneAdjustment: proposal[TIMEZONE] === 1 && offered.timezoneAdjustment,
  };
  const information = proposal.slice(0, BYTES);
  if (information.length > FUZZY) information[FUZZY] = agreed.fuzzyMatching ? 1 : 0;
  if (information.length > TIMEZONE) information[TIMEZONE] = agreed.timezoneAdjustment ? 1 : 0;
  return { information, agreed };
}

/** Requestor: nothing is proposed where nothing is wanted. */
export function proposeWorklist(wanted: WorklistNegotiation): UserInformation['extended'] {
  if (!wanted.fuzzyMatching && !wanted.timezoneAdjustment) return [];
  const information = Uint8Array.of(1, 1, wanted.fuzzyMatching ? 1 : 0, wanted.timezoneAdjustment ? 1 : 0);
  return [{ sopClassUid: SOP_CLASSES.modalityWorklist, information }];
}

/** Requestor: what the acceptor agreed to; an answer that is absent means nothing. */
export function agreedWorklist(answer: UserInformation): WorklistNegotiation {
  const item = answer.extended.find(({ sopClassUid }) => sopClassUid === SOP_CLASSES.modalityWorklist);
  return {
    fuzzyMatching: item?.information[FUZZY] === 1,
    timezoneAdjustment: item?.information[TIMEZONE] === 1,
  };
}
