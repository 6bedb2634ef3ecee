import { describe, expect, test } from '@jest/globals';

import { attribute, dataSetOf } from '../../../../src/dataset/model.ts';
import type { DataSet } from '../../../../src/dataset/model.ts';
import { isUid } from '../../../../src/dataset/uid.ts';
import { derivedUid, performedStepIdOf, stepIdOf, workitemUidOf } from '../../../../src/services/ups/step-id.ts';

function entry(study: string, request: string, step: string, name = 'Nemo'): DataSet {
  return dataSetOf({
    '00100010': attribute('PN', { Alphabetic: name }),
    '0020000D': attribute('UI', study),
    '00401001': attribute('SH', request),
    '00400100': attribute('SQ', dataSetOf({ '00400009': attribute('SH', step) })),
  });
}

describe('the id of a step that workitems do not have (proxy flows 6.1)', () => {
  test('is the same for good, and fits SH', () => {
    // A change of this text takes the identity of every step that modalities have loaded.
    expect(stepIdOf('1.2.3')).toBe('7FF67NRVLSTD6SS5');
    expect(stepIdOf('1.2.3')).toMatch(/^[A-Z2-7]{16}$/);
  });

  test('is another for each workitem', () => {
    const ids = Array.from({ length: 2000 }, (_each, i) => stepIdOf(`1.2.${i}`));
    expect(new Set(ids).size).toBe(2000);
    expect(performedStepIdOf('1.2.3')).not.toBe(stepIdOf('1.2.3'));
  });
});

describe('the UID of a workitem that a worklist does not have (proxy flows 7.1, PS3.5 B.2)', () => {
  test('is the same for good, whatever else the entry says', () => {
    expect(workitemUidOf(entry('1.2.3', 'R1', 'S1'))).toBe('2.25.117434899597865348227761739820071461653');
    expect(workitemUidOf(entry('1.2.3', 'R1 ', 'S1', 'Married'))).toBe(workitemUidOf(entry('1.2.3', 'R1', 'S1')));
  });

  test('is another for each study, request and step', () => {
    const uids = [entry('1.2.3', 'R1', 'S1'), entry('1.2.4', 'R1', 'S1'), entry('1.2.3', 'R2', 'S1'), entry('1.2.3', 'R1', 'S2'), entry('1.2.3', 'R1S', '1')].map(workitemUidOf); // prettier-ignore
    expect(new Set(uids).size).toBe(5);
  });

  test('is a UUID, of the version for what is made otherwise (RFC 9562 5.8)', () => {
    for (let i = 0; i < 200; i++) {
      const uid = derivedUid('series', String(i));
      expect(isUid(uid)).toBe(true);
      const hex = BigInt(uid.slice('2.25.'.length)).toString(16).padStart(32, '0');
      expect(hex).toMatch(/^.{12}8.{3}[89ab].{15}$/);
    }
  });
});
