/** Workitems, reports and claims of workitems for the tests of the store. */
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import type { Store } from '../../src/store/store.ts';
import type { Claim, Workitem, WorkitemRecord } from '../../src/store/workitem-records.ts';
import { WARD } from './requests.ts';

export const ROUTE = 'ups';

/** What a search found: `label` tells its entry from another of the same UID. */
export function foundOf(uid: string, label = uid): Pick<Workitem, 'route' | 'uid' | 'workitem' | 'entry'> {
  return {
    route: ROUTE,
    uid,
    workitem: dataSetOf({ '00741204': attribute('LO', label), '00101030': attribute('DS', '70.50') }),
    entry: dataSetOf({ '00400007': attribute('LO', label), '30020010': attribute('SQ') }),
  };
}

/** With every member that may be absent left out. */
export function workitemOf(uid: string, more: Partial<Workitem> = {}): Workitem {
  return { ...foundOf(uid), state: 'SCHEDULED', isDeleted: false, ...more };
}

/** With every member. */
export function fullWorkitemOf(uid: string, more: Partial<Workitem> = {}): Workitem {
  return workitemOf(uid, {
    state: 'IN PROGRESS',
    isDeleted: true,
    transactionUid: '2.25.7',
    mppsUid: `${uid}.1`,
    requester: { ...WARD, subject: '山田' },
    pending: 'update',
    intended: dataSetOf({ '00741000': attribute('CS', 'COMPLETED') }),
    ...more,
  });
}

/** Adds one that is not there yet. */
export async function added({ workitems }: Store, workitem: Workitem): Promise<WorkitemRecord> {
  const record = await workitems.add(workitem, 'process');
  if (record === undefined) throw new Error(`${workitem.uid} is there already`);
  return record;
}

export function reportOf(text: string): DataSet {
  return dataSetOf({ '00000002': attribute('UI', '1.2.840.10008.5.1.4.34.6.1'), '00741238': attribute('LT', text) });
}

/** Of one workitem, that is about to be claimed. */
export function claimOf(mppsUid: string, more: Partial<Claim> = {}): Claim {
  return {
    upstream: 'ups',
    mppsUid,
    workitems: [{ workitemUid: `${mppsUid}.5`, transactionUid: '2.25.9', phase: 'claiming', isCreated: false }],
    createDigest: 'digest',
    isComplete: false,
    picture: dataSetOf({ '00400253': attribute('SH', mppsUid), '00101030': attribute('DS', '70.50') }),
    isOpen: true,
    ...more,
  };
}
