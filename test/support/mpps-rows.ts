/** Builds MPPS messages out of the tables, so that every row can be tried. */
import { attribute, createDataSet } from '../../src/dataset/model.ts';
import type { Attribute, DataSet, Tag, Vr } from '../../src/dataset/model.ts';
import { MPPS_ATTRIBUTES } from '../../src/services/mpps/attributes.ts';
import type { MppsAttribute, MppsAttributes } from '../../src/services/mpps/attributes.ts';

const SAMPLES: Readonly<Partial<Record<Vr, string | number>>> = {
  AE: 'CT1', CS: 'CT', DA: '20250102', DT: '20250102120000', IS: 1, DS: 1, LO: 'Text', SH: 'ID1', ST: 'Text',
  TM: '120000', UC: 'CODE', UI: '1.2.3.4', UR: 'urn:x:1', UT: 'Text',
}; // prettier-ignore

/** A value that fits the row; sequences get one item with everything. */
export function sampleOf(row: MppsAttribute, wants: (row: MppsAttribute) => boolean = () => true): Attribute {
  if (row.tag === '00400252') return attribute('CS', 'IN PROGRESS');
  if (row.vr === 'PN') return attribute('PN', { Alphabetic: 'Doe^Jane' });
  if (row.vr !== 'SQ') return attribute(row.vr, SAMPLES[row.vr] ?? 'X');
  if (row.items.size === 0)
    return attribute('SQ', Object.assign(createDataSet(), { '00080104': attribute('LO', 'x') }));
  return attribute('SQ', samplesOf(row.items, wants));
}

/** A data set of all rows that are wanted. */
export function samplesOf(rows: MppsAttributes, wants: (row: MppsAttribute) => boolean = () => true): DataSet {
  const dataSet = createDataSet();
  for (const row of rows.values()) if (wants(row)) dataSet[row.tag] = sampleOf(row, wants);
  return dataSet;
}

/** An N-CREATE with every attribute of Table F.7.2-1. */
export function fullCreate(): DataSet {
  const dataSet = samplesOf(MPPS_ATTRIBUTES);
  delete dataSet['00080005'];
  return dataSet;
}

/** What nobody can supply: the type 1 attributes of an N-CREATE, with their type 1 items. */
export function leastCreate(): DataSet {
  return samplesOf(MPPS_ATTRIBUTES, ({ create }) => create === '1');
}

/** Every attribute of the tables that stands in a full message, by path. */
export function rowsByPath(rows: MppsAttributes = MPPS_ATTRIBUTES, around: Tag[] = []): [Tag[], MppsAttribute][] {
  return [...rows.values()].flatMap((row): [Tag[], MppsAttribute][] => {
    const path = [...around, row.tag];
    return [[path, row], ...rowsByPath(row.items, path)];
  });
}

/** A copy in which the attribute at a path is another one, or gone; items are the first of their sequences. */
export function withAttribute(
  dataSet: DataSet,
  [tag, ...rest]: readonly Tag[],
  replacement: Attribute | undefined,
): DataSet {
  if (tag === undefined) return dataSet;
  const copy = Object.assign(createDataSet(), dataSet);
  if (rest.length > 0) {
    const items = copy[tag]?.Value as DataSet[];
    copy[tag] = attribute('SQ', withAttribute(items[0] as DataSet, rest, replacement), ...items.slice(1));
  } else if (replacement === undefined) delete copy[tag];
  else copy[tag] = replacement;
  return copy;
}
