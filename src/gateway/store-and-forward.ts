/**
 * Store-and-forward: a message is acknowledged because it is on the disk, and only then; what is said of an instance is
 * what its record says (proxy flows 4.1, 11). Whoever calls holds the instance, and has checked the message.
 */
import type { Logger } from '../observe/log.ts';
import { MPPS_EVENT } from '../services/mpps/notification.ts';
import type { Destination, NewSpoolMessage, Spool } from '../store/spool-records.ts';
import type { MppsKey, MppsRecord, MppsRecords } from '../store/store.ts';
import { forwardMessages, primaryMessage } from './forwarding.ts';
import type { AcceptedMessage } from './forwarding.ts';
import { eventsOfMessage } from './mpps-events.ts';
import type { MppsTarget } from './mpps-route.ts';

/** More wait for one instance at one destination only where they are no events. */
const LANE = 100;

export class StoreAndForward {
  readonly #mpps: MppsRecords;
  readonly #spool: Spool;
  readonly #logger: Logger;
  readonly #wake: (destination: Destination) => void;

  /** @param wake tells the spool's delivery that a destination has something to do */
  constructor(
    { mpps, spool }: { mpps: MppsRecords; spool: Spool },
    logger: Logger,
    wake: (destination: Destination) => void,
  ) {
    this.#mpps = mpps;
    this.#spool = spool;
    this.#logger = logger;
    this.#wake = wake;
  }

  /** Messages of the instance that its own upstream has still to get. */
  waiting(key: MppsKey): Promise<number> {
    return this.#spool.countOf(key);
  }

  /**
   * Puts a message on the disk for every destination, and what SCUs are told of it, beside the record as it is from now on.
   * @param before the record as it was
   * @throws GatewayError STORE_*; then nothing is kept, and the one who asks must not be told that it is
   */
  async accept(
    target: MppsTarget,
    message: AcceptedMessage,
    before: MppsRecord | undefined,
    after: MppsRecord | undefined,
  ): Promise<void> {
    const forwards = forwardMessages(target, message, before, this.#logger);
    const events = eventsOfMessage(target, message, before);
    await this.#put(after, [primaryMessage(target, message), ...forwards, ...events]);
  }

  /**
   * The same once the upstream has taken the message: only the other destinations and the SCUs are left. Without any,
   * false: the record is not written.
   * @throws GatewayError STORE_*; the message must then come again, or it is not forwarded
   */
  async forward(
    target: MppsTarget,
    message: AcceptedMessage,
    before: MppsRecord | undefined,
    after: MppsRecord | undefined,
  ): Promise<boolean> {
    const forwards = forwardMessages(target, message, before, this.#logger).flatMap((each) => [
      ...unforwardedCreate(each, before),
      each,
    ]);
    const messages = [...forwards, ...eventsOfMessage(target, message, before)];
    if (messages.length === 0) return false;
    await this.#put(after, messages);
    return true;
  }

  /**
   * Puts events on the disk for the SCUs that hear of them. That something has changed is left out where the same waits
   * already: an SCU that is told of it from now on looks after it has happened.
   * @throws GatewayError STORE_*
   */
  async tell(events: readonly NewSpoolMessage[]): Promise<void> {
    const waits = await Promise.all(events.map((event) => this.#waits(event)));
    const news = events.filter((_, i) => waits[i] !== true);
    if (news.length > 0) await this.#put(undefined, news);
  }

  /** Whether the last of its lane is the same event, of which no attempt may have arrived. */
  async #waits({ route, upstream, uid, eventType }: NewSpoolMessage): Promise<boolean> {
    if (eventType !== MPPS_EVENT.updated) return false;
    const lane = await this.#spool.list({ destination: { route, upstream }, uid, limit: LANE });
    const last = lane.length < LANE ? lane.at(-1) : undefined;
    return last?.eventType === eventType && last.state === 'queued' && !last.inDoubt;
  }

  async #put(record: MppsRecord | undefined, messages: readonly NewSpoolMessage[]): Promise<void> {
    await this.#mpps.accept(record, messages);
    for (const { route, upstream } of messages) this.#wake({ route, upstream });
  }
}

/** An update shows that a create without an answer had arrived, so that it is due to the other destinations too. */
function unforwardedCreate(message: NewSpoolMessage, before: MppsRecord | undefined): NewSpoolMessage[] {
  if (message.kind !== 'update' || before?.phase !== 'pending' || before.copy === undefined) return [];
  const { requester, characterSet, createDigest, copy } = before;
  const { characterSet: _, ...rest } = message;
  const own = characterSet === undefined ? {} : { characterSet };
  return [{ ...rest, kind: 'create', received: copy, digest: createDigest, requester, ...own }];
}
