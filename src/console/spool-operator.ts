/**
 * What an operator may do with the spool: look, try again, discard with a reason. Everything that changes it, and every look
 * at a data set, leaves a line in the log that says who.
 */
import type { Logger } from '../observe/log.ts';
import type { Destination, Spool, SpoolDepth, SpoolFilter, SpoolMessage, SpoolState } from '../store/spool-records.ts';
import { Refusal } from './refusal.ts';

/** What is absent fits any message. */
export interface SpoolQuery {
  readonly route?: string;
  readonly upstream?: string;
  readonly uid?: string;
  readonly state?: SpoolState;
  /** Ids greater than this one. */
  readonly after?: number;
  /** At most so many. */
  readonly limit?: number;
}

/** Messages that are read at a time: a long spool must not fill the memory. */
const PAGE = 50;

export class SpoolOperator {
  readonly #spool: Spool;
  readonly #wake: (destination: Destination) => void;
  readonly #log: Logger;

  /**
   * @param wake tells the delivery that there is work for a destination
   * @param log bears who asks
   */
  constructor(spool: Spool, wake: (destination: Destination) => void, log: Logger) {
    this.#spool = spool;
    this.#wake = wake;
    this.#log = log;
  }

  async depths({ route, upstream }: Pick<SpoolQuery, 'route' | 'upstream'>): Promise<SpoolDepth[]> {
    const fits = (wanted: string | undefined, name: string): boolean => wanted === undefined || wanted === name;
    return (await this.#spool.depths()).filter((depth) => fits(route, depth.route) && fits(upstream, depth.upstream));
  }

  /** In the order of their ids, read as they are taken. */
  async *messages({
    route,
    upstream,
    limit = Infinity,
    after = 0,
    ...filter
  }: SpoolQuery): AsyncGenerator<SpoolMessage> {
    const destinations =
      route === undefined && upstream === undefined
        ? [undefined]
        : route !== undefined && upstream !== undefined
          ? [{ route, upstream }]
          : await this.depths({ ...(route && { route }), ...(upstream && { upstream }) });
    let left = limit;
    for (let last = after; left > 0;) {
      const size = Math.min(PAGE, left);
      const page = await this.#page(destinations, { ...filter, after: last, limit: size });
      yield* page;
      if (page.length < size) return;
      left -= page.length;
      last = page.at(-1)?.id ?? last;
    }
  }

  /** @throws Refusal SPOOL_MESSAGE_UNKNOWN; GatewayError STORE_* */
  async get(id: number): Promise<SpoolMessage> {
    const message = await this.#spool.get(id);
    if (message !== undefined) return message;
    const fix = 'It may have been delivered meanwhile: `dimseway spool list` shows what is there.';
    throw new Refusal(404, 'SPOOL_MESSAGE_UNKNOWN', `The spool has no message ${id}`, fix);
  }

  /** Gives the message as it was. @throws Refusal SPOOL_MESSAGE_UNKNOWN; GatewayError STORE_* */
  async retry(id: number): Promise<SpoolMessage> {
    const message = await this.get(id);
    if (await this.#spool.retry(id)) {
      this.#log.info('spool message to be tried again', { id, ...placeOf(message), state: message.state });
      this.#wake(message);
    }
    return message;
  }

  /**
   * Tries a whole destination again: dead messages are queued anew, waiting lanes become due.
   * @param state only these
   */
  async retryAll(
    { route, upstream }: Destination,
    state?: SpoolState,
  ): Promise<{ readonly revived: number; readonly hastened: number }> {
    const destination = { route, upstream };
    let revived = 0;
    if (state !== 'queued') {
      for await (const { id } of this.messages({ ...destination, state: 'dead' })) {
        if (await this.#spool.retry(id)) revived++;
      }
    }
    const hastened = state === 'dead' ? 0 : await this.#spool.wake(destination);
    this.#log.info('spool destination to be tried again', { ...destination, revived, hastened });
    this.#wake(destination);
    return { revived, hastened };
  }

  /**
   * Removes a message for good. What it was stands in the log, but for its data set.
   * @throws Refusal SPOOL_MESSAGE_UNKNOWN, SPOOL_MESSAGE_BUSY; GatewayError STORE_*
   */
  async discard(id: number, reason: string): Promise<SpoolMessage> {
    const message = await this.#spool.discard(id);
    if (message === undefined) {
      await this.get(id);
      const fix = 'Wait until the attempt has ended, then try again if it is still there.';
      throw new Refusal(409, 'SPOOL_MESSAGE_BUSY', `Message ${id} is being delivered just now`, fix);
    }
    const { kind, state, attempts, lastFailure } = message;
    this.#log.warn('spool message discarded', {
      id,
      ...placeOf(message),
      reason,
      kind,
      state,
      attempts,
      ...(lastFailure === undefined ? {} : { lastFailureCode: lastFailure.code }),
    });
    this.#wake(message);
    return message;
  }

  async #page(destinations: readonly (Destination | undefined)[], filter: SpoolFilter): Promise<SpoolMessage[]> {
    const lists = await Promise.all(
      destinations.map((destination) =>
        this.#spool.list(destination === undefined ? filter : { ...filter, destination }),
      ),
    );
    const [only, ...others] = lists;
    if (others.length === 0) return only ?? [];
    return lists
      .flat()
      .toSorted((a, b) => a.id - b.id)
      .slice(0, filter.limit);
  }
}

function placeOf({ route, upstream, uid }: SpoolMessage): { route: string; upstream: string; uid: string } {
  return { route, upstream, uid };
}
