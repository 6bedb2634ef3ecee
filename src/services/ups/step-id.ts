/** What each side lacks: a short id for a workitem, a UID for a worklist entry. Both follow from what is there, always alike. */
import { createHash } from 'node:crypto';
import { createDataSet, firstText, itemsOf } from '../../dataset/model.ts';
import type { DataSet } from '../../dataset/model.ts';
import { SCHEDULED_PROCEDURE_STEP_SEQUENCE } from '../worklist/attributes.ts';

/** No letter is mistaken for a digit, and every one is legal wherever an id is copied to. */
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** SH holds no more (PS3.5 6.2). */
const ID_CHARACTERS = 16;

/** Scheduled Procedure Step ID of a workitem: 16 characters of A-Z and 2-7. */
export function stepIdOf(workitemUid: string): string {
  return shortIdOf('step', workitemUid);
}

/** Performed Procedure Step ID of an MPPS that is made for a workitem: the same kind of id. */
export function performedStepIdOf(mppsUid: string): string {
  return shortIdOf('performed', mppsUid);
}

/** UID of the workitem that stands for a worklist entry: of its study, Requested Procedure ID and Scheduled Procedure Step ID. */
export function workitemUidOf(entry: DataSet): string {
  const step = itemsOf(entry[SCHEDULED_PROCEDURE_STEP_SEQUENCE])[0] ?? createDataSet();
  return derivedUid('workitem', textOf(entry, '0020000D'), textOf(entry, '00401001'), textOf(step, '00400009'));
}

/** A UID that always follows from these texts, under 2.25 (PS3.5 B.2); for what must be the same when a step is repeated. */
export function derivedUid(...texts: readonly string[]): string {
  const bytes = digestOf(texts).subarray(0, 16);
  // Version 8, variant 1: a UUID whose bits are somebody's own (RFC 9562 5.8).
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return `2.25.${BigInt(`0x${bytes.toString('hex')}`)}`;
}

function shortIdOf(...texts: readonly string[]): string {
  const characters = [...digestOf(texts).subarray(0, ID_CHARACTERS)].map((byte) => BASE32.charAt(byte % 32));
  return characters.join('');
}

function digestOf(texts: readonly string[]): Buffer {
  return createHash('sha256').update(JSON.stringify(texts)).digest();
}

function textOf(dataSet: DataSet, tag: string): string {
  return firstText(dataSet, tag)?.trim() ?? '';
}
