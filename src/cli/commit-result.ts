/** What an archive said of the instances it was asked about, for a person and for scripts. */
import { statusText } from '../services/answer.ts';
import {
  CLASS_INSTANCE_CONFLICT,
  DUPLICATE_TRANSACTION_UID,
  NO_SUCH_OBJECT_INSTANCE,
  PROCESSING_FAILURE,
} from '../services/storage-commitment/commitment.ts';
import type { SopReference } from '../services/storage-commitment/commitment.ts';
import type { Settlement } from '../services/storage-commitment/settle.ts';
import { inColumns } from './terminal.ts';

/** Failure Reason (0008,1197), PS3.3 C.14.1.1. */
const MEANINGS: Readonly<Record<number, string>> = {
  [PROCESSING_FAILURE]: 'processing failure',
  [NO_SUCH_OBJECT_INSTANCE]: 'no such object instance',
  [CLASS_INSTANCE_CONFLICT]: 'class/instance conflict',
  0x0122: 'referenced SOP class not supported',
  [DUPLICATE_TRANSACTION_UID]: 'duplicate transaction UID',
  0x0213: 'resource limitation',
};

/** E.g. `0112H no such object instance`. */
export function reasonText(reason: number): string {
  return `${statusText(reason)} ${MEANINGS[reason] ?? 'a reason the standard does not know'}`;
}

/** Undefined: nothing was told yet. @param unclear listed, and nobody can say what */
export function settlementText(
  transactionUid: string,
  settlement: Settlement | undefined,
  unclear: readonly SopReference[] = [],
): string {
  if (settlement === undefined)
    return lines([
      ['Transaction UID', transactionUid],
      ['state', 'pending'],
    ]);
  const { committed, failed } = settlement.result;
  const head = lines([
    ['Transaction UID', transactionUid],
    ['state', 'done'],
    ['committed', String(committed.length)],
    ['failed', String(failed.length)],
    ...(unclear.length === 0 ? [] : [['unclear', String(unclear.length)]]),
  ]);
  const rows = [
    ...failed.map(({ sopClassUid, sopInstanceUid, reason }) => [
      `  ${sopInstanceUid}`,
      sopClassUid,
      reasonText(reason),
    ]),
    ...unclear.map(({ sopClassUid, sopInstanceUid }) => [
      `  ${sopInstanceUid || '-'}`,
      sopClassUid || '-',
      sopInstanceUid === '' ? 'no instance UID' : 'no SOP class',
    ]),
  ];
  return `${head}${lines(rows)}`;
}

export function settlementJson(
  transactionUid: string,
  settlement: Settlement | undefined,
  unclear: readonly SopReference[] = [],
): string {
  if (settlement === undefined) return `${JSON.stringify({ transactionUid, state: 'pending' })}\n`;
  const { result, ...counts } = settlement;
  const failed = result.failed.map(({ reason, ...reference }) => ({
    ...reference,
    reason: statusText(reason),
    meaning: MEANINGS[reason] ?? '',
  }));
  const open = unclear.length > 0 && { unclear };
  const answer = { transactionUid, state: 'done', committed: result.committed, failed, ...open, ...counts };
  return `${JSON.stringify(answer)}\n`;
}

/** What the archive's lists have that is not in order; such instances count as failed, or not at all. */
export function settlementWarnings(
  { unrequested, doublyListed, unlisted }: Settlement,
  unclear: readonly SopReference[] = [],
): string[] {
  const of = (count: number): string => `${count} ${count === 1 ? 'instance' : 'instances'}`;
  return [
    ...(unlisted > 0 ? [`the archive says nothing about ${of(unlisted)}: failed`] : []),
    ...(doublyListed > 0 ? [`the archive lists ${of(doublyListed)} more than once`] : []),
    ...(unclear.length > 0
      ? [`the archive lists ${of(unclear.length)} without SOP class or instance UID: not committed`]
      : []),
    ...(unrequested > 0 ? [`the archive lists ${of(unrequested)} that it was not asked about`] : []),
  ];
}

function lines(rows: readonly (readonly string[])[]): string {
  return inColumns(rows)
    .map((line) => `${line}\n`)
    .join('');
}
