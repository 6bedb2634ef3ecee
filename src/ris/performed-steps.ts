/**
 * The performed procedure steps of the embedded RIS, kept as an SCP has to (PS3.4 F.7.2 and F.8.2): strictly by the
 * tables, since a reference that lets things pass teaches nobody. Each change is on disk before it is acknowledged;
 * where the store fails, its GatewayError STORE_* says that nothing was done.
 */
import { createDataSet } from '../dataset/model.ts';
import type { DataSet, Tag } from '../dataset/model.ts';
import { MPPS_ATTRIBUTES, SPECIFIC_CHARACTER_SET } from '../services/mpps/attributes.ts';
import { selectAttributes } from '../services/mpps/complete.ts';
import { hasValue } from '../services/mpps/conditions.ts';
import { FINAL_ERROR_ID } from '../services/mpps/outcomes.ts';
import { isFinal, stateOf } from '../services/mpps/state.ts';
import { checkCreate, checkFinal, checkInstanceUid, checkUpdate, failureOfIssues } from '../services/mpps/validate.ts';
import type { MppsIssue } from '../services/mpps/validate.ts';
import { ServiceFailure } from '../services/port.ts';
import type { AttributeSelection } from '../services/port.ts';
import type { RisSteps } from '../store/store.ts';

export class PerformedSteps {
  readonly #upstream: string;
  readonly #steps: RisSteps;
  readonly #changed: (uid: string, attributes: DataSet) => void;
  /** Changes run one after another: each reads what the one before wrote. */
  #lastChange: Promise<void> = Promise.resolve();

  /**
   * @param upstream name of the RIS among the upstreams: the steps of each are its own
   * @param changed told of each step that was created or updated, in that order, once it is on disk
   */
  constructor(upstream: string, steps: RisSteps, changed: (uid: string, attributes: DataSet) => void) {
    this.#upstream = upstream;
    this.#steps = steps;
    this.#changed = changed;
  }

  /** Tells `changed` of every step that is there, the one that changed last at the end. @throws GatewayError STORE_* */
  async replay(): Promise<void> {
    for await (const { uid, attributes } of this.#steps.all(this.#upstream)) this.#changed(uid, attributes);
  }

  /** N-CREATE. @throws ServiceFailure */
  create(uid: string, attributes: DataSet): Promise<void> {
    return this.#inTurn(async () => {
      refuse(checkInstanceUid(uid));
      if ((await this.#find(uid)) !== undefined) {
        throw new ServiceFailure('DUPLICATE_INSTANCE', { comment: 'this instance exists already' });
      }
      refuse(checkCreate(attributes));
      await this.#put(uid, attributes);
    });
  }

  /** N-SET: whole top-level attributes. @throws ServiceFailure */
  update(uid: string, modifications: DataSet): Promise<void> {
    return this.#inTurn(async () => {
      const before = await this.#get(uid);
      if (isFinal(stateOf(before))) {
        throw new ServiceFailure('INSTANCE_FINAL', {
          comment: 'this instance is COMPLETED or DISCONTINUED: it may no longer be updated',
          errorId: FINAL_ERROR_ID,
        });
      }
      const issues = checkUpdate(modifications, new Set(Object.keys(before)));
      if (isFinal(stateOf(modifications))) {
        const tags = new Set(Object.keys(before).filter((tag) => hasValue(before[tag])));
        issues.push(...checkFinal({ tags, modifications }));
      }
      refuse(issues);
      await this.#put(uid, Object.assign(createDataSet(), before, modifications));
    });
  }

  /**
   * N-GET.
   * @returns `unsupported`: what was asked for and no MPPS can have (status 0001H); what this one merely lacks is absent
   * @throws ServiceFailure
   */
  async retrieve(uid: string, selection: AttributeSelection): Promise<{ attributes: DataSet; unsupported: Tag[] }> {
    const step = await this.#get(uid);
    const asked = selection === 'all' ? [] : selection.flatMap((path) => path.slice(0, 1));
    const unsupported = asked.filter((tag) => step[tag] === undefined && !isSupported(tag));
    return { attributes: selectAttributes(step, selection), unsupported: [...new Set(unsupported)].sort() };
  }

  async #get(uid: string): Promise<DataSet> {
    const step = await this.#find(uid);
    if (step === undefined) throw new ServiceFailure('NO_SUCH_INSTANCE', { comment: 'there is no such instance' });
    return step;
  }

  async #find(uid: string): Promise<DataSet | undefined> {
    const step = await this.#steps.get({ upstream: this.#upstream, uid });
    return step?.attributes;
  }

  /** Text is kept as Unicode, so the character set it came in is of no more use. */
  async #put(uid: string, given: DataSet): Promise<void> {
    const attributes = Object.assign(createDataSet(), given);
    delete attributes[SPECIFIC_CHARACTER_SET];
    await this.#steps.put({ upstream: this.#upstream, uid, attributes }, 'disk');
    this.#changed(uid, attributes);
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    const result = this.#lastChange.then(change);
    this.#lastChange = result.catch(() => undefined);
    return result;
  }
}

/** UIDs of the command, which are never part of the answer, and whatever Table F.7.2-1 has. */
const IN_COMMAND: ReadonlySet<Tag> = new Set(['00080016', '00080018']);

function isSupported(tag: Tag): boolean {
  return MPPS_ATTRIBUTES.has(tag) || IN_COMMAND.has(tag);
}

function refuse(issues: readonly MppsIssue[]): void {
  if (issues.length > 0) throw failureOfIssues(issues);
}
