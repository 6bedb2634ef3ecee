/**
 * How much may wait for an SCU of MPPS Notification before no more is taken for it of what upstreams tell: a peer that tells
 * of ever new instances must not fill the disk while nobody fetches them.
 */
import type { Logger } from '../observe/log.ts';
import type { Destination, SpoolDepth } from '../store/spool-records.ts';

/** Some weeks of a large hospital. */
export const MAXIMUM_WAITING_EVENTS = 100_000;
/** The depths of a long spool take a while to be read. */
const LOOK_MS = 1_000;

interface Room {
  /** How many more may come before it is looked again. */
  left: number;
  readonly lookedMs: number;
}

export interface EventRoomOptions {
  readonly maximum?: number;
  /** Any clock that goes on, ms. */
  readonly now?: () => number;
}

export class EventRoom {
  readonly #logger: Logger;
  readonly #maximum: number;
  readonly #now: () => number;
  readonly #rooms = new Map<string, Room>();
  /** Of which it was said. */
  readonly #full = new Set<string>();

  constructor(
    logger: Logger,
    { maximum = MAXIMUM_WAITING_EVENTS, now = () => performance.now() }: EventRoomOptions = {},
  ) {
    this.#logger = logger;
    this.#maximum = maximum;
    this.#now = now;
  }

  /** Those of the messages whose destinations have room. What other processes put there is seen at the next look. */
  async fitting<Message extends Destination>(
    messages: readonly Message[],
    depths: () => Promise<readonly SpoolDepth[]>,
  ): Promise<Message[]> {
    const due = messages.filter((message) => this.#isDue(message));
    if (due.length > 0) this.#look(due, await depths());
    return messages.filter((message) => {
      const room = this.#rooms.get(keyOf(message));
      return room !== undefined && room.left-- > 0;
    });
  }

  #isDue(destination: Destination): boolean {
    const room = this.#rooms.get(keyOf(destination));
    return room === undefined || (room.left <= 0 && this.#now() - room.lookedMs >= LOOK_MS);
  }

  #look(destinations: readonly Destination[], depths: readonly SpoolDepth[]): void {
    const waiting = new Map(depths.map((depth) => [keyOf(depth), depth.queued + depth.dead]));
    for (const destination of destinations) {
      const { route, upstream } = destination;
      const key = keyOf(destination);
      const left = this.#maximum - (waiting.get(key) ?? 0);
      this.#rooms.set(key, { left, lookedMs: this.#now() });
      if (left > 0 && this.#full.delete(key)) {
        this.#logger.info('events for an SCU are taken again', { route, upstream });
      } else if (left <= 0 && this.#full.size !== this.#full.add(key).size) {
        const text = 'no more events are taken for an SCU: as many wait for it as may';
        this.#logger.error(text, { route, upstream, waiting: waiting.get(key) ?? 0 });
      }
    }
  }
}

function keyOf({ route, upstream }: Destination): string {
  return `${route} ${upstream}`;
}
