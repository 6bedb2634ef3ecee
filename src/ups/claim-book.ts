/** The claims of one server in the store: each change is made to what is there now, whoever wrote it. */
import { ServiceFailure } from '../services/port.ts';
import type { Durability } from '../store/durability.ts';
import { MPPS_EVENT } from '../services/mpps/notification.ts';
import type { Claim, ClaimedWorkitem, ClaimRecord, Claims } from '../store/workitem-records.ts';

/** Another process that changes the same claim is done after a few. */
const MAXIMUM_TRIES = 5;

export type ClaimChanges = Partial<Pick<Claim, 'workitems' | 'createDigest' | 'isComplete' | 'picture' | 'told'>>;

export class ClaimBook {
  readonly upstream: string;
  readonly #claims: Claims;
  readonly #tells: boolean;

  /** @param tells whether events are told: a claim is open until its end was */
  constructor(upstream: string, claims: Claims, tells: boolean) {
    this.upstream = upstream;
    this.#claims = claims;
    this.#tells = tells;
  }

  get(mppsUid: string): Promise<ClaimRecord | undefined> {
    return this.#claims.get(this.upstream, mppsUid);
  }

  findByWorkitem(workitemUid: string): Promise<ClaimRecord | undefined> {
    return this.#claims.findByWorkitem(this.upstream, workitemUid);
  }

  findStep(studyUid: string, stepId: string): Promise<string | undefined> {
    return this.#claims.findStep(this.upstream, studyUid, stepId);
  }

  /** At most so many with a greater MPPS UID. */
  listOpen(after: string | undefined, limit: number): Promise<ClaimRecord[]> {
    return this.#claims.listOpen(this.upstream, after, limit);
  }

  /** On the disk. @throws ServiceFailure when another process was first */
  async add(claim: Omit<Claim, 'upstream' | 'isOpen'>): Promise<ClaimRecord> {
    const added = await this.#claims.add(this.#whole({ ...claim, upstream: this.upstream }), 'disk');
    if (added === undefined) throw contended();
    return added;
  }

  /**
   * @param changes made of the claim as it is then
   * @throws ServiceFailure when it is gone, or others change it all the time
   */
  async change(
    { mppsUid, ...record }: ClaimRecord,
    changes: (record: ClaimRecord) => ClaimChanges,
    durability: Durability,
  ): Promise<ClaimRecord> {
    let current: ClaimRecord | undefined = { mppsUid, ...record };
    for (let tries = 0; current !== undefined && tries < MAXIMUM_TRIES; tries++) {
      const claim = this.#whole({ ...current, ...changes(current) });
      const changed = await this.#claims.change(claim, current.revision, durability);
      if (changed !== undefined) return changed;
      current = await this.get(mppsUid);
    }
    throw contended();
  }

  /** As if it had never been; not when another process has changed it. */
  async forget({ mppsUid, revision }: ClaimRecord): Promise<void> {
    await this.#claims.remove(this.upstream, mppsUid, revision);
  }

  #whole(claim: Omit<Claim, 'isOpen'>): Claim {
    const { isComplete, workitems, told } = claim;
    const isTold = !this.#tells || (told !== undefined && told !== MPPS_EVENT.inProgress);
    return { ...claim, isOpen: !isComplete || !isFinished(workitems) || !isTold };
  }
}

/** Every workitem has ended. */
export function isFinished(workitems: readonly ClaimedWorkitem[]): boolean {
  return workitems.every(({ phase }) => phase === 'final');
}

/** All that are that workitem, in another phase. */
export function inPhase(
  workitems: readonly ClaimedWorkitem[],
  workitemUid: string,
  phase: ClaimedWorkitem['phase'],
): ClaimedWorkitem[] {
  return workitems.map((each) => (each.workitemUid === workitemUid ? { ...each, phase } : each));
}

/** Each workitem once: several items of an MPPS may be about the same. */
export function distinct(workitems: readonly ClaimedWorkitem[]): ClaimedWorkitem[] {
  return [...new Map(workitems.map((each) => [each.workitemUid, each])).values()];
}

function contended(): ServiceFailure {
  const comment = 'another process is at work on this MPPS';
  return new ServiceFailure('OUT_OF_RESOURCES', { retry: 'safe', comment });
}
