/** Command sets of DIMSE messages (PS3.7 9.3, 10.3, E): always Implicit VR Little Endian, group 0000 only. */
import type { Tag } from '../dataset/model.ts';
import { GatewayError } from '../errors.ts';
import { unpaddedText } from './padding.ts';

export const COMMAND_FIELD = {
  cStoreRq: 0x0001,
  cStoreRsp: 0x8001,
  cGetRq: 0x0010,
  cGetRsp: 0x8010,
  cFindRq: 0x0020,
  cFindRsp: 0x8020,
  cMoveRq: 0x0021,
  cMoveRsp: 0x8021,
  cEchoRq: 0x0030,
  cEchoRsp: 0x8030,
  nEventReportRq: 0x0100,
  nEventReportRsp: 0x8100,
  nGetRq: 0x0110,
  nGetRsp: 0x8110,
  nSetRq: 0x0120,
  nSetRsp: 0x8120,
  nActionRq: 0x0130,
  nActionRsp: 0x8130,
  nCreateRq: 0x0140,
  nCreateRsp: 0x8140,
  nDeleteRq: 0x0150,
  nDeleteRsp: 0x8150,
  cCancelRq: 0x0fff,
} as const;

/** Bit of every response's Command Field. */
const RESPONSE = 0x8000;

export const PRIORITY = { medium: 0, high: 1, low: 2 } as const;

/** Statuses this layer gives by itself (PS3.7 C); services have more. */
export const DIMSE_STATUS = {
  success: 0x0000,
  processingFailure: 0x0110,
  noSuchSopClass: 0x0118,
  sopClassNotSupported: 0x0122,
  notAuthorized: 0x0124,
  duplicateInvocation: 0x0210,
  unrecognizedOperation: 0x0211,
  resourceLimitation: 0x0213,
  outOfResources: 0xa700,
  cancel: 0xfe00,
  pending: 0xff00,
  pendingWithUnsupportedKeys: 0xff01,
} as const;

/** A command set; fields that are absent are undefined. Unknown elements are dropped. */
export interface CommandSet {
  readonly commandField: number;
  readonly affectedSopClassUid?: string;
  readonly requestedSopClassUid?: string;
  readonly messageId?: number;
  readonly messageIdBeingRespondedTo?: number;
  readonly moveDestination?: string;
  readonly priority?: number;
  readonly status?: number;
  readonly offendingElements?: readonly Tag[];
  /** At most 64 characters of the default repertoire; others are written as `?`. */
  readonly errorComment?: string;
  readonly errorId?: number;
  readonly affectedSopInstanceUid?: string;
  readonly requestedSopInstanceUid?: string;
  readonly eventTypeId?: number;
  readonly attributeIdentifierList?: readonly Tag[];
  readonly actionTypeId?: number;
}

export interface DecodedCommandSet {
  readonly command: CommandSet;
  /** Command Data Set Type is anything but 0101. */
  readonly hasDataSet: boolean;
}

type FieldKind = 'US' | 'UI' | 'AE' | 'LO' | 'AT';
type FieldName = keyof CommandSet;

/** Element of group 0000, its VR and name, ascending. Group length and data set type are handled apart. */
const FIELDS: readonly (readonly [element: number, kind: FieldKind, name: FieldName])[] = [
  [0x0002, 'UI', 'affectedSopClassUid'],
  [0x0003, 'UI', 'requestedSopClassUid'],
  [0x0100, 'US', 'commandField'],
  [0x0110, 'US', 'messageId'],
  [0x0120, 'US', 'messageIdBeingRespondedTo'],
  [0x0600, 'AE', 'moveDestination'],
  [0x0700, 'US', 'priority'],
  [0x0900, 'US', 'status'],
  [0x0901, 'AT', 'offendingElements'],
  [0x0902, 'LO', 'errorComment'],
  [0x0903, 'US', 'errorId'],
  [0x1000, 'UI', 'affectedSopInstanceUid'],
  [0x1001, 'UI', 'requestedSopInstanceUid'],
  [0x1002, 'US', 'eventTypeId'],
  [0x1005, 'AT', 'attributeIdentifierList'],
  [0x1008, 'US', 'actionTypeId'],
];
const FIELD_OF = new Map(FIELDS.map((field) => [field[0], field]));

