/** Storage commitment of the embedded RIS (PS3.4 J.3), which holds no pixels. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { SopReference } from '../../../src/services/storage-commitment/commitment.ts';
import { contextOf } from '../../support/requests.ts';
import { risOf } from '../../support/ris.ts';
import type { RisBed } from '../../support/ris.ts';

const TRANSACTION = '1.2.276.0.7230010.3.8.1';
const CT = '1.2.840.10008.5.1.4.1.1.2';
const INSTANCES: readonly SopReference[] = [
  { sopClassUid: CT, sopInstanceUid: '1.2.3.1' },
  { sopClassUid: CT, sopInstanceUid: '1.2.3.2' },
];

let bed: RisBed;
let demonstration: RisBed;
beforeEach(async () => {
  bed = await risOf([]);
  demonstration = await risOf([], { simulateCommitment: true });
});
afterEach(() => Promise.all([bed.close(), demonstration.close()]));

describe('a request for storage commitment', () => {
  test('fails for every instance: no such object instance, 0112H (J.3.3.1.3)', async () => {
    expect(await bed.ris.requestCommitment(TRANSACTION, INSTANCES, contextOf())).toEqual({
      state: 'done',
      told: { committed: [], failed: INSTANCES.map((each) => ({ ...each, reason: 0x0112 })) },
    });
  });

  test('succeeds for every instance where it is a demonstration', async () => {
    expect(await demonstration.ris.requestCommitment(TRANSACTION, INSTANCES, contextOf())).toEqual({
      state: 'done',
      told: { committed: INSTANCES, failed: [] },
    });
  });

  test.each<[string, string, readonly SopReference[], object]>([
    ['no Transaction UID', '', INSTANCES, { code: 'INVALID_VALUE', attributes: ['00081195'] }],
    ['no instance', TRANSACTION, [], { code: 'MISSING_VALUE', attributes: ['00081199'] }],
    [
      'an instance that is named twice',
      TRANSACTION,
      [...INSTANCES, { sopClassUid: '1.2.840.10008.5.1.4.1.1.4', sopInstanceUid: '1.2.3.1' }],
      { code: 'INVALID_VALUE', attributes: ['00081199'] },
    ],
    [
      'a reference without a class',
      TRANSACTION,
      [{ sopClassUid: '', sopInstanceUid: '1.2.3.1' }],
      { code: 'INVALID_VALUE', attributes: ['00081199'] },
    ],
  ])('is refused, the demonstration too, with %s (Table J.3-1)', async (_title, transaction, references, failure) => {
    for (const { ris } of [bed, demonstration]) {
      const request = ris.requestCommitment(transaction, references, contextOf());
      await expect(request).rejects.toMatchObject({ ...failure, retry: 'permanent' });
    }
  });

  test('is over with its answer: nothing is known of its Transaction UID, nor of any other', async () => {
    await bed.ris.requestCommitment(TRANSACTION, INSTANCES, contextOf());
    for (const uid of [TRANSACTION, '1.2.3']) {
      await expect(bed.ris.checkCommitment(uid, contextOf())).rejects.toMatchObject({ code: 'NO_SUCH_INSTANCE' });
    }
  });

  test('of a requester who is gone already does nothing', async () => {
    const gone = contextOf(undefined, AbortSignal.abort());
    await expect(bed.ris.requestCommitment(TRANSACTION, INSTANCES, gone)).rejects.toMatchObject({ code: 'CANCELED' });
    await expect(bed.ris.checkCommitment(TRANSACTION, gone)).rejects.toMatchObject({ code: 'CANCELED' });
  });
});
