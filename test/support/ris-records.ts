/** What the embedded RIS keeps, for the tests of the store. */
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import type { NewRisEntry, RisEntryIndex, RisStepChange, RisStepKey } from '../../src/store/ris-records.ts';

export const UPSTREAM = 'sandbox';

export const STEP: RisStepKey = { upstream: UPSTREAM, uid: '1.2.840.1' };

const INDEX: RisEntryIndex = {
  startDate: '20261121',
  modality: 'CT',
  stations: ['CT1'],
  patientId: 'P1',
  accessionNumber: 'A1',
  studyInstanceUid: '1.2.3',
  stepId: 'S1',
  sortKey: '',
};

/** An entry whose sort key is its id, unless the index says otherwise. */
export function entryOf(
  id: string,
  { index = {}, ...more }: Partial<Omit<NewRisEntry, 'index'>> & { index?: Partial<RisEntryIndex> } = {},
): NewRisEntry {
  const step = dataSetOf({
    '00080060': attribute('CS', 'CT'),
    '00400001': attribute('AE', 'CT1', null, 'CT2'),
    '00400009': attribute('SH', id),
  });
  const scheduled = dataSetOf({
    '00100010': attribute('PN', { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎' }),
    '00101030': attribute('DS', '70.50'),
    '00400100': attribute('SQ', step),
    '00400006': attribute('PN'),
    '30020010': attribute('SQ', dataSetOf({})),
  });
  return { upstream: UPSTREAM, id, source: 'api', scheduled, index: { ...INDEX, sortKey: id, ...index }, ...more };
}

/** A step that is created and performs nothing, unless told otherwise. */
export function changeOf(more: Partial<RisStepChange> = {}): RisStepChange {
  const state = more.state ?? 'IN PROGRESS';
  const attributes = dataSetOf({
    '00100010': attribute('PN', { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎' }),
    '00400252': attribute('CS', state),
    '00400340': attribute('SQ', dataSetOf({ '0020000E': attribute('UI', '1.2.3.4') }), dataSetOf({})),
    '30020010': attribute('SQ'),
  });
  return { ...STEP, attributes, state, revision: undefined, performs: [], mismatches: [], ...more };
}
