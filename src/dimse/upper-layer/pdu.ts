/** The seven PDUs of the DICOM upper layer, decoded and encoded (PS3.8 9.3). */
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { ABORT_REASON, PduError } from './pdu-error.ts';
import { decodeUserInformation, encodeUserInformation } from './user-information.ts';
import type { UserInformation } from './user-information.ts';

export const PDU_TYPE = {
  associateRq: 0x01,
  associateAc: 0x02,
  associateRj: 0x03,
  dataTf: 0x04,
  releaseRq: 0x05,
  releaseRp: 0x06,
  abort: 0x07,
} as const;

export type PduType = (typeof PDU_TYPE)[keyof typeof PDU_TYPE];

export const PDU_HEADER_BYTES = 6;

export interface ProposedContext {
  /** Odd, 1 to 255 (PS3.8 9.3.2.2); peers with even ones exist. */
  readonly id: number;
  readonly abstractSyntax: string;
  readonly transferSyntaxes: readonly string[];
}

/** Result/Reason of a presentation context (PS3.8 9.3.3.2). */
export const CONTEXT_RESULT = {
  accepted: 0,
  userRejection: 1,
  noReason: 2,
  abstractSyntaxNotSupported: 3,
  transferSyntaxesNotSupported: 4,
} as const;

export interface AnsweredContext {
  readonly id: number;
  /** One of CONTEXT_RESULT, or what a peer invented. */
  readonly result: number;
  /** Significant when accepted only. */
  readonly transferSyntax: string;
}

export interface AssociateRq {
  readonly type: typeof PDU_TYPE.associateRq;
  /** Bit 0 is version 1. */
  readonly protocolVersion: number;
  readonly calledAeTitle: string;
  readonly callingAeTitle: string;
  readonly applicationContext: string;
  readonly contexts: readonly ProposedContext[];
  readonly userInformation: UserInformation;
}

export interface AssociateAc {
  readonly type: typeof PDU_TYPE.associateAc;
  readonly protocolVersion: number;
  /** As in the request; not significant when received. */
  readonly calledAeTitle: string;
  readonly callingAeTitle: string;
  readonly applicationContext: string;
  readonly contexts: readonly AnsweredContext[];
  readonly userInformation: UserInformation;
}

export interface Rejection {
  /** 1 permanent, 2 transient. */
  readonly result: number;
  /** 1 service user, 2 service provider (ACSE), 3 service provider (presentation). */
  readonly source: number;
  readonly reason: number;
}

export interface AssociateRj extends Rejection {
  readonly type: typeof PDU_TYPE.associateRj;
}

/** Presentation Data Value: a fragment of one command set or data set (PS3.8 9.3.5.1, E.2). */
export interface Pdv {
  readonly contextId: number;
  readonly isCommand: boolean;
  readonly isLast: boolean;
  /** Shares memory with what was received. */
  readonly fragment: Buffer;
}

export interface DataTf {
  readonly type: typeof PDU_TYPE.dataTf;
  readonly values: readonly Pdv[];
}

export interface ReleaseRq {
  readonly type: typeof PDU_TYPE.releaseRq;
}

export interface ReleaseRp {
  readonly type: typeof PDU_TYPE.releaseRp;
}

export interface Abort {
  readonly type: typeof PDU_TYPE.abort;
  /** 0 service user, 2 service provider. */
  readonly source: number;
  /** One of ABORT_REASON; significant when the source is the provider. */
  readonly reason: number;
}

export type Pdu = AssociateRq | AssociateAc | AssociateRj | DataTf | ReleaseRq | ReleaseRp | Abort;

const ITEM = {
  applicationContext: 0x10,
  proposedContext: 0x20,
  answeredContext: 0x21,
  abstractSyntax: 0x30,
  transferSyntax: 0x40,
  userInformation: 0x50,
} as const;

const NO_USER_INFORMATION: UserInformation = { roles: [], extended: [] };

