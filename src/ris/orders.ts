/**
 * Which orders a performed step belongs to: those that its Scheduled Step Attributes Sequence (0040,0270) names, one an
 * item, by Scheduled Procedure Step ID and Study Instance UID, its own or a referenced one (group case); where several
 * entries fit, Accession Number decides. One without such items, or whose items fit nothing, is unscheduled (PS3.4
 * F.7.2.1.2). An order of another patient is not followed unless a person has said so.
 */
import { itemsOf } from '../dataset/model.ts';
import type { DataSet, Tag } from '../dataset/model.ts';
import { SCHEDULED_STEP_ATTRIBUTES_SEQUENCE } from '../services/mpps/attributes.ts';
import type { RisEntry, RisMismatch } from '../store/ris-records.ts';
import type { Store } from '../store/store.ts';
import { indexText, stepOf, TAGS, textOf } from './entry.ts';
import { differentPatient } from './patient.ts';

const REFERENCED_STUDY_SEQUENCE: Tag = '00081110';
const REFERENCED_SOP_INSTANCE_UID: Tag = '00081155';

/** So many pairs of step and study are looked up at a time: a peer may name any number. */
const PAIRS_AT_ONCE = 100;

export interface NamedOrders {
  /** Ids of the entries that follow the step. */
  readonly performs: string[];
  /** Entries of another patient about which nobody has said that they are to follow. */
  readonly mismatches: RisMismatch[];
  /** Those of them that were not known before. */
  readonly unknown: RisMismatch[];
}

export class Orders {
  readonly #upstream: string;
  readonly #store: Pick<Store, 'worklist' | 'exceptions'>;

  constructor(upstream: string, store: Pick<Store, 'worklist' | 'exceptions'>) {
    this.#upstream = upstream;
    this.#store = store;
  }

  /**
   * @param uid of the performed step
   * @param attributes all of it; its patient is the one of the N-CREATE, which an N-SET cannot change
   * @throws GatewayError STORE_*
   */
  async namedBy(uid: string, attributes: DataSet): Promise<NamedOrders> {
    const entries = await this.#entriesOf(itemsOf(attributes[SCHEDULED_STEP_ATTRIBUTES_SEQUENCE]));
    const compared = entries.map((entry) => ({
      entryId: entry.id,
      attributes: differentPatient(attributes, entry.scheduled),
    }));
    const performs = compared.filter((each) => each.attributes.length === 0).map(({ entryId }) => entryId);
    const different = compared.filter((each) => each.attributes.length > 0);
    if (different.length === 0) return { performs, mismatches: [], unknown: [] };
    const raised = await this.#store.exceptions.list({ upstream: this.#upstream, uid });
    const known = new Map(raised.map(({ entryId, resolution }) => [entryId, resolution]));
    const isMerged = ({ entryId }: RisMismatch): boolean => known.get(entryId) === 'merged';
    return {
      performs: [...performs, ...different.filter(isMerged).map(({ entryId }) => entryId)],
      mismatches: different.filter((each) => !isMerged(each)),
      unknown: different.filter(({ entryId }) => !known.has(entryId)),
    };
  }

  async #entriesOf(items: readonly DataSet[]): Promise<RisEntry[]> {
    const candidates = await this.#candidatesOf(items);
    const byStepId = Map.groupBy(candidates, ({ scheduled }) => textOf(stepOf(scheduled), TAGS.stepId));
    return [...new Set(items.flatMap((item) => closest(item, byStepId.get(textOf(item, TAGS.stepId)) ?? [])))];
  }

  /** Every entry that has the step ID and a study of some item; maybe others. */
  async #candidatesOf(items: readonly DataSet[]): Promise<RisEntry[]> {
    const pairs = items.flatMap((item) => {
      const stepId = textOf(item, TAGS.stepId);
      return stepId === '' ? [] : studiesOf(item).map((study) => ({ stepId, study }));
    });
    const found = new Map<string, RisEntry>();
    for (let i = 0; i < pairs.length; i += PAIRS_AT_ONCE) {
      const some = pairs.slice(i, i + PAIRS_AT_ONCE);
      const filter = {
        stepIds: [...new Set(some.map(({ stepId }) => indexText(stepId)))],
        studyInstanceUids: [...new Set(some.map(({ study }) => indexText(study)))],
      };
      for await (const entry of this.#store.worklist.find(this.#upstream, filter)) found.set(entry.id, entry);
    }
    return [...found.values()];
  }
}

/** @param entries those with the step ID of the item */
function closest(item: DataSet, entries: readonly RisEntry[]): readonly RisEntry[] {
  const studies = new Set(studiesOf(item));
  const fitting = entries.filter(({ scheduled }) => studies.has(textOf(scheduled, TAGS.studyInstanceUid)));
  const accession = textOf(item, TAGS.accessionNumber);
  const exact = fitting.filter(({ scheduled }) => textOf(scheduled, TAGS.accessionNumber) === accession);
  return exact.length > 0 ? exact : fitting;
}

function studiesOf(item: DataSet): string[] {
  const referenced = itemsOf(item[REFERENCED_STUDY_SEQUENCE]);
  return [
    textOf(item, TAGS.studyInstanceUid),
    ...referenced.map((study) => textOf(study, REFERENCED_SOP_INSTANCE_UID)),
  ].filter((uid) => uid !== '');
}
