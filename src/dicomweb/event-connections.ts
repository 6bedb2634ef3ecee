/** The notification connections of one listener (PS3.18 8.10.4): their handshake, and their end with the listener. */
import { WebSocketServer } from 'ws';
import type { HeldBytes } from '../access/byte-budget.ts';
import type { Logger } from '../observe/log.ts';
import { EventConnection } from './event-connection.ts';
import type { CloseCode } from './event-connection.ts';
import type { Upgrade } from './transaction.ts';

export interface EventConnectionsOptions {
  readonly idleTimeoutMs: number;
  /** Of its requester; wall clock, ms since 1970. */
  readonly expiresAtMs: number;
}

/** A subscriber sends nothing that would be read. */
const MAXIMUM_MESSAGE_BYTES = 4 * 1024;

export class EventConnections {
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAXIMUM_MESSAGE_BYTES,
  });
  readonly #logger: Logger;
  readonly #hold: () => HeldBytes;
  readonly #open = new Set<EventConnection>();

  /** @param hold what a connection holds of the memory of its listener */
  constructor(hold: () => HeldBytes, logger: Logger) {
    this.#hold = hold;
    this.#logger = logger;
  }

  get size(): number {
    return this.#open.size;
  }

  /** One that is to be: `accept` makes the handshake, `ended` is called once when it is over, be it before. */
  create(aeTitle: string, { idleTimeoutMs, expiresAtMs }: EventConnectionsOptions, ended: () => void): EventConnection {
    const connection = new EventConnection(
      aeTitle,
      {
        idleTimeoutMs,
        expiresAtMs,
        held: this.#hold(),
        ended: () => {
          this.#open.delete(connection);
          ended();
        },
      },
      this.#logger,
    );
    this.#open.add(connection);
    return connection;
  }

  /** The handshake; its request was checked. */
  accept(connection: EventConnection, { request, socket, head }: Upgrade): void {
    let isOpen = false;
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      isOpen = true;
      connection.open(webSocket);
    });
    // The client has gone in between.
    if (!isOpen) connection.lost();
  }

  /** Each is told why. */
  endAll(code: CloseCode, why: string): void {
    for (const connection of [...this.#open]) connection.end(code, why);
  }
}
