/** Messages of the spool for the tests of the store. */
import { attribute, createDataSet, dataSetOf } from '../../src/dataset/model.ts';
import type { MppsEventType } from '../../src/services/mpps/notification.ts';
import type { Claim, Destination, NewSpoolMessage, SpoolFailure } from '../../src/store/spool-records.ts';
import type { Store } from '../../src/store/store.ts';
import { keyOf } from './mpps-records.ts';
import { WARD } from './requests.ts';

export const RIS: Destination = { route: 'ct', upstream: 'ris' };
export const ARCHIVE: Destination = { route: 'ct', upstream: 'archive' };
export const WARD_SCU: Destination = { route: 'ct', upstream: 'ward-display' };

/** A message with every member that may be absent left out; `digest` tells it from others of its lane. */
export function messageOf(uid: string, digest = '', more: Partial<NewSpoolMessage> = {}): NewSpoolMessage {
  return {
    ...keyOf(uid),
    kind: 'create',
    received: dataSetOf({ '00400253': attribute('SH', uid) }),
    digest,
    requester: WARD,
    traceId: 'trace',
    hops: [],
    ...more,
  };
}

/** A message with every member. */
export function fullMessageOf(uid: string): NewSpoolMessage {
  return messageOf(uid, 'full', {
    kind: 'update',
    received: dataSetOf({
      '00100010': attribute('PN', { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎' }),
      '00101030': attribute('DS', '70.50'),
      '00400254': attribute('LO'),
      '00400340': attribute('SQ', dataSetOf({ '0020000E': attribute('UI', '1.2.3.4') }), dataSetOf({})),
      '30020010': attribute('SQ'),
    }),
    characterSet: '\\ISO 2022 IR 87',
    hops: [{ instance: '0c0ffee0-0000-4000-8000-000000000000', route: 'elsewhere' }],
  });
}

/** What an SCU of MPPS Notification is told. */
export function eventOf(uid: string, eventType: MppsEventType): NewSpoolMessage {
  return messageOf(uid, `event ${eventType}`, { ...WARD_SCU, kind: 'event', eventType, received: createDataSet() });
}

export const FAILURE: SpoolFailure = { code: 'UPSTREAM_TIMEOUT', problem: 'no answer in 60 s' };

/** The one lane that is due, taken for a minute. */
export async function claimFirst({ spool }: Store, leaseMs = 60_000): Promise<Claim> {
  const [claim, ...others] = await spool.claim(RIS, 2, leaseMs);
  if (claim === undefined || others.length > 0) throw new Error('there is not one lane that is due');
  return claim;
}

/** Delivers whatever is due; the digests of each lane in the order in which they came. */
export async function drained({ spool }: Store, destination = RIS): Promise<Record<string, string[]>> {
  const delivered: Record<string, string[]> = {};
  const deliver = async (first: Claim): Promise<void> => {
    for (let claim: Claim | undefined = first; claim !== undefined; claim = await spool.done(claim, 60_000)) {
      (delivered[claim.message.uid] ??= []).push(claim.message.digest);
    }
  };
  for (;;) {
    const claims = await spool.claim(destination, 10, 60_000);
    if (claims.length === 0) return delivered;
    await Promise.all(claims.map(deliver));
  }
}