const COMMAND_DATA_SET_TYPE = 0x0800;
const NO_DATA_SET = 0x0101;
/** Anything else is a data set; old peers want this value. */
const DATA_SET_PRESENT = 0x0102;
const ELEMENT_HEADER_BYTES = 8;
const GROUP_LENGTH_BYTES = 12;
const MAXIMUM_COMMENT = 64;

export function encodeCommandSet(command: CommandSet, hasDataSet: boolean): Buffer {
  const buffer = Buffer.allocUnsafe(GROUP_LENGTH_BYTES + encodedLength(command));
  let position = writeHeader(buffer, 0, 0x0000, 4);
  position = buffer.writeUInt32LE(buffer.length - GROUP_LENGTH_BYTES, position);
  let typeIsWritten = false;
  for (const [element, kind, name] of FIELDS) {
    if (!typeIsWritten && element > COMMAND_DATA_SET_TYPE) {
      position = writeHeader(buffer, position, COMMAND_DATA_SET_TYPE, 2);
      position = buffer.writeUInt16LE(hasDataSet ? DATA_SET_PRESENT : NO_DATA_SET, position);
      typeIsWritten = true;
    }
    const value = command[name];
    if (value !== undefined) position = writeField(buffer, position, element, kind, value);
  }
  return buffer;
}

function encodedLength(command: CommandSet): number {
  let length = ELEMENT_HEADER_BYTES + 2;
  for (const [, kind, name] of FIELDS) {
    const value = command[name];
    if (value !== undefined) length += ELEMENT_HEADER_BYTES + valueLength(kind, value);
  }
  return length;
}

function valueLength(kind: FieldKind, value: number | string | readonly string[]): number {
  if (kind === 'US') return 2;
  if (typeof value === 'object') return value.length * 4;
  const length = (value as string).length;
  return padded(kind === 'LO' ? Math.min(length, MAXIMUM_COMMENT) : length);
}

function padded(length: number): number {
  return length + (length & 1);
}

function writeHeader(buffer: Buffer, position: number, element: number, length: number): number {
  buffer.writeUInt16LE(0, position);
  buffer.writeUInt16LE(element, position + 2);
  return buffer.writeUInt32LE(length, position + 4);
}

function writeField(
  buffer: Buffer,
  position: number,
  element: number,
  kind: FieldKind,
  value: number | string | readonly string[],
): number {
  const length = valueLength(kind, value);
  const begin = writeHeader(buffer, position, element, length);
  if (typeof value === 'number') return buffer.writeUInt16LE(value & 0xffff, begin);
  if (typeof value === 'object') return value.reduce((at, tag) => writeTag(buffer, at, tag), begin);
  buffer.fill(kind === 'UI' ? 0 : 0x20, begin, begin + length);
  buffer.write(kind === 'LO' ? defaultRepertoire(value) : value, begin, 'latin1');
  return begin + length;
}

function writeTag(buffer: Buffer, position: number, tag: Tag): number {
  const number = parseInt(tag, 16);
  buffer.writeUInt16LE(number >>> 16, position);
  return buffer.writeUInt16LE(number & 0xffff, position + 2);
}

/** Error Comment is of the default repertoire, and its backslash would be a second value. */
function defaultRepertoire(text: string): string {
  return text.slice(0, MAXIMUM_COMMENT).replace(/[^\x20-\x5b\x5d-\x7e]/g, '?');
}

