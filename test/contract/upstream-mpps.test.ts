/** The MPPS service of every upstream: the embedded RIS, both protocols over real sockets, and both in a row. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { attribute, createDataSet, dataSetOf, firstText, itemsOf } from '../../src/dataset/model.ts';
import type { Attribute, DataSet } from '../../src/dataset/model.ts';
import { selectAttributes } from '../../src/services/mpps/complete.ts';
import type { AttributeSelection, Completion } from '../../src/services/port.ts';
import { bedOf, UPSTREAMS_WITH_UPS } from '../support/beds.ts';
import type { Bed } from '../support/beds.ts';
import { createMessage, finalMessage, progressMessage, seriesMessage } from '../support/mpps.ts';
import { collect, contextOf, entryOf, queryOf } from '../support/requests.ts';
import { multiset } from '../support/worklists.ts';

const PRIVATE = {
  '00090010': attribute('LO', 'DIMSEWAY TEST'),
  '00091001': attribute('LO', 'private', 'two values'),
  '00091002': attribute('DS', '070.50'),
};

/** A create that may be discontinued with a reason, with what has been lost somewhere before. */
const CREATE = dataSetOf({ ...createMessage(), ...PRIVATE, '00400281': attribute('SQ') });

/** An order of the patient of `CREATE`. */
function orderOf(stepId: string): DataSet {
  return dataSetOf({ ...entryOf('PID-1', stepId), '00100010': CREATE['00100010'] as Attribute });
}

function merged(...messages: readonly DataSet[]): DataSet {
  return Object.assign(createDataSet(), ...messages) as DataSet;
}

