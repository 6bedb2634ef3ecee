/** The acceptor's side of presentation contexts, roles and extended negotiation (PS3.8 9.3.3, PS3.7 D.3.3). */
import type { TransferSyntaxUid } from '../dataset/binary/transfer-syntax.ts';
import type { RouteOptions } from '../services/port.ts';
import type { AcceptedContext } from './message-channel.ts';
import { APPLICATION_CONTEXT, IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, SOP_CLASSES } from './uids.ts';
import { CONTEXT_RESULT, PDU_TYPE } from './upper-layer/pdu.ts';
import type { AnsweredContext, AssociateAc, AssociateRq, ProposedContext } from './upper-layer/pdu.ts';
import type { ExtendedNegotiation, UserInformation } from './upper-layer/user-information.ts';
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

/** The options of the route that offers a service to this requester, undefined when there is none. */
export interface OfferedServices {
  readonly worklist: RouteOptions | undefined;
  readonly mpps: RouteOptions | undefined;
}

export function negotiate(request: AssociateRq, options: NegotiationOptions, services: OfferedServices): Negotiated {
  const { worklist } = services;
  const offered = new Set(classesOf(services));
  const accepted: AcceptedContext[] = [];
  const answered = new Map<number, AnsweredContext>();
  for (const proposed of request.contexts) {
    // An id proposed twice has one answer; what the second meant nobody can say.
    if (answered.has(proposed.id)) continue;
    const answer = answerContext(proposed, options, offered, accepted);
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
    userInformation: answerUserInformation(request.userInformation, options, classes, extended),
  };
  return { answer, contexts: accepted, worklist: negotiatedWorklist };
}

function classesOf({ worklist, mpps }: OfferedServices): string[] {
  return [
    SOP_CLASSES.verification,
    ...(worklist === undefined ? [] : [SOP_CLASSES.modalityWorklist]),
    ...(mpps === undefined ? [] : [SOP_CLASSES.mpps, SOP_CLASSES.mppsRetrieve]),
  ];
}

/** The accepted context, or the result that refuses it. */
function answerContext(
  proposed: ProposedContext,
  options: NegotiationOptions,
  offered: ReadonlySet<string>,
  accepted: readonly AcceptedContext[],
): AcceptedContext | number {
  const { id, abstractSyntax, transferSyntaxes } = proposed;
  if (!offered.has(abstractSyntax)) return CONTEXT_RESULT.abstractSyntaxNotSupported;
  const isDuplicate = accepted.some((context) => context.abstractSyntax === abstractSyntax);
  if (isDuplicate && options.duplicateContexts === 'refuse') return CONTEXT_RESULT.userRejection;
  const transferSyntax = options.transferSyntaxes.find((uid) => transferSyntaxes.includes(uid));
  if (transferSyntax === undefined) return CONTEXT_RESULT.transferSyntaxesNotSupported;
  return { id, abstractSyntax, transferSyntax };
}

/** User identity is not checked here, so it gets no answer (PS3.7 D.3.3.7.2). */
function answerUserInformation(
  proposed: UserInformation,
  options: NegotiationOptions,
  classes: ReadonlySet<string>,
  extended: readonly ExtendedNegotiation[],
): UserInformation {
  return {
    maximumLength: options.maximumPduLength,
    implementationClassUid: IMPLEMENTATION_CLASS_UID,
    implementationVersionName: IMPLEMENTATION_VERSION_NAME,
    ...(proposed.asynchronousOperations === undefined ? {} : { asynchronousOperations: { invoked: 1, performed: 1 } }),
    // The services here have the requestor as SCU only; what was not proposed cannot be agreed.
    roles: proposed.roles
      .filter(({ sopClassUid }) => classes.has(sopClassUid))
      .map(({ sopClassUid, scu }) => ({ sopClassUid, scu, scp: false })),
    extended,
  };
}
