import { describe, expect, test } from '@jest/globals';
import { attribute, dataSetOf, firstText, itemsOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { Worklist } from '../../../src/ris/worklist.ts';
import { queryOf, entryOf } from '../../support/requests.ts';
import { matches } from '../../../src/services/worklist/matching.ts';

interface Reference {
  readonly id?: string;
  readonly study?: string;
  readonly accession?: string;
  /** Original studies, where one study is used for all steps. */
  readonly referenced?: readonly string[];
}

/** A performed step in a state, with one item for each scheduled step. */
function performed(state: string, ...references: readonly Reference[]): DataSet {
  const items = references.map(({ id = 'SPS1', study = '1.2.3.4', accession, referenced = [] }) =>
    dataSetOf({
      '0020000D': attribute('UI', study),
      '00400009': id === '' ? attribute('SH') : attribute('SH', id),
      '00080050': accession === undefined ? attribute('SH') : attribute('SH', accession),
      '00081110': attribute('SQ', ...referenced.map((uid) => dataSetOf({ '00081155': attribute('UI', uid) }))),
    }),
  );
  return dataSetOf({ '00400252': attribute('CS', state), '00400270': attribute('SQ', ...items) });
}

/** Status by step: `-` for none; steps that are not found are missing. */
function statuses(worklist: Worklist): Record<string, string> {
  return Object.fromEntries(
    worklist.current.map((entry) => {
      const step = itemsOf(entry['00400100'])[0] ?? {};
      const patient = firstText(entry, '00100020') ?? '';
      return [`${patient} ${firstText(step, '00400009') ?? ''}`, firstText(step, '00400020') ?? '-'];
    }),
  );
}

const ENTRIES = [entryOf('P1', 'SPS1'), entryOf('P1', 'SPS2')];

describe('a worklist entry follows its performed step', () => {
  test('as scheduled, then STARTED (PS3.3 C.4.10), then off the list; another step is not touched', () => {
    const worklist = new Worklist(ENTRIES);
    expect(worklist.current).toEqual(ENTRIES);
    worklist.follow('1.1', performed('IN PROGRESS', {}));
    expect(statuses(worklist)).toEqual({ 'P1 SPS1': 'STARTED', 'P1 SPS2': '-' });
    worklist.follow('1.1', performed('COMPLETED', {}));
    expect(statuses(worklist)).toEqual({ 'P1 SPS2': '-' });
    expect(worklist.current).toEqual([ENTRIES[1]]);
  });

  test('stays on the list as DISCONTINUED, to be taken up again', () => {
    const worklist = new Worklist(ENTRIES);
    worklist.follow('1.1', performed('DISCONTINUED', {}));
    expect(statuses(worklist)).toEqual({ 'P1 SPS1': 'DISCONTINUED', 'P1 SPS2': '-' });
  });

  test('by option: each stage keeps or removes the entry', () => {
    const worklist = new Worklist(ENTRIES, { inProgress: 'remove', completed: 'keep', discontinued: 'remove' });
    worklist.follow('1.1', performed('IN PROGRESS', {}));
    expect(statuses(worklist)).toEqual({ 'P1 SPS2': '-' });
    worklist.follow('1.1', performed('COMPLETED', {}));
    expect(statuses(worklist)).toEqual({ 'P1 SPS1': 'COMPLETED', 'P1 SPS2': '-' });
    worklist.follow('1.2', performed('DISCONTINUED', { id: 'SPS2' }));
    expect(statuses(worklist)).toEqual({ 'P1 SPS1': 'COMPLETED' });
  });

  test('nothing of the entry but the status changes, and the entry given stays as it was', () => {
    const worklist = new Worklist(ENTRIES);
    worklist.follow('1.1', performed('IN PROGRESS', {}));
    const [step] = itemsOf(ENTRIES[0]?.['00400100']);
    expect(worklist.current[0]).toEqual(
      dataSetOf({
        ...ENTRIES[0],
        '00400100': attribute('SQ', dataSetOf({ ...step, '00400020': attribute('CS', 'STARTED') })),
      }),
    );
    expect(ENTRIES).toEqual([entryOf('P1', 'SPS1'), entryOf('P1', 'SPS2')]);
  });

  test('a search matches the status as it is now', () => {
    const worklist = new Worklist(ENTRIES);
    const started = queryOf(
      dataSetOf({ '00400100': attribute('SQ', dataSetOf({ '00400020': attribute('CS', 'STARTED') })) }),
    );
    expect(worklist.current.filter((entry) => matches(entry, started))).toEqual([]);
    worklist.follow('1.1', performed('IN PROGRESS', { id: 'SPS2' }));
    expect(worklist.current.filter((entry) => matches(entry, started))).toHaveLength(1);
  });

  test('a list that is being read does not change under the reader', () => {
    const worklist = new Worklist(ENTRIES);
    const before = worklist.current;
    worklist.follow('1.1', performed('COMPLETED', {}, { id: 'SPS2' }));
    expect(before).toEqual(ENTRIES);
    expect(worklist.current).toEqual([]);
  });
});

describe('which entries a performed step belongs to', () => {
  const after = (entries: readonly DataSet[], ...references: readonly Reference[]): Record<string, string> => {
    const worklist = new Worklist(entries);
    worklist.follow('1.1', performed('IN PROGRESS', ...references));
    return statuses(worklist);
  };
  const accessed = (accession: string, patientId: string): DataSet =>
    dataSetOf({ ...entryOf(patientId), '00080050': attribute('SH', accession) });

  test.each<[string, readonly Reference[]]>([
    ['another study', [{ study: '1.2.3.5' }]],
    ['another step', [{ id: 'SPS9' }]],
    ['no step ID, unscheduled (F.7.2.1.2)', [{ id: '' }]],
    ['no item at all', []],
  ])('none: %s', (_title, references) => {
    expect(after([entryOf('P1'), entryOf('P2', '')], ...references)).toEqual({ 'P1 SPS1': '-', 'P2 ': '-' });
  });

  test('several items, the group case: each its own', () => {
    expect(after([...ENTRIES, entryOf('P1', 'SPS3')], { id: 'SPS1' }, { id: 'SPS3' })).toEqual({
      'P1 SPS1': 'STARTED',
      'P1 SPS2': '-',
      'P1 SPS3': 'STARTED',
    });
  });

  test('one study for all: the original one is in Referenced Study Sequence', () => {
    expect(after([entryOf('P1')], { study: '9.9', referenced: ['1.2.3.3', '1.2.3.4'] })).toEqual({
      'P1 SPS1': 'STARTED',
    });
  });

  test('Accession Number decides between entries that fit alike', () => {
    const entries = [accessed('A1', 'P1'), accessed('A2', 'P2')];
    expect(after(entries, { accession: 'A2' })).toEqual({ 'P1 SPS1': '-', 'P2 SPS1': 'STARTED' });
    expect(after(entries, { accession: 'A3' })).toEqual({ 'P1 SPS1': 'STARTED', 'P2 SPS1': 'STARTED' });
    expect(after([accessed('A1', 'P1')], {})).toEqual({ 'P1 SPS1': 'STARTED' });
  });
});

describe('several performed steps of one entry', () => {
  const keepAll = { completed: 'keep', discontinued: 'keep' } as const;

  test('the append case: taken up again it is STARTED, then what the last one ended in', () => {
    const worklist = new Worklist([entryOf('P1')]);
    worklist.follow('1.1', performed('COMPLETED', {}));
    expect(statuses(worklist)).toEqual({});
    worklist.follow('1.2', performed('IN PROGRESS', {}));
    expect(statuses(worklist)).toEqual({ 'P1 SPS1': 'STARTED' });
    worklist.follow('1.2', performed('DISCONTINUED', {}));
    expect(statuses(worklist)).toEqual({ 'P1 SPS1': 'DISCONTINUED' });
  });

  test('side by side it is STARTED until all have ended; the one that ended last decides', () => {
    const worklist = new Worklist([entryOf('P1')], keepAll);
    worklist.follow('1.1', performed('IN PROGRESS', {}));
    worklist.follow('1.2', performed('IN PROGRESS', {}));
    worklist.follow('1.2', performed('DISCONTINUED', {}));
    expect(statuses(worklist)).toEqual({ 'P1 SPS1': 'STARTED' });
    worklist.follow('1.1', performed('COMPLETED', {}));
    expect(statuses(worklist)).toEqual({ 'P1 SPS1': 'COMPLETED' });
  });
});
