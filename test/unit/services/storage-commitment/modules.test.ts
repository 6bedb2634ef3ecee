import { describe, expect, test } from '@jest/globals';

import { attribute as a, cloneDataSet, createDataSet, dataSetOf } from '../../../../src/dataset/model.ts';
import type { DataSet, Tag } from '../../../../src/dataset/model.ts';
import { ServiceFailure } from '../../../../src/services/port.ts';
import type { SopReference } from '../../../../src/services/storage-commitment/commitment.ts';
import { referencesOf, responseModule, sopForm, toldIn } from '../../../../src/services/storage-commitment/modules.ts';
import { settle } from '../../../../src/services/storage-commitment/settle.ts';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const SR = '1.2.840.10008.5.1.4.1.1.88.11';

function instance(sopInstanceUid: string, sopClassUid = CT): SopReference {
  return { sopClassUid, sopInstanceUid };
}

function sopItem(uid: string, sopClassUid = CT, reason?: number): DataSet {
  return dataSetOf({
    '00081150': a('UI', sopClassUid),
    '00081155': a('UI', uid),
    ...(reason !== undefined && { '00081197': a('US', reason) }),
  });
}

function instanceItem(uid: string, reason?: number): DataSet {
  return dataSetOf({ '00081155': a('UI', uid), ...(reason !== undefined && { '00081197': a('US', reason) }) });
}

function classItem(sopClassUid: string, ...instances: DataSet[]): DataSet {
  return dataSetOf({ '00081150': a('UI', sopClassUid), '0008114A': a('SQ', ...instances) });
}

function seriesItem(uid: string, ...classes: DataSet[]): DataSet {
  return dataSetOf({ '0020000E': a('UI', uid), '00081112': a('SQ', ...classes) });
}

function studyItem(uid: string, ...series: DataSet[]): DataSet {
  return dataSetOf({ '0020000D': a('UI', uid), '00081115': a('SQ', ...series) });
}

const FLAT = dataSetOf({ '00081199': a('SQ', sopItem('1.1'), sopItem('1.2', SR)) });
const TREE = dataSetOf({
  '00081110': a(
    'SQ',
    studyItem(
      '2.1',
      seriesItem('2.1.1', classItem(CT, instanceItem('3.1'), instanceItem('3.2'))),
      seriesItem('2.1.2', classItem(CT, instanceItem('3.3')), classItem(SR, instanceItem('3.4'))),
    ),
    studyItem('2.2', seriesItem('2.2.1', classItem(SR, instanceItem('3.5')))),
  ),
});
const BOTH = dataSetOf({ ...FLAT, ...TREE });
const TREE_INSTANCES = [instance('3.1'), instance('3.2'), instance('3.3'), instance('3.4', SR), instance('3.5', SR)];
const ALL = [instance('1.1'), instance('1.2', SR), ...TREE_INSTANCES];

function failureOf(module: DataSet, transactionUid?: string): ServiceFailure {
  try {
    referencesOf(module, transactionUid);
  } catch (error) {
    if (error instanceof ServiceFailure) return error;
    throw error;
  }
  throw new Error('the module was taken');
}

/** What is said of a module with one problem, or more of one kind. */
function told(module: DataSet): string[] {
  const { code, message } = failureOf(module);
  return message.split('; ').map((text) => `${code} ${text}`);
}

/** A copy of a module with the item at `steps` (tag, number from 0, …) changed. */
function changed(module: DataSet, steps: readonly [Tag, number][], change: (item: DataSet) => void): DataSet {
  const copy = cloneDataSet(module);
  change(steps.reduce((item, [tag, i]) => item[tag]?.Value?.[i] as DataSet, copy));
  return copy;
}

