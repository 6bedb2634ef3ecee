/** What the listener offers to one requester: its routes say what, its admission how much of it. */
import { missingScopes } from '../identity/principal.ts';
import { MPPS_NOTIFICATION } from '../services/mpps/notification.ts';
import type { Requester, RouteOptions, ServiceHandler, ServiceName } from '../services/port.ts';
import { STORAGE_COMMITMENT_PUSH_MODEL } from '../services/storage-commitment/attributes.ts';
import type { Admission } from './reporters.ts';
import { SOP_CLASSES } from './uids.ts';

/** What this requester may have. */
export interface OfferedServices {
  readonly verification: boolean;
  /** The options of the route that offers a service, undefined when there is none. */
  readonly worklist: RouteOptions | undefined;
  readonly mpps: RouteOptions | undefined;
  readonly storageCommitment: RouteOptions | undefined;
  /** It reports storage commitment: there it is the SCP, and we are the SCU (PS3.4 J.3.3). */
  readonly isReporter: boolean;
  /** It notifies of MPPS, as SCP too (PS3.4 F.9). */
  readonly isNotifier: boolean;
}

/** A reporter that the lists do not have gets nothing but what it reports by. */
export function offeredTo(
  requester: Requester,
  { isListed, reports }: Admission,
  handler: Pick<ServiceHandler, 'routeFor'>,
): OfferedServices {
  const routeOf = (service: ServiceName): RouteOptions | undefined => {
    const route = isListed ? handler.routeFor(service, requester) : undefined;
    return route !== undefined && missingScopes(route.scopes ?? [], requester).length === 0 ? route : undefined;
  };
  return {
    verification: isListed,
    worklist: routeOf('worklist'),
    mpps: routeOf('mpps'),
    storageCommitment: routeOf('storageCommitment'),
    isReporter: reports.includes('storageCommitment'),
    isNotifier: reports.includes('mpps'),
  };
}

/** SOP classes of the presentation contexts. */
export function classesOf(offered: OfferedServices): string[] {
  const { verification, worklist, mpps, storageCommitment, isReporter, isNotifier } = offered;
  return [
    ...(verification ? [SOP_CLASSES.verification] : []),
    ...(worklist === undefined ? [] : [SOP_CLASSES.modalityWorklist]),
    ...(mpps === undefined ? [] : [SOP_CLASSES.mpps, SOP_CLASSES.mppsRetrieve]),
    ...(storageCommitment === undefined && !isReporter ? [] : [STORAGE_COMMITMENT_PUSH_MODEL]),
    ...(isNotifier ? [MPPS_NOTIFICATION] : []),
  ];
}
