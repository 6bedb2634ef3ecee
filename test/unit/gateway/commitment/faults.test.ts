/**
 * Storage commitment through the end of its process at any call of the store, through a store that fails at any call, and in
 * two processes at once. What is judged is always the same: nothing counts as committed that the archive did not commit,
 * and whoever was not refused gets a result.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CommitmentOptions } from '../../../../src/gateway/commitment/route.ts';
import { ServiceFailure } from '../../../../src/services/port.ts';
import type { Requester } from '../../../../src/services/port.ts';
import type { CommitmentStatus } from '../../../../src/services/storage-commitment/commitment.ts';
import { responseModule } from '../../../../src/services/storage-commitment/modules.ts';
import { WARD } from '../../../support/requests.ts';
import {
  CommitmentBed, DAY_MS, done, HOUR_MS, MODULE, OpenAssociation, PENDING, RESULT, TOLD, UID, WEB,
} from '../../../support/commitment-bed.ts'; // prettier-ignore
import type { Fate } from '../../../support/commitment-bed.ts';

/** What an archive does with a request that it has not seen: answers at once, or later. */
type Archive =
  | 'at once'
  | 'when asked'
  | 'reports'
  | 'reports first'
  | 'reports on the association'
  | 'refuses'
  | 'when asked, after it was away'
  | 'reports, after it was away';

const DUPLICATE = { dimseStatus: 0x0110, errorId: 0x0131 };
/** Between two reports of one that was not acknowledged. */
const REPEAT_MS = 30_000;

/** Its store and its clock serve all: to make them takes longer than to use them. */
let first: CommitmentBed;

beforeAll(async () => {
  first = await CommitmentBed.open('checked');
  first.process.isDead = true;
});
afterAll(() => first.store.close());

/** An archive that works as it should, and knows every UID once. */
async function bedWith(archive: Archive, options: Partial<CommitmentOptions>): Promise<CommitmentBed> {
  const isAsked = !archive.startsWith('reports');
  const isAway = archive.endsWith('away');
  let attempts = 0;
  const bed = await first.anew(isAsked ? 'checked' : 'reported', options);
  const begun = new Map<string, number>();
  const report = async (uid: string): Promise<void> => {
    try {
      if (bed.process.isDead) throw new Error('nobody there');
      await Promise.race([bed.report(TOLD, uid), noAnswer(bed)]);
    } catch (error) {
      if (error instanceof ServiceFailure && error.code === 'INVALID_VALUE') return;
      bed.clock.setTimer(() => void report(uid), REPEAT_MS);
    }
  };
  bed.keeper.onRequest = async (uid, context) => {
    if (isAway && attempts++ < 2) throw new ServiceFailure('UPSTREAM_UNREACHABLE', { retry: 'safe' });
    if (begun.has(uid)) throw new ServiceFailure('DUPLICATE_INSTANCE', isAsked ? { httpStatus: 409 } : DUPLICATE);
    begun.set(uid, bed.clock.now());
    if (archive === 'at once') return done(TOLD);
    if (archive === 'refuses') {
      begun.delete(uid);
      throw new ServiceFailure('BAD_REQUEST', { httpStatus: 400 });
    }
    if (archive === 'reports first') void report(uid);
    if (archive === 'reports' || (isAway && !isAsked)) bed.clock.setTimer(() => void report(uid), 2_000);
    if (archive === 'reports on the association') {
      context.reported({ transactionUid: uid, ...TOLD }).catch(() => void report(uid));
      // Its process may be gone: then it reports by itself.
      bed.clock.setTimer(() => void report(uid), REPEAT_MS);
    }
    return PENDING;
  };
  bed.keeper.onCheck = async (uid): Promise<CommitmentStatus> => {
    const at = begun.get(uid);
    if (at === undefined) throw new ServiceFailure('NO_SUCH_INSTANCE', { httpStatus: 404 });
    return bed.clock.now() - at > 15_000 || archive === 'at once' ? done(TOLD) : PENDING;
  };
  return bed;
}

/** The end of an association whose process is gone. */
function noAnswer({ clock }: CommitmentBed): Promise<never> {
  return new Promise((_resolve, reject) => void clock.setTimer(() => reject(new Error('no answer')), REPEAT_MS));
}

