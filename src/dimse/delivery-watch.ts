/**
 * Whether answers reached the peer. TCP tells it of no single message; but a peer that sends anything more, or releases
 * the association, has got past what was sent before.
 */
export class DeliveryWatch {
  #waiting: ((delivered: boolean) => void)[] = [];
  #hasEnded = false;

  /** An answer has just been written. Always settles, at the latest with the end of the association. */
  answered(): Promise<boolean> {
    if (this.#hasEnded) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#waiting.push(resolve);
    return promise;
  }

  /** The peer has sent a message or a release request. */
  peerWentOn(): void {
    this.#tell(true);
  }

  /** @param released in good order: a peer that agreed to our release has read what came before it */
  associationEnded(released: boolean): void {
    this.#hasEnded = true;
    this.#tell(released);
  }

  #tell(delivered: boolean): void {
    for (const resolve of this.#waiting.splice(0)) resolve(delivered);
  }
}
