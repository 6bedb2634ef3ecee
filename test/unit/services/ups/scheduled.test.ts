import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { lookupTag } from '../../../../src/dataset/dictionary.ts';
import { attribute, createDataSet, dataSetOf, firstText, itemsOf } from '../../../../src/dataset/model.ts';
import type { DataSet, Tag } from '../../../../src/dataset/model.ts';
import { hasValue } from '../../../../src/services/mpps/conditions.ts';
import { missingForFinal } from '../../../../src/services/ups/final-state.ts';
import { entryOf, STEP, workitemOf } from '../../../../src/services/ups/scheduled.ts';
import { COPIED_TAGS, REQUEST_TAGS, STEP_TAGS } from '../../../../src/services/ups/scheduled-table.ts';
import { stepIdOf } from '../../../../src/services/ups/step-id.ts';
import { WORKLIST_ATTRIBUTES } from '../../../../src/services/worklist/attributes.ts';
import { codeOf, someOf } from '../../../support/workitem-mapping.ts';

const OPTIONS = { uid: '2.25.9', stationScheme: '99AET', nowMs: 0 };

const TEXT_TAGS = [STEP.aeTitle, STEP.modality, STEP.location, STEP.physician, STEP.description, STEP.protocolCode];
const entries: fc.Arbitrary<DataSet> = fc
  .tuple(
    someOf([...COPIED_TAGS, ...REQUEST_TAGS]),
    someOf([...TEXT_TAGS, ...STEP_TAGS]),
    someOf([STEP.startTime, STEP.endDate]),
  )
  .map(([entry, step, times]) =>
    dataSetOf({
      ...entry,
      '0020000D': attribute('UI', '2.25.31'),
      '00400100': attribute('SQ', dataSetOf({ ...step, ...times, [STEP.startDate]: attribute('DA', '20250407') })),
    }),
  );

/** What comes back of a data set whose attributes have values. */
function known(dataSet: DataSet, tags: readonly Tag[]): DataSet {
  const found = createDataSet();
  for (const tag of tags) {
    const value = dataSet[tag];
    if (value !== undefined && hasValue(value)) found[tag] = value;
  }
  return found;
}

describe('the table of what both sides have (PS3.4 Tables K.6-1 and CC.2.5-3)', () => {
  test('names attributes of the worklist by their keywords', () => {
    const inStep = WORKLIST_ATTRIBUTES.get('00400100')?.items;
    for (const tag of [...COPIED_TAGS, ...REQUEST_TAGS]) expect(WORKLIST_ATTRIBUTES.has(tag)).toBe(true);
    for (const tag of STEP_TAGS) expect(inStep?.has(tag)).toBe(true);
    expect([COPIED_TAGS.length, REQUEST_TAGS.length, STEP_TAGS.length]).toEqual([87, 22, 4]);
  });
});

describe('a worklist entry as a workitem (proxy flows 7.1)', () => {
  test('and back: everything that both sides have', () => {
    fc.assert(
      fc.property(entries, (entry) => {
        const [again = createDataSet(), second] = entryOf(workitemOf(entry, OPTIONS), OPTIONS);
        expect(second).toBeUndefined();
        const [step = createDataSet()] = itemsOf(entry['00400100']);
        const [stepAgain = createDataSet()] = itemsOf(again['00400100']);
        const both = [...COPIED_TAGS, ...REQUEST_TAGS];
        expect(known(again, both)).toEqual(known(entry, both));
        const same = [...TEXT_TAGS, ...STEP_TAGS, STEP.startDate, STEP.startTime, STEP.endDate].filter(
          (tag) => tag !== STEP.description,
        );
        expect(known(stepAgain, same)).toEqual(known(step, same));
        expect(firstText(stepAgain, STEP.description)).toBe(
          firstText(step, STEP.description) ?? firstText(stepAgain, STEP.description),
        );
        expect(firstText(stepAgain, STEP.id)).toBe(stepIdOf('2.25.9'));
      }),
    );
  });

  test('has everything that a workitem must have (type 1), and never a lock', () => {
    fc.assert(
      fc.property(entries, (entry) => {
        const workitem = workitemOf(entry, OPTIONS);
        expect(missingForFinal(workitem, 'COMPLETED')).toEqual(['00741216']);
        for (const tag of ['00741204', '00741202']) expect(hasValue(workitem[tag])).toBe(true);
        expect(workitem['00081195']).toBeUndefined();
      }),
    );
  });

  test.each([
    ['STAT', 'HIGH', 'HIGH'],
    ['HIGH', 'HIGH', 'HIGH'],
    ['ROUTINE', 'MEDIUM', 'ROUTINE'],
    ['MEDIUM', 'MEDIUM', 'ROUTINE'],
    ['', 'MEDIUM', 'ROUTINE'],
    ['LOW', 'LOW', 'LOW'],
  ])('priority %p is %s there and %s back', (requested, priority, again) => {
    const value = requested === '' ? attribute('SH') : attribute('SH', requested);
    const workitem = workitemOf(dataSetOf({ '00401003': value }), OPTIONS);
    expect(firstText(workitem, '00741200')).toBe(priority);
    expect(entryOf(workitem, OPTIONS).map((entry) => firstText(entry, '00401003'))).toEqual([again]);
  });

  test.each([
    ['Step', 'Request', 'Protocol', 'Step'],
    [undefined, 'Request', 'Protocol', 'Request'],
    [undefined, undefined, 'Protocol', 'code Protocol'],
    [undefined, undefined, undefined, 'Scheduled procedure step'],
  ])(
    'the label is the first that is known of step %p, request %p, protocol %p: %s',
    (step, request, protocol, label) => {
      const entry = dataSetOf({
      ...(request !== undefined && { '00321060': attribute('LO', request) }),
      '00400100': attribute('SQ', dataSetOf({
        ...(step !== undefined && { [STEP.description]: attribute('LO', step) }),
        ...(protocol !== undefined && { [STEP.protocolCode]: attribute('SQ', codeOf(protocol)) }),
      })),
    }); // prettier-ignore
      expect(firstText(workitemOf(entry, OPTIONS), '00741204')).toBe(label);
    },
  );
});