/** One request and all that follows in two days, with processes that end. What its requestor was told. */
async function live(bed: CommitmentBed, requester: Requester): Promise<'answered' | 'refused' | 'nothing'> {
  let told: 'answered' | 'refused' | 'nothing' = 'nothing';
  const reporter = requester.protocol === 'dimse' ? new OpenAssociation() : undefined;
  const before = bed.process;
  bed.request(requester, reporter && { reporter }).then(
    () => (told = before.isDead ? 'nothing' : 'answered'),
    () => (told = 'refused'),
  );
  for (const ms of [1_000, 4_000, 10_000, 30_000, 60_000, 120_000, HOUR_MS, DAY_MS, DAY_MS + HOUR_MS]) {
    await bed.clock.pass(ms);
    if (!bed.process.isDead) continue;
    if (reporter !== undefined && bed.process === before) reporter.isOpen = false;
    bed.restart();
    await bed.clock.rest();
  }
  bed.modality.reports.push(...(reporter?.reports.map((each) => ({ ...each, context: undefined as never })) ?? []));
  return told;
}

/** Everything that anybody was told, judged. */
async function judge(
  bed: CommitmentBed,
  requester: Requester,
  told: 'answered' | 'refused' | 'nothing',
): Promise<{ outcome: string; reports: number }> {
  const record = await bed.record();
  const { reports } = bed.modality;
  for (const { uid, result } of reports) {
    expect(uid).toBe(UID);
    expect(reports.map((each) => each.result)).toEqual(Array(reports.length).fill(result));
    expect(RESULT.committed).toEqual(expect.arrayContaining([...result.committed]));
  }
  if (record === undefined) {
    expect(told).not.toBe('answered');
    expect(reports).toEqual([]);
    return { outcome: 'nothing is known', reports: 0 };
  }
  expect(record.phase).toBe('done');
  expect(RESULT.committed).toEqual(expect.arrayContaining([...(record.result?.committed ?? [])]));
  if (requester.protocol === 'dicomweb') {
    const module = responseModule(MODULE, record.result as typeof RESULT);
    expect(await bed.check()).toEqual({ state: 'done', module });
  } else {
    expect(reports.length).toBeGreaterThan(0);
    expect(reports[0]?.result).toEqual(record.result);
  }
  return { outcome: record.isSynthetic ? 'nothing claimed' : 'the result', reports: reports.length };
}

async function play(
  archive: Archive,
  requester: Requester,
  options: Partial<CommitmentOptions>,
  fateOf: CommitmentBed['fateOf'],
): Promise<{ outcome: string; reports: number; calls: string[] }> {
  const bed = await bedWith(archive, options);
  const calls: string[] = [];
  bed.fateOf = (call, number) => {
    calls.push(call);
    return fateOf(call, number);
  };
  try {
    const told = await live(bed, requester);
    return { ...(await judge(bed, requester, told)), calls };
  } finally {
    await bed.close();
  }
}

const FLOWS: readonly (readonly [Archive, Requester, Partial<CommitmentOptions>])[] = [
  ['at once', WARD, {}],
  ['when asked', WARD, {}],
  ['when asked', WARD, { transactionUids: 'own' }],
  ['when asked', WEB, { delivery: 'store-and-forward' }],
  ['reports', WEB, {}],
  ['reports', WARD, { transactionUids: 'own' }],
  ['reports first', WEB, { transactionUids: 'own' }],
  ['reports on the association', WEB, {}],
  ['reports on the association', WARD, {}],
  ['when asked, after it was away', WARD, { delivery: 'store-and-forward' }],
  ['reports, after it was away', WEB, { delivery: 'store-and-forward' }],
];

/** Calls of the store that a life makes besides its idle looks: those that a fault is worth. */
function places(calls: readonly string[]): number[] {
  let idle = 0;
  return calls.flatMap((call, number) => {
    const isLook = call === 'claim' || call === 'nextDueMs' || call === 'counts';
    // Looks that follow each other find the same.
    idle = isLook ? idle + 1 : 0;
    return isLook && idle > 2 ? [] : [number];
  });
}

