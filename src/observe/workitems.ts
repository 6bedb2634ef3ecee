/** What is told of workitems to those who watch. The shapes are those of store/workitem-records.ts; nothing here has a UID. */
import { within } from './patience.ts';

/** Workitems of one route in one state. */
export interface WatchedWorkitems {
  readonly route: string;
  readonly state: string;
  readonly count: number;
}

/** Reports of one route that wait for their subscribers. */
export interface WatchedReports {
  readonly route: string;
  readonly count: number;
  /** Age of the oldest in ms. */
  readonly oldestMs: number;
}

/** MPPS at a UPS-RS server of which something is still to be done or to be told. */
export interface WatchedClaims {
  readonly upstream: string;
  readonly count: number;
  /** Since the oldest was claimed, ms. */
  readonly oldestMs: number;
}

/** Where they are seen; undefined: there is no store. */
export interface WorkitemSource {
  readonly workitems: () => Promise<readonly WatchedWorkitems[]> | undefined;
  readonly reports: () => Promise<readonly WatchedReports[]> | undefined;
  readonly openClaims: () => Promise<readonly WatchedClaims[]> | undefined;
}

export interface WorkitemSight {
  readonly workitems: readonly WatchedWorkitems[];
  readonly reports: readonly WatchedReports[];
  readonly openClaims: readonly WatchedClaims[];
}

/** Looks once; never rejects: what the store does not tell is absent. @param patienceMs a store that takes longer fails */
export async function lookAtWorkitems(source: WorkitemSource, patienceMs = 2_000): Promise<WorkitemSight> {
  const seen = async <Seen>(asked: Promise<readonly Seen[]> | undefined): Promise<readonly Seen[]> =>
    (asked && (await within(asked, patienceMs))) ?? [];
  const [workitems, reports, openClaims] = await Promise.all([
    seen(source.workitems()),
    seen(source.reports()),
    seen(source.openClaims()),
  ]);
  return { workitems, reports, openClaims };
}
