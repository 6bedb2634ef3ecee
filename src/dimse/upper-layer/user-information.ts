/** User Information of A-ASSOCIATE-RQ and -AC (PS3.8 9.3.2.3, D; PS3.7 D.3.3). */
import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';

export interface RoleSelection {
  readonly sopClassUid: string;
  /** In a request: the requestor proposes to be SCU, SCP; in an answer: the acceptor agrees. */
  readonly scu: boolean;
  readonly scp: boolean;
}

export interface ExtendedNegotiation {
  readonly sopClassUid: string;
  /** Service class application information: its meaning belongs to the SOP class. */
  readonly information: Uint8Array;
}

export interface AsynchronousOperations {
  /** Outstanding operations; 0 is unlimited. */
  readonly invoked: number;
  readonly performed: number;
}

/** PS3.7 D.3.3.7.1: 1 user name, 2 user name and passcode, 3 Kerberos, 4 SAML, 5 JSON web token. */
export interface UserIdentity {
  readonly type: number;
  readonly responseRequested: boolean;
  readonly primary: Uint8Array;
  readonly secondary: Uint8Array;
}

export interface UserInformation {
  /** Bytes of one P-DATA-TF the sender of this item takes; 0 is unlimited, undefined not told. */
  readonly maximumLength?: number;
  readonly implementationClassUid?: string;
  readonly implementationVersionName?: string;
  readonly asynchronousOperations?: AsynchronousOperations;
  readonly roles: readonly RoleSelection[];
  readonly extended: readonly ExtendedNegotiation[];
  readonly userIdentity?: UserIdentity;
  /** Server response to the user identity, in an answer only. */
  readonly userIdentityResponse?: Uint8Array;
}

const SUB_ITEM = {
  maximumLength: 0x51,
  implementationClassUid: 0x52,
  asynchronousOperations: 0x53,
  roleSelection: 0x54,
  implementationVersionName: 0x55,
  extendedNegotiation: 0x56,
  // 57H, common extended negotiation, needs no answer and says nothing to the services here.
  userIdentity: 0x58,
  userIdentityResponse: 0x59,
} as const;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Unknown sub-items are skipped (PS3.8 9.3.1). @throws PduError */
export function decodeUserInformation(reader: ByteReader): UserInformation {
  const roles: RoleSelection[] = [];
  const extended: ExtendedNegotiation[] = [];
  const information: Mutable<UserInformation> = { roles, extended };
  for (const { type, content } of reader.items()) {
    switch (type) {
      case SUB_ITEM.maximumLength:
        information.maximumLength = content.u32();
        break;
      case SUB_ITEM.implementationClassUid:
        information.implementationClassUid = content.text(content.remaining);
        break;
      case SUB_ITEM.implementationVersionName:
        information.implementationVersionName = content.text(content.remaining);
        break;
      case SUB_ITEM.asynchronousOperations:
        information.asynchronousOperations = { invoked: content.u16(), performed: content.u16() };
        break;
      case SUB_ITEM.roleSelection: {
        const sopClassUid = content.text(content.u16());
        roles.push({ sopClassUid, scu: content.u8() === 1, scp: content.u8() === 1 });
        break;
      }
      case SUB_ITEM.extendedNegotiation: {
        const sopClassUid = content.text(content.u16());
        extended.push({ sopClassUid, information: content.bytes(content.remaining) });
        break;
      }
      case SUB_ITEM.userIdentity: {
        const identityType = content.u8();
        const responseRequested = content.u8() === 1;
        const primary = content.bytes(content.u16());
        const secondary = content.bytes(content.u16());
        information.userIdentity = { type: identityType, responseRequested, primary, secondary };
        break;
      }
      case SUB_ITEM.userIdentityResponse:
        information.userIdentityResponse = content.bytes(content.u16());
        break;
    }
  }
  return information;
}

/** Sub-items in ascending order of their type, as PS3.7 D lists them. */
export function encodeUserInformation(writer: ByteWriter, information: UserInformation): void {
  const { maximumLength, implementationClassUid, asynchronousOperations: operations } = information;
  const { implementationVersionName, userIdentity, userIdentityResponse } = information;
  if (maximumLength !== undefined) writer.item(SUB_ITEM.maximumLength, () => writer.u32(maximumLength));
  if (implementationClassUid !== undefined) {
    writer.item(SUB_ITEM.implementationClassUid, () => writer.text(implementationClassUid));
  }
  if (operations !== undefined) {
    writer.item(SUB_ITEM.asynchronousOperations, () => {
      writer.u16(operations.invoked);
      writer.u16(operations.performed);
    });
  }
  for (const { sopClassUid, scu, scp } of information.roles) {
    writer.item(SUB_ITEM.roleSelection, () => {
      writer.lengthBefore16(() => writer.text(sopClassUid));
      writer.u8(scu ? 1 : 0);
      writer.u8(scp ? 1 : 0);
    });
  }
  if (implementationVersionName !== undefined) {
    writer.item(SUB_ITEM.implementationVersionName, () => writer.text(implementationVersionName));
  }
  for (const { sopClassUid, information: bytes } of information.extended) {
    writer.item(SUB_ITEM.extendedNegotiation, () => {
      writer.lengthBefore16(() => writer.text(sopClassUid));
      writer.bytes(bytes);
    });
  }
  if (userIdentity !== undefined) {
    writer.item(SUB_ITEM.userIdentity, () => {
      writer.u8(userIdentity.type);
      writer.u8(userIdentity.responseRequested ? 1 : 0);
      writer.lengthBefore16(() => writer.bytes(userIdentity.primary));
      writer.lengthBefore16(() => writer.bytes(userIdentity.secondary));
    });
  }
  if (userIdentityResponse !== undefined) {
    writer.item(SUB_ITEM.userIdentityResponse, () => writer.lengthBefore16(() => writer.bytes(userIdentityResponse)));
  }
}
