/** The states of an MPPS (PS3.4 F.7.2): IN PROGRESS, then COMPLETED or DISCONTINUED for good. */
import { firstText } from '../../dataset/model.ts';
import type { DataSet } from '../../dataset/model.ts';
import { PERFORMED_PROCEDURE_STEP_STATUS } from './attributes.ts';

export const MPPS_STATES = ['IN PROGRESS', 'COMPLETED', 'DISCONTINUED'] as const;
export type MppsState = (typeof MPPS_STATES)[number];

/** The state a message asks for; undefined when it names none, or none that exists. */
export function stateOf(attributes: DataSet): MppsState | undefined {
  const text = firstText(attributes, PERFORMED_PROCEDURE_STEP_STATUS)?.trim();
  return MPPS_STATES.find((state) => state === text);
}

/** A final state is left neither forwards nor backwards (PS3.4 F.7.2.2.2). */
export function isFinal(state: MppsState | undefined): boolean {
  return state === 'COMPLETED' || state === 'DISCONTINUED';
}
