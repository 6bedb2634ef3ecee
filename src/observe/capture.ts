/**
 * Data sets of exchanges, before and after the rules, in memory for the console to show: patient data, only where the
 * configuration says so, until a given moment, so many bytes and no more.
 */
import type { DataSet } from '../dataset/model.ts';
import type { MessageStage } from './messages.ts';

export interface CapturedDataSet {
  readonly stage: MessageStage;
  /** `performance.now()` */
  readonly atMs: number;
  /** Whole, with the values of the patient: whoever shows it masks it where it must. */
  readonly dataSet: DataSet;
}

/** Read by the console. */
export interface Capture {
  /** Nothing is captured from then on and what was is forgotten, ms since 1970; undefined: nothing is captured. */
  readonly until: number | undefined;
  /** In the order they were seen; empty: none were captured, or they were forgotten. */
  of(traceId: string): readonly CapturedDataSet[];
}
