/**
 * Results that come twice where two pages of a list meet, because the list changed in between (PS3.18 8.3.4.4 orders
 * pages only over unchanged data). Remembers digests, not results.
 */
import { createHash } from 'node:crypto';
import { toJson } from '../dataset/json.ts';
import { firstText, itemsOf } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';

/**
 * `repeated`: the very data set of an earlier page, to be dropped. `changed`: the step was there before with another
 * content, to be delivered.
 */
export type Arrival = 'new' | 'changed' | 'repeated';

export class PageBorder {
  readonly #seen = new Set<string>();
  readonly #digestOfStep = new Map<string, string>();
  #page: { step: string | undefined; digest: string }[] = [];
  #fresh = 0;

  /**
   * Only whole data sets that are equal are the same, and only where Study Instance UID and Scheduled Procedure Step ID
   * tell steps apart: what looks alike without them may be two patients.
   */
  arrive(result: DataSet): Arrival {
    const digest = createHash('sha256').update(toJson(result)).digest('base64');
    const step = stepOf(result);
    this.#page.push({ step, digest });
    if (this.#seen.has(digest)) return step === undefined ? 'new' : 'repeated';
    this.#fresh++;
    return step !== undefined && this.#digestOfStep.has(step) ? 'changed' : 'new';
  }

  /** The next page begins. Returns how many results the one before brought that no earlier page had. */
  turn(): number {
    const fresh = this.#fresh;
    for (const { step, digest } of this.#page) {
      this.#seen.add(digest);
      if (step !== undefined) this.#digestOfStep.set(step, digest);
    }
    this.#page = [];
    this.#fresh = 0;
    return fresh;
  }
}

function stepOf(result: DataSet): string | undefined {
  const study = firstText(result, '0020000D') ?? '';
  const steps = itemsOf(result['00400100']).map((item) => firstText(item, '00400009') ?? '');
  return study === '' || steps.length === 0 || steps.includes('') ? undefined : [study, ...steps].join('\\');
}
