/** Who an association of ours says it is of (PS3.7 D.3.3.7). */
import { ScuError } from './scu-error.ts';
import { USER_IDENTITY_TYPE } from './user-identity.ts';
import type { UserIdentity, UserInformation } from './upper-layer/user-information.ts';

export type RequestorIdentity =
  | {
      readonly username: string;
      readonly passcode?: string | undefined;
      /** An SCP that does not answer to the identity has not looked at it: the association is not used then. */
      readonly acknowledged?: boolean | undefined;
    }
  /** The bearer token of the requester, where it has one. */
  | { readonly passOn: true; readonly acknowledged?: boolean | undefined };

/** @param bearer token of the requester */
export function userIdentityOf(
  identity: RequestorIdentity | undefined,
  bearer: string | undefined,
): UserIdentity | undefined {
  if (identity === undefined) return undefined;
  const responseRequested = identity.acknowledged === true;
  if ('passOn' in identity) {
    if (bearer === undefined) return undefined;
    return { type: USER_IDENTITY_TYPE.jwt, responseRequested, primary: bytesOf(bearer), secondary: bytesOf('') };
  }
  const { username, passcode } = identity;
  const type = passcode === undefined ? USER_IDENTITY_TYPE.userName : USER_IDENTITY_TYPE.passcode;
  return { type, responseRequested, primary: bytesOf(username), secondary: bytesOf(passcode ?? '') };
}

/** @throws ScuError ASSOCIATION_REJECTED when the peer says nothing to an identity that was to be acknowledged */
export function checkAcknowledged(answer: UserInformation, proposed: UserIdentity | undefined): void {
  if (proposed?.responseRequested !== true || answer.userIdentityResponse !== undefined) return;
  const message = 'the peer did not acknowledge the user identity';
  throw new ScuError('ASSOCIATION_REJECTED', message, { phase: 'association' });
}

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}
