/** Which orders follow a performed step, how far, and which do not (PS3.4 F.1.4, IHE RAD 4.6 and 4.7). */
import { afterEach, describe, expect, test } from '@jest/globals';
import { attribute, dataSetOf, itemsOf } from '../../../src/dataset/model.ts';
import type { Attribute, DataSet } from '../../../src/dataset/model.ts';
import { entryIdOf } from '../../../src/ris/entry.ts';
import type { Ris } from '../../../src/ris/ris.ts';
import { finalMessage, progressMessage } from '../../support/mpps.ts';
import { collect, contextOf, entryOf, queryOf } from '../../support/requests.ts';
import { begin, createOf, end, RIS, risOf, statuses, wholeList } from '../../support/ris.ts';
import type { Reference, RisBed, RisBedOptions } from '../../support/ris.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function open(seed: readonly DataSet[], options?: RisBedOptions): Promise<RisBed> {
  const bed = await risOf(seed, options);
  closers.push(bed.close);
  return bed;
}

const ENTRIES = [entryOf('P1', 'SPS1'), entryOf('P1', 'SPS2')];
const STEP = createOf('P1', {});

describe('a worklist entry follows its performed step', () => {
  test('as scheduled, then STARTED (PS3.3 C.4.10), then off the list; another step is not touched', async () => {
    const { ris } = await open(ENTRIES);
    expect(await wholeList(ris)).toEqual(ENTRIES);
    await begin(ris, '1.1', STEP);
    expect(await statuses(ris)).toEqual({ 'P1 SPS1': 'STARTED', 'P1 SPS2': '-' });
    await end(ris, '1.1', 'COMPLETED');
    expect(await wholeList(ris)).toEqual([ENTRIES[1]]);
  });

  test('stays on the list as DISCONTINUED, to be taken up again', async () => {
    const { ris } = await open(ENTRIES);
    await begin(ris, '1.1', STEP);
    await end(ris, '1.1', 'DISCONTINUED');
    expect(await statuses(ris)).toEqual({ 'P1 SPS1': 'DISCONTINUED', 'P1 SPS2': '-' });
  });

  test('by option: each stage keeps or removes the entry', async () => {
    const entryWhen = { inProgress: 'remove', completed: 'keep', discontinued: 'remove' } as const;
    const { ris } = await open(ENTRIES, { entryWhen });
    await begin(ris, '1.1', STEP);
    expect(await statuses(ris)).toEqual({ 'P1 SPS2': '-' });
    await end(ris, '1.1', 'COMPLETED');
    expect(await statuses(ris)).toEqual({ 'P1 SPS1': 'COMPLETED', 'P1 SPS2': '-' });
    await begin(ris, '1.2', createOf('P1', { id: 'SPS2' }));
    await end(ris, '1.2', 'DISCONTINUED');
    expect(await statuses(ris)).toEqual({ 'P1 SPS1': 'COMPLETED' });
  });

  test('nothing of the entry but the status changes', async () => {
    const { ris } = await open([ENTRIES[0] as DataSet]);
    await begin(ris, '1.1', STEP);
    const step = dataSetOf({ ...itemsOf(ENTRIES[0]?.['00400100'])[0], '00400020': attribute('CS', 'STARTED') });
    expect(await wholeList(ris)).toEqual([dataSetOf({ ...ENTRIES[0], '00400100': attribute('SQ', step) })]);
  });

  test('a search matches the status as it is now', async () => {
    const { ris } = await open(ENTRIES);
    const started = async (): Promise<number> => {
      const key = attribute('SQ', dataSetOf({ '00400020': attribute('CS', 'STARTED') }));
      return (await collect(ris.search(queryOf(dataSetOf({ '00400100': key })), contextOf()))).length;
    };
    expect(await started()).toBe(0);
    await begin(ris, '1.1', createOf('P1', { id: 'SPS2' }));
    expect(await started()).toBe(1);
  });
});

