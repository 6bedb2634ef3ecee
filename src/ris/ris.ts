/**
 * The embedded RIS behind the same port as every upstream, so that the gateway runs with nothing else installed and a
 * site has something to try against: a worklist from a file, and performed procedure steps in the store.
 */
import type { DataSet } from '../dataset/model.ts';
import { ServiceFailure } from '../services/port.ts';
import type { AttributeSelection, Completion, RequestContext, Upstream, WorklistQuery } from '../services/port.ts';
import { identifierFromQuery, reduceToRequested } from '../services/worklist/identifier.ts';
import { matches } from '../services/worklist/matching.ts';
import { moreResults, WARNINGS } from '../services/worklist/warnings.ts';
import type { RisSteps } from '../store/store.ts';
import { PerformedSteps } from './performed-steps.ts';
import { Worklist } from './worklist.ts';
import type { EntryWhen } from './worklist.ts';

export interface RisOptions {
  /** Whether the worklist still shows a step that was begun or has ended; default: all but the completed. */
  readonly entryWhen?: Partial<EntryWhen>;
}

interface KeptSteps {
  readonly name: string;
  readonly steps: RisSteps;
}

export class Ris implements Upstream {
  readonly #worklist: Worklist;
  readonly #performed: PerformedSteps | undefined;

  /**
   * A RIS without the MPPS service: it would forget what it acknowledged. `open` makes one with it.
   * @param entries one Scheduled Procedure Step each
   */
  constructor(entries: readonly DataSet[], options: RisOptions = {}, kept?: KeptSteps) {
    this.#worklist = new Worklist(entries, options.entryWhen);
    this.#performed =
      kept && new PerformedSteps(kept.name, kept.steps, (uid, attributes) => this.#worklist.follow(uid, attributes));
  }

  /**
   * A RIS that goes on where the one of this name was left: its worklist has followed the steps that are kept.
   * @param name of the RIS among the upstreams: under another name it knows nothing of its steps
   * @throws GatewayError STORE_*
   */
  static async open(name: string, entries: readonly DataSet[], options: RisOptions, steps: RisSteps): Promise<Ris> {
    const ris = new Ris(entries, options, { name, steps });
    await ris.#performed?.replay();
    return ris;
  }

  async *search(query: WorklistQuery, context: RequestContext): AsyncGenerator<DataSet, void, void> {
    if (query.fuzzyMatching) context.warn(WARNINGS.fuzzyMatchingNotSupported);
    if (query.timezoneAdjustment) context.warn(WARNINGS.timezoneNotSupported);
    const end = query.offset + (query.limit ?? Infinity);
    const wanted = query.returnKeys === 'all' ? undefined : identifierFromQuery(query).identifier;
    let position = 0;
    for (const entry of this.#worklist.current) {
      if (context.signal.aborted) throw new ServiceFailure('CANCELED');
      if (!matches(entry, query)) continue;
      if (position >= query.offset && position < end) {
        yield wanted === undefined ? entry : reduceToRequested(entry, wanted);
      }
      position++;
    }
    if (position > end) context.warn(moreResults(position - end));
  }

  async createMpps(uid: string, attributes: DataSet, context: RequestContext): Promise<Completion> {
    await this.#steps(context).create(uid, attributes);
    return { uid };
  }

  async updateMpps(uid: string, modifications: DataSet, context: RequestContext): Promise<Completion> {
    await this.#steps(context).update(uid, modifications);
    return { uid };
  }

  async retrieveMpps(uid: string, selection: AttributeSelection, context: RequestContext): Promise<DataSet> {
    const { attributes, unsupported } = await this.#steps(context).retrieve(uid, selection);
    if (unsupported.length > 0) {
      const text = `attributes that no MPPS has were left out: ${unsupported.join(', ')}`;
      context.warn({ code: 'ATTRIBUTES_IGNORED', text, attributes: unsupported });
    }
    return attributes;
  }

  verify(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #steps({ signal }: RequestContext): PerformedSteps {
    if (signal.aborted) throw new ServiceFailure('CANCELED');
    if (this.#performed === undefined) {
      throw new ServiceFailure('NOT_SUPPORTED', { comment: 'this RIS has no store for performed procedure steps' });
    }
    return this.#performed;
  }
}
