/** Whether a performed step and an order are of one patient, as far as both tell (IHE RAD 4.6, patient safety). */
import { firstText } from '../dataset/model.ts';
import type { DataSet, PersonName, Tag } from '../dataset/model.ts';
import { parseSpan } from '../services/worklist/date-time.ts';
import { foldedName } from '../services/worklist/matching.ts';
import { TAGS, textOf } from './entry.ts';

const ISSUER_OF_PATIENT_ID: Tag = '00100021';
const PATIENT_BIRTH_DATE: Tag = '00100030';
const PATIENT_SEX: Tag = '00100040';

const SAME: Readonly<Record<Tag, (a: DataSet, b: DataSet) => boolean>> = {
  [TAGS.patientName]: sameName,
  [TAGS.patientId]: (a, b) => same(a, b, TAGS.patientId, (text) => text),
  // Under another issuer the same ID is another patient.
  [ISSUER_OF_PATIENT_ID]: (a, b) => same(a, b, ISSUER_OF_PATIENT_ID, (text) => text),
  [PATIENT_BIRTH_DATE]: (a, b) => same(a, b, PATIENT_BIRTH_DATE, (text) => parseSpan('DA', text)?.from ?? text),
  [PATIENT_SEX]: (a, b) => same(a, b, PATIENT_SEX, (text) => text.toUpperCase()),
};

/**
 * The attributes in which two data sets tell of different patients, ascending; each is compared where both have a
 * value. Names compare without case and without the delimiters that may be left out, component group by component
 * group: a modality may know the Roman letters only.
 */
export function differentPatient(a: DataSet, b: DataSet): Tag[] {
  return Object.keys(SAME)
    .filter((tag) => SAME[tag]?.(a, b) === false)
    .sort();
}

function same(a: DataSet, b: DataSet, tag: Tag, meaning: (text: string) => string | number): boolean {
  const [one, other] = [textOf(a, tag), textOf(b, tag)];
  return one === '' || other === '' || meaning(one) === meaning(other);
}

function sameName(a: DataSet, b: DataSet): boolean {
  const [one, other] = [nameOf(a), nameOf(b)];
  return (['Alphabetic', 'Ideographic', 'Phonetic'] as const).every((group) => {
    const [text, otherText] = [folded(one[group]), folded(other[group])];
    return text === '' || otherText === '' || text === otherText;
  });
}

function nameOf(dataSet: DataSet): PersonName {
  const name = dataSet[TAGS.patientName]?.Value?.[0];
  if (typeof name === 'object' && name !== null) return name;
  return { Alphabetic: firstText(dataSet, TAGS.patientName) ?? '' };
}

/** Spaces around a component are padding. */
function folded(group: string | undefined): string {
  const components = foldedName(group).split('^');
  return components.map((component) => component.trim()).join('^');
}
