/** Attributes of a workitem (PS3.4 Table CC.2.5-3) and the codes in it (PS3.3 8). */
import { attribute, dataSetOf, firstText } from '../../dataset/model.ts';
import type { DataSet, Tag } from '../../dataset/model.ts';
import { ServiceFailure } from '../port.ts';
import { WORKITEM_STATES } from './workitem.ts';
import type { WorkitemState } from './workitem.ts';

export const UPS = {
  sopClassUid: '00080016',
  sopInstanceUid: '00080018',
  transactionUid: '00081195',
  studyInstanceUid: '0020000D',
  state: '00741000',
  progress: '00741002',
  priority: '00741200',
  worklistLabel: '00741202',
  label: '00741204',
  performed: '00741216',
  cancellationReason: '00741238',
  discontinuationReason: '0074100E',
  contactUri: '0074100A',
  contactDisplayName: '0074100C',
  request: '0040A370',
  performedStationName: '00404028',
  performedStationClass: '00404029',
  performedLocation: '00404030',
  performedStart: '00404050',
  performedEnd: '00404051',
  performedWorkitemCode: '00404019',
  output: '00404033',
  actualPerformers: '00404035',
  performerName: '00404037',
  performerCode: '00404009',
  performerOrganization: '00404036',
  cancellationDateTime: '00404052',
  processingParameters: '00741210',
  inputInformation: '00404021',
  modified: '00404010',
  scheduledStart: '00404005',
  expectedCompletion: '00404011',
  workitemCode: '00404018',
  stationName: '00404025',
  stationClass: '00404026',
  stationLocation: '00404027',
  humanPerformers: '00404034',
  readiness: '00404041',
} as const satisfies Record<string, Tag>;

/** Of an item of a code sequence. */
export const CODE = { value: '00080100', scheme: '00080102', meaning: '00080104' } as const satisfies Record<
  string,
  Tag
>;

/** A code, and what it is called. */
export interface Code {
  readonly value: string;
  readonly scheme: string;
  readonly meaning: string;
}

/** One item of a code sequence. */
export function codeItem({ value, scheme, meaning }: Code): DataSet {
  return dataSetOf({
    [CODE.value]: attribute('SH', value),
    [CODE.scheme]: attribute('SH', scheme),
    [CODE.meaning]: attribute('LO', meaning),
  });
}

/** Procedure Step State; undefined when there is none, or none that exists. */
export function workitemStateOf(workitem: DataSet): WorkitemState | undefined {
  const text = firstText(workitem, UPS.state)?.trim();
  return WORKITEM_STATES.find((state) => state === text);
}

/**
 * The workitem with what an update brings: whole attributes, sequences replaced with all their items (PS3.4 CC.2.6.2).
 * Neither the state nor the lock is changed by it. @param nowMs becomes Scheduled Procedure Step Modification DateTime
 */
export function mergeWorkitem(workitem: DataSet, modifications: DataSet, nowMs: number): DataSet {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [workitem, modifications, nowMs] });
}

/** Attributes that no update may change (N-SET of Table CC.2.5-3), among those of the modifications; ascending. */
export function unchangeable(modifications: DataSet): Tag[] {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [modifications] });
}

/** What a search or a retrieve returns: never 00081195; of a search the keys asked for and what is returned unasked. */
export function selectWorkitem(workitem: DataSet, identifier: DataSet, returnKeys: 'default' | 'all'): DataSet {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [workitem, identifier, returnKeys] });
}
