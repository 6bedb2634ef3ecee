/**
 * The performed procedure steps of the embedded RIS, kept as an SCP has to (PS3.4 F.7.2 and F.8.2): strictly by the
 * tables, since a reference that lets things pass teaches nobody, or tolerantly where it stands in for a real RIS. Each
 * change is on disk before it is acknowledged; where the store fails, its GatewayError STORE_* says that nothing was done.
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
import type { Logger } from '../observe/log.ts';
import { KeyedQueue } from '../store/keyed-queue.ts';
import type { RisMismatch } from '../store/ris-records.ts';
import type { Store } from '../store/store.ts';
import { Orders } from './orders.ts';

/** How often a change is made again when another process changed the step meanwhile. */
const ATTEMPTS = 10;

/** `strict` refuses what breaks Table F.7.2-1, `warn` keeps it and logs the tags; the rules of the states hold in both. */
export type Validation = 'strict' | 'warn';

export class PerformedSteps {
  readonly #upstream: string;
  readonly #validation: Validation;
  readonly #store: Pick<Store, 'steps' | 'worklist' | 'exceptions'>;
  readonly #orders: Orders;
  readonly #logger: Logger;
  /** Changes of one step run one after another, in the order they came. */
  readonly #changes = new KeyedQueue();

  /** @param upstream name of the RIS among the upstreams: the steps of each are its own */
  constructor(
    upstream: string,
    store: Pick<Store, 'steps' | 'worklist' | 'exceptions'>,
    logger: Logger,
    validation: Validation = 'strict',
  ) {
    this.#upstream = upstream;
    this.#validation = validation;
    this.#store = store;
    this.#orders = new Orders(upstream, store);
    this.#logger = logger;
  }

  /** N-CREATE. @throws ServiceFailure */
  create(uid: string, attributes: DataSet): Promise<void> {
    return this.#change(uid, (before) => {
      const invalid = checkInstanceUid(uid);
      if (invalid.length > 0) throw failureOfIssues(invalid);
      if (before !== undefined) {
        throw new ServiceFailure('DUPLICATE_INSTANCE', { comment: 'this instance exists already' });
      }
      this.#judge(uid, checkCreate(attributes), attributes);
      return attributes;
    });
  }

  /** N-SET: whole top-level attributes. @throws ServiceFailure */
  update(uid: string, modifications: DataSet): Promise<void> {
    return this.#change(uid, (before) => {
      if (before === undefined) throw noSuchInstance();
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
      const attributes = Object.assign(createDataSet(), before, modifications);
      this.#judge(uid, issues, attributes);
      return attributes;
    });
  }

  /**
   * N-GET.
   * @returns `unsupported`: what was asked for and no MPPS can have (status 0001H); what this one merely lacks is absent
   * @throws ServiceFailure
   */
  async retrieve(uid: string, selection: AttributeSelection): Promise<{ attributes: DataSet; unsupported: Tag[] }> {
    const step = (await this.#store.steps.get({ upstream: this.#upstream, uid }))?.attributes;
    if (step === undefined) throw noSuchInstance();
    const asked = selection === 'all' ? [] : selection.flatMap((path) => path.slice(0, 1));
    const unsupported = asked.filter((tag) => step[tag] === undefined && !isSupported(tag));
    return { attributes: selectAttributes(step, selection), unsupported: [...new Set(unsupported)].sort() };
  }

  /**
   * Writes what a message makes of a step, with the orders that follow it, as one change.
   * @param next throws what is wrong with the message; called again when the step was changed meanwhile
   */
  #change(uid: string, next: (before: DataSet | undefined) => DataSet): Promise<void> {
    return this.#changes.run(uid, async () => {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const key = { upstream: this.#upstream, uid };
        const before = await this.#store.steps.get(key);
        const attributes = Object.assign(createDataSet(), next(before?.attributes));
        // Text is kept as Unicode, so the character set it came in is of no more use.
        delete attributes[SPECIFIC_CHARACTER_SET];
        const { performs, mismatches, unknown } = await this.#orders.namedBy(uid, attributes);
        const state = stateOf(attributes) ?? 'IN PROGRESS';
        const change = { ...key, attributes, state, revision: before?.revision, performs, mismatches };
        if (await this.#store.steps.save(change, 'disk')) {
          this.#report(uid, unknown);
          return;
        }
      }
      throw new ServiceFailure('OUT_OF_RESOURCES', { retry: 'safe', comment: 'others keep changing this instance' });
    });
  }

  /** @param attributes the step as it would be: without a state it can be nothing. @throws ServiceFailure */
  #judge(uid: string, issues: readonly MppsIssue[], attributes: DataSet): void {
    if (issues.length === 0) return;
    if (this.#validation === 'strict' || stateOf(attributes) === undefined) throw failureOfIssues(issues);
    const problems = issues.map(({ code, text }) => `${code}: ${text}`);
    this.#logger.warn('a performed step breaks Table F.7.2-1 and is kept', { upstream: this.#upstream, uid, problems });
  }

  #report(uid: string, mismatches: readonly RisMismatch[]): void {
    for (const { entryId, attributes } of mismatches) {
      this.#logger.warn('a performed step names an order of another patient: see the exception list', {
        upstream: this.#upstream,
        uid,
        entry: entryId,
        attributes,
      });
    }
  }
}

function noSuchInstance(): ServiceFailure {
  return new ServiceFailure('NO_SUCH_INSTANCE', { comment: 'there is no such instance' });
}

/** UIDs of the command, which are never part of the answer, and whatever Table F.7.2-1 has. */
const IN_COMMAND: ReadonlySet<Tag> = new Set(['00080016', '00080018']);

function isSupported(tag: Tag): boolean {
  return MPPS_ATTRIBUTES.has(tag) || IN_COMMAND.has(tag);
}
