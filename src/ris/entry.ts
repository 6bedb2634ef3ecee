/** One entry of the worklist: what names it, what it is looked up by, and what it must hold (PS3.4 Table K.6-1). */
import { createHash } from 'node:crypto';
import { pathToText } from '../dataset/attribute-path.ts';
import type { AttributePath } from '../dataset/attribute-path.ts';
import { createDataSet, firstText, itemsOf } from '../dataset/model.ts';
import type { DataSet, Tag } from '../dataset/model.ts';
import { isUid } from '../dataset/uid.ts';
import { GatewayError } from '../errors.ts';
import { SCHEDULED_PROCEDURE_STEP_SEQUENCE, WORKLIST_ATTRIBUTES } from '../services/worklist/attributes.ts';
import type { WorklistAttributes } from '../services/worklist/attributes.ts';
import { parseSpan } from '../services/worklist/date-time.ts';
import { keyText } from '../services/worklist/keys.ts';
import type { RisEntryIndex } from '../store/ris-records.ts';

export const TAGS = {
  accessionNumber: '00080050',
  modality: '00080060',
  patientId: '00100020',
  patientName: '00100010',
  studyInstanceUid: '0020000D',
  requestedProcedureId: '00401001',
  stationAeTitle: '00400001',
  startDate: '00400002',
  startTime: '00400003',
  stepId: '00400009',
} as const satisfies Record<string, Tag>;

/** Sorts before every character that an index text holds; a NUL would, too, but PostgreSQL has none in texts. */
const DELIMITER = '\u0001';

/** No attribute that is indexed may be longer; what is, by mistake, must not break an index of the data base. */
const MAXIMUM_INDEXED_CHARACTERS = 64;

const NOTHING = createDataSet();

/** The one scheduled step; an empty data set where there is none. */
export function stepOf(entry: DataSet): DataSet {
  return itemsOf(entry[SCHEDULED_PROCEDURE_STEP_SEQUENCE])[0] ?? NOTHING;
}

/** The first value without padding; empty where there is none. */
export function textOf(dataSet: DataSet, tag: Tag): string {
  return firstText(dataSet, tag)?.trim() ?? '';
}

/**
 * The name of an entry for good: 24 hex digits that are the same for the same Study Instance UID, Requested Procedure
 * ID, Scheduled Procedure Step ID and Accession Number, and tell none of them.
 */
export function entryIdOf(entry: DataSet): string {
  const identity = [
    textOf(entry, TAGS.studyInstanceUid),
    textOf(entry, TAGS.requestedProcedureId),
    textOf(stepOf(entry), TAGS.stepId),
    textOf(entry, TAGS.accessionNumber),
  ];
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 24);
}

/** @param entry one that passed `checkEntry` */
export function indexOf(entry: DataSet): RisEntryIndex {
  const step = stepOf(entry);
  const index = {
    startDate: startDateOf(entry),
    modality: indexText(textOf(step, TAGS.modality)),
    stations: [...new Set(textsOf(step, TAGS.stationAeTitle).map(indexText))],
    patientId: indexText(textOf(entry, TAGS.patientId)),
    accessionNumber: indexText(textOf(entry, TAGS.accessionNumber)),
    studyInstanceUid: indexText(textOf(entry, TAGS.studyInstanceUid)),
    stepId: indexText(textOf(step, TAGS.stepId)),
  };
  const { startDate, patientId, accessionNumber, stepId, studyInstanceUid } = index;
  const startTime = textOf(step, TAGS.startTime).replaceAll(':', '').padEnd(6, '0');
  const parts = [startDate, indexText(startTime), patientId, accessionNumber, stepId, studyInstanceUid];
  return { ...index, sortKey: parts.map(inCodePointOrder).join(DELIMITER) };
}

/** Scheduled Procedure Step Start Date as YYYYMMDD; empty where there is none. */
export function startDateOf(entry: DataSet): string {
  const day = parseSpan('DA', textOf(stepOf(entry), TAGS.startDate))?.from;
  return day === undefined ? '' : dateOfDay(day);
}

