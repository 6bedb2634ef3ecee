/** People: names and identifications apart on the worklist and in an MPPS, one item each in a workitem. */
import { attribute, createDataSet, dataSetOf, itemsOf } from '../../dataset/model.ts';
import type { Attribute, DataSet, PersonName, Tag } from '../../dataset/model.ts';
import { hasValue } from '../mpps/conditions.ts';
import { codeItem, UPS } from './attributes.ts';
import type { Code } from './attributes.ts';

export const PERSON_IDENTIFICATION_CODE: Tag = '00401101';
export const INSTITUTION_NAME: Tag = '00080080';

/** Code and organization of people of whom only the name is known. */
export interface PerformerDefaults {
  readonly code: Code;
  readonly organization: string;
}

/**
 * One item of Human Performer for each: the first identification belongs to the first name, and so on.
 * @param defaults absent: what is not known stays empty
 */
export function humanPerformers(
  names: Attribute | undefined,
  identifications: Attribute | undefined,
  defaults?: PerformerDefaults,
): DataSet[] {
  const people = itemsOf(identifications);
  const texts = (names?.Value ?? []) as (PersonName | null)[];
  return Array.from({ length: Math.max(people.length, texts.length) }, (_each, i) => {
    const person = people[i] ?? createDataSet();
    const name = texts[i] ?? null;
    return dataSetOf({
      [UPS.performerCode]: codesOf(person, defaults),
      [UPS.performerOrganization]: organizationOf(person, defaults),
      [UPS.performerName]: name === null ? { vr: 'PN' } : attribute('PN', name),
    });
  });
}

function codesOf(person: DataSet, defaults: PerformerDefaults | undefined): Attribute {
  const codes = person[PERSON_IDENTIFICATION_CODE];
  if (codes !== undefined && hasValue(codes)) return codes;
  return defaults === undefined ? attribute('SQ') : attribute('SQ', codeItem(defaults.code));
}

function organizationOf(person: DataSet, defaults: PerformerDefaults | undefined): Attribute {
  const institution = person[INSTITUTION_NAME];
  if (institution !== undefined && hasValue(institution)) return institution;
  return defaults === undefined ? { vr: 'LO' } : attribute('LO', defaults.organization);
}

/** Names of performers, in their order; undefined where there is none. */
export function namesOf(performers: Attribute | undefined): Attribute | undefined {
  const names = itemsOf(performers)
    .flatMap((item) => item[UPS.performerName]?.Value ?? [])
    .filter((name) => name !== null);
  return names.length === 0 ? undefined : attribute('PN', ...names);
}

/** Person Identification of those whose code is known; undefined where there is none. */
export function identificationsOf(performers: Attribute | undefined): Attribute | undefined {
  const people = itemsOf(performers).flatMap((item) => {
    const [codes, organization] = [item[UPS.performerCode], item[UPS.performerOrganization]];
    if (codes === undefined || !hasValue(codes)) return [];
    const isKnown = organization !== undefined && hasValue(organization);
    return [dataSetOf({ [PERSON_IDENTIFICATION_CODE]: codes, ...(isKnown && { [INSTITUTION_NAME]: organization }) })];
  });
  return people.length === 0 ? undefined : attribute('SQ', ...people);
}
