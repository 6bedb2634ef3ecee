/** One data set from a DICOM file: with a file meta header (PS3.10 7.1), as dump2dcm writes it, or without one. */
import { decodeDataSet } from '../dataset/binary/decode.ts';
import { TRANSFER_SYNTAXES } from '../dataset/binary/transfer-syntax.ts';
import type { TransferSyntaxUid } from '../dataset/binary/transfer-syntax.ts';
import { isVr } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import { GatewayError } from '../errors.ts';

const PREAMBLE_LENGTH = 128;
const PREFIX = 'DICM';
const META_GROUP = 0x0002;
const TRANSFER_SYNTAX_UID = 0x0010;
/** VRs whose length has four bytes, of those that file meta information can have (PS3.5 7.1.2). */
const LONG_LENGTH: ReadonlySet<string> = new Set(['OB', 'UN']);
const SUPPORTED: ReadonlySet<string> = new Set(Object.values(TRANSFER_SYNTAXES));

/** Whether the preamble and prefix of PS3.10 7.1 stand there. */
export function isDicomFile(bytes: Buffer): boolean {
  return bytes.toString('latin1', PREAMBLE_LENGTH, PREAMBLE_LENGTH + PREFIX.length) === PREFIX;
}

/**
 * The data set of a file; without a meta header it is Explicit or Implicit VR Little Endian, whichever its first
 * attribute is in.
 * @throws GatewayError DATA_SET_INVALID, DATA_SET_TOO_LARGE
 */
export function decodeDicomFile(bytes: Buffer): DataSet {
  const start = isDicomFile(bytes) ? PREAMBLE_LENGTH + PREFIX.length : 0;
  if (bytes.length < start + 8) throw invalid('the file is too short for a data set');
  if (bytes.readUInt16LE(start) === META_GROUP) {
    const { transferSyntax, end } = readMeta(bytes, start);
    return decodeDataSet(bytes.subarray(end), transferSyntax);
  }
  // Groups of a worklist entry are small numbers: in big endian the first byte is zero.
  if (bytes[start] === 0) throw invalid('a data set without meta header is in Little Endian; this one is not');
  const explicit = isVr(bytes.toString('latin1', start + 4, start + 6));
  const { explicitVrLittleEndian, implicitVrLittleEndian } = TRANSFER_SYNTAXES;
  return decodeDataSet(bytes.subarray(start), explicit ? explicitVrLittleEndian : implicitVrLittleEndian);
}

/** File meta information: Explicit VR Little Endian, group 0002 and nothing else. */
function readMeta(bytes: Buffer, start: number): { transferSyntax: TransferSyntaxUid; end: number } {
  let transferSyntax: string | undefined;
  let at = start;
  while (at + 12 <= bytes.length && bytes.readUInt16LE(at) === META_GROUP) {
    const long = LONG_LENGTH.has(bytes.toString('latin1', at + 4, at + 6));
    const length = long ? bytes.readUInt32LE(at + 8) : bytes.readUInt16LE(at + 6);
    const value = at + (long ? 12 : 8);
    if (length > bytes.length - value) throw invalid('the file ends in its meta header');
    if (bytes.readUInt16LE(at + 2) === TRANSFER_SYNTAX_UID) {
      transferSyntax = bytes.toString('latin1', value, value + length).replace(/[\0 ]+$/, '');
    }
    at = value + length;
  }
  if (transferSyntax === undefined) throw invalid('the meta header has no Transfer Syntax UID (0002,0010)');
  if (!SUPPORTED.has(transferSyntax)) {
    throw invalid('its transfer syntax is not supported: convert it, for example by dcmconv +te');
  }
  return { transferSyntax: transferSyntax as TransferSyntaxUid, end: at };
}

function invalid(problem: string): GatewayError {
  return new GatewayError('DATA_SET_INVALID', problem);
}
