/**
 * Writes to workitems by their lock, with outcomes that are learned where no answer came (status mapping 8): by Retrieve, else
 * by the same once more.
 */
import type { Refusal } from '../dicomweb/mpps-refusal.ts';
import type { DataSet } from '../dataset/model.ts';
import { ServiceFailure } from '../services/port.ts';
import { workitemStateOf } from '../services/ups/attributes.ts';
import type { WorkitemState } from '../services/ups/workitem.ts';
import type { Call, UpsClient } from './client.ts';
import { isAboutLock } from './refusals.ts';

/** The workitem and our lock of it. */
export interface Owned {
  readonly workitemUid: string;
  readonly transactionUid: string;
}

/** What the server has: a state, or nothing (any more). */
export type StateThere = WorkitemState | 'missing' | 'unknown';

/**
 * `done`: by this request; `found`: it is in that state, whoever brought it there; a refusal with the state that is there.
 */
export type StateChange = 'done' | 'found' | { readonly refusal: Refusal; readonly state: StateThere };

export class OwnedWorkitems {
  readonly #client: UpsClient;

  constructor(client: UpsClient) {
    this.#client = client;
  }

  /** Undefined: updated. @throws ServiceFailure; `ambiguous` when it is not known */
  update({ workitemUid, transactionUid }: Owned, modifications: DataSet, call: Call): Promise<Refusal | undefined> {
    // Whole attributes replace: a second time changes nothing.
    return twice(() => this.#client.update(workitemUid, transactionUid, modifications, call), call);
  }

  /** @throws ServiceFailure; `ambiguous` when the outcome could not be learned */
  async changeState({ workitemUid, transactionUid }: Owned, state: WorkitemState, call: Call): Promise<StateChange> {
    const change = async (): Promise<StateChange> => {
      const refusal = await this.#client.changeState(workitemUid, transactionUid, state, call);
      return refusal === undefined ? 'done' : { refusal, state: await this.#stateAfter(refusal, workitemUid, call) };
    };
    try {
      return await change();
    } catch (error) {
      if (!isAmbiguous(error) || call.signal.aborted) throw error;
      const there = await this.stateOf(workitemUid, call);
      if (there === state) return 'found';
      if (there === 'unknown') throw error;
      // The request did not arrive (or arrives just now), or is refused for what is there.
      const again = await change();
      return typeof again === 'object' && again.state === state && !isAboutLock(again.refusal) ? 'found' : again;
    }
  }

  /** `unknown` where it could not be asked. */
  async stateOf(workitemUid: string, call: Call): Promise<StateThere> {
    try {
      const answer = await this.#client.retrieve(workitemUid, call);
      if ('workitem' in answer) return workitemStateOf(answer.workitem) ?? 'unknown';
      const { status } = answer.refusal;
      return status === 404 || status === 410 ? 'missing' : 'unknown';
    } catch (error) {
      if (!(error instanceof ServiceFailure)) throw error;
      return 'unknown';
    }
  }

  #stateAfter({ status }: Refusal, workitemUid: string, call: Call): Promise<StateThere> {
    if (status === 404 || status === 410) return Promise.resolve('missing');
    return status === 400 || status === 409 ? this.stateOf(workitemUid, call) : Promise.resolve('unknown');
  }
}

export function isAmbiguous(error: unknown): error is ServiceFailure {
  return error instanceof ServiceFailure && error.retry === 'ambiguous';
}

/** Once more where no answer came, as long as the one who asks waits. */
async function twice<T>(attempt: () => Promise<T>, { signal }: Call): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (!isAmbiguous(error) || signal.aborted) throw error;
    return attempt();
  }
}