describe.each(FLOWS)('an archive that answers %s, %# ', (archive, requester, options) => {
  test('without faults: the result, once', async () => {
    const { outcome, reports } = await play(archive, requester, options, () => 'done');
    expect({ outcome, reports }).toEqual({ outcome: 'the result', reports: requester.protocol === 'dimse' ? 1 : 0 });
  });

  test.each<Fate>(['lost', 'lost after it was done'])(
    'a process that ends at any call of the store (%s)',
    async (fate) => {
      const orderly = await play(archive, requester, options, () => 'done');
      for (const place of places(orderly.calls)) {
        const { outcome, reports } = await play(archive, requester, options, (_call, number) =>
          number === place ? fate : 'done',
        );
        // Reported twice only where the process ended between the answer of the SCU and the note of it.
        expect({ place, reports: reports <= 2, outcome }).toEqual({
          place,
          reports: true,
          outcome: expect.stringMatching(/^(the result|nothing is known)$/),
        });
      }
    },
  );

  test.each<Fate>(['fails', 'fails after it was done'])('a store that fails at any call (%s)', async (fate) => {
    const orderly = await play(archive, requester, options, () => 'done');
    for (const place of places(orderly.calls)) {
      const { outcome, reports } = await play(archive, requester, options, (_call, number) =>
        number === place ? fate : 'done',
      );
      expect({ place, reports: reports <= 1, outcome }).toEqual({
        place,
        reports: true,
        outcome: expect.stringMatching(/^(the result|nothing is known)$/),
      });
    }
  });
});

describe('a process that ended between sending a request and its answer (status mapping 8)', () => {
  test.each(['same', 'own'] as const)(
    'asks again, of %s upstream UIDs: under an own UID nothing is a duplicate',
    async (transactionUids) => {
      const bed = await bedWith('reports', { transactionUids });
      const takes = bed.keeper.onRequest;
      bed.keeper.onRequest = async () => {
        bed.process.isDead = true;
        return PENDING;
      };
      void bed.request(WEB);
      await bed.clock.rest();
      bed.keeper.onRequest = takes;
      bed.restart();
      await bed.clock.pass(HOUR_MS);
      const [first, second] = bed.keeper.asked.map(({ uid }) => uid);
      expect(bed.keeper.asked).toHaveLength(2);
      expect(first === second).toBe(transactionUids === 'same');
      expect((await bed.record())?.result).toEqual(RESULT);
      await bed.close();
    },
  );
});

describe('an archive that refuses', () => {
  test.each<Fate>(['done', 'lost', 'lost after it was done', 'fails', 'fails after it was done'])(
    'nothing is kept, or every instance has failed, whatever becomes of any call of the store (%s)',
    async (fate) => {
      const orderly = await play('refuses', WARD, {}, () => 'done');
      expect(orderly.outcome).toBe('nothing is known');
      for (const place of places(orderly.calls)) {
        const { outcome, reports } = await play('refuses', WARD, {}, (_call, number) =>
          number === place ? fate : 'done',
        );
        expect({ place, outcome, reports }).toEqual(
          outcome === 'nothing claimed'
            ? { place, outcome, reports: 1 }
            : { place, outcome: 'nothing is known', reports: 0 },
        );
      }
    },
  );
});

describe('two processes over one store', () => {
  test.each(FLOWS)('an archive that answers %s, %#: the result, once', async (archive, requester, options) => {
    const bed = await bedWith(archive, options);
    const other = bed.start();
    try {
      const told = await live(bed, requester);
      expect(await judge(bed, requester, told)).toEqual({
        outcome: 'the result',
        reports: requester.protocol === 'dimse' ? 1 : 0,
      });
    } finally {
      await other.service.close(0);
      await bed.close();
    }
  });

  test('the same request at both at once is taken by one', async () => {
    const bed = await bedWith('when asked', {});
    const other = bed.start();
    const answers = await bed.settle(Promise.allSettled([bed.request(WARD), bed.request(WARD, { process: other })]));
    expect(answers.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(bed.keeper.asked).toHaveLength(1);
    await other.service.close(0);
    await bed.close();
  });

  test('the same report at both at once counts once, and is reported once', async () => {
    const bed = await bedWith('reports', {});
    const other = bed.start();
    await bed.settle(bed.request(WARD));
    const event = { transactionUid: UID, ...TOLD };
    const context = { ...bed.keeper.asked[0]!.context, requester: { ...WARD, callingAeTitle: 'ARCHIVE' } };
    await bed.settle(Promise.all([bed.report(), other.service.report(event, context), bed.report()]));
    await bed.clock.pass(HOUR_MS);
    expect(bed.modality.reports.map(({ result }) => result)).toEqual([RESULT]);
    await other.service.close(0);
    await bed.close();
  });
});