describe('which entries a performed step belongs to', () => {
  const after = async (entries: readonly DataSet[], ...references: readonly Reference[]): Promise<object> => {
    const { ris } = await open(entries);
    await begin(ris, '1.1', createOf('P1', ...references));
    return statuses(ris);
  };
  const accessed = (accession: string, stepId = 'SPS1'): DataSet =>
    dataSetOf({ ...entryOf('P1', stepId), '00080050': attribute('SH', accession) });
  const procedure = (id: string, entry: DataSet): DataSet => dataSetOf({ ...entry, '00401001': attribute('SH', id) });

  test.each<[string, readonly Reference[]]>([
    ['another study', [{ study: '1.2.3.5' }]],
    ['another step', [{ id: 'SPS9' }]],
    ['no step ID, unscheduled (F.7.2.1.2)', [{ id: '' }]],
    ['the study of one step, the ID of another', [{ study: '1.2.3.5' }, { id: 'SPS9' }]],
  ])('none: %s', async (_title, references) => {
    expect(await after([entryOf('P1')], ...references)).toEqual({ 'P1 SPS1': '-' });
  });

  test('several items, the group case: each its own', async () => {
    const entries = [...ENTRIES, entryOf('P1', 'SPS3')];
    expect(await after(entries, { id: 'SPS1' }, { id: 'SPS3' })).toEqual({
      'P1 SPS1': 'STARTED',
      'P1 SPS2': '-',
      'P1 SPS3': 'STARTED',
    });
  });

  test('of very many items none is forgotten', async () => {
    const entries = Array.from({ length: 250 }, (_, i) => entryOf('P1', `SPS${i}`));
    const references = entries.map((_, i) => ({ id: `SPS${i}`, referenced: ['9.9.9'] }));
    expect(new Set(Object.values(await after(entries, ...references)))).toEqual(new Set(['STARTED']));
  });

  test('one study for all: the original one is in Referenced Study Sequence', async () => {
    const reference = { study: '9.9', referenced: ['1.2.3.3', '1.2.3.4'] };
    expect(await after([entryOf('P1')], reference)).toEqual({ 'P1 SPS1': 'STARTED' });
  });

  test('Accession Number decides between entries that fit alike', async () => {
    const entries = [procedure('R1', accessed('A1')), procedure('R2', accessed('A2'))];
    const started = async (accession?: string): Promise<string[]> => {
      const { ris } = await open(entries);
      await begin(ris, '1.1', createOf('P1', accession === undefined ? {} : { accession }));
      const list = await wholeList(ris);
      return list
        .filter((entry) => itemsOf(entry['00400100'])[0]?.['00400020'] !== undefined)
        .map((entry) => entry['00080050']?.Value?.[0] as string);
    };
    expect(await started('A2')).toEqual(['A2']);
    expect(await started('A3')).toEqual(['A1', 'A2']);
    expect(await started()).toEqual(['A1', 'A2']);
  });
});

describe('several performed steps of one entry', () => {
  test('the append case: taken up again it is STARTED, then what the last one ended in', async () => {
    const { ris } = await open([entryOf('P1')]);
    await begin(ris, '1.1', STEP);
    await end(ris, '1.1', 'COMPLETED');
    expect(await statuses(ris)).toEqual({});
    await begin(ris, '1.2', STEP);
    expect(await statuses(ris)).toEqual({ 'P1 SPS1': 'STARTED' });
    await end(ris, '1.2', 'DISCONTINUED');
    expect(await statuses(ris)).toEqual({ 'P1 SPS1': 'DISCONTINUED' });
  });

  test('side by side it is STARTED until all have ended; the one that ended last decides', async () => {
    const { ris } = await open([entryOf('P1')], { entryWhen: { completed: 'keep', discontinued: 'keep' } });
    await begin(ris, '1.1', STEP);
    await begin(ris, '1.2', STEP);
    await end(ris, '1.2', 'DISCONTINUED');
    expect(await statuses(ris)).toEqual({ 'P1 SPS1': 'STARTED' });
    await end(ris, '1.1', 'COMPLETED');
    expect(await statuses(ris)).toEqual({ 'P1 SPS1': 'COMPLETED' });
  });
});

