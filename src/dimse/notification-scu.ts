/** MPPS Notification to SCUs: N-EVENT-REPORT on associations of ours, this side as SCP (PS3.4 F.9.2). */
import type { Logger } from '../observe/log.ts';
import { statusText } from '../services/answer.ts';
import { MPPS_NOTIFICATION } from '../services/mpps/notification.ts';
import type { MppsEvent } from '../services/mpps/notification.ts';
import type { RequestContext } from '../services/port.ts';
import { commitmentFailureFromDimse } from '../services/storage-commitment/answers.ts';
import { DIMSE_STATUS } from './command-set.ts';
import { notificationFields } from './notification-message.ts';
import type { AssociationPool } from './pool.ts';
import { checkRole, proposedRoles } from './report-role.ts';
import type { ScuOptions } from './scu.ts';
import { exchangeOnce } from './single-exchange.ts';
import { callingAeTitleFor, scuOptions } from './upstream-options.ts';
import type { DimseUpstreamOptions } from './upstream-options.ts';

const CLASSES: readonly string[] = [MPPS_NOTIFICATION];

/**
 * Tells one event on an association of its own.
 * @throws ServiceFailure; `dimseStatus` is set when the SCU has answered
 */
export async function notifyScu(
  event: MppsEvent,
  options: DimseUpstreamOptions,
  pool: AssociationPool,
  context: RequestContext,
  logger: Logger,
): Promise<void> {
  const { reportRoleSelection = 'require' } = options;
  const { bearer, traceId } = context;
  // Not that of the one who has made the step, even where titles pass through: that one is an SCU as well.
  const association: ScuOptions = {
    ...scuOptions(options, CLASSES, callingAeTitleFor(options), bearer),
    roles: proposedRoles(MPPS_NOTIFICATION, reportRoleSelection),
  };
  const status = await exchangeOnce(pool, association, context, {
    compose: (on) => {
      checkRole(on, MPPS_NOTIFICATION, reportRoleSelection);
      return { agreed: on.context(MPPS_NOTIFICATION), fields: notificationFields(event) };
    },
    // N-EVENT-REPORT fails alike, whatever it reports.
    failureOf: (code, { errorComment: comment, errorId }) =>
      commitmentFailureFromDimse(code, 'report', { comment, errorId }),
    finish: (lease) => pool.giveBack(lease, false),
  });
  if (status === DIMSE_STATUS.success) return;
  logger.warn('an MPPS Notification was answered with a warning', { status: statusText(status), traceId });
}
