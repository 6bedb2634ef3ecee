/** The storage commitment service of every upstream: what is kept is told as kept, and nothing else (PS3.4 J, PS3.18 13). */
import { afterEach, describe, expect, test } from '@jest/globals';
import { generateUid } from '../../src/dataset/uid.ts';
import type { CommitmentContext, Upstream } from '../../src/services/port.ts';
import type {
  CommitmentResult,
  SopReference,
  ToldCommitment,
} from '../../src/services/storage-commitment/commitment.ts';
import { settle } from '../../src/services/storage-commitment/settle.ts';
import { Archive } from '../support/archive.ts';
import { bedOf, bedTo, UPSTREAMS } from '../support/beds.ts';
import type { Bed, Protocol } from '../support/beds.ts';
import { contextOf } from '../support/requests.ts';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const MR = '1.2.840.10008.5.1.4.1.1.4';
const KEPT = instances(CT, 20);
const FOREIGN: readonly SopReference[] = [{ sopClassUid: CT, sopInstanceUid: '1.2.3.9.1' }];
const OTHER_CLASS: readonly SopReference[] = [{ sopClassUid: MR, sopInstanceUid: '1.2.3.4.1' }];

function instances(sopClassUid: string, count: number): SopReference[] {
  return Array.from({ length: count }, (_, i) => ({ sopClassUid, sopInstanceUid: `1.2.3.4.${i + 1}` }));
}

let bed: Bed;
afterEach(() => bed.close());

async function open(hops: readonly Protocol[], archive = new Archive(KEPT)): Promise<Upstream> {
  bed = await bedTo(hops, () => Promise.resolve(archive));
  return bed.upstream;
}

interface Asked {
  readonly context: CommitmentContext;
  /** What was reported on the association of the request. */
  readonly reported: Promise<ToldCommitment>;
}

function asking(holdMs = 5_000): Asked {
  const { promise, resolve } = Promise.withResolvers<ToldCommitment>();
  const reported = (told: ToldCommitment): Promise<void> => {
    resolve(told);
    return Promise.resolve();
  };
  return { context: Object.assign(contextOf(), { holdMs, reported }), reported: promise };
}

/** What an upstream comes to say, however it says it. */
async function resultOf(
  upstream: Upstream,
  uid: string,
  references: readonly SopReference[],
): Promise<CommitmentResult> {
  const { context, reported } = asking();
  let status = await upstream.requestCommitment(uid, references, context);
  if (upstream.commitmentResult === 'reported') return settle(references, await reported).result;
  while (status.state === 'pending') status = await upstream.checkCommitment(uid, contextOf());
  return settle(references, status.told).result;
}

describe.each(UPSTREAMS)('%s', (_name, hops) => {
  test.each<[string, readonly SopReference[], CommitmentResult]>([
    ['every instance is kept', KEPT, { committed: KEPT, failed: [] }],
    ['none is', FOREIGN, { committed: [], failed: [{ ...(FOREIGN[0] as SopReference), reason: 0x0112 }] }],
    [
      'some are',
      [...FOREIGN, ...KEPT.slice(3, 9)],
      { committed: KEPT.slice(3, 9), failed: [{ ...(FOREIGN[0] as SopReference), reason: 0x0112 }] },
    ],
    [
      'one is kept with another class',
      [...OTHER_CLASS, ...KEPT.slice(1, 2)],
      { committed: KEPT.slice(1, 2), failed: [{ ...(OTHER_CLASS[0] as SopReference), reason: 0x0119 }] },
    ],
  ])('says that %s (J.3.3, J.2)', async (_what, references, expected) => {
    expect(await resultOf(await open(hops), generateUid(), references)).toEqual(expected);
  });

  test('says so too when the archive takes its time', async () => {
    const archive = new Archive(KEPT);
    archive.checks = 3;
    const references = [...KEPT, ...FOREIGN];
    const failed = FOREIGN.map((each) => ({ ...each, reason: 0x0112 }));
    expect(await resultOf(await open(hops, archive), generateUid(), references)).toEqual({ committed: KEPT, failed });
  });

  test('a thousand instances cross whole and in order', async () => {
    const many = instances(CT, 1_000);
    const result = await resultOf(await open(hops, new Archive(many)), generateUid(), many);
    expect(result).toEqual({ committed: many, failed: [] });
  });

  test('several transactions at a time do not meet', async () => {
    const upstream = await open(hops);
    const results = await Promise.all(KEPT.map((each) => resultOf(upstream, generateUid(), [each, ...FOREIGN])));
    const failed = FOREIGN.map((each) => ({ ...each, reason: 0x0112 }));
    expect(results).toEqual(KEPT.map((each) => ({ committed: [each], failed })));
  });

  test('the embedded RIS behind it keeps no pixels and says so', async () => {
    bed = await bedOf(hops, []);
    const failed = KEPT.map((each) => ({ ...each, reason: 0x0112 }));
    expect(await resultOf(bed.upstream, generateUid(), KEPT)).toEqual({ committed: [], failed });
  });

  if (hops.length > 0) {
    test('a Transaction UID that was used is refused (409, 0131H)', async () => {
      const upstream = await open(hops);
      const uid = generateUid();
      await resultOf(upstream, uid, KEPT);
      const again = upstream.requestCommitment(uid, KEPT, asking(0).context);
      await expect(again).rejects.toMatchObject({ code: 'DUPLICATE_INSTANCE', retry: 'permanent' });
    });

    test('a far end that is gone is told as such, and nothing was done', async () => {
      const upstream = await open(hops);
      await bed.endFarEnd();
      const request = upstream.requestCommitment(generateUid(), KEPT, asking(0).context);
      await expect(request).rejects.toMatchObject({ code: 'UPSTREAM_UNREACHABLE', retry: 'safe' });
    });
  }

  test('a request without instances is refused (type 1, Table J.3-1)', async () => {
    bed = await bedOf(hops, []);
    const request = bed.upstream.requestCommitment(generateUid(), [], asking(0).context);
    await expect(request).rejects.toMatchObject({ retry: 'permanent' });
  });

  test('a Result Check knows no other transaction, or does not exist (13.5)', async () => {
    const upstream = await open(hops);
    const code = upstream.commitmentResult === 'checked' ? 'NO_SUCH_INSTANCE' : 'NOT_SUPPORTED';
    await expect(upstream.checkCommitment(generateUid(), contextOf())).rejects.toMatchObject({ code });
  });
});

test('a UPS-RS upstream has no storage commitment, and says why (PS3.18 11)', async () => {
  bed = await bedTo(['ups-rs'], () => Promise.resolve(new Archive(KEPT)));
  const { upstream } = bed;
  const failure = { code: 'NOT_SUPPORTED', retry: 'permanent', message: expect.stringContaining('UPS-RS') as unknown };
  const result = { committed: KEPT, failed: [] };
  await expect(upstream.requestCommitment(generateUid(), KEPT, asking().context)).rejects.toMatchObject(failure);
  await expect(upstream.checkCommitment(generateUid(), contextOf())).rejects.toMatchObject(failure);
  await expect(upstream.reportCommitment(generateUid(), result, contextOf())).rejects.toMatchObject(failure);
  await expect(upstream.notifyMpps({ uid: '1.2.3', type: 1 }, contextOf())).rejects.toMatchObject(failure);
});
