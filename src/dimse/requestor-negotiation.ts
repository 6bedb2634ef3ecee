/** The requestor's side of presentation contexts, roles and extended negotiation (PS3.8 9.3.2, PS3.7 D.3.3). */
import type { TransferSyntaxUid } from '../dataset/binary/transfer-syntax.ts';
import type { AcceptedContext } from './message-channel.ts';
import { ScuError } from './scu-error.ts';
import { APPLICATION_CONTEXT, IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from './uids.ts';
import { CONTEXT_RESULT, PDU_TYPE } from './upper-layer/pdu.ts';
import type { AssociateAc, AssociateRq } from './upper-layer/pdu.ts';
import type { ExtendedNegotiation, RoleSelection, UserIdentity } from './upper-layer/user-information.ts';

export interface AssociationProposal {
  readonly calledAeTitle: string;
  readonly callingAeTitle: string;
  /** One presentation context each; the association is of use when one of them is accepted. */
  readonly abstractSyntaxes: readonly string[];
  /** In order of preference, in each presentation context. */
  readonly transferSyntaxes: readonly TransferSyntaxUid[];
  readonly extended: readonly ExtendedNegotiation[];
  /** Default: none, so the requestor is SCU (PS3.7 D.3.3.4). */
  readonly roles?: readonly RoleSelection[];
  readonly userIdentity?: UserIdentity;
  readonly maximumPduLength: number;
}

/** What was agreed, by abstract syntax. */
export interface AgreedContexts {
  readonly contexts: ReadonlyMap<string, AcceptedContext>;
  /** Why there is no context. */
  readonly refusals: ReadonlyMap<string, ScuError>;
}

export function associateRequest(proposal: AssociationProposal): AssociateRq {
  const { abstractSyntaxes, transferSyntaxes, calledAeTitle, callingAeTitle } = proposal;
  const { extended, roles = [], userIdentity, maximumPduLength } = proposal;
  return {
    type: PDU_TYPE.associateRq,
    protocolVersion: 1,
    calledAeTitle,
    callingAeTitle,
    applicationContext: APPLICATION_CONTEXT,
    contexts: abstractSyntaxes.map((abstractSyntax, index) => ({
      id: contextId(index),
      abstractSyntax,
      transferSyntaxes,
    })),
    userInformation: {
      maximumLength: maximumPduLength,
      implementationClassUid: IMPLEMENTATION_CLASS_UID,
      implementationVersionName: IMPLEMENTATION_VERSION_NAME,
      roles,
      extended,
      ...(userIdentity !== undefined && { userIdentity }),
    },
  };
}

/** @throws ScuError CONTEXT_NOT_ACCEPTED when none was */
export function agreedContexts(answer: AssociateAc, proposal: AssociationProposal): AgreedContexts {
  const contexts = new Map<string, AcceptedContext>();
  const refusals = new Map<string, ScuError>();
  for (const [index, abstractSyntax] of proposal.abstractSyntaxes.entries()) {
    const agreed = agreedContext(answer, contextId(index), abstractSyntax, proposal);
    if (agreed instanceof ScuError) refusals.set(abstractSyntax, agreed);
    else contexts.set(abstractSyntax, agreed);
  }
  const [refusal] = refusals.values();
  if (contexts.size === 0 && refusal !== undefined) throw refusal;
  return { contexts, refusals };
}

export function noContext(message: string, contextResult?: number): ScuError {
  const detail = contextResult === undefined ? {} : { contextResult };
  return new ScuError('CONTEXT_NOT_ACCEPTED', message, { phase: 'association', ...detail });
}

/** The context, or why there is none. */
function agreedContext(
  answer: AssociateAc,
  id: number,
  abstractSyntax: string,
  { transferSyntaxes }: AssociationProposal,
): AcceptedContext | ScuError {
  const context = answer.contexts.find((answered) => answered.id === id);
  if (context === undefined) return noContext('presentation context missing in the answer');
  if (context.result !== CONTEXT_RESULT.accepted) {
    return noContext(`presentation context refused (result ${context.result})`, context.result);
  }
  const transferSyntax = transferSyntaxes.find((uid) => uid === context.transferSyntax);
  if (transferSyntax === undefined) return noContext('a transfer syntax was accepted that nobody proposed');
  return { id, abstractSyntax, transferSyntax };
}

/** 1, 3, 5, … (PS3.8 9.3.2.2). */
function contextId(index: number): number {
  return 2 * index + 1;
}
