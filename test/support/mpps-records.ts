/** MPPS records for the tests of the store. */
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import type { MppsKey, MppsRecord } from '../../src/store/store.ts';
import { WARD } from './requests.ts';

export function keyOf(uid: string, route = 'ct', upstream = 'ris'): MppsKey {
  return { route, upstream, uid };
}

/** A record with every member. */
export function recordOf(uid: string, more: Partial<MppsRecord> = {}): MppsRecord {
  return { ...smallRecordOf(uid), ...FULL, ...more };
}

/** A record without the members that may be absent. */
export function smallRecordOf(uid: string, more: Partial<MppsRecord> = {}): MppsRecord {
  return {
    ...keyOf(uid),
    listener: 'ward',
    requester: WARD,
    phase: 'stored',
    state: 'IN PROGRESS',
    delivered: false,
    createDigest: `create-${uid}`,
    created: {},
    set: {},
    sequences: {},
    createdAt: 1_000,
    updatedAt: 2_000,
    ...more,
  };
}

/**
 * The same record for the same number, of a size that changes with it: small ones, and final ones with hundreds of
 * images that span many pages of a data base.
 */
export function numberedRecord(number: number): MppsRecord {
  const images = Array.from({ length: (number * 37) % 400 }, (_, i) => `1.2.840.99.${number}.${i}`);
  return recordOf(`1.2.3.${number}`, { sequences: { '00400340': images }, updatedAt: number });
}

const FULL = {
  characterSet: '\\ISO 2022 IR 87',
  delivered: true,
  lastDigest: 'last',
  updates: [
    ['first', '10.0.0.5'],
    ['last', '10.0.0.6'],
  ],
  pendingDigest: 'pending',
  created: { '00400252': 'c1', '00400254': 'c2' },
  set: { '00400252': 's1' },
  sequences: { '00400340': ['1.2.3.4', '1.2.3.5'], '30020010': [] },
  copy: dataSetOf({
    '00100010': attribute('PN', { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎' }),
    '00101030': attribute('DS', '70.50'),
    '00400254': attribute('LO'),
    '00400340': attribute('SQ', dataSetOf({ '0020000E': attribute('UI', '1.2.3.4') }), dataSetOf({})),
    '30020010': attribute('SQ'),
  }),
} satisfies Partial<MppsRecord>;