describe('a workitem as worklist entries (proxy flows 6.1)', () => {
  const station = (value: string, meaning: string): DataSet => dataSetOf({
    '00741000': attribute('CS', 'SCHEDULED'),
    '00404025': attribute('SQ', dataSetOf({ '00080100': attribute('SH', value), '00080104': attribute('LO', meaning) })),
  }); // prettier-ignore
  const titleOf = (workitem: DataSet, stationAeTitle?: 'value' | 'meaning'): string | undefined => {
    const options = { stationScheme: '99AET', ...(stationAeTitle !== undefined && { stationAeTitle }) };
    const [entry = createDataSet()] = entryOf(workitem, options);
    return firstText(itemsOf(entry['00400100'])[0] ?? createDataSet(), STEP.aeTitle);
  };

  test('the AE title is where the server has it: Code Value, or Code Meaning as IHE EBIW has it', () => {
    expect(titleOf(station('CT_1', 'Scanner'))).toBe('CT_1');
    expect(titleOf(station('CT_1', 'Scanner'), 'meaning')).toBe('Scanner');
    expect(titleOf(station('a code of more than sixteen', 'CT_2'))).toBe('CT_2');
    expect(titleOf(station(' ', 'CT_2'))).toBe('CT_2');
    expect(titleOf(station('CT_1', 'a meaning of more than sixteen'), 'meaning')).toBe('CT_1');
    expect(titleOf(station('a code of more than sixteen', 'a meaning of more than sixteen'))).toBeUndefined();
  });

  test.each([
    ['SCHEDULED', 'SCHEDULED'],
    ['IN PROGRESS', 'STARTED'],
    ['COMPLETED', undefined],
    ['CANCELED', undefined],
  ])('state %s is status %p', (state, status) => {
    const [entry = createDataSet()] = entryOf(dataSetOf({ '00741000': attribute('CS', state) }), OPTIONS);
    expect(firstText(itemsOf(entry['00400100'])[0] ?? createDataSet(), STEP.status)).toBe(status);
  });

  test('the study of a request goes before the one of the workitem; without a request there is one entry all the same', () => {
    const study = (...requests: DataSet[]): (string | undefined)[] => {
      const workitem = dataSetOf({ '0020000D': attribute('UI', '1.2.3'), '0040A370': attribute('SQ', ...requests) });
      return entryOf(workitem, OPTIONS).map((entry) => firstText(entry, '0020000D'));
    };
    expect(study()).toEqual(['1.2.3']);
    expect(study(dataSetOf({ '0020000D': attribute('UI') }))).toEqual(['1.2.3']);
    expect(study(dataSetOf({ '0020000D': attribute('UI', '1.2.4') }), createDataSet())).toEqual(['1.2.4', '1.2.3']);
  });

  test('a modality is the first class with a value', () => {
    const classes = attribute('SQ', dataSetOf({ '00080100': attribute('SH', ' ') }), codeOf('MR', 'DCM'));
    const [entry = createDataSet()] = entryOf(dataSetOf({ '00404026': classes }), OPTIONS);
    expect(firstText(itemsOf(entry['00400100'])[0] ?? createDataSet(), STEP.modality)).toBe('MR');
  });

  test('tags of the mapping are those of the dictionary', () => {
    for (const [name, tag] of Object.entries(STEP)) expect([name, lookupTag(tag)?.keyword]).not.toContain(undefined);
  });
});