describe.each(UPSTREAMS_WITH_UPS)('%s', (_name, hops, { seen, notBegun }) => {
  let bed: Bed;
  let lastUid = 0;

  beforeAll(async () => {
    bed = await bedOf(hops, [orderOf('SPS1'), orderOf('SPS2')]);
  });
  afterAll(() => bed.close());

  const newUid = (): string => `1.2.276.0.7230010.3.9.${++lastUid}`;
  const create = (uid: string, attributes: DataSet = CREATE): Promise<Completion> =>
    bed.upstream.createMpps(uid, attributes, contextOf());
  const update = (uid: string, modifications: DataSet): Promise<Completion> =>
    bed.upstream.updateMpps(uid, modifications, contextOf());
  const retrieve = (uid: string, selection: AttributeSelection = 'all'): Promise<DataSet> =>
    bed.upstream.retrieveMpps(uid, selection, contextOf());
  /** Whole, but for the character set of the way it came. */
  const expectKept = async (uid: string, expected: DataSet): Promise<void> => {
    expect(multiset([await retrieve(uid)])).toEqual(multiset([expected]));
  };

  test('one instance through its life: created, changed twice, read, ended, and closed for good', async () => {
    const uid = newUid();
    expect((await create(uid)).uid).toBe(uid);
    await expectKept(uid, CREATE);

    const [first, second] = [seriesMessage(300), merged(seriesMessage(300, 12, 300), progressMessage('胸部 going on'))];
    expect((await update(uid, first)).uid).toBe(uid);
    await expectKept(uid, merged(CREATE, first));
    await update(uid, second);
    await expectKept(uid, merged(CREATE, second));

    const end = finalMessage('COMPLETED', 300);
    await update(uid, end);
    const final = merged(CREATE, second, end);
    await expectKept(uid, final);
    for (const late of [progressMessage('too late'), end, finalMessage('DISCONTINUED')]) {
      await expect(update(uid, late)).rejects.toMatchObject({ code: 'INSTANCE_FINAL', retry: 'permanent' });
    }
    await expectKept(uid, final);
  });

  test('an instance that exists cannot be created, and stays as it is (0111H, 409)', async () => {
    const uid = newUid();
    await create(uid);
    const other = merged(CREATE, createMessage('PID-2'));
    await expect(create(uid, other)).rejects.toMatchObject({ code: 'DUPLICATE_INSTANCE', retry: 'permanent' });
    await update(uid, seriesMessage(1));
    await expect(create(uid, CREATE)).rejects.toMatchObject({ code: 'DUPLICATE_INSTANCE', retry: 'permanent' });
    await expectKept(uid, merged(CREATE, seriesMessage(1)));
  });

  test('an unknown instance can be neither changed nor read (0112H, 404)', async () => {
    const unknown = { code: 'NO_SUCH_INSTANCE', retry: 'permanent' };
    await expect(update(newUid(), progressMessage())).rejects.toMatchObject(unknown);
    await expect(retrieve(newUid())).rejects.toMatchObject(unknown);
    await expect(retrieve(newUid(), [['00400252']])).rejects.toMatchObject(unknown);
  });

  test('retrieves exactly the attributes that are selected, private ones with their creator', async () => {
    const uid = newUid();
    await create(uid);
    await update(uid, seriesMessage(2, 1));
    const tags = ['00091002', '00100010', '00400270', '00400281', '00400340'];
    const whole = merged(CREATE, seriesMessage(2, 1));
    const found = await retrieve(
      uid,
      tags.map((tag) => [tag]),
    );
    expect(multiset([found])).toEqual(multiset([only(whole, [...tags, '00090010'])]));
  });

  test('of a path into a sequence retrieves the items to it, or the whole sequence, as an N-GET has to', async () => {
    const uid = newUid();
    await create(uid);
    await update(uid, seriesMessage(2, 1));
    const selection = [
      ['00400270', '0020000D'],
      ['00400340', '0020000E'],
      ['00400340', '00081140', '00081155'],
    ];
    const found = await retrieve(uid, selection);
    const kept = Object.keys(found).filter((tag) => tag !== '00080005');
    expect(kept.sort()).toEqual(['00400270', '00400340']);
    const expected = dataSetOf({
      '00400270': attribute('SQ', dataSetOf({ '0020000D': attribute('UI', '1.2.3.4') })),
      '00400340': attribute('SQ', seriesReferences('1.2.3.4.1', 2), seriesReferences('1.2.3.4.2', 1)),
    });
    // The gateway prunes what it passes on; an upstream may leave that to it.
    expect(multiset([selectAttributes(found, selection)])).toEqual(multiset([expected]));
  });

  test('is discontinued with a reason and a series without images', async () => {
    const uid = newUid();
    await create(uid);
    const code = dataSetOf({
      '00080100': attribute('SH', '110514'),
      '00080102': attribute('SH', 'DCM'),
      '00080104': attribute('LO', 'Incorrect worklist entry selected'),
    });
    const end = merged(finalMessage('DISCONTINUED', 0), dataSetOf({ '00400281': attribute('SQ', code) }));
    await update(uid, end);
    await expectKept(uid, merged(CREATE, end));
  });

  test('two instances at a time do not mix', async () => {
    const uids = [newUid(), newUid()] as const;
    const patients = uids.map((_, i) => merged(CREATE, createMessage(`PID-${i + 1}`)));
    await Promise.all(uids.map((uid, i) => create(uid, patients[i])));
    const texts = Array.from({ length: 6 }, (_, round) => `round ${round}`);
    for (const text of texts) {
      await Promise.all(
        uids.map((uid, i) => update(uid, merged(progressMessage(`${text} of ${i}`), seriesMessage(i + 1)))),
      );
    }
    await update(uids[0], finalMessage('COMPLETED', 1));
    await update(uids[1], progressMessage('still going on'));
    const [first, second] = patients as [DataSet, DataSet];
    await expectKept(uids[0], merged(first, progressMessage('round 5 of 0'), finalMessage('COMPLETED', 1)));
    await expectKept(uids[1], merged(second, seriesMessage(2), progressMessage('still going on')));
  });

  test('the worklist follows: STARTED, then off the list', async () => {
    const id = itemsOf(seen(orderOf('SPS2'))['00400100'])[0]?.['00400009'] as Attribute;
    const statuses = async (): Promise<string[]> => {
      const step = dataSetOf({ '00400009': id, '00400020': attribute('CS') });
      const found = bed.upstream.search(queryOf(dataSetOf({ '00400100': attribute('SQ', step) })), contextOf());
      return (await collect(found)).map((entry) => firstText(itemsOf(entry['00400100'])[0] ?? {}, '00400020') ?? '-');
    };
    const [scheduled] = itemsOf(CREATE['00400270']);
    const item = merged(scheduled ?? {}, dataSetOf({ '00400009': id }));
    const uid = newUid();
    expect(await statuses()).toEqual([notBegun]);
    await create(uid, merged(CREATE, dataSetOf({ '00400270': attribute('SQ', item) })));
    expect(await statuses()).toEqual(['STARTED']);
    await update(uid, finalMessage());
    expect(await statuses()).toEqual([]);
  });
});

