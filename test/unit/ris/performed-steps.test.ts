/** The embedded RIS as an MPPS SCP, over a real store. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attribute, createDataSet, dataSetOf, firstText, itemsOf } from '../../../src/dataset/model.ts';
import type { Attribute, DataSet } from '../../../src/dataset/model.ts';
import { SILENT } from '../../../src/observe/log.ts';
import { Ris } from '../../../src/ris/ris.ts';
import type { RisStep, RisSteps } from '../../../src/store/ris-records.ts';
import { openStore } from '../../../src/store/sqlite.ts';
import type { Store } from '../../../src/store/store.ts';
import { createMessage, finalMessage, MPPS_UID, progressMessage, seriesMessage } from '../../support/mpps.ts';
import { collect, contextOf, entryOf, keepingLogger, queryOf } from '../../support/requests.ts';
import type { LogLine } from '../../support/requests.ts';

/** The order of the patient of `createMessage`. */
const ENTRY = dataSetOf({ ...entryOf('PID-1'), '00100010': createMessage()['00100010'] as Attribute });

let folder: string;
let store: Store;
let ris: Ris;

async function open(maximumBytes?: number): Promise<void> {
  store = await openStore({
    path: join(folder, 'dimseway.db'),
    ...(maximumBytes === undefined ? {} : { maximumBytes }),
  });
  ris = await Ris.open('sandbox', [ENTRY], {}, store, SILENT);
}

