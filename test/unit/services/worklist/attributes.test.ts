import { describe, expect, test } from '@jest/globals';

import { parsePath } from '../../../../src/dataset/attribute-path.ts';
import { lookupTag } from '../../../../src/dataset/dictionary.ts';
import { itemsOf } from '../../../../src/dataset/model.ts';
import {
  WORKLIST_ATTRIBUTES,
  isReturnedByDefault,
  leafPaths,
  universalKeys,
  worklistAttribute,
} from '../../../../src/services/worklist/attributes.ts';
import type { WorklistAttribute, WorklistAttributes } from '../../../../src/services/worklist/attributes.ts';

function rows(attributes: WorklistAttributes): WorklistAttribute[] {
  return [...attributes.values()].flatMap((attribute) => [attribute, ...rows(attribute.items)]);
}

describe('Modality Worklist Information Model (PS3.4 Table K.6-1)', () => {
  test('every row is spelled as in the dictionary, and sequences alone have items', () => {
    const all = rows(WORKLIST_ATTRIBUTES);
    expect(all).toHaveLength(475);
    for (const { tag, keyword, vr, matching, returnType, items } of all) {
      expect(lookupTag(tag)).toMatchObject({ keyword, vr });
      expect(['R', 'O', '-']).toContain(matching);
      expect(['1', '1C', '2', '2C', '3']).toContain(returnType);
      if (items.size > 0) expect(vr).toBe('SQ');
    }
  });

  test('the required matching keys are those of K.6.1.2.2', () => {
    const required = rows(WORKLIST_ATTRIBUTES).filter(({ matching }) => matching === 'R');
    const names = new Set(required.map(({ keyword }) => keyword));
    names.delete('CodingSchemeVersion'); // required within the language code macro only
    expect([...names].sort()).toEqual([
      'Modality',
      'PatientID',
      'PatientName',
      'ScheduledPerformingPhysicianName',
      'ScheduledProcedureStepSequence',
      'ScheduledProcedureStepStartDate',
      'ScheduledProcedureStepStartTime',
      'ScheduledStationAETitle',
    ]);
  });

  test('default return keys are types 1 and 2, and a code comes with its meaning', () => {
    const keys = universalKeys('default');
    expect(keys['00100010']).toEqual({ vr: 'PN' });
    expect(keys).not.toHaveProperty('00104000');
    const [step] = itemsOf(keys['00400100']);
    expect(step).toMatchObject({ '00080060': { vr: 'CS' }, '00400012': { vr: 'LO' } });
    expect(Object.keys(itemsOf(keys['00321064'])[0] ?? {}).sort()).toEqual([
      '00080100',
      '00080102',
      '00080103',
      '00080104',
      '00080119',
      '00080120',
    ]);
  });

  test('all return keys include type 3 and sequences left open', () => {
    const keys = universalKeys('all');
    expect(keys['00104000']).toEqual({ vr: 'LT' });
    expect(keys['00380502']).toEqual({ vr: 'SQ' });
  });

  test('leaf paths end the tree; the table does not know those of open sequences', () => {
    expect(leafPaths(['00081110'])).toEqual([
      ['00081110', '00081150'],
      ['00081110', '00081155'],
    ]);
    expect(leafPaths(['00400100'])?.length).toBeGreaterThan(100);
    expect(leafPaths(['00380502'])).toBeUndefined();
    expect(leafPaths(['00091001'])).toBeUndefined();
  });

  test('an attribute is returned by default only when the sequences around it are', () => {
    expect(isReturnedByDefault(parsePath('ScheduledProcedureStepSequence.Modality'))).toBe(true);
    expect(isReturnedByDefault(parsePath('ScheduledSpecimenSequence.ContainerIdentifier'))).toBe(false);
    expect(isReturnedByDefault(parsePath('PatientComments'))).toBe(false);
    expect(worklistAttribute(['00091001'])).toBeUndefined();
  });
});
