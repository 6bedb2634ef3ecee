/** The associations of a listener that were admitted, and those of each calling AE title. */
import type { Caller } from './policy.ts';
import type { ReportedService } from './reporters.ts';

/** Who has an association. */
export interface Admitted {
  readonly caller: Caller;
  readonly callingAeTitle: string;
  /** By the lists; else to report only. */
  readonly isListed: boolean;
  /** What it was admitted to report. */
  readonly reports: readonly ReportedService[];
}

export class AssociationTable<Association extends object> {
  readonly #admitted = new Map<Association, Admitted>();
  readonly #ofCallingAeTitle = new Map<string, number>();

  get size(): number {
    return this.#admitted.size;
  }

  countOf(callingAeTitle: string): number {
    return this.#ofCallingAeTitle.get(callingAeTitle) ?? 0;
  }

  has(association: Association): boolean {
    return this.#admitted.has(association);
  }

  add(association: Association, admitted: Admitted): void {
    const { callingAeTitle } = admitted;
    this.#admitted.set(association, admitted);
    this.#ofCallingAeTitle.set(callingAeTitle, this.countOf(callingAeTitle) + 1);
  }

  /** One that was rejected is not there. */
  remove(association: Association): void {
    const admitted = this.#admitted.get(association);
    if (admitted === undefined) return;
    const { callingAeTitle } = admitted;
    this.#admitted.delete(association);
    const remaining = this.countOf(callingAeTitle) - 1;
    if (remaining === 0) this.#ofCallingAeTitle.delete(callingAeTitle);
    else this.#ofCallingAeTitle.set(callingAeTitle, remaining);
  }

  [Symbol.iterator](): MapIterator<[Association, Admitted]> {
    return this.#admitted.entries();
  }
}
