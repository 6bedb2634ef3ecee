import type { WorklistQuery } from '../services/port.ts';

/**
 * Which of our steps the caller's `offset` and `limit` let through. An origin server that puts several steps into one
 * result counts results, so its pages are not ours: then the window is laid over the whole list. Before that is known,
 * a page behind the first is delivered as it came: too long, rather than without a patient.
 */
export class StepWindow {
  readonly isWholeList: boolean;
  readonly #limit: number;
  #toSkip: number;
  #delivered = 0;
  #beyond = 0;

  constructor({ limit, offset }: Pick<WorklistQuery, 'limit' | 'offset'>, severalStepsInOne: boolean) {
    this.isWholeList = severalStepsInOne && (limit !== undefined || offset > 0);
    this.#limit = limit !== undefined && (this.isWholeList || offset === 0) ? limit : Infinity;
    this.#toSkip = this.isWholeList ? offset : 0;
  }

  /** The next step of the list: is it in the window? */
  takes(): boolean {
    if (this.#toSkip > 0) {
      this.#toSkip--;
      return false;
    }
    if (this.isFull) {
      this.#beyond++;
      return false;
    }
    this.#delivered++;
    return true;
  }

  get isFull(): boolean {
    return this.#delivered >= this.#limit;
  }

  /** Steps that came behind the window. */
  get beyond(): number {
    return this.#beyond;
  }
}
