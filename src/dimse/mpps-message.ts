/** What an N-CREATE-RQ, N-SET-RQ or N-GET-RQ of an MPPS says (PS3.4 F.7.2, F.8.2; PS3.7 10.3). */
import { decodeDataSet } from '../dataset/binary/decode.ts';
import type { DataSetIssue } from '../dataset/binary/decode.ts';
import type { DataSet } from '../dataset/model.ts';
import { isUid } from '../dataset/uid.ts';
import { GatewayError } from '../errors.ts';
import { ServiceFailure } from '../services/port.ts';
import type { AttributeSelection } from '../services/port.ts';
import { characterSetText } from './answer-encoder.ts';
import type { CommandSet } from './command-set.ts';
import type { Message } from './message.ts';
import type { AcceptedContext } from './message-channel.ts';

/** UIDs that the standard itself assigns: classes and well-known instances, never an MPPS. */
const STANDARD_ROOT = '1.2.840.10008.';
const CLASS_INSTANCE_CONFLICT = 0x0119;
const NOT_AN_MPPS = 'SOP Instance UID is one of the standard';

/**
 * The instance that an N-CREATE names; undefined where it leaves the UID to the SCP.
 * @throws ServiceFailure INVALID_UID (0117H; N-CREATE knows no 0119H)
 */
export function affectedInstance(command: CommandSet): string | undefined {
  const uid = instanceIn(command);
  if (uid?.startsWith(STANDARD_ROOT) !== true) return uid;
  throw new ServiceFailure('INVALID_UID', { comment: NOT_AN_MPPS });
}

/**
 * The instance that an N-SET or N-GET names.
 * @throws ServiceFailure INVALID_UID (0117H), INSTANCE_CONFLICT (0119H)
 */
export function requestedInstance(command: CommandSet): string {
  const uid = instanceIn(command);
  if (uid === undefined) throw new ServiceFailure('INVALID_UID', { comment: 'SOP Instance UID missing' });
  if (!uid.startsWith(STANDARD_ROOT)) return uid;
  throw new ServiceFailure('INSTANCE_CONFLICT', { comment: NOT_AN_MPPS, dimseStatus: CLASS_INSTANCE_CONFLICT });
}

/** Affected SOP Instance UID in N-CREATE, Requested in the others; read wherever it stands. */
function instanceIn({ affectedSopInstanceUid = '', requestedSopInstanceUid = '' }: CommandSet): string | undefined {
  const uid = affectedSopInstanceUid === '' ? requestedSopInstanceUid : affectedSopInstanceUid;
  if (uid === '') return undefined;
  if (isUid(uid)) return uid;
  throw new ServiceFailure('INVALID_UID', { comment: 'SOP Instance UID is no UID' });
}

/** Attribute Identifier List (0000,1005): top-level tags; none means every attribute. */
export function selectionOf({ attributeIdentifierList = [] }: CommandSet): AttributeSelection {
  return attributeIdentifierList.length === 0 ? 'all' : attributeIdentifierList.map((tag) => [tag]);
}

export interface ReadOptions {
  /** Text of the 00080005 to assume where text needs one and the data set has none; asked for only then. */
  readonly assumedCharacterSet?: () => Promise<string | undefined>;
  readonly report: (issue: DataSetIssue) => void;
  /** The data set was read by the assumed set. */
  readonly assumed: (characterSet: string) => void;
}

export interface AttributeList {
  /** Without SOP Class and Instance UID: they stand in the command. */
  readonly attributes: DataSet;
  /** The data set's own 00080005. */
  readonly characterSet: string | undefined;
}

/** Problems of text that a character set would have solved. */
const CHARACTER_SET_PROBLEMS: ReadonlySet<DataSetIssue['code']> = new Set([
  'CHARACTER_SET_MISSING',
  'ESCAPE_UNDECLARED',
  'TEXT_UNDECODABLE',
]);

/**
 * Attribute List or Modification List, whole or not at all.
 * @throws ServiceFailure BAD_REQUEST (0110H)
 */
export async function readAttributes(
  { dataSet }: Message,
  { transferSyntax }: AcceptedContext,
  options: ReadOptions,
): Promise<AttributeList> {
  if (dataSet === undefined) throw new ServiceFailure('BAD_REQUEST', { comment: 'data set missing' });
  const issues: DataSetIssue[] = [];
  let attributes = decode(() => decodeDataSet(dataSet, transferSyntax, { report: (issue) => void issues.push(issue) }));
  const characterSet = characterSetText(attributes);
  if (characterSet === undefined && issues.some(({ code }) => CHARACTER_SET_PROBLEMS.has(code))) {
    const assumed = await options.assumedCharacterSet?.();
    const again = assumed === undefined ? undefined : decodeAssuming(dataSet, transferSyntax, assumed);
    if (assumed !== undefined && again !== undefined) {
      attributes = again;
      issues.length = 0;
      options.assumed(assumed);
    }
  }
  for (const issue of issues) options.report(issue);
  delete attributes['00080016'];
  delete attributes['00080018'];
  return { attributes, characterSet };
}

function decode(read: () => DataSet): DataSet {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof GatewayError)) throw cause;
    throw new ServiceFailure('BAD_REQUEST', { comment: 'data set unreadable', cause });
  }
}

/** Undefined when the set is none that we know: then the first reading stands. */
function decodeAssuming(
  dataSet: Buffer,
  transferSyntax: AcceptedContext['transferSyntax'],
  assumed: string,
): DataSet | undefined {
  try {
    return decodeDataSet(dataSet, transferSyntax, { defaultCharacterSet: assumed.split('\\') });
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'CHARACTER_SET_UNSUPPORTED') return undefined;
    throw error;
  }
}
