/**
 * Reads the references of storage commitment out of a data set, in the flat form (a SOP sequence) and as the tree of
 * studies, series and SOP classes (PS3.18 Tables J.1-1 and J.2-1). What is wrong becomes an issue; reading goes on, so
 * that one answer names everything. Attributes that do not belong to the references pass.
 */
import type { AttributePath } from '../../dataset/attribute-path.ts';
import { itemsOf } from '../../dataset/model.ts';
import type { DataSet, Tag } from '../../dataset/model.ts';
import { isUid } from '../../dataset/uid.ts';
import { ServiceFailure } from '../port.ts';
import {
  FAILURE_REASON,
  REFERENCED_INSTANCES_BY_SOP_CLASS_SEQUENCE,
  REFERENCED_INSTANCE_SEQUENCE,
  REFERENCED_SERIES_SEQUENCE,
  REFERENCED_SOP_CLASS_UID,
  REFERENCED_SOP_INSTANCE_UID,
  SERIES_INSTANCE_UID,
  STUDY_INSTANCE_UID,
} from './attributes.ts';
import type { ToldFailure } from './commitment.ts';

/** In order of precedence: the first that occurs is the failure. */
export const ISSUE_CODES = ['MISSING_ATTRIBUTE', 'MISSING_VALUE', 'INVALID_VALUE'] as const;

export interface CommitmentIssue {
  readonly code: (typeof ISSUE_CODES)[number];
  readonly path: AttributePath;
  /** For a person: tags and numbers of items counted from 1, never values. */
  readonly text: string;
}

/** A reference and where it stands in the tree. */
export interface PlacedReference extends ToldFailure {
  readonly studyUid: string;
  readonly seriesUid: string;
}

/** The sequences around an attribute, each with the number of the item. */
type Place = readonly (readonly [Tag, number])[];

/** How many issues a failure spells out. */
const ISSUES_TOLD = 10;

/** Reads one data set; its issues and the instances it has seen are those of all sequences read. */
export class ReferenceReader {
  readonly issues: CommitmentIssue[] = [];
  readonly #dataSet: DataSet;
  readonly #seen = new Set<string>();

  constructor(dataSet: DataSet) {
    this.#dataSet = dataSet;
  }

  has(tag: Tag): boolean {
    return this.#dataSet[tag] !== undefined;
  }

  /** A UID at the top; '' when it is missing or none. */
  readUid(tag: Tag): string {
    return this.#uidIn(this.#dataSet, tag, []);
  }

  /** Referenced SOP Sequence or Failed SOP Sequence. */
  readSopSequence(tag: Tag): ToldFailure[] {
    return this.#itemsIn(this.#dataSet, tag, []).map((item, i) => {
      const place: Place = [[tag, i + 1]];
      return this.#referenceIn(item, this.#uidIn(item, REFERENCED_SOP_CLASS_UID, place), place);
    });
  }

  /** Referenced Study Sequence or Failed Study Sequence. */
  readStudySequence(tag: Tag): PlacedReference[] {
    const references: PlacedReference[] = [];
    this.#forEachItem(this.#dataSet, tag, [], (study, inStudy) => {
      const studyUid = this.#uidIn(study, STUDY_INSTANCE_UID, inStudy);
      this.#forEachItem(study, REFERENCED_SERIES_SEQUENCE, inStudy, (series, inSeries) => {
        const seriesUid = this.#uidIn(series, SERIES_INSTANCE_UID, inSeries);
        this.#forEachItem(series, REFERENCED_INSTANCES_BY_SOP_CLASS_SEQUENCE, inSeries, (group, inGroup) => {
          const sopClassUid = this.#uidIn(group, REFERENCED_SOP_CLASS_UID, inGroup);
          this.#forEachItem(group, REFERENCED_INSTANCE_SEQUENCE, inGroup, (instance, place) => {
            references.push({ ...this.#referenceIn(instance, sopClassUid, place), studyUid, seriesUid });
          });
        });
      });
    });
    return references;
  }

  tell(code: CommitmentIssue['code'], tag: Tag, says: string, place: Place = []): void {
    const around = place.map(([sequence, item]) => `${sequence} item ${item}`).join(', ');
    const path = [...place.map(([sequence]) => sequence), tag];
    this.issues.push({ code, path, text: `${around === '' ? '' : `${around}: `}${tag} ${says}` });
  }

  #referenceIn(item: DataSet, sopClassUid: string, place: Place): ToldFailure {
    const sopInstanceUid = this.#uidIn(item, REFERENCED_SOP_INSTANCE_UID, place);
    if (sopInstanceUid !== '') {
      if (this.#seen.has(sopInstanceUid)) {
        this.tell('INVALID_VALUE', REFERENCED_SOP_INSTANCE_UID, 'names an instance for the second time', place);
      }
      this.#seen.add(sopInstanceUid);
    }
    const reason = reasonIn(item);
    return reason === undefined ? { sopClassUid, sopInstanceUid } : { sopClassUid, sopInstanceUid, reason };
  }

  #forEachItem(around: DataSet, tag: Tag, place: Place, read: (item: DataSet, place: Place) => void): void {
    this.#itemsIn(around, tag, place).forEach((item, i) => {
      read(item, [...place, [tag, i + 1]]);
    });
  }

  #itemsIn(around: DataSet, tag: Tag, place: Place): DataSet[] {
    const items = itemsOf(around[tag]);
    if (around[tag] === undefined) this.tell('MISSING_ATTRIBUTE', tag, 'is missing', place);
    else if (items.length === 0) this.tell('MISSING_VALUE', tag, 'has no item', place);
    return items;
  }

  #uidIn(dataSet: DataSet, tag: Tag, place: Place): string {
    const values = dataSet[tag]?.Value ?? [];
    const [uid] = values;
    if (values.length === 1 && typeof uid === 'string' && isUid(uid)) return uid;
    if (dataSet[tag] === undefined) this.tell('MISSING_ATTRIBUTE', tag, 'is missing', place);
    else if (values.every((value) => value === null)) this.tell('MISSING_VALUE', tag, 'has no value', place);
    else this.tell('INVALID_VALUE', tag, 'is not one UID of at most 64 characters', place);
    return '';
  }
}

/** The failure of a data set with issues: the first code by precedence, the text of all. */
export function failureOfIssues(issues: readonly CommitmentIssue[]): ServiceFailure {
  const code = ISSUE_CODES.find((each) => issues.some((found) => found.code === each)) ?? 'INVALID_VALUE';
  const texts = issues.slice(0, ISSUES_TOLD).map(({ text }) => text);
  const more = issues.length > ISSUES_TOLD ? `; and ${issues.length - ISSUES_TOLD} more` : '';
  return new ServiceFailure(code, {
    comment: `${texts.join('; ')}${more}`,
    attributes: [...new Set(issues.flatMap(({ path }) => path.slice(0, 1)))],
  });
}

/** Text is read too: example B.29 writes the reason with the VR of a UID. */
function reasonIn(item: DataSet): number | undefined {
  const value = item[FAILURE_REASON]?.Value?.[0];
  const isNumber = typeof value === 'number' || (typeof value === 'string' && /^\d{1,5}$/.test(value));
  return isNumber ? Number(value) : undefined;
}