/** Where workitems are in between nobody knows what an MPPS must have: the gateway's own checks are all there is. */
const JUDGES = UPSTREAMS_WITH_UPS.filter(([, , { judgesCreates }]) => judgesCreates);

describe.each(JUDGES)('%s judges what is created', (_name, hops) => {
  let bed: Bed;
  let lastUid = 0;
  beforeAll(async () => {
    bed = await bedOf(hops, [orderOf('SPS1')]);
  });
  afterAll(() => bed.close());

  test.each<[string, DataSet, string]>([
    ['that begins with COMPLETED (0106H)', merged(CREATE, finalMessage()), 'INVALID_VALUE'],
    ['without its scheduled step (0120H)', without(CREATE, '00400270'), 'MISSING_ATTRIBUTE'],
    ['whose modality is empty (0121H)', merged(CREATE, dataSetOf({ '00080060': attribute('CS') })), 'MISSING_VALUE'],
  ])('a create %s is refused and leaves nothing', async (_title, attributes, code) => {
    const uid = `1.2.276.0.7230010.3.8.${++lastUid}`;
    const failure = { code: hops.includes('dicomweb') ? expect.stringMatching(`${code}|BAD_REQUEST`) : code };
    await expect(bed.upstream.createMpps(uid, attributes, contextOf())).rejects.toMatchObject({
      ...failure,
      retry: 'permanent',
    });
    const retrieve = (): Promise<DataSet> => bed.upstream.retrieveMpps(uid, 'all', contextOf());
    await expect(retrieve()).rejects.toMatchObject({ code: 'NO_SUCH_INSTANCE' });
    await bed.upstream.createMpps(uid, CREATE, contextOf());
    expect(multiset([await retrieve()])).toEqual(multiset([CREATE]));
  });
});

describe.each(UPSTREAMS_WITH_UPS.slice(1))('%s whose far end is gone', (_name, hops) => {
  test('fails safely with UPSTREAM_UNREACHABLE, so that the same may be sent again', async () => {
    const bed = await bedOf(hops.slice(0, 1), []);
    try {
      await bed.upstream.createMpps('1.2.3', CREATE, contextOf());
      await bed.endFarEnd();
      const failure = { code: 'UPSTREAM_UNREACHABLE', retry: 'safe' };
      await expect(bed.upstream.createMpps('1.2.4', CREATE, contextOf())).rejects.toMatchObject(failure);
      await expect(bed.upstream.updateMpps('1.2.3', finalMessage(), contextOf())).rejects.toMatchObject(failure);
      await expect(bed.upstream.retrieveMpps('1.2.3', 'all', contextOf())).rejects.toMatchObject(failure);
    } finally {
      await bed.close();
    }
  });
});

/** A series of `seriesMessage` by the UIDs of itself and its images. */
function seriesReferences(uid: string, images: number): DataSet {
  const image = (number: number): DataSet => dataSetOf({ '00081155': attribute('UI', `${uid}.${number}`) });
  return dataSetOf({
    '0020000E': attribute('UI', uid),
    '00081140': attribute('SQ', ...Array.from({ length: images }, (_, i) => image(i + 1))),
  });
}

function only(dataSet: DataSet, tags: readonly string[]): DataSet {
  return dataSetOf(Object.fromEntries(Object.entries(dataSet).filter(([tag]) => tags.includes(tag))));
}

function without(dataSet: DataSet, tag: string): DataSet {
  return only(
    dataSet,
    Object.keys(dataSet).filter((each) => each !== tag),
  );
}