describe('Storage Commitment Request Module (PS3.18 Table J.1-1)', () => {
  test('either form, or both, gives the instances in their order', () => {
    expect(referencesOf(FLAT)).toEqual([instance('1.1'), instance('1.2', SR)]);
    expect(referencesOf(TREE)).toEqual(TREE_INSTANCES);
    expect(referencesOf(BOTH)).toEqual(ALL);
  });

  test('other attributes at every level pass, and leave no trace', () => {
    const extra = dataSetOf({ ...BOTH, '00080005': a('CS', 'ISO_IR 192'), '00091001': a('LO', 'x') });
    const steps: [Tag, number][] = [['00081110', 0], ['00081115', 0], ['00081112', 0], ['0008114A', 0]]; // prettier-ignore
    const withReason = changed(extra, steps, (item) => (item['00081197'] = a('US', 0x0112)));
    const module = changed(withReason, [['00081199', 0]], (item) => (item['00081197'] = a('US', 0x0112)));
    expect(referencesOf(module)).toEqual(ALL);
    expect(responseModule(module, { committed: ALL, failed: [] })).toEqual(BOTH);
  });

  test('the flat form of references is a module of its own', () => {
    expect(sopForm([instance('1.1'), instance('1.2', SR)])).toEqual(FLAT);
    const failed = { ...instance('1.1'), reason: 0x0112 };
    expect(sopForm([failed])).toEqual(dataSetOf({ '00081199': a('SQ', sopItem('1.1')) }));
  });

  test('neither form: Referenced SOP Sequence is missing', () => {
    expect(told(createDataSet())).toEqual(['MISSING_ATTRIBUTE 00081199 is missing']);
  });

  test.each<[string, DataSet, string[]]>([
    ['flat', dataSetOf({ '00081199': a('SQ') }), ['MISSING_VALUE 00081199 has no item']],
    ['tree', dataSetOf({ '00081110': a('SQ') }), ['MISSING_VALUE 00081110 has no item']],
    ['flat beside a tree', dataSetOf({ ...TREE, '00081199': a('SQ') }), ['MISSING_VALUE 00081199 has no item']],
    ['no sequence at all', dataSetOf({ '00081199': a('LO', 'x') }), ['MISSING_VALUE 00081199 has no item']],
  ])('an empty sequence holds no request: %s', (_title, module, issues) => {
    expect(told(module)).toEqual(issues);
  });

  const LEVELS: [string, [Tag, number][], Tag, string][] = [
    ['class of a flat item', [['00081199', 1]], '00081150', '00081199 item 2'],
    ['instance of a flat item', [['00081199', 0]], '00081155', '00081199 item 1'],
    ['study', [['00081110', 1]], '0020000D', '00081110 item 2'],
    ['series', [['00081110', 0], ['00081115', 1]], '0020000E', '00081110 item 1, 00081115 item 2'],
    [
      'class',
      [['00081110', 0], ['00081115', 1], ['00081112', 1]],
      '00081150',
      '00081110 item 1, 00081115 item 2, 00081112 item 2',
    ],
    [
      'instance',
      [['00081110', 0], ['00081115', 0], ['00081112', 0], ['0008114A', 1]],
      '00081155',
      '00081110 item 1, 00081115 item 1, 00081112 item 1, 0008114A item 2',
    ],
  ]; // prettier-ignore

  test.each(LEVELS)('a UID that is missing, empty, none or several: %s', (_title, steps, tag, place) => {
    expect(told(changed(BOTH, steps, (item) => delete item[tag]))).toEqual([
      `MISSING_ATTRIBUTE ${place}: ${tag} is missing`,
    ]);
    for (const empty of [a('UI'), { vr: 'UI' as const, Value: [] }, a('UI', null)]) {
      expect(told(changed(BOTH, steps, (item) => (item[tag] = empty)))).toEqual([
        `MISSING_VALUE ${place}: ${tag} has no value`,
      ]);
    }
    for (const bad of [a('UI', '1.02'), a('UI', `1.${'2'.repeat(63)}`), a('UI', '8.1', '8.2'), a('US', 1)]) {
      expect(told(changed(BOTH, steps, (item) => (item[tag] = bad)))).toEqual([
        `INVALID_VALUE ${place}: ${tag} is not one UID of at most 64 characters`,
      ]);
    }
  });

  test.each<[Tag, [Tag, number][], string]>([
    ['00081115', [['00081110', 1]], '00081110 item 2'],
    ['00081112', [['00081110', 0], ['00081115', 0]], '00081110 item 1, 00081115 item 1'],
    [
      '0008114A',
      [['00081110', 0], ['00081115', 1], ['00081112', 0]],
      '00081110 item 1, 00081115 item 2, 00081112 item 1',
    ],
  ])('%s of the tree must be there and not empty', (tag, steps, place) => {
    expect(told(changed(TREE, steps, (item) => delete item[tag]))).toEqual([
      `MISSING_ATTRIBUTE ${place}: ${tag} is missing`,
    ]);
    expect(told(changed(TREE, steps, (item) => (item[tag] = a('SQ'))))).toEqual([
      `MISSING_VALUE ${place}: ${tag} has no item`,
    ]);
  }); // prettier-ignore

  test('an instance is referenced once, in the tree, in the flat form and across both (PS3.4 Table J.3-1)', () => {
    const twice = 'INVALID_VALUE 00081199 item 3: 00081155 names an instance for the second time';
    expect(told(dataSetOf({ '00081199': a('SQ', sopItem('1.1'), sopItem('1.2'), sopItem('1.1', SR)) }))).toEqual([
      twice,
    ]);
    const place = '00081110 item 2, 00081115 item 1, 00081112 item 1, 0008114A item 1';
    const steps: [Tag, number][] = [['00081110', 1], ['00081115', 0], ['00081112', 0], ['0008114A', 0]]; // prettier-ignore
    for (const uid of ['3.1', '1.1']) {
      const module = changed(BOTH, steps, (item) => (item['00081155'] = a('UI', uid)));
      expect(told(module)).toEqual([`INVALID_VALUE ${place}: 00081155 names an instance for the second time`]);
    }
  });

  test('the failure names every problem, ten at most by their place, and no value', () => {
    const items = Array.from({ length: 13 }, () => sopItem('1.0secret'));
    const failure = failureOf(dataSetOf({ '00081110': a('SQ'), '00081199': a('SQ', createDataSet(), ...items) }));
    expect(failure.code).toBe('MISSING_ATTRIBUTE');
    expect([...failure.attributes].sort()).toEqual(['00081110', '00081199']);
    expect(failure.message.split('; ')).toEqual([
      '00081199 item 1: 00081150 is missing',
      '00081199 item 1: 00081155 is missing',
      ...Array.from(
        { length: 8 },
        (_, i) => `00081199 item ${i + 2}: 00081155 is not one UID of at most 64 characters`,
      ),
      'and 6 more',
    ]);
  });

  test('the Transaction UID stands in the path: a UID, and no other one in the module (PS3.18 13.4.1.1)', () => {
    expect(failureOf(FLAT, '1.2.03').code).toBe('INVALID_UID');
    const named = dataSetOf({ ...FLAT, '00081195': a('UI', '9.1') });
    expect(referencesOf(named, '9.1')).toHaveLength(2);
    expect(referencesOf(dataSetOf({ ...FLAT, '00081195': a('UI') }), '9.1')).toHaveLength(2);
    const failure = failureOf(named, '9.2');
    expect([failure.code, failure.message]).toEqual(['INVALID_VALUE', '00081195 is another one than in the path']);
    expect(failure.attributes).toEqual(['00081195']);
  });
});

