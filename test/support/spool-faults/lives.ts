/** What modalities send: lives of performed procedure steps, each message different from every other. */
import { toJson } from '../../../src/dataset/json.ts';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { createMessage, finalMessage, progressMessage, seriesMessage } from '../mpps.ts';
import { Random } from './random.ts';

export interface LifeMessage {
  readonly kind: 'create' | 'update';
  readonly dataSet: DataSet;
}

export interface Life {
  readonly uid: string;
  readonly protocol: 'dimse' | 'dicomweb';
  /** A create, 0 to 3 updates, a final update. */
  readonly messages: readonly LifeMessage[];
}

const ROOT = '1.2.826.0.1.3680043.10.999.20';
/** In the UID of a life whose create a destination refuses for good, as long as it was told to. */
const CONDEMNED = '.666.';

export function isCondemned(uid: string): boolean {
  return uid.includes(CONDEMNED);
}

/** @param condemned share of lives that a destination may refuse */
export function livesOf(seed: number, count: number, condemned = 0): Life[] {
  const random = new Random(seed, 'lives');
  return Array.from({ length: count }, (_, index) => {
    const branch = random.chance(condemned) ? CONDEMNED : '.1.';
    return lifeOf(`${ROOT}${branch}${index + 1}`, index, random);
  });
}

function lifeOf(uid: string, index: number, random: Random): Life {
  const create = dataSetOf({ ...createMessage(`PID-${index}`), '00400281': attribute('SQ') });
  const updates = Array.from({ length: random.integer(0, 3) }, (_, step) => {
    const progress = progressMessage(`step ${step} of life ${index}`);
    return random.chance(0.3) ? dataSetOf({ ...progress, ...seriesMessage(step + 1) }) : progress;
  });
  const final = dataSetOf({
    ...finalMessage(random.chance(0.9) ? 'COMPLETED' : 'DISCONTINUED', random.integer(4, 9)),
    ...progressMessage(`end of life ${index}`),
  });
  return {
    uid,
    protocol: random.chance(0.5) ? 'dimse' : 'dicomweb',
    messages: [
      { kind: 'create', dataSet: create },
      ...[...updates, final].map((dataSet) => ({ kind: 'update' as const, dataSet })),
    ],
  };
}

/** A data set as text that is the same for the same content, whatever character set it crossed the wire in. */
export function contentOf({ '00080005': _, ...rest }: DataSet): string {
  return toJson(dataSetOf(rest));
}
