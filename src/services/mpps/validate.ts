/**
 * The rules of an MPPS message (PS3.4 F.7.2.1 and F.7.2.2, Table F.7.2-1). Pure: what becomes of an issue is the
 * route's business (`validation: strict | warn | off`). Private attributes, and those the table does not know, pass.
 */
import type { AttributePath } from '../../dataset/attribute-path.ts';
import { pathToText } from '../../dataset/attribute-path.ts';
import { itemsOf } from '../../dataset/model.ts';
import type { Attribute, DataSet, Tag } from '../../dataset/model.ts';
import { isUid } from '../../dataset/uid.ts';
import { ServiceFailure } from '../port.ts';
import {
  MPPS_ATTRIBUTES,
  PERFORMED_PROCEDURE_STEP_STATUS,
  SPECIFIC_CHARACTER_SET,
  type MppsAttribute,
  type MppsAttributes,
} from './attributes.ts';
import { hasValue, holds } from './conditions.ts';
import { stateOf } from './state.ts';
import { misfitOf } from './value-shapes.ts';

/** In order of precedence: the first that occurs is the failure. */
export const ISSUE_CODES = [
  'INVALID_UID',
  'NO_SUCH_ATTRIBUTE',
  'INVALID_VALUE',
  'MISSING_ATTRIBUTE',
  'MISSING_VALUE',
] as const;

export interface MppsIssue {
  readonly code: (typeof ISSUE_CODES)[number];
  readonly path: AttributePath;
  /** For a person: tags, never values. */
  readonly text: string;
}

/** SOP Instance UID: it stands in the command or in the path, not in the data set. */
const SOP_INSTANCE_UID: Tag = '00080018';

/** How many issues a failure spells out. */
const ISSUES_TOLD = 10;

/** The UID of the instance itself (PS3.5 9.1). */
export function checkInstanceUid(uid: string): MppsIssue[] {
  return isUid(uid) ? [] : [issue('INVALID_UID', [SOP_INSTANCE_UID], 'is no UID')];
}

/** An N-CREATE: types, sequences item by item, values, and IN PROGRESS as first state. */
export function checkCreate(attributes: DataSet): MppsIssue[] {
  const issues = checkRows(attributes, MPPS_ATTRIBUTES, 'create', []);
  if (hasValue(attributes[PERFORMED_PROCEDURE_STEP_STATUS]) && stateOf(attributes) !== 'IN PROGRESS') {
    issues.push(issue('INVALID_VALUE', [PERFORMED_PROCEDURE_STEP_STATUS], 'must be IN PROGRESS at first'));
  }
  return issues;
}

/**
 * An N-SET: only what may be set and was created, each sequence whole.
 * @param created tags of the N-CREATE; undefined when it did not pass here, so that nobody knows
 */
export function checkUpdate(modifications: DataSet, created: ReadonlySet<Tag> | undefined): MppsIssue[] {
  const issues: MppsIssue[] = [];
  for (const [tag, attribute] of Object.entries(modifications)) {
    const row = MPPS_ATTRIBUTES.get(tag);
    if (row === undefined || tag === SPECIFIC_CHARACTER_SET) continue;
    if (row.set === undefined) {
      issues.push(issue('NO_SUCH_ATTRIBUTE', [tag], 'cannot be changed after the create'));
    } else if (created !== undefined && !created.has(tag)) {
      issues.push(issue('NO_SUCH_ATTRIBUTE', [tag], 'was not created, so it cannot be set'));
    } else if (row.setWithValue && !hasValue(attribute)) {
      issues.push(issue('MISSING_VALUE', [tag], 'has no value'));
    } else {
      issues.push(...checkContent(row, attribute, 'set', []));
    }
  }
  if (hasValue(modifications[PERFORMED_PROCEDURE_STEP_STATUS]) && stateOf(modifications) === undefined) {
    issues.push(issue('INVALID_VALUE', [PERFORMED_PROCEDURE_STEP_STATUS], 'is none of the three states'));
  }
  return issues.sort((a, b) => compareTags(a.path, b.path));
}

/**
 * What all messages together must have given once the state is final. The items of a sequence were checked with the
 * message that brought them.
 * @param union `tags` that have a value after the earlier messages, and the message that brings the final state
 */
export function checkFinal(union: { tags: ReadonlySet<Tag>; modifications: DataSet }): MppsIssue[] {
  const issues: MppsIssue[] = [];
  for (const row of MPPS_ATTRIBUTES.values()) {
    if (row.final !== '1') continue;
    const last = union.modifications[row.tag];
    const given = last === undefined ? union.tags.has(row.tag) : hasValue(last);
    if (!given) issues.push(issue('MISSING_VALUE', [row.tag], 'has no value in the final state'));
  }
  return issues;
}

/** The failure of a message with issues: the first code by precedence, with all attributes of that code. */
export function failureOfIssues(issues: readonly MppsIssue[]): ServiceFailure {
  const code = ISSUE_CODES.find((each) => issues.some((found) => found.code === each)) ?? 'INVALID_VALUE';
  const telling = issues.filter((found) => found.code === code);
  const texts = [...new Set(telling.map(({ text }) => text))];
  const more = texts.length > ISSUES_TOLD ? `; and ${texts.length - ISSUES_TOLD} more` : '';
  return new ServiceFailure(code, {
    comment: `${texts.slice(0, ISSUES_TOLD).join('; ')}${more}`,
    // The fields of a response name attributes of the top level (PS3.7 C.5).
    attributes: [...new Set(telling.flatMap(({ path }) => path.slice(0, 1)))],
  });
}

type Column = 'create' | 'set';

function checkRows(dataSet: DataSet, rows: MppsAttributes, column: Column, around: AttributePath): MppsIssue[] {
  return [...rows.values()].flatMap((row) => {
    const attribute = dataSet[row.tag];
    const usage = row[column];
    const needsValue = usage === '1' || (usage === '1C' && holds(row.condition, dataSet));
    if (attribute === undefined) {
      return needsValue || usage === '2' ? [issue('MISSING_ATTRIBUTE', [...around, row.tag], 'is missing')] : [];
    }
    if (!hasValue(attribute)) {
      return needsValue ? [issue('MISSING_VALUE', [...around, row.tag], 'has no value')] : [];
    }
    return checkContent(row, attribute, column, around);
  });
}

function checkContent(row: MppsAttribute, attribute: Attribute, column: Column, around: AttributePath): MppsIssue[] {
  const path = [...around, row.tag];
  const misfit = row.tag === SPECIFIC_CHARACTER_SET ? undefined : misfitOf(attribute);
  if (misfit !== undefined) return [issue('INVALID_VALUE', path, `has a value that does not fit: ${misfit}`)];
  return itemsOf(attribute).flatMap((item) => {
    if (Object.keys(item).length === 0) return [issue('INVALID_VALUE', path, 'has an item without attributes')];
    return checkRows(item, row.items, column, path);
  });
}

function issue(code: MppsIssue['code'], path: AttributePath, says: string): MppsIssue {
  return { code, path, text: `${pathToText(path, 'tag')} ${says}` };
}

function compareTags(a: AttributePath, b: AttributePath): number {
  const [left, right] = [a.join('.'), b.join('.')];
  return left < right ? -1 : left > right ? 1 : 0;
}
