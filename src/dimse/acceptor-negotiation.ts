/** The acceptor's side of presentation contexts, roles and extended negotiation (PS3.8 9.3.3, PS3.7 D.3.3). */
import type { TransferSyntaxUid } from '../dataset/binary/transfer-syntax.ts';
import { MPPS_NOTIFICATION } from '../services/mpps/notification.ts';
import { STORAGE_COMMITMENT_PUSH_MODEL } from '../services/storage-commitment/attributes.ts';
import type { AcceptedContext } from './message-channel.ts';
import { classesOf } from './offered-services.ts';
import type { OfferedServices } from './offered-services.ts';
import { APPLICATION_CONTEXT, IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, SOP_CLASSES } from './uids.ts';
import { CONTEXT_RESULT, PDU_TYPE } from './upper-layer/pdu.ts';
import type { AnsweredContext, AssociateAc, AssociateRq, ProposedContext } from './upper-layer/pdu.ts';
import type { ExtendedNegotiation, RoleSelection, UserInformation } from './upper-layer/user-information.ts';
import { negotiateWorklist, NOTHING_EXTENDED } from './worklist-negotiation.ts';
import type { WorklistNegotiation } from './worklist-negotiation.ts';

export interface NegotiationOptions {
  readonly maximumPduLength: number;
  /** In order of preference. */
  readonly transferSyntaxes: readonly TransferSyntaxUid[];
  /** Further contexts with an abstract syntax that is already accepted. */
  readonly duplicateContexts: 'accept' | 'refuse';
}

export interface Negotiated {
  readonly answer: AssociateAc;
  readonly contexts: readonly AcceptedContext[];
  readonly worklist: WorklistNegotiation;
}

/**
 * Answers each proposed presentation context once, with the roles and the extended negotiation that go with it (PS3.8 7.1.1.13,
 * PS3.7 D.3.3). Never throws: what cannot be had is refused by its context.
 */
export function negotiate(request: AssociateRq, options: NegotiationOptions, services: OfferedServices): Negotiated {
  const { worklist } = services;
  const offered = new Set(classesOf(services));
  const { roles } = request.userInformation;
  const refused = new Set(roles.filter((role) => isRefused(role, services)).map(({ sopClassUid }) => sopClassUid));
  const accepted: AcceptedContext[] = [];
  const answered = new Map<number, AnsweredContext>();
  for (const proposed of request.contexts) {
    // An id proposed twice has one answer; what the second meant nobody can say.
    if (answered.has(proposed.id)) continue;
    const answer = answerContext(proposed, options, offered, accepted, refused);
    if (typeof answer === 'number') {
      answered.set(proposed.id, {
        id: proposed.id,
        result: answer,
        transferSyntax: proposed.transferSyntaxes[0] ?? '',
      });
    } else {
      accepted.push(answer);
      answered.set(proposed.id, {
        id: proposed.id,
        result: CONTEXT_RESULT.accepted,
        transferSyntax: answer.transferSyntax,
      });
    }
  }
  const classes = new Set(accepted.map(({ abstractSyntax }) => abstractSyntax));
  const extended: ExtendedNegotiation[] = [];
  let negotiatedWorklist = NOTHING_EXTENDED;
  const proposal = request.userInformation.extended.find((item) => item.sopClassUid === SOP_CLASSES.modalityWorklist);
  if (proposal !== undefined && worklist !== undefined && classes.has(proposal.sopClassUid)) {
    const { information, agreed } = negotiateWorklist(proposal.information, worklist);
    extended.push({ sopClassUid: proposal.sopClassUid, information });
    negotiatedWorklist = agreed;
  }
  const answer: AssociateAc = {
    type: PDU_TYPE.associateAc,
    protocolVersion: 1,
    calledAeTitle: request.calledAeTitle,
    callingAeTitle: request.callingAeTitle,
    applicationContext: APPLICATION_CONTEXT,
    contexts: [...answered.values()],
    userInformation: answerUserInformation(request.userInformation, options, services, classes, extended),
  };
  return { answer, contexts: accepted, worklist: negotiatedWorklist };
}

/** Of the roles of the requestor each is agreed or not; what was not proposed cannot be agreed (PS3.7 D.3.3.4). */
function agreedRoles(
  { sopClassUid, scu, scp }: RoleSelection,
  { storageCommitment, isReporter, isNotifier }: OfferedServices,
): RoleSelection {
  switch (sopClassUid) {
    case STORAGE_COMMITMENT_PUSH_MODEL:
      return { sopClassUid, scu: scu && storageCommitment !== undefined, scp: scp && isReporter };
    case MPPS_NOTIFICATION:
      // Whom we notify we call ourselves (PS3.4 F.9.2).
      return { sopClassUid, scu: false, scp: scp && isNotifier };
    default:
      // Every other service here has the requestor as SCU only.
      return { sopClassUid, scu, scp: false };
  }
}

const OF_REPORTS: readonly string[] = [STORAGE_COMMITMENT_PUSH_MODEL, MPPS_NOTIFICATION];

/** A context without any role would be good for nothing: an SCP that may not report learns it by the refusal. */
function isRefused(role: RoleSelection, services: OfferedServices): boolean {
  const { scu, scp } = agreedRoles(role, services);
  return OF_REPORTS.includes(role.sopClassUid) && (role.scu || role.scp) && !scu && !scp;
}

/** The accepted context, or the result that refuses it. */
function answerContext(
  proposed: ProposedContext,
  options: NegotiationOptions,
  offered: ReadonlySet<string>,
  accepted: readonly AcceptedContext[],
  refused: ReadonlySet<string>,
): AcceptedContext | number {
  const { id, abstractSyntax, transferSyntaxes } = proposed;
  if (!offered.has(abstractSyntax)) return CONTEXT_RESULT.abstractSyntaxNotSupported;
  if (refused.has(abstractSyntax)) return CONTEXT_RESULT.userRejection;
  const isDuplicate = accepted.some((context) => context.abstractSyntax === abstractSyntax);
  if (isDuplicate && options.duplicateContexts === 'refuse') return CONTEXT_RESULT.userRejection;
  const transferSyntax = options.transferSyntaxes.find((uid) => transferSyntaxes.includes(uid));
  if (transferSyntax === undefined) return CONTEXT_RESULT.transferSyntaxesNotSupported;
  return { id, abstractSyntax, transferSyntax };
}

/** Without the answer to a user identity, which is not looked at here. */
function answerUserInformation(
  proposed: UserInformation,
  options: NegotiationOptions,
  services: OfferedServices,
  classes: ReadonlySet<string>,
  extended: readonly ExtendedNegotiation[],
): UserInformation {
  return {
    maximumLength: options.maximumPduLength,
    implementationClassUid: IMPLEMENTATION_CLASS_UID,
    implementationVersionName: IMPLEMENTATION_VERSION_NAME,
    ...(proposed.asynchronousOperations === undefined ? {} : { asynchronousOperations: { invoked: 1, performed: 1 } }),
    roles: proposed.roles
      .filter(({ sopClassUid }) => classes.has(sopClassUid))
      .map((role) => agreedRoles(role, services)),
    extended,
  };
}
