/**
 * The worklist of the embedded RIS: scheduled steps that follow what the modalities report of them (PS3.4 F.1.4, IHE
 * RAD 4.6 and 4.7).
 *
 * A performed step belongs to the scheduled steps that its Scheduled Step Attributes Sequence (0040,0270) names, one an
 * item, by Scheduled Procedure Step ID and Study Instance UID, its own or a referenced one (group case); where several
 * entries fit, Accession Number decides. One without such items, or whose items fit nothing, is unscheduled.
 *
 * Scheduled Procedure Step Status (0040,0020) is then STARTED, as PS3.3 C.4.10 defines it, while any performed step is
 * IN PROGRESS; once all are final, the state of the one that ended last: COMPLETED or DISCONTINUED, which extend the
 * standard's defined terms. In the append case a step thus comes back as STARTED when it is taken up again.
 */
import { attribute, createDataSet, firstText, itemsOf } from '../dataset/model.ts';
import type { DataSet, Tag } from '../dataset/model.ts';
import { SCHEDULED_STEP_ATTRIBUTES_SEQUENCE } from '../services/mpps/attributes.ts';
import { stateOf } from '../services/mpps/state.ts';
import type { MppsState } from '../services/mpps/state.ts';
import { SCHEDULED_PROCEDURE_STEP_SEQUENCE } from '../services/worklist/attributes.ts';
import { compareSteps } from '../services/worklist/identifier.ts';

/** Whether a search still finds an entry whose step has come so far. */
export interface EntryWhen {
  readonly inProgress: 'keep' | 'remove';
  readonly completed: 'keep' | 'remove';
  readonly discontinued: 'keep' | 'remove';
}

/** What is done is off the list; what was abandoned waits to be taken up again. */
export const DEFAULT_ENTRY_WHEN: EntryWhen = { inProgress: 'keep', completed: 'remove', discontinued: 'keep' };

const STUDY_INSTANCE_UID: Tag = '0020000D';
const REFERENCED_STUDY_SEQUENCE: Tag = '00081110';
const REFERENCED_SOP_INSTANCE_UID: Tag = '00081155';
const ACCESSION_NUMBER: Tag = '00080050';
const SCHEDULED_PROCEDURE_STEP_ID: Tag = '00400009';
const SCHEDULED_PROCEDURE_STEP_STATUS: Tag = '00400020';

const FOLLOWED: Readonly<Record<MppsState, { readonly when: keyof EntryWhen; readonly status: string }>> = {
  'IN PROGRESS': { when: 'inProgress', status: 'STARTED' },
  COMPLETED: { when: 'completed', status: 'COMPLETED' },
  DISCONTINUED: { when: 'discontinued', status: 'DISCONTINUED' },
};

interface Entry {
  /** As it was scheduled. */
  readonly scheduled: DataSet;
  /** State of each performed step by UID, the one that changed last at the end. */
  readonly performed: Map<string, MppsState>;
  /** As a search finds it; undefined: not at all. */
  current: DataSet | undefined;
}

export class Worklist {
  readonly #entries: readonly Entry[];
  readonly #byStepId: ReadonlyMap<string, readonly Entry[]>;
  readonly #when: EntryWhen;
  #current: readonly DataSet[];

  /** @param entries one Scheduled Procedure Step each */
  constructor(entries: readonly DataSet[], when: Partial<EntryWhen> = {}) {
    this.#when = { ...DEFAULT_ENTRY_WHEN, ...when };
    this.#entries = entries
      .toSorted(compareSteps)
      .map((scheduled) => ({ scheduled, performed: new Map<string, MppsState>(), current: scheduled }));
    this.#byStepId = Map.groupBy(this.#entries, ({ scheduled }) => stepIdOf(scheduled));
    this.#current = this.#entries.map(({ scheduled }) => scheduled);
  }

  /** What a search finds, in the order of the steps; never changed, only replaced. */
  get current(): readonly DataSet[] {
    return this.#current;
  }

  /** Takes in how far a performed step is. */
  follow(uid: string, attributes: DataSet): void {
    const state = stateOf(attributes);
    if (state === undefined) return;
    const entries = new Set(
      itemsOf(attributes[SCHEDULED_STEP_ATTRIBUTES_SEQUENCE]).flatMap((item) => this.#entriesOf(item)),
    );
    if (entries.size === 0) return;
    for (const entry of entries) {
      entry.performed.delete(uid);
      entry.performed.set(uid, state);
      entry.current = this.#currentOf(entry);
    }
    this.#current = this.#entries.map(({ current }) => current).filter((current) => current !== undefined);
  }

  #entriesOf(item: DataSet): readonly Entry[] {
    const id = textOf(item, SCHEDULED_PROCEDURE_STEP_ID);
    if (id === '') return [];
    const studies = new Set(
      [
        textOf(item, STUDY_INSTANCE_UID),
        ...itemsOf(item[REFERENCED_STUDY_SEQUENCE]).map((study) => textOf(study, REFERENCED_SOP_INSTANCE_UID)),
      ].filter((uid) => uid !== ''),
    );
    const found = (this.#byStepId.get(id) ?? []).filter(({ scheduled }) =>
      studies.has(textOf(scheduled, STUDY_INSTANCE_UID)),
    );
    const accession = textOf(item, ACCESSION_NUMBER);
    const closest = found.filter(({ scheduled }) => textOf(scheduled, ACCESSION_NUMBER) === accession);
    return closest.length > 0 ? closest : found;
  }

  #currentOf({ scheduled, performed }: Entry): DataSet | undefined {
    const states = [...performed.values()];
    const state = states.includes('IN PROGRESS') ? 'IN PROGRESS' : states.at(-1);
    if (state === undefined) return scheduled;
    const { when, status } = FOLLOWED[state];
    return this.#when[when] === 'remove' ? undefined : withStatus(scheduled, status);
  }
}

function stepIdOf(entry: DataSet): string {
  const [step] = itemsOf(entry[SCHEDULED_PROCEDURE_STEP_SEQUENCE]);
  return step === undefined ? '' : textOf(step, SCHEDULED_PROCEDURE_STEP_ID);
}

function withStatus(entry: DataSet, status: string): DataSet {
  const steps = itemsOf(entry[SCHEDULED_PROCEDURE_STEP_SEQUENCE]).map((step) =>
    Object.assign(createDataSet(), step, { [SCHEDULED_PROCEDURE_STEP_STATUS]: attribute('CS', status) }),
  );
  return Object.assign(createDataSet(), entry, { [SCHEDULED_PROCEDURE_STEP_SEQUENCE]: attribute('SQ', ...steps) });
}

function textOf(dataSet: DataSet, tag: Tag): string {
  return firstText(dataSet, tag)?.trim() ?? '';
}