/** The process ends and starts again. */
async function restart(maximumBytes?: number): Promise<void> {
  await store.close();
  await open(maximumBytes);
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-ris-'));
  await open();
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

const create = (attributes: DataSet, uid = MPPS_UID): ReturnType<Ris['createMpps']> =>
  ris.createMpps(uid, attributes, contextOf());
const update = (modifications: DataSet, uid = MPPS_UID): ReturnType<Ris['updateMpps']> =>
  ris.updateMpps(uid, modifications, contextOf());
const kept = (uid = MPPS_UID): Promise<DataSet> => ris.retrieveMpps(uid, 'all', contextOf());
const without = (dataSet: DataSet, ...tags: string[]): DataSet =>
  dataSetOf(Object.fromEntries(Object.entries(dataSet).filter(([tag]) => !tags.includes(tag))));

describe('N-CREATE (PS3.4 F.7.2.1)', () => {
  test('keeps every attribute, private ones too, and names the instance', async () => {
    const attributes = {
      ...createMessage(),
      '00090010': attribute('LO', 'DIMSEWAY TEST'),
      '00091001': attribute('DS', '070.50'),
    };
    expect(await create(dataSetOf(attributes))).toEqual({ uid: MPPS_UID });
    expect(await kept()).toEqual(dataSetOf(attributes));
  });

  test('keeps text as Unicode: the character set of the message does not stay', async () => {
    await create(dataSetOf({ ...createMessage(), '00080005': attribute('CS', '', 'ISO 2022 IR 87') }));
    expect(await kept()).toEqual(createMessage());
  });

  test('of an instance that exists is DUPLICATE_INSTANCE, whatever it holds, and changes nothing', async () => {
    await create(createMessage());
    for (const again of [createMessage(), createMessage('PID-2'), createDataSet()]) {
      await expect(create(again)).rejects.toMatchObject({ code: 'DUPLICATE_INSTANCE', retry: 'permanent' });
    }
    expect(await kept()).toEqual(createMessage());
  });

  test('two of one instance at once: one is kept, the other a duplicate', async () => {
    const [first, second] = await Promise.allSettled([create(createMessage('PID-1')), create(createMessage('PID-2'))]);
    expect([first.status, second.status]).toEqual(['fulfilled', 'rejected']);
    expect(await kept()).toEqual(createMessage('PID-1'));
  });

  test.each<[string, DataSet, string, string[]]>([
    [
      'COMPLETED',
      dataSetOf({ ...createMessage(), '00400252': attribute('CS', 'COMPLETED') }),
      'INVALID_VALUE',
      ['00400252'],
    ],
    [
      'no state of an MPPS',
      dataSetOf({ ...createMessage(), '00400252': attribute('CS', 'STARTED') }),
      'INVALID_VALUE',
      ['00400252'],
    ],
    ['type 1 missing', without(createMessage(), '00400241', '00080060'), 'MISSING_ATTRIBUTE', ['00080060', '00400241']],
    ['type 1 empty', dataSetOf({ ...createMessage(), '00400253': attribute('SH') }), 'MISSING_VALUE', ['00400253']],
    ['type 2 missing', without(createMessage(), '00100030'), 'MISSING_ATTRIBUTE', ['00100030']],
    [
      'no study in a scheduled step',
      dataSetOf({
        ...createMessage(),
        '00400270': attribute('SQ', dataSetOf({ '00400009': attribute('SH', 'SPS1') })),
      }),
      'MISSING_ATTRIBUTE',
      ['00400270'],
    ],
  ])('that breaks the table is refused and leaves nothing: %s', async (_title, attributes, code, tags) => {
    const failure = await create(attributes).then(
      () => undefined,
      (error: unknown) => error as { code: string; attributes: string[] },
    );
    expect([failure?.code, failure?.attributes.toSorted()]).toEqual([code, tags]);
    await expect(kept()).rejects.toMatchObject({ code: 'NO_SUCH_INSTANCE' });
  });

  test.each(['1.2.03', '', 'x', `1.${'2'.repeat(63)}`])('under "%s", which is no UID, is INVALID_UID', async (uid) => {
    await expect(create(createMessage(), uid)).rejects.toMatchObject({ code: 'INVALID_UID' });
  });
});

describe('N-SET (PS3.4 F.7.2.2)', () => {
  beforeEach(() => create(createMessage()));

  test('replaces whole attributes, sequences too, and leaves the others', async () => {
    await update(seriesMessage(300, 20));
    await update(dataSetOf({ ...seriesMessage(2), ...progressMessage('nearly done') }));
    expect(await kept()).toEqual(
      dataSetOf({ ...createMessage(), ...seriesMessage(2), ...progressMessage('nearly done') }),
    );
  });

  test('may say IN PROGRESS again, and hold nothing at all', async () => {
    await update(dataSetOf({ '00400252': attribute('CS', 'IN PROGRESS') }));
    await update(createDataSet());
    expect(await kept()).toEqual(createMessage());
  });

  test('sets private attributes, created or not', async () => {
    const own = { '00090010': attribute('LO', 'DIMSEWAY TEST'), '00091001': attribute('LO', 'later') };
    await update(dataSetOf(own));
    expect(await kept()).toEqual(dataSetOf({ ...createMessage(), ...own }));
  });

  test('of an unknown instance is NO_SUCH_INSTANCE', async () => {
    await expect(update(progressMessage(), '1.2.3')).rejects.toMatchObject({ code: 'NO_SUCH_INSTANCE' });
  });

  test.each(['COMPLETED', 'DISCONTINUED'] as const)(
    'after %s is INSTANCE_FINAL with Error ID A710H, even the very same once more (F.7.2.2.2)',
    async (state) => {
      await update(finalMessage(state));
      const final = await kept();
      const backwards = dataSetOf({ '00400252': attribute('CS', 'IN PROGRESS') });
      for (const late of [finalMessage(state), finalMessage('DISCONTINUED'), progressMessage(), backwards]) {
        await expect(update(late)).rejects.toMatchObject({ code: 'INSTANCE_FINAL', errorId: 0xa710 });
      }
      expect(await kept()).toEqual(final);
    },
  );

  test.each<[string, DataSet, string, string[]]>([
    ['fixed at the create', dataSetOf({ '00100020': attribute('LO', 'PID-2') }), 'NO_SUCH_ATTRIBUTE', ['00100020']],
    ['never created', dataSetOf({ '00400280': attribute('ST', 'remark') }), 'NO_SUCH_ATTRIBUTE', ['00400280']],
    ['no state', dataSetOf({ '00400252': attribute('CS', 'DONE') }), 'INVALID_VALUE', ['00400252']],
    ['an empty state', dataSetOf({ '00400252': attribute('CS') }), 'MISSING_VALUE', ['00400252']],
    ['final without end', without(finalMessage(), '00400250', '00400251'), 'MISSING_VALUE', ['00400250', '00400251']],
    ['final without series', without(finalMessage(), '00400340'), 'MISSING_VALUE', ['00400340']],
    [
      'a series without its type 1s',
      dataSetOf({ '00400340': attribute('SQ', without(itemsOf(seriesMessage(1)['00400340'])[0] ?? {}, '00181030')) }),
      'MISSING_ATTRIBUTE',
      ['00400340'],
    ],
  ])('that breaks the table is refused and changes nothing: %s', async (_title, modifications, code, attributes) => {
    const withProgress = dataSetOf({ ...progressMessage(), ...modifications });
    await expect(update(withProgress)).rejects.toMatchObject({ code, attributes });
    expect(await kept()).toEqual(createMessage());
  });

  test('final needs what all messages together gave, not all in the last one', async () => {
    await update(seriesMessage(3));
    await update(without(finalMessage(), '00400340'));
    expect(firstText(await kept(), '00400252')).toBe('COMPLETED');
  });

  test('many at once run in the order they came', async () => {
    const texts = Array.from({ length: 20 }, (_, i) => `part ${i}`);
    await Promise.all([...texts.map((text) => update(progressMessage(text))), update(finalMessage())]);
    expect(await kept()).toEqual(dataSetOf({ ...createMessage(), ...progressMessage('part 19'), ...finalMessage() }));
  });
});

describe('N-GET (PS3.4 F.8.2)', () => {
  beforeEach(() => create(createMessage()));

  test('gives what is selected; what the instance merely lacks is absent without a word', async () => {
    const context = contextOf();
    const selection = [['00400252'], ['00400270', '00400009'], ['00400280']];
    expect(await ris.retrieveMpps(MPPS_UID, selection, context)).toEqual(
      dataSetOf({
        '00400252': attribute('CS', 'IN PROGRESS'),
        '00400270': attribute('SQ', dataSetOf({ '00400009': attribute('SH', 'SPS1') })),
      }),
    );
    expect(context.warnings).toEqual([]);
  });

  test('says which attributes no MPPS has (0001H)', async () => {
    const context = contextOf();
    const selection = [['00400252'], ['00400100', '00400009'], ['00321060']];
    expect(Object.keys(await ris.retrieveMpps(MPPS_UID, selection, context))).toEqual(['00400252']);
    expect(context.warnings).toMatchObject([{ code: 'ATTRIBUTES_IGNORED', attributes: ['00321060', '00400100'] }]);
  });

  test('of an unknown instance is NO_SUCH_INSTANCE', async () => {
    await expect(kept('1.2.3')).rejects.toMatchObject({ code: 'NO_SUCH_INSTANCE' });
  });
});

describe('what was acknowledged', () => {
  const found = (): Promise<DataSet[]> =>
    collect(ris.search(queryOf(dataSetOf({ '00400100': attribute('SQ') })), contextOf()));

  test('is there after a restart, and goes on from there; the worklist still follows', async () => {
    await create(createMessage());
    await update(seriesMessage(3));
    await restart();
    expect(await kept()).toEqual(dataSetOf({ ...createMessage(), ...seriesMessage(3) }));
    expect((await found()).map((entry) => firstText(itemsOf(entry['00400100'])[0] ?? {}, '00400020'))).toEqual([
      'STARTED',
    ]);
    await expect(create(createMessage())).rejects.toMatchObject({ code: 'DUPLICATE_INSTANCE' });
    await update(finalMessage());
    await restart();
    await expect(update(progressMessage())).rejects.toMatchObject({ code: 'INSTANCE_FINAL' });
    expect(await found()).toEqual([]);
  });

  test('belongs to the RIS of its name', async () => {
    await create(createMessage());
    const other = await Ris.open('other', [], {}, store, SILENT);
    await expect(other.retrieveMpps(MPPS_UID, 'all', contextOf())).rejects.toMatchObject({ code: 'NO_SUCH_INSTANCE' });
    await expect(other.createMpps(MPPS_UID, createMessage(), contextOf())).resolves.toEqual({ uid: MPPS_UID });
  });

  test('is all there is: a change the store refuses is no change, and the next one works', async () => {
    await restart(200_000);
    await create(createMessage());
    await expect(update(seriesMessage(2_000))).rejects.toMatchObject({ name: 'GatewayError', code: 'STORE_FULL' });
    await update(progressMessage());
    expect(await kept()).toEqual(dataSetOf({ ...createMessage(), ...progressMessage() }));
  });
});

describe('a step that another process changes at the same time', () => {
  /** A RIS in whose way another process gets, just before each of its next so many writes. */
  const hindered = (times: number, interfere: (before: RisStep | undefined) => Promise<void>): Promise<Ris> => {
    let left = times;
    const steps: RisSteps = {
      get: (key) => store.steps.get(key),
      expire: (upstream, expiry) => store.steps.expire(upstream, expiry),
      save: async (change, durability) => {
        if (left-- > 0) await interfere(await store.steps.get(change));
        return store.steps.save(change, durability);
      },
    };
    const { worklist, exceptions } = store;
    return Ris.open('sandbox', [ENTRY], {}, { steps, worklist, exceptions }, SILENT);
  };

  test('is read again, so that neither change is lost', async () => {
    await create(createMessage());
    let parts = 0;
    const other = await hindered(3, () => update(seriesMessage(++parts)).then(() => undefined));
    await other.updateMpps(MPPS_UID, progressMessage('by the other'), contextOf());
    expect(await kept()).toEqual(
      dataSetOf({ ...createMessage(), ...seriesMessage(3), ...progressMessage('by the other') }),
    );
  });

  test('is judged as it is then: created meanwhile it is a duplicate, ended meanwhile it is final', async () => {
    const late = await hindered(1, () => create(createMessage()).then(() => undefined));
    await expect(late.createMpps(MPPS_UID, createMessage(), contextOf())).rejects.toMatchObject({
      code: 'DUPLICATE_INSTANCE',
    });
    const later = await hindered(1, () => update(finalMessage()).then(() => undefined));
    await expect(later.updateMpps(MPPS_UID, progressMessage(), contextOf())).rejects.toMatchObject({
      code: 'INSTANCE_FINAL',
    });
    expect(await kept()).toEqual(dataSetOf({ ...createMessage(), ...finalMessage() }));
  });

  test('is given up after some tries, with nothing done', async () => {
    await create(createMessage());
    let parts = 0;
    const other = await hindered(Infinity, () => update(seriesMessage(++parts)).then(() => undefined));
    await expect(other.updateMpps(MPPS_UID, progressMessage(), contextOf())).rejects.toMatchObject({
      code: 'OUT_OF_RESOURCES',
      retry: 'safe',
    });
    expect(await kept()).toEqual(dataSetOf({ ...createMessage(), ...seriesMessage(parts) }));
  });
});

describe('a RIS that stands in for a real one (validation: warn)', () => {
  const NO_SERIES = without(finalMessage(), '00400340');
  let lines: LogLine[];
  beforeEach(async () => {
    const logger = keepingLogger();
    lines = logger.lines;
    ris = await Ris.open('sandbox', [ENTRY], { validation: 'warn' }, store, logger);
  });

  test('keeps what breaks Table F.7.2-1 and logs the tags, no values', async () => {
    const sloppy = without(createMessage(), '00100030', '00400241');
    await create(sloppy);
    await update({ ...NO_SERIES, '00100010': attribute('PN', { Alphabetic: 'Other^Name' }) });
    expect(firstText(await kept(), '00400252')).toBe('COMPLETED');
    const told = lines.filter(({ message }) => message === 'a performed step breaks Table F.7.2-1 and is kept');
    expect(told.map(({ uid, problems }) => [uid, Array.isArray(problems) && problems.length > 0])).toEqual([
      [MPPS_UID, true],
      [MPPS_UID, true],
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/Other|PID-1/);
  });

  test('holds to the states all the same: no state, an unknown one, after the end, twice, unknown, no UID', async () => {
    await expect(create(without(createMessage(), '00400252'))).rejects.toMatchObject({ code: 'MISSING_ATTRIBUTE' });
    await create(createMessage());
    await expect(create(createMessage())).rejects.toMatchObject({ code: 'DUPLICATE_INSTANCE' });
    await expect(update(dataSetOf({ '00400252': attribute('CS', 'DONE') }))).rejects.toMatchObject({
      code: 'INVALID_VALUE',
    });
    await update(NO_SERIES);
    await expect(update(progressMessage('late'))).rejects.toMatchObject({ code: 'INSTANCE_FINAL' });
    await expect(update(finalMessage(), '1.2.99')).rejects.toMatchObject({ code: 'NO_SUCH_INSTANCE' });
    await expect(create(createMessage(), 'no uid')).rejects.toMatchObject({ code: 'INVALID_UID' });
  });
});

test('a request whose requester is gone already does nothing', async () => {
  const gone = contextOf(undefined, AbortSignal.abort());
  await expect(ris.createMpps(MPPS_UID, createMessage(), gone)).rejects.toMatchObject({ code: 'CANCELED' });
  await expect(kept()).rejects.toMatchObject({ code: 'NO_SUCH_INSTANCE' });
});
