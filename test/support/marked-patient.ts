/** Patients whose values can be found wherever they have leaked to, in several scripts. */
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import type { DataSet, PersonName } from '../../src/dataset/model.ts';

export interface MarkedPatient {
  readonly name: PersonName;
  readonly id: string;
  readonly birthDate: string;
  readonly accession: string;
  readonly comments: string;
}

export const MARKED: readonly [MarkedPatient, ...MarkedPatient[]] = [
  {
    name: { Alphabetic: 'Märkling^Zoë' },
    id: 'PATMARK-7301',
    birthDate: '19310117',
    accession: 'ACCMARK7301',
    comments: 'raucht heimlich',
  },
  {
    name: { Alphabetic: 'Shirushi^Hanako', Ideographic: '印山^花子', Phonetic: 'しるしやま^はなこ' },
    id: 'PATMARK-7302',
    birthDate: '19320218',
    accession: 'ACCMARK7302',
    comments: '妊娠の疑い',
  },
  {
    name: { Alphabetic: 'Меткова^Анна' },
    id: 'PATMARK-7303',
    birthDate: '19330319',
    accession: 'ACCMARK7303',
    comments: 'боится уколов',
  },
  {
    name: { Alphabetic: 'Σημάδης^Νίκος' },
    id: 'PATMARK-7304',
    birthDate: '19340420',
    accession: 'ACCMARK7304',
    comments: 'αλλεργία',
  },
];

/** What a far end may write about a patient where it should not. */
export function quoting({ name, id, birthDate, accession }: MarkedPatient): string {
  return `${name.Alphabetic ?? ''} ${id} ${birthDate} ${accession}`;
}

/** Everything of a patient that a worklist query, a worklist entry and a performed step share. */
export function patientAttributes({ name, id, birthDate, comments }: MarkedPatient): DataSet {
  return dataSetOf({
    '00100010': attribute('PN', name),
    '00100020': attribute('LO', id),
    '00100030': attribute('DA', birthDate),
    '00104000': attribute('LT', comments),
  });
}

export function markedEntry(patient: MarkedPatient, study: string): DataSet {
  return dataSetOf({
    ...patientAttributes(patient),
    '00080050': attribute('SH', patient.accession),
    '0020000D': attribute('UI', study),
    '00401001': attribute('SH', 'RP1'),
    '00400100': attribute(
      'SQ',
      dataSetOf({
        '00080060': attribute('CS', 'CT'),
        '00400001': attribute('AE', 'CT1'),
        '00400002': attribute('DA', '20260301'),
        '00400003': attribute('TM', '0800'),
        '00400009': attribute('SH', 'SPS1'),
      }),
    ),
  });
}

/** A query for this patient by all that is known of it. */
export function markedQuery(patient: MarkedPatient): DataSet {
  const { '00104000': _, ...keys } = patientAttributes(patient);
  return dataSetOf({ ...keys, '00080050': attribute('SH', patient.accession), '00104000': attribute('LT') });
}

/** The words that must not be found, with what becomes of them where other characters are replaced by `?`. */
const NEEDLES: readonly string[] = MARKED.flatMap(({ name, id, birthDate, accession, comments }) => {
  const words = [
    ...Object.values(name).flatMap((group: string) => group.split('^')),
    id,
    birthDate,
    accession,
    comments,
  ];
  return words.flatMap((word) => {
    const replaced = word.replaceAll(/[^ -~]/g, '?');
    return /[A-Za-z]{2}/.test(replaced) ? [word, replaced] : [word];
  });
}).filter((word) => word.length > 1);

/** The marked values that a text holds, however they are written; empty: none. */
export function leaksIn(text: string): string[] {
  const unescaped = text.replaceAll(/\\+u([0-9a-fA-F]{4})/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
  const decoded = unescaped.replaceAll(/(?:%[0-9a-fA-F]{2})+/g, (run) =>
    Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'),
  );
  const forms = [text, unescaped, decoded].map((form) => form.toLowerCase());
  return NEEDLES.filter((needle) => {
    const bytes = Buffer.from(needle, 'utf8');
    // Short ones would be found in any UUID; base64 is cut where what follows the word matters.
    const encoded = [bytes.toString('hex'), bytes.toString('base64').slice(0, -4)].filter((each) => each.length >= 8);
    const written = [needle, bytes.toString('latin1'), ...encoded];
    return written.some((each) => forms.some((form) => form.includes(each.toLowerCase())));
  });
}
