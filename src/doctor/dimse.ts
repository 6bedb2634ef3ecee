/** A classic peer: the association, each SOP class the routes need, C-ECHO. */
import { callingAeTitleFor, scuOptions } from '../dimse/upstream-options.ts';
import type { DimseUpstreamOptions } from '../dimse/upstream-options.ts';
import { checkRole, proposedRoles } from '../dimse/report-role.ts';
import type { ReportRoleSelection } from '../dimse/report-role.ts';
import { ScuError } from '../dimse/scu-error.ts';
import { ScuAssociation } from '../dimse/scu.ts';
import type { Budget } from '../dimse/scu.ts';
import { SOP_CLASSES } from '../dimse/uids.ts';
import { statusToHex } from '../services/answer.ts';
import { MPPS_NOTIFICATION } from '../services/mpps/notification.ts';
import { STORAGE_COMMITMENT_PUSH_MODEL } from '../services/storage-commitment/attributes.ts';
import { failed, ok, skipped, warning } from './finding.ts';
import type { Examination, Seen } from './finding.ts';
import type { Need } from './needs.ts';

interface NeededClass {
  readonly uid: string;
  readonly name: string;
  /** Without it something is worse, but works. */
  readonly missing?: string;
}

const CLASSES: Readonly<Record<Need, readonly NeededClass[]>> = {
  worklist: [{ uid: SOP_CLASSES.modalityWorklist, name: 'Modality Worklist' }],
  mpps: [
    { uid: SOP_CLASSES.mpps, name: 'MPPS' },
    {
      uid: SOP_CLASSES.mppsRetrieve,
      name: 'MPPS Retrieve',
      missing: 'what became of a message whose answer was lost cannot be asked for',
    },
  ],
  storageCommitment: [{ uid: STORAGE_COMMITMENT_PUSH_MODEL, name: 'Storage Commitment' }],
  notifications: [{ uid: MPPS_NOTIFICATION, name: 'MPPS Notification' }],
};

const VERIFICATION: NeededClass = {
  uid: SOP_CLASSES.verification,
  name: 'Verification',
  missing: '`dimseway echo` cannot ask whether it is there',
};

/** The SOP classes it accepts; undefined: there is no association. @param inTime of one step */
export async function examineDimse(
  examination: Examination,
  options: DimseUpstreamOptions,
  needs: ReadonlySet<Need>,
  inTime: () => Budget,
): Promise<ReadonlySet<string> | undefined> {
  const classes = [VERIFICATION, ...[...needs].flatMap((need) => CLASSES[need])];
  let association: ScuAssociation | undefined;
  await examination.step('association', async () => {
    const uids = classes.map(({ uid }) => uid);
    const own = scuOptions(options, uids, callingAeTitleFor(options), undefined);
    // Towards one that is notified this side is the SCP (PS3.4 F.9.3).
    const roles = needs.has('notifications') ? proposedRoles(MPPS_NOTIFICATION, roleSelectionOf(options)) : [];
    try {
      association = await ScuAssociation.open({ ...own, roles }, inTime());
      return ok(`${own.callingAeTitle} → ${own.calledAeTitle}`);
    } catch (error) {
      return associationTrouble(error, own.callingAeTitle, own.calledAeTitle);
    }
  });
  if (association === undefined) return undefined;
  const accepted = new Set<string>();
  for (const needed of classes) {
    const { uid, name } = needed;
    let seen = seenClass(association, needed);
    if (uid === MPPS_NOTIFICATION && seen.state === 'ok') seen = seenRole(association, options) ?? seen;
    if (seen.state === 'ok') accepted.add(uid);
    examination.note(name, seen);
  }
  if (accepted.has(SOP_CLASSES.verification)) await examination.step('C-ECHO', () => echo(association, inTime()));
  await association.release();
  examination.note('clock', skipped('DIMSE does not tell the time'));
  return accepted;
}

function seenClass(association: ScuAssociation, { uid, missing }: NeededClass): Seen {
  try {
    return ok(`accepted, ${association.context(uid).transferSyntax}`);
  } catch (error) {
    const { message } = error as Error;
    if (missing !== undefined) return warning(`${message}: ${missing}`, 'Enable it at the far end, if it has it.');
    const fix = 'Enable the SOP class for our AE title at the far end, or take the service out of the route.';
    return failed(message, fix);
  }
}

function roleSelectionOf({ reportRoleSelection = 'require' }: DimseUpstreamOptions): ReportRoleSelection {
  return reportRoleSelection;
}

/** Of the one class of which we are the SCP: accepted without the role, nothing is told. Undefined: there is nothing amiss. */
function seenRole(association: ScuAssociation, options: DimseUpstreamOptions): Seen | undefined {
  try {
    checkRole(association, MPPS_NOTIFICATION, roleSelectionOf(options));
    return undefined;
  } catch {
    const fix = 'Let it accept SCP/SCU role selection for it, or set commitment.roleSelection to try.';
    return failed('accepted, but not that we are its SCP: nothing is told', fix);
  }
}

async function echo(association: ScuAssociation | undefined, budget: Budget): Promise<Seen> {
  try {
    const answer = await association?.echo(budget);
    if (answer?.status === 0) return ok('0000H');
    return failed(`${statusToHex(answer?.status ?? 0)}H`, 'Look at the log of the far end.');
  } catch (error) {
    return failed((error as Error).message, 'Look at the log of the far end.');
  }
}

function associationTrouble(error: unknown, calling: string, called: string): Seen {
  if (!(error instanceof ScuError)) {
    return failed('no answer in time', 'Check that a DICOM program listens on this port, and how busy it is.');
  }
  switch (error.code) {
    case 'ASSOCIATION_REJECTED':
      return failed(error.message, rejectionFix(error, calling, called));
    case 'CONTEXT_NOT_ACCEPTED':
      return failed(
        `no SOP class is accepted: ${error.message}`,
        `Enable what the routes need for ${calling} at the far end.`,
      );
    case 'ASSOCIATION_TIMEOUT':
      return failed(error.message, 'Something listens and says nothing: check the port, and whether it speaks DICOM.');
    default:
      return failed(error.message, 'Check that a DICOM program listens on this port, with or without TLS as here.');
  }
}

function rejectionFix({ rejection }: ScuError, calling: string, called: string): string {
  const { source, reason } = rejection ?? { source: 0, reason: 0 };
  if (source === 1 && reason === 3) return `Let the far end know ${calling}, with the address of this machine.`;
  if (source === 1 && reason === 7) return `Set aeTitle to what the far end calls itself: it is not ${called}.`;
  if (source === 3) return 'It is busy: raise its limit of associations, or lower pool.maximum here.';
  return `Ask its administrator why it refuses ${calling}; its log says it.`;
}