/** @throws GatewayError MESSAGE_INVALID */
export function decodeCommandSet(bytes: Buffer): DecodedCommandSet {
  const fields: Partial<Record<FieldName, number | string | readonly string[]>> = {};
  let dataSetType: number | undefined;
  for (let position = 0; position < bytes.length;) {
    if (position + ELEMENT_HEADER_BYTES > bytes.length) throw invalid('ends within an element');
    const group = bytes.readUInt16LE(position);
    const element = bytes.readUInt16LE(position + 2);
    const begin = position + ELEMENT_HEADER_BYTES;
    const length = bytes.readUInt32LE(position + 4);
    const end = begin + length;
    if (group !== 0) throw invalid('has an element outside group 0000');
    if (end > bytes.length) throw invalid('has a value shorter than its length');
    const field = FIELD_OF.get(element);
    if (element === COMMAND_DATA_SET_TYPE) dataSetType = readUnsignedShort(bytes, begin, length);
    else if (field !== undefined && length > 0) fields[field[2]] = readField(bytes, begin, end, field[1]);
    position = end;
  }
  if (dataSetType === undefined) throw invalid('has no Command Data Set Type');
  if (fields.commandField === undefined) throw invalid('has no Command Field');
  // Each name holds the type its VR reads, by the table above.
  return { command: fields as unknown as CommandSet, hasDataSet: dataSetType !== NO_DATA_SET };
}

function readField(bytes: Buffer, begin: number, end: number, kind: FieldKind): number | string | readonly string[] {
  if (kind === 'US') return readUnsignedShort(bytes, begin, end - begin);
  if (kind === 'AT') return readTags(bytes, begin, end);
  return unpaddedText(bytes, begin, end);
}

function readUnsignedShort(bytes: Buffer, begin: number, length: number): number {
  if (length !== 2) throw invalid('has a US element that is not two bytes long');
  return bytes.readUInt16LE(begin);
}

function readTags(bytes: Buffer, begin: number, end: number): Tag[] {
  if ((end - begin) % 4 !== 0) throw invalid('has an AT element that is no multiple of four bytes');
  const tags: Tag[] = [];
  for (let at = begin; at < end; at += 4) {
    const number = bytes.readUInt16LE(at) * 0x10000 + bytes.readUInt16LE(at + 2);
    tags.push(number.toString(16).toUpperCase().padStart(8, '0'));
  }
  return tags;
}

function invalid(problem: string): GatewayError {
  return new GatewayError('MESSAGE_INVALID', `A command set ${problem}`);
}

/** C-CANCEL-RQ asks for no answer and counts as a request. */
export function isResponse(commandField: number): boolean {
  return (commandField & RESPONSE) !== 0;
}

/** Command Field of the response to a request. */
export function responseField(commandField: number): number {
  return commandField | RESPONSE;
}

/** A request of a C-service, which has statuses of its own for what every request can be refused for (PS3.7 C). */
export function isComposite(commandField: number): boolean {
  return commandField < COMMAND_FIELD.nEventReportRq;
}

/** FFxxH: further responses follow (PS3.7 C.1.3). */
export function isPending(status: number): boolean {
  return (status & 0xff00) === 0xff00;
}

/** What every response to `request` begins with (PS3.7 9.3, 10.3). */
export function responseTo(request: CommandSet, status: number): CommandSet {
  const sopClassUid = request.affectedSopClassUid ?? request.requestedSopClassUid;
  const sopInstanceUid = request.affectedSopInstanceUid ?? request.requestedSopInstanceUid;
  return {
    commandField: responseField(request.commandField),
    messageIdBeingRespondedTo: request.messageId ?? 0,
    status,
    ...(sopClassUid === undefined ? {} : { affectedSopClassUid: sopClassUid }),
    ...(sopInstanceUid === undefined ? {} : { affectedSopInstanceUid: sopInstanceUid }),
    ...(request.eventTypeId === undefined ? {} : { eventTypeId: request.eventTypeId }),
    ...(request.actionTypeId === undefined ? {} : { actionTypeId: request.actionTypeId }),
  };
}

/** Message IDs are 1 to 65535 and begin anew (PS3.7 9.3: unique among the outstanding ones). */
export function nextMessageId(previous: number): number {
  return (previous % 0xffff) + 1;
}
