/** What an MPPS at a UPS-RS server is made with, and how it fails (status mapping 11.1). */
import type { Tag } from '../dataset/model.ts';
import type { Logger } from '../observe/log.ts';
import { ServiceFailure } from '../services/port.ts';
import type { ClaimBook } from './claim-book.ts';
import type { UpsClient } from './client.ts';
import type { UpsOptions } from './options.ts';
import type { OwnedWorkitems } from './owned-workitems.ts';
import type { WorkitemFinder } from './workitem-finder.ts';

export type PerformingOptions = Pick<
  UpsOptions,
  | 'unscheduled'
  | 'append'
  | 'cancel'
  | 'stationScheme'
  | 'stationAeTitle'
  | 'performer'
  | 'discontinuation'
  | 'retrieveAeTitle'
>;

export interface PerformingParts {
  readonly client: UpsClient;
  readonly finder: WorkitemFinder;
  readonly owned: OwnedWorkitems;
  readonly book: ClaimBook;
  readonly logger: Logger;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
}

/** 0110H that no repeat cures. */
export function conflict(comment: string, attributes: readonly Tag[] = []): ServiceFailure {
  return new ServiceFailure('INSTANCE_CONFLICT', { comment, attributes });
}

/** Our lock does not open a workitem that we have claimed: somebody has put another in its place. */
export function lostLock(uid: string, workitemUid: string, logger: Logger): ServiceFailure {
  logger.error('the server does not take the lock of a workitem that was claimed', { uid, workitemUid });
  return conflict('the lock of the workitem is lost');
}