/** @param day since 1970, of a year of four digits */
export function dateOfDay(day: number): string {
  return new Date(day * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
}

/** A text as it stands in the index: two that match each other as single values have the same one. */
export function indexText(text: string): string {
  const plain = text.trim().replaceAll(/[\0-\x1f]/g, '');
  if (plain.length <= MAXIMUM_INDEXED_CHARACTERS) return plain;
  return Array.from(plain).slice(0, MAXIMUM_INDEXED_CHARACTERS).join('');
}

/**
 * Moves what lies behind the surrogates behind the characters they stand for: the order by code points is then the one
 * by code units, in which `compareSteps` has texts.
 */
function inCodePointOrder(text: string): string {
  return text.replaceAll(/[\ue000-\uffff]/g, (character) => `\u{10ffff}${character}`);
}

export interface EntryIssue {
  /** `error`: the entry cannot be taken; `warning`: it can, but some searches will not find it. */
  readonly severity: 'error' | 'warning';
  readonly path: AttributePath;
  /** For a person: keyword, tag and what is wrong, never a value. */
  readonly text: string;
}

/**
 * Without these an entry is of no use: nobody could tell whose step it is, or report that it was performed. Whatever
 * else has return key type 1 is missed by those who ask for it, which a site may want, e.g. to leave the station open.
 */
const INDISPENSABLE: ReadonlySet<Tag> = new Set([TAGS.studyInstanceUid, TAGS.stepId, TAGS.patientId, TAGS.patientName]);

/** Attributes of value multiplicity 1 that entries are looked up by: of several values all but one would be missed. */
const SINGLE: ReadonlySet<Tag> = new Set([
  TAGS.accessionNumber,
  TAGS.modality,
  TAGS.patientId,
  TAGS.studyInstanceUid,
  TAGS.requestedProcedureId,
  TAGS.startDate,
  TAGS.startTime,
  TAGS.stepId,
]);

const FITS: Readonly<Record<Tag, readonly [(text: string) => boolean, string]>> = {
  [TAGS.studyInstanceUid]: [isUid, 'is no UID'],
  [TAGS.startDate]: [(text) => parseSpan('DA', text) !== undefined, 'is no date'],
  [TAGS.startTime]: [(text) => parseSpan('TM', text) !== undefined, 'is no time'],
};

/** What is wrong with an entry: one scheduled step (K.6.1.2.2), the attributes of return key type 1, their values. */
export function checkEntry(entry: DataSet): EntryIssue[] {
  const steps = itemsOf(entry[SCHEDULED_PROCEDURE_STEP_SEQUENCE]);
  const issues = checkAttributes(entry, WORKLIST_ATTRIBUTES, []);
  if (steps.length !== 1) {
    issues.unshift(issue('error', [SCHEDULED_PROCEDURE_STEP_SEQUENCE], `has ${steps.length} items instead of one`));
  }
  const inStep = WORKLIST_ATTRIBUTES.get(SCHEDULED_PROCEDURE_STEP_SEQUENCE)?.items ?? new Map();
  return issues.concat(steps.flatMap((step) => checkAttributes(step, inStep, [SCHEDULED_PROCEDURE_STEP_SEQUENCE])));
}

function checkAttributes(dataSet: DataSet, rows: WorklistAttributes, around: AttributePath): EntryIssue[] {
  return [...rows.values()].flatMap(({ tag, returnType }) => {
    if (tag === SCHEDULED_PROCEDURE_STEP_SEQUENCE) return [];
    const path = [...around, tag];
    const texts = textsOf(dataSet, tag);
    if (texts.length === 0) {
      if (returnType !== '1') return [];
      return [issue(INDISPENSABLE.has(tag) ? 'error' : 'warning', path, 'has no value')];
    }
    if (SINGLE.has(tag) && (dataSet[tag]?.Value?.length ?? 0) > 1) {
      return [issue('error', path, 'has more than one value')];
    }
    const [fits, misfit] = FITS[tag] ?? [];
    return fits !== undefined && !texts.every(fits) ? [issue('error', path, misfit ?? '')] : [];
  });
}

/** @throws GatewayError ENTRY_INVALID naming what an entry cannot do without */
export function refuseInvalid(entry: DataSet, which = 'the worklist entry'): void {
  const errors = checkEntry(entry).filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return;
  throw entryInvalid(`${which} cannot be taken: ${errors.map(({ text }) => text).join('; ')}`);
}

const FIX = 'Give exactly one scheduled procedure step, and each of the attributes named one value of its kind.';

export function entryInvalid(message: string, fix = FIX): GatewayError {
  return new GatewayError('ENTRY_INVALID', message, { fix });
}

function issue(severity: EntryIssue['severity'], path: AttributePath, says: string): EntryIssue {
  return { severity, path, text: `${pathToText(path, 'keyword')} (${path.join('.')}) ${says}` };
}

/** The values without padding, those that are not empty. */
function textsOf(dataSet: DataSet, tag: Tag): string[] {
  return (dataSet[tag]?.Value ?? []).map((value) => keyText(value).trim()).filter((text) => text !== '');
}
