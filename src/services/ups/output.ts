/** What was made: Performed Series Sequence of an MPPS, Output Information Sequence of a workitem. */
import { attribute, createDataSet, dataSetOf, firstText, itemsOf } from '../../dataset/model.ts';
import type { Attribute, DataSet, Tag } from '../../dataset/model.ts';
import { hasValue } from '../mpps/conditions.ts';
import { UPS } from './attributes.ts';
import { isImageClass } from './image-classes.ts';
import { humanPerformers, namesOf } from './performers.ts';
import type { PerformerDefaults } from './performers.ts';

export const SERIES = {
  uid: '0020000E',
  images: '00081140',
  others: '00400220',
  retrieveAeTitle: '00080054',
  physician: '00081050',
  physicianIdentification: '00081052',
  operators: '00081070',
  operatorIdentification: '00081072',
  protocolName: '00181030',
  description: '0008103E',
} as const satisfies Record<string, Tag>;

const TYPE_OF_INSTANCES: Tag = '0040E020';
const DICOM_RETRIEVAL: Tag = '0040E021';
const REFERENCED_SOP_SEQUENCE: Tag = '00081199';
const REFERENCED_SOP_CLASS_UID: Tag = '00081150';
const REFERENCED_SOP_INSTANCE_UID: Tag = '00081155';

/**
 * One item of Output Information for each series that has instances; the Referenced Instances and Access Macro (PS3.3
 * 10.3.2) has no way to name a series without one.
 * @param retrieveAeTitle where a series does not say it
 */
export function outputOf(
  series: readonly DataSet[],
  studyUid: string | undefined,
  retrieveAeTitle?: string,
): DataSet[] {
  return series.flatMap((item) => {
    const references = [...itemsOf(item[SERIES.images]), ...itemsOf(item[SERIES.others])].map(plainReference);
    const own = item[SERIES.retrieveAeTitle];
    const title = own !== undefined && hasValue(own) ? own : aeTitle(retrieveAeTitle);
    const uid = item[SERIES.uid];
    if (references.length === 0 || uid === undefined) return [];
    return [
      dataSetOf({
        [TYPE_OF_INSTANCES]: attribute('CS', 'DICOM'),
        ...(studyUid !== undefined && { [UPS.studyInstanceUid]: attribute('UI', studyUid) }),
        [SERIES.uid]: uid,
        [REFERENCED_SOP_SEQUENCE]: attribute('SQ', ...references),
        ...(hasValue(title) && { [DICOM_RETRIEVAL]: attribute('SQ', dataSetOf({ [SERIES.retrieveAeTitle]: title })) }),
      }),
    ];
  });
}

function aeTitle(title: string | undefined): Attribute {
  return title === undefined ? attribute('AE') : attribute('AE', title);
}

/** An MPPS may say more of an instance, such as its specimen, than the macro has a place for. */
function plainReference(reference: DataSet): DataSet {
  const plain = createDataSet();
  for (const tag of [REFERENCED_SOP_CLASS_UID, REFERENCED_SOP_INSTANCE_UID]) {
    if (reference[tag] !== undefined) plain[tag] = reference[tag];
  }
  return plain;
}

/** Actual Human Performers: physicians and operators of all series, each once. */
export function performersOf(series: readonly DataSet[], defaults: PerformerDefaults | undefined): DataSet[] {
  const people = series.flatMap((item) => [
    ...humanPerformers(item[SERIES.physician], item[SERIES.physicianIdentification], defaults),
    ...humanPerformers(item[SERIES.operators], item[SERIES.operatorIdentification], defaults),
  ]);
  // Code and organization are of type 1 there: who is known by name alone has no place.
  const whole = people.filter((item) => hasValue(item[UPS.performerCode]) && hasValue(item[UPS.performerOrganization]));
  return [...new Map(whole.map((item) => [JSON.stringify(item), item])).values()];
}

/** What a series of an MPPS must say and a workitem does not. */
export interface SeriesDefaults {
  readonly protocolName: string;
  readonly retrieveAeTitle?: string | undefined;
}

/**
 * One item of Performed Series for each series of the output; parts of one series become one. Who performed a workitem is
 * not told apart there: all stand as operators.
 */
export function seriesOf(
  output: readonly DataSet[],
  performers: Attribute | undefined,
  defaults: SeriesDefaults,
): DataSet[] {
  const bySeries = Map.groupBy(
    output.filter((item) => firstText(item, SERIES.uid) !== undefined),
    (item) => firstText(item, SERIES.uid) as string,
  );
  return [...bySeries].map(([uid, parts]) => {
    const references = parts.flatMap((part) => itemsOf(part[REFERENCED_SOP_SEQUENCE])).map(plainReference);
    const titles = parts.flatMap((part) => itemsOf(part[DICOM_RETRIEVAL])).map((item) => item[SERIES.retrieveAeTitle]);
    const title = titles.find((each) => each !== undefined && hasValue(each)) ?? aeTitle(defaults.retrieveAeTitle);
    return seriesItem(uid, references, title, performers, defaults.protocolName);
  });
}

/** A series without instances, for an MPPS that ends without any (PS3.4 Table F.7.2-1 note 2). */
export function emptySeries(uid: string, performers: Attribute | undefined, defaults: SeriesDefaults): DataSet {
  return seriesItem(uid, [], aeTitle(defaults.retrieveAeTitle), performers, defaults.protocolName);
}

function seriesItem(
  uid: string,
  references: readonly DataSet[],
  retrieveAeTitle: Attribute,
  performers: Attribute | undefined,
  protocolName: string,
): DataSet {
  const [images, others] = [true, false].map((isImage) =>
    references.filter((reference) => isImageClass(firstText(reference, REFERENCED_SOP_CLASS_UID) ?? '') === isImage),
  );
  return dataSetOf({
    [SERIES.uid]: attribute('UI', uid),
    [SERIES.protocolName]: attribute('LO', protocolName),
    [SERIES.description]: attribute('LO'),
    [SERIES.physician]: attribute('PN'),
    [SERIES.operators]: namesOf(performers) ?? attribute('PN'),
    [SERIES.retrieveAeTitle]: retrieveAeTitle,
    [SERIES.images]: attribute('SQ', ...(images ?? [])),
    [SERIES.others]: attribute('SQ', ...(others ?? [])),
  });
}
