/**
 * The far end is a UPS-RS origin server (PS3.18 11): its workitems are the worklist, an MPPS claims, changes and ends them
 * (proxy flows 6.1 to 6.7).
 */
import type { DataSet } from '../dataset/model.ts';
import type { Logger } from '../observe/log.ts';
import type { MppsEvent } from '../services/mpps/notification.ts';
import { ServiceFailure } from '../services/port.ts';
import type { AttributeSelection, Completion, RequestContext, Upstream, WorklistQuery } from '../services/port.ts';
import type { CommitmentStatus } from '../services/storage-commitment/commitment.ts';
import type { Claims } from '../store/workitem-records.ts';
import type { CertificateFacts } from '../tls/tls-options.ts';
import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import type { UpsOptions } from './options.ts';

export class UpsUpstream implements Upstream {
  readonly commitmentResult = 'checked';
  readonly #options: UpsOptions;

  constructor(options: UpsOptions, claims: Claims, logger: Logger, clock: Clock = systemClock) {
    this.#options = options;
    void [claims, logger, clock];
  }

  search(query: WorklistQuery, context: RequestContext): AsyncIterable<DataSet> {
    throw new ServiceFailure('INTERNAL_ERROR', { cause: [query, context] });
  }

  createMpps(uid: string, attributes: DataSet, context: RequestContext): Promise<Completion> {
    throw new ServiceFailure('INTERNAL_ERROR', { cause: [uid, attributes, context] });
  }

  updateMpps(uid: string, modifications: DataSet, context: RequestContext): Promise<Completion> {
    throw new ServiceFailure('INTERNAL_ERROR', { cause: [uid, modifications, context] });
  }

  retrieveMpps(uid: string, selection: AttributeSelection, context: RequestContext): Promise<DataSet> {
    throw new ServiceFailure('INTERNAL_ERROR', { cause: [uid, selection, context] });
  }

  requestCommitment(): Promise<CommitmentStatus> {
    return Promise.reject(new ServiceFailure('NOT_SUPPORTED', { comment: 'UPS-RS has no storage commitment' }));
  }

  checkCommitment(): Promise<CommitmentStatus> {
    return this.requestCommitment();
  }

  reportCommitment(): Promise<never> {
    return Promise.reject(new ServiceFailure('NOT_SUPPORTED', { comment: 'UPS-RS has no storage commitment' }));
  }

  notifyMpps(): Promise<never> {
    const comment = 'A UPS-RS server is told of no MPPS: it knows what becomes of its workitems';
    return Promise.reject(new ServiceFailure('NOT_SUPPORTED', { comment }));
  }

  verify(context: RequestContext): Promise<void> {
    throw new ServiceFailure('INTERNAL_ERROR', { cause: context });
  }

  /**
   * Opens the notification connection and keeps it open; nothing without `subscription`. Events of an MPPS are told in
   * order, each change of its state once.
   * @param told resolves once what follows from the event is on the disk; rejects: it is told again later
   */
  listen(told: (event: MppsEvent) => Promise<void>): void {
    void told;
  }

  /** Those of TLS. */
  certificates(): readonly CertificateFacts[] {
    return this.#options.tls?.certificates() ?? [];
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