/** Of a PDU with four bytes of content. */
export const SHORT_PDU_BYTES = 4;
const AE_TITLE_BYTES = 16;
const PDV_HEADER_BYTES = 6;
const RESERVED_BYTES = 32;

/**
 * @param body what follows the six bytes of header
 * @throws PduError
 */
export function decodePdu(type: PduType, body: Buffer): Pdu {
  switch (type) {
    case PDU_TYPE.dataTf:
      return { type, values: decodePdvs(body) };
    case PDU_TYPE.associateRq:
      return decodeAssociateRq(new ByteReader(body));
    case PDU_TYPE.associateAc:
      return decodeAssociateAc(new ByteReader(body));
    case PDU_TYPE.associateRj:
      return { type, result: body.readUInt8(1), source: body.readUInt8(2), reason: body.readUInt8(3) };
    case PDU_TYPE.abort:
      return { type, source: body.readUInt8(2), reason: body.readUInt8(3) };
    case PDU_TYPE.releaseRq:
    case PDU_TYPE.releaseRp:
      return { type };
  }
}

function decodePdvs(body: Buffer): Pdv[] {
  const values: Pdv[] = [];
  for (let position = 0; position < body.length;) {
    if (position + PDV_HEADER_BYTES > body.length) throw badPdv();
    const end = position + 4 + body.readUInt32BE(position);
    if (end > body.length || end < position + PDV_HEADER_BYTES) throw badPdv();
    const control = body[position + 5] as number;
    values.push({
      contextId: body[position + 4] as number,
      isCommand: (control & 1) !== 0,
      isLast: (control & 2) !== 0,
      fragment: body.subarray(position + PDV_HEADER_BYTES, end),
    });
    position = end;
  }
  if (values.length === 0) throw badPdv();
  return values;
}

function badPdv(): PduError {
  return new PduError(ABORT_REASON.invalidParameterValue, 'The lengths within a P-DATA-TF do not add up');
}

function decodeAssociateRq(reader: ByteReader): AssociateRq {
  const head = decodeAssociateHead(reader);
  const contexts: ProposedContext[] = [];
  let applicationContext = '';
  let userInformation = NO_USER_INFORMATION;
  for (const { type, content } of reader.items()) {
    if (type === ITEM.applicationContext) applicationContext = content.text(content.remaining);
    else if (type === ITEM.userInformation) userInformation = decodeUserInformation(content);
    else if (type === ITEM.proposedContext) contexts.push(decodeProposedContext(content));
  }
  return { type: PDU_TYPE.associateRq, ...head, applicationContext, contexts, userInformation };
}

function decodeProposedContext(reader: ByteReader): ProposedContext {
  const id = reader.u8();
  reader.skip(3);
  const transferSyntaxes: string[] = [];
  let abstractSyntax = '';
  for (const { type, content } of reader.items()) {
    if (type === ITEM.abstractSyntax) abstractSyntax = content.text(content.remaining);
    else if (type === ITEM.transferSyntax) transferSyntaxes.push(content.text(content.remaining));
  }
  return { id, abstractSyntax, transferSyntaxes };
}

function decodeAssociateAc(reader: ByteReader): AssociateAc {
  const head = decodeAssociateHead(reader);
  const contexts: AnsweredContext[] = [];
  let applicationContext = '';
  let userInformation = NO_USER_INFORMATION;
  for (const { type, content } of reader.items()) {
    if (type === ITEM.applicationContext) applicationContext = content.text(content.remaining);
    else if (type === ITEM.userInformation) userInformation = decodeUserInformation(content);
    else if (type === ITEM.answeredContext) contexts.push(decodeAnsweredContext(content));
  }
  return { type: PDU_TYPE.associateAc, ...head, applicationContext, contexts, userInformation };
}

function decodeAnsweredContext(reader: ByteReader): AnsweredContext {
  const id = reader.u8();
  reader.skip(1);
  const result = reader.u8();
  reader.skip(1);
  let transferSyntax = '';
  for (const { type, content } of reader.items()) {
    if (type === ITEM.transferSyntax) transferSyntax = content.text(content.remaining);
  }
  return { id, result, transferSyntax };
}