describe('a performed step that names an order of another patient', () => {
  const ORDER = dataSetOf({ ...entryOf('P1'), '00100040': attribute('CS', 'F') });
  const ID = entryIdOf(ORDER);
  const having = (attributes: Record<string, Attribute>): DataSet => dataSetOf({ ...STEP, ...attributes });
  const OTHER = having({ '00100020': attribute('LO', 'SECRET'), '00100040': attribute('CS', 'M') });
  const warnings = ({ lines }: RisBed): unknown[] => lines.filter(({ entry }) => entry !== undefined);
  const kept = (ris: Ris): Promise<DataSet> => ris.retrieveMpps('1.1', 'all', contextOf());

  test('is accepted and kept as it is; the order does not follow, an exception and a line without values say so', async () => {
    const bed = await open([ORDER]);
    await begin(bed.ris, '1.1', OTHER);
    expect(await kept(bed.ris)).toEqual(OTHER);
    expect(await statuses(bed.ris)).toEqual({ 'P1 SPS1': '-' });
    expect(await bed.store.exceptions.list({ open: true })).toMatchObject([
      { upstream: RIS, uid: '1.1', entryId: ID, attributes: ['00100020', '00100040'] },
    ]);
    expect(warnings(bed)).toEqual([
      {
        level: 'warn',
        message: expect.stringContaining('exception list'),
        upstream: RIS,
        uid: '1.1',
        entry: ID,
        attributes: ['00100020', '00100040'],
      },
    ]);
    expect(JSON.stringify(bed.lines)).not.toMatch(/SECRET|Doe/i);
  });

  test('stays apart while it goes on, and is told of once', async () => {
    const bed = await open([ORDER]);
    await begin(bed.ris, '1.1', OTHER);
    await bed.ris.updateMpps('1.1', progressMessage(), contextOf());
    await end(bed.ris, '1.1', 'COMPLETED');
    expect(await statuses(bed.ris)).toEqual({ 'P1 SPS1': '-' });
    expect(await bed.store.exceptions.list()).toHaveLength(1);
    expect(warnings(bed)).toHaveLength(1);
  });

  test('is followed once a person has merged them, as it is now and as it goes on', async () => {
    const bed = await open([ORDER]);
    await begin(bed.ris, '1.1', OTHER);
    const [exception] = await bed.store.exceptions.list();
    expect(await bed.store.exceptions.resolve(exception?.id ?? 0, 'merged', 'typing error at the console')).toBe(true);
    expect(await statuses(bed.ris)).toEqual({ 'P1 SPS1': 'STARTED' });
    await bed.ris.updateMpps('1.1', progressMessage(), contextOf());
    expect(await statuses(bed.ris)).toEqual({ 'P1 SPS1': 'STARTED' });
    await end(bed.ris, '1.1', 'COMPLETED');
    expect(await statuses(bed.ris)).toEqual({});
    expect(await bed.store.exceptions.list({ open: true })).toEqual([]);
  });

  test('is left alone once a person has dismissed the exception', async () => {
    const bed = await open([ORDER]);
    await begin(bed.ris, '1.1', OTHER);
    const [exception] = await bed.store.exceptions.list();
    await bed.store.exceptions.resolve(exception?.id ?? 0, 'dismissed', 'wrong order chosen');
    await end(bed.ris, '1.1', 'COMPLETED');
    expect(await statuses(bed.ris)).toEqual({ 'P1 SPS1': '-' });
    expect(await bed.store.exceptions.list({ open: true })).toEqual([]);
    expect(warnings(bed)).toHaveLength(1);
  });

  test('holds up neither its other orders nor another step of the same order', async () => {
    const second = entryOf('SECRET', 'SPS2');
    const bed = await open([ORDER, second]);
    const both = createOf('SECRET', {}, { id: 'SPS2' });
    await begin(bed.ris, '1.1', both);
    expect(await statuses(bed.ris)).toEqual({ 'P1 SPS1': '-', 'SECRET SPS2': 'STARTED' });
    await begin(bed.ris, '1.2', STEP);
    expect(await statuses(bed.ris)).toEqual({ 'P1 SPS1': 'STARTED', 'SECRET SPS2': 'STARTED' });
  });

  test.each<[string, DataSet]>([
    ['what the modality left empty', having({ '00100010': attribute('PN'), '00100020': attribute('LO') })],
    ['another writing', having({ '00100010': attribute('PN', { Alphabetic: 'DOE^p1^' }) })],
  ])('is none by %s', async (_title, attributes) => {
    const bed = await open([ORDER]);
    await begin(bed.ris, '1.1', attributes);
    expect([await statuses(bed.ris), await bed.store.exceptions.list()]).toEqual([{ 'P1 SPS1': 'STARTED' }, []]);
  });

  test('an update cannot make it another patient', async () => {
    const bed = await open([ORDER]);
    await begin(bed.ris, '1.1', OTHER);
    const change = bed.ris.updateMpps(
      '1.1',
      dataSetOf({ ...finalMessage(), '00100020': attribute('LO', 'P1') }),
      contextOf(),
    );
    await expect(change).rejects.toMatchObject({ code: 'NO_SUCH_ATTRIBUTE', attributes: ['00100020'] });
    expect(await kept(bed.ris)).toEqual(OTHER);
  });
});
