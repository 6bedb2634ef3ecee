/** What an association of ours tells the trace of a request: commands, SOP classes and statuses, no values. */
import { statusText } from '../services/answer.ts';
import { MPPS_NOTIFICATION } from '../services/mpps/notification.ts';
import type { Trace } from '../services/port.ts';
import { STORAGE_COMMITMENT_PUSH_MODEL } from '../services/storage-commitment/attributes.ts';
import { COMMAND_FIELD, responseField } from './command-set.ts';
import type { ScuExchange, ScuResponse } from './scu-exchange.ts';
import { ScuError } from './scu-error.ts';
import { SOP_CLASSES } from './uids.ts';

/** As PS3.6 A.1 calls them, in short. */
const SOP_CLASS_NAMES: Readonly<Record<string, string>> = {
  [SOP_CLASSES.verification]: 'Verification',
  [SOP_CLASSES.modalityWorklist]: 'Modality Worklist',
  [SOP_CLASSES.mpps]: 'Modality Performed Procedure Step',
  [SOP_CLASSES.mppsRetrieve]: 'Modality Performed Procedure Step Retrieve',
  [MPPS_NOTIFICATION]: 'Modality Performed Procedure Step Notification',
  [STORAGE_COMMITMENT_PUSH_MODEL]: 'Storage Commitment Push Model',
};

/** `C-FIND-RQ` for `cFindRq`. */
const COMMAND_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(COMMAND_FIELD).map(([key, field]) => {
    const [, service = '', name = '', kind = ''] = /^([cn])([A-Za-z]+?)(Rq|Rsp)$/.exec(key) ?? [];
    const words = name.replace(/(?<=[a-z])(?=[A-Z])/g, '-');
    return [field, `${service}-${words}-${kind}`.toUpperCase()];
  }),
);

export function traceAssociation(trace: Trace | undefined, isReused: boolean): void {
  trace?.({ direction: 'out', text: isReused ? 'association in use again' : 'association opened' });
}

export function traceNoAssociation(trace: Trace | undefined, error: unknown): void {
  trace?.({ direction: 'in', text: 'no association', ...codeOf(error) });
}

/** @param abstractSyntax of the presentation context */
export function traceRequest(trace: Trace | undefined, commandField: number, abstractSyntax: string): void {
  const sopClass = SOP_CLASS_NAMES[abstractSyntax] ?? abstractSyntax;
  trace?.({ direction: 'out', text: `${COMMAND_NAMES.get(commandField) ?? ''} ${sopClass}` });
}

/** Of the final one; what came before is counted. */
export function traceResponse(
  trace: Trace | undefined,
  { commandField, pending }: Pick<ScuExchange, 'commandField' | 'pending'>,
  { status }: Pick<ScuResponse, 'status'>,
): void {
  const name = COMMAND_NAMES.get(responseField(commandField)) ?? '';
  const text = pending === 0 ? name : `${name} after ${pending} that were pending`;
  trace?.({ direction: 'in', text, status: statusText(status) });
}

export function traceNoResponse(trace: Trace | undefined, error: unknown): void {
  trace?.({ direction: 'in', text: 'no response', ...codeOf(error) });
}

function codeOf(error: unknown): { status?: string } {
  return error instanceof ScuError ? { status: error.code } : {};
}