describe('Storage Commitment Response Module (PS3.18 Table J.2-1)', () => {
  const failed = [
    { ...instance('1.2', SR), reason: 0x0112 },
    { ...instance('3.2'), reason: 0x0213 },
    { ...instance('3.4', SR), reason: 0x0119 },
  ];
  const committed = ALL.filter(({ sopInstanceUid }) => !failed.some((each) => each.sopInstanceUid === sopInstanceUid));
  const flatAnswer = {
    '00081198': a('SQ', sopItem('1.2', SR, 0x0112)),
    '00081199': a('SQ', sopItem('1.1')),
  };
  const treeAnswer = {
    '00081110': a(
      'SQ',
      studyItem(
        '2.1',
        seriesItem('2.1.1', classItem(CT, instanceItem('3.1'))),
        seriesItem('2.1.2', classItem(CT, instanceItem('3.3'))),
      ),
      studyItem('2.2', seriesItem('2.2.1', classItem(SR, instanceItem('3.5')))),
    ),
    '0008119B': a(
      'SQ',
      studyItem(
        '2.1',
        seriesItem('2.1.1', classItem(CT, instanceItem('3.2', 0x0213))),
        seriesItem('2.1.2', classItem(SR, instanceItem('3.4', 0x0119))),
      ),
    ),
  };

  test('each form is answered in its own sequences, committed and failed apart', () => {
    expect(responseModule(FLAT, { committed, failed })).toEqual(dataSetOf(flatAnswer));
    expect(responseModule(TREE, { committed, failed })).toEqual(dataSetOf(treeAnswer));
    expect(responseModule(BOTH, { committed, failed })).toEqual(dataSetOf({ ...flatAnswer, ...treeAnswer }));
  });

  test('a sequence without instances is left out', () => {
    expect(responseModule(BOTH, { committed: ALL, failed: [] })).toEqual(BOTH);
    const none = responseModule(BOTH, { committed: [], failed: ALL.map((each) => ({ ...each, reason: 0x0110 })) });
    expect(Object.keys(none).sort()).toEqual(['00081198', '0008119B']);
    expect(toldIn(none).failed).toHaveLength(ALL.length);
  });

  test('an instance the result does not know, or knows twice, is answered as failed', () => {
    const odd = { committed: [instance('1.1'), instance('1.2', SR)], failed: [{ ...instance('1.1'), reason: 0x0112 }] };
    const told = toldIn(responseModule(BOTH, odd));
    expect(told.committed).toEqual([instance('1.2', SR)]);
    expect(told.failed.map(({ reason }) => reason)).toEqual([0x0112, 0x0110, 0x0110, 0x0110, 0x0110, 0x0110]);
  });

  test('study, series and SOP class that a request repeats are one item each', () => {
    const repeated = dataSetOf({
      '00081110': a(
        'SQ',
        studyItem('2.1', seriesItem('2.1.1', classItem(CT, instanceItem('3.1')), classItem(CT, instanceItem('3.2')))),
        studyItem('2.2', seriesItem('2.1.1', classItem(CT, instanceItem('3.3')))),
        studyItem('2.1', seriesItem('2.1.1', classItem(CT, instanceItem('3.4')))),
      ),
    });
    expect(responseModule(repeated, { committed: referencesOf(repeated), failed: [] })).toEqual(
      dataSetOf({
        '00081110': a(
          'SQ',
          studyItem(
            '2.1',
            seriesItem('2.1.1', classItem(CT, ...['3.1', '3.2', '3.4'].map((uid) => instanceItem(uid)))),
          ),
          studyItem('2.2', seriesItem('2.1.1', classItem(CT, instanceItem('3.3')))),
        ),
      }),
    );
  });

  test('what a response module says is read from all four sequences, and settles to the same result', () => {
    const told = toldIn(dataSetOf({ ...flatAnswer, ...treeAnswer }));
    expect(settle(ALL, told)).toEqual({ result: { committed, failed }, unrequested: 0, doublyListed: 0, unlisted: 0 });
  });

  test('a damaged response claims nothing: its good items count, the others name no instance', () => {
    const items = [createDataSet(), sopItem('1.1'), dataSetOf({ '00081155': a('UI', '1.2', '1.1') }), sopItem('x')];
    const module = dataSetOf({ '00081199': a('SQ', ...items), '00081198': a('UN'), '00081110': a('SQ') });
    expect(settle(ALL, toldIn(module))).toMatchObject({
      result: { committed: [instance('1.1')] },
      unrequested: 3,
      unlisted: 6,
    });
  });

  test('a reason written as text is read, as in example B.29; what is no number is none', () => {
    const reasons = ['274', 'x', '', '1.5', '-1', '999999'];
    const items = reasons.map((reason, i) => dataSetOf({ ...sopItem(`1.${i + 1}`), '00081197': a('UI', reason) }));
    const { failed: listed } = toldIn(dataSetOf({ '00081198': a('SQ', ...items) }));
    expect(listed.map(({ reason }) => reason)).toEqual([274, ...Array.from({ length: 5 }, () => undefined)]);
  });
});

test('200,000 instances in one sequence do not exhaust the stack', () => {
  const references = Array.from({ length: 200_000 }, (_, i) => instance(`1.2.3.${i}`));
  const module = sopForm(references);
  const answer = responseModule(module, settle(referencesOf(module), { committed: references, failed: [] }).result);
  expect(answer['00081199']?.Value).toHaveLength(200_000);
});
