/** Who may connect at all: no address takes the room of the others, and none that only fails is heard for ever. */
import type { Socket } from 'node:net';
import { plainAddress } from './address-list.ts';
import { FairShare } from './fair-share.ts';
import type { PeerLimits } from './peer-limits.ts';

/** Where a connection stands that came in. */
export interface DoorPlace {
  readonly address: string;
  /** It has gone, or needs no place any more. */
  leave(): void;
}

export class ConnectionDoor {
  readonly #limits: PeerLimits;
  readonly #inside = new FairShare();
  #refused = 0;

  /** @param limits failures of an address spend what a peer of its own would have */
  constructor(limits: PeerLimits) {
    this.#limits = limits;
  }

  /** Connections that were not heard, so far. */
  get refused(): number {
    return this.#refused;
  }

  /** Counted like those of `enter`. */
  refuse(socket: Socket): void {
    this.#refused++;
    // A peer that has gone already.
    socket.on('error', () => undefined);
    socket.destroy();
  }

  /**
   * Takes a connection in, or closes it. Another of its address, or of one that has more, may be closed for it.
   * @param close ends it when its place is needed for another; a second `enter` of the same connection replaces it
   * @param isBusy it is worked for, and closed only where its address has no other
   * @returns undefined: it is closed
   */
  enter(socket: Socket, maximum: number, close: () => void, isBusy?: () => boolean): DoorPlace | undefined {
    const address = plainAddress(socket.remoteAddress);
    const key = `${address} ${socket.remotePort ?? ''}`;
    const closeIt = (): void => {
      this.#refused++;
      close();
    };
    if (this.#limits.whyNot(failuresOf(address)) === undefined) {
      if (this.#inside.add(key, address, maximum, closeIt, isBusy)) {
        return { address, leave: () => this.#inside.delete(key) };
      }
      this.failed(address);
    }
    this.refuse(socket);
    return undefined;
  }

  /** A connection from there came to nothing: no association, or no HTTP. */
  failed(address: string): void {
    this.#limits.charge(failuresOf(address));
  }
}

/** Apart from the requests of the address, which are told when they are too many. */
function failuresOf(address: string): string {
  return `failures of ${address}`;
}
