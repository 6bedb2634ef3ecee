/** Room for connections, shared so that one address that takes it all does not shut out the others. */

interface Member {
  readonly address: string;
  readonly close: () => void;
  /** It is worked for: closed only where its address has no other. */
  readonly isBusy: () => boolean;
}

const NEVER_BUSY = (): boolean => false;

export class FairShare {
  readonly #members = new Map<string, Member>();
  /** Keys of the members of an address, the oldest first. */
  readonly #ofAddress = new Map<string, Set<string>>();

  get size(): number {
    return this.#members.size;
  }

  /**
   * Takes one in. Where there are more than `maximum` then, one has to go: the newcomer, when nobody has more than its
   * address; else the oldest of the address that has most.
   * @param key of the connection; a second one of the same key stands in the place of the first
   * @param close ends it; called at most once, and before this returns
   * @returns whether the newcomer may stay; else it was not closed
   */
  add(key: string, address: string, maximum: number, close: () => void, isBusy = NEVER_BUSY): boolean {
    const known = this.#members.get(key);
    if (known !== undefined) {
      this.#members.set(key, { address: known.address, close, isBusy });
      return true;
    }
    const own = this.#ofAddress.get(address) ?? new Set();
    if (this.#members.size >= maximum) {
      const greediest = this.#greediest();
      if (own.size + 1 >= greediest.size) return false;
      this.#evict(greediest);
    }
    this.#ofAddress.set(address, own.add(key));
    this.#members.set(key, { address, close, isBusy });
    return true;
  }

  delete(key: string): void {
    const member = this.#members.get(key);
    if (member === undefined) return;
    this.#members.delete(key);
    const own = this.#ofAddress.get(member.address);
    own?.delete(key);
    if (own?.size === 0) this.#ofAddress.delete(member.address);
  }

  #greediest(): ReadonlySet<string> {
    let most: ReadonlySet<string> = new Set();
    for (const keys of this.#ofAddress.values()) if (keys.size > most.size) most = keys;
    return most;
  }

  #evict(keys: ReadonlySet<string>): void {
    const [oldest] = keys;
    let chosen = oldest;
    for (const key of keys) {
      if (this.#members.get(key)?.isBusy() === true) continue;
      chosen = key;
      break;
    }
    if (chosen === undefined) return;
    const member = this.#members.get(chosen);
    this.delete(chosen);
    member?.close();
  }
}