function decodeAssociateHead(
  reader: ByteReader,
): Pick<AssociateRq, 'protocolVersion' | 'calledAeTitle' | 'callingAeTitle'> {
  const protocolVersion = reader.u16();
  reader.skip(2);
  const calledAeTitle = reader.text(AE_TITLE_BYTES);
  const callingAeTitle = reader.text(AE_TITLE_BYTES);
  reader.skip(RESERVED_BYTES);
  return { protocolVersion, calledAeTitle, callingAeTitle };
}

/** A whole PDU with its header. P-DATA-TF of a message are better made by `encodeMessage`, which copies less. */
export function encodePdu(pdu: Pdu): Buffer {
  switch (pdu.type) {
    case PDU_TYPE.associateRq:
    case PDU_TYPE.associateAc:
      return encodeAssociate(pdu);
    case PDU_TYPE.associateRj:
      return shortPdu(pdu.type, pdu.result, pdu.source, pdu.reason);
    case PDU_TYPE.dataTf:
      return encodeDataTf(pdu.values);
    case PDU_TYPE.releaseRq:
    case PDU_TYPE.releaseRp:
      return shortPdu(pdu.type, 0, 0, 0);
    case PDU_TYPE.abort:
      return shortPdu(pdu.type, 0, pdu.source, pdu.reason);
  }
}

function shortPdu(type: PduType, second: number, third: number, fourth: number): Buffer {
  return Buffer.from([type, 0, 0, 0, 0, SHORT_PDU_BYTES, 0, second, third, fourth]);
}

function encodeDataTf(values: readonly Pdv[]): Buffer {
  const length = values.reduce((sum, { fragment }) => sum + PDV_HEADER_BYTES + fragment.length, 0);
  const writer = new ByteWriter(PDU_HEADER_BYTES + length);
  return writer.pdu(PDU_TYPE.dataTf, () => {
    for (const { contextId, isCommand, isLast, fragment } of values) {
      writer.u32(fragment.length + 2);
      writer.u8(contextId);
      writer.u8((isCommand ? 1 : 0) | (isLast ? 2 : 0));
      writer.bytes(fragment);
    }
  });
}

function encodeAssociate(pdu: AssociateRq | AssociateAc): Buffer {
  const writer = new ByteWriter(512);
  return writer.pdu(pdu.type, () => {
    writer.u16(pdu.protocolVersion);
    writer.u16(0);
    writer.text(pdu.calledAeTitle.padEnd(AE_TITLE_BYTES));
    writer.text(pdu.callingAeTitle.padEnd(AE_TITLE_BYTES));
    writer.zeros(RESERVED_BYTES);
    writer.item(ITEM.applicationContext, () => writer.text(pdu.applicationContext));
    if (pdu.type === PDU_TYPE.associateRq) {
      for (const context of pdu.contexts) encodeProposedContext(writer, context);
    } else {
      for (const context of pdu.contexts) encodeAnsweredContext(writer, context);
    }
    writer.item(ITEM.userInformation, () => encodeUserInformation(writer, pdu.userInformation));
  });
}

function encodeProposedContext(writer: ByteWriter, context: ProposedContext): void {
  writer.item(ITEM.proposedContext, () => {
    writer.u8(context.id);
    writer.zeros(3);
    writer.item(ITEM.abstractSyntax, () => writer.text(context.abstractSyntax));
    for (const uid of context.transferSyntaxes) writer.item(ITEM.transferSyntax, () => writer.text(uid));
  });
}

function encodeAnsweredContext(writer: ByteWriter, context: AnsweredContext): void {
  writer.item(ITEM.answeredContext, () => {
    writer.u8(context.id);
    writer.u8(0);
    writer.u8(context.result);
    writer.u8(0);
    writer.item(ITEM.transferSyntax, () => writer.text(context.transferSyntax));
  });
}
