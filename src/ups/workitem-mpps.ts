/** The MPPS of a workitem at the far end: what is sent for it, and what it is asked. */
import type { DataSet } from '../dataset/model.ts';
import { ServiceFailure } from '../services/port.ts';
import type { MppsContext, RequestContext, ServiceHandler } from '../services/port.ts';
import type { WorkitemRecord } from '../store/workitem-records.ts';
import { isFailure } from './facade-parts.ts';

type MppsService = Pick<ServiceHandler, 'createMpps' | 'updateMpps' | 'retrieveMpps'>;

export class WorkitemMpps {
  readonly #service: MppsService;

  constructor(service: MppsService) {
    this.#service = service;
  }

  /**
   * Sends a message that counts as answered once its outcome is noted: a repeat of it after a restart is then answered by the
   * gateway as the same message, and not as a duplicate. What the far end warns of is not about the workitem.
   */
  async send<Result>(
    context: RequestContext,
    message: (service: MppsService, context: MppsContext) => Promise<unknown>,
    note: () => Promise<Result>,
  ): Promise<Result> {
    const noted = Promise.withResolvers<boolean>();
    try {
      await message(this.#service, { ...context, warn: () => undefined, answerDelivered: noted.promise });
      const result = await note();
      noted.resolve(true);
      return result;
    } finally {
      noted.resolve(false);
    }
  }

  /** The MPPS as it stands; undefined: the far end does not tell. @throws ServiceFailure INSTANCE_DELETED */
  async retrieve(mppsUid: string, context: RequestContext): Promise<DataSet | undefined> {
    try {
      return await this.#service.retrieveMpps(mppsUid, 'all', { ...context, warn: () => undefined });
    } catch (error) {
      if (!(error instanceof ServiceFailure) || isFailure(error, 'INSTANCE_DELETED')) throw error;
      return undefined;
    }
  }
}

/** @throws ServiceFailure INTERNAL_ERROR: one that was claimed has an MPPS */
export function mppsUidOf({ mppsUid }: WorkitemRecord): string {
  if (mppsUid === undefined) throw new ServiceFailure('INTERNAL_ERROR', { comment: 'a claimed workitem has no MPPS' });
  return mppsUid;
}
