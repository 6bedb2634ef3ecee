/** The role of SCP on associations of ours, for the N-EVENT-REPORT of a service (PS3.7 D.3.3.4, PS3.4 F.9, J.3.3). */
import { ServiceFailure } from '../services/port.ts';
import type { ScuAssociation } from './scu.ts';
import type { RoleSelection } from './upper-layer/user-information.ts';

/** `require` reports only to an SCU that agrees to it, `try` proposes it and reports in any case, `omit` does not propose it. */
export type ReportRoleSelection = 'require' | 'try' | 'omit';

export function proposedRoles(sopClassUid: string, selection: ReportRoleSelection): RoleSelection[] {
  return selection === 'omit' ? [] : [{ sopClassUid, scu: false, scp: true }];
}

/** @throws ServiceFailure UPSTREAM_REJECTED; nothing was sent */
export function checkRole({ answer }: ScuAssociation, wanted: string, selection: ReportRoleSelection): void {
  if (selection !== 'require') return;
  if (answer.roles.some(({ sopClassUid, scp }) => sopClassUid === wanted && scp)) return;
  const comment = 'role SCP not agreed: commitment.roleSelection try sends anyway';
  throw new ServiceFailure('UPSTREAM_REJECTED', { comment });
}
