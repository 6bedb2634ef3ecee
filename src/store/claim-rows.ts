/** Claims of workitems at UPS-RS servers as rows of `claims`, in every data base. */
import { toJson } from '../dataset/json.ts';
import type { MppsEventType } from '../services/mpps/notification.ts';
import type { Claim, ClaimRecord, SeenStep } from './workitem-records.ts';
import { dataSetIn } from './workitem-rows.ts';
import type { WorkitemRow } from './workitem-rows.ts';

export const CLAIM_CONTENT = ['is_open', 'is_complete', 'told', 'create_digest', 'workitems', 'picture'] as const;

/** What a claim brings with it; the rest of its row is the store's. */
export const CLAIM_BROUGHT = ['upstream', 'mpps_uid', ...CLAIM_CONTENT] as const;

/** Of which a record is read. */
export const CLAIM_COLUMNS = [...CLAIM_BROUGHT, 'revision', 'created_at', 'updated_at'] as const;

export function toClaimRow(claim: Claim): Record<(typeof CLAIM_BROUGHT)[number], string | number | null> {
  return {
    upstream: claim.upstream,
    mpps_uid: claim.mppsUid,
    is_open: Number(claim.isOpen),
    is_complete: Number(claim.isComplete),
    told: claim.told ?? null,
    create_digest: claim.createDigest,
    workitems: JSON.stringify(claim.workitems),
    picture: toJson(claim.picture),
  };
}

/** The table checks `told`. @throws SyntaxError, TypeError */
export function fromClaimRow(row: WorkitemRow): ClaimRecord {
  const told = row['told'] as MppsEventType | null;
  return {
    upstream: row['upstream'] as string,
    mppsUid: row['mpps_uid'] as string,
    workitems: JSON.parse(row['workitems'] as string) as ClaimRecord['workitems'],
    createDigest: row['create_digest'] as string,
    isComplete: Boolean(row['is_complete']), // 0 and 1, or a boolean
    isOpen: Boolean(row['is_open']),
    ...(told !== null && { told }),
    picture: dataSetIn(row['picture']),
    revision: row['revision'] as number,
    createdAt: row['created_at'] as number,
    updatedAt: row['updated_at'] as number,
  };
}

/** The UIDs of its workitems, each once. */
export function workitemUidsOf({ workitems }: Claim): string[] {
  return [...new Set(workitems.map(({ workitemUid }) => workitemUid))];
}

/** Each step once, as it was seen last. */
export function distinctSteps(steps: readonly SeenStep[]): SeenStep[] {
  const keyOf = ({ studyUid, stepId, upstream }: SeenStep): string => JSON.stringify([studyUid, stepId, upstream]);
  return [...new Map(steps.map((step) => [keyOf(step), step])).values()];
}
