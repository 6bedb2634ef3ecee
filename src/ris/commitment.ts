/**
 * Storage commitment of a keeper that has no pixels (PS3.4 J.3): a RIS that said it had committed would have a modality
 * delete images that nobody else keeps. The answer is there at once, so no transaction is remembered.
 */
import type { Tag } from '../dataset/model.ts';
import { isUid } from '../dataset/uid.ts';
import { ServiceFailure } from '../services/port.ts';
import { NO_SUCH_OBJECT_INSTANCE } from '../services/storage-commitment/commitment.ts';
import type { CommitmentStatus, SopReference } from '../services/storage-commitment/commitment.ts';

const TRANSACTION_UID: Tag = '00081195';
const REFERENCED_SOP_SEQUENCE: Tag = '00081199';

/**
 * @param simulate for demonstrations: every instance is said to be committed
 * @throws ServiceFailure INVALID_VALUE for what is no UID or an instance that is named twice, MISSING_VALUE without any
 *   (PS3.4 Table J.3-1: both attributes have type 1, an instance is referenced at most once)
 */
export function commitmentOf(
  transactionUid: string,
  references: readonly SopReference[],
  simulate: boolean,
): CommitmentStatus {
  check(transactionUid, references);
  if (simulate) return { state: 'done', told: { committed: references, failed: [] } };
  const failed = references.map((reference) => ({ ...reference, reason: NO_SUCH_OBJECT_INSTANCE }));
  return { state: 'done', told: { committed: [], failed } };
}

function check(transactionUid: string, references: readonly SopReference[]): void {
  if (!isUid(transactionUid)) {
    throw new ServiceFailure('INVALID_VALUE', {
      comment: 'the Transaction UID is no UID',
      attributes: [TRANSACTION_UID],
    });
  }
  const attributes = [REFERENCED_SOP_SEQUENCE];
  if (references.length === 0) {
    throw new ServiceFailure('MISSING_VALUE', { comment: 'no instance is named', attributes });
  }
  if (!references.every(({ sopClassUid, sopInstanceUid }) => isUid(sopClassUid) && isUid(sopInstanceUid))) {
    throw new ServiceFailure('INVALID_VALUE', { comment: 'a reference has something else than UIDs', attributes });
  }
  if (new Set(references.map(({ sopInstanceUid }) => sopInstanceUid)).size < references.length) {
    throw new ServiceFailure('INVALID_VALUE', { comment: 'an instance is named more than once', attributes });
  }
}
