/** Searches in the attributes of the other side (proxy flows 6.1 and 7.1), and what the far end cannot match by itself. */
import type { DataSet, Tag } from '../../dataset/model.ts';
import { ServiceFailure } from '../port.ts';
import type { StationOptions } from './scheduled.ts';
import type { WorkitemState } from './workitem.ts';

export interface WorkitemSearchOptions extends StationOptions {
  /** Procedure Step States to show; [] any. */
  readonly states: readonly WorkitemState[];
  readonly emptyValueMatching?: boolean;
}

export interface WorkitemSearch {
  /** Keys in attributes of workitems, sequences with one item; return keys are left to `includefield`. */
  readonly identifier: DataSet;
  /** The states, for servers that did not look at them; of the workitem as it came. */
  readonly takes: (workitem: DataSet) => boolean;
  /** The whole query, of an entry that `entryOf` gives. */
  readonly postFilter: (entry: DataSet) => boolean;
  /** Keys with values that workitems have no attribute for, top-level or of the step; ascending: FF01. */
  readonly unmatched: Tag[];
}

/** @param identifier of a worklist query */
export function workitemQueryOf(identifier: DataSet, options: WorkitemSearchOptions): WorkitemSearch {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [identifier, options] });
}

export interface WorklistSearch {
  /** Keys in attributes of a worklist, to be sent with every return key of the table. */
  readonly identifier: DataSet;
  /** The whole query, of a workitem. */
  readonly postFilter: (workitem: DataSet) => boolean;
  /** What 00741000 asks for; undefined: any. Without SCHEDULED the worklist has nothing to tell. */
  readonly states: readonly WorkitemState[] | undefined;
}

/** @param identifier of a search for workitems */
export function worklistIdentifierOf(identifier: DataSet, options: StationOptions): WorklistSearch {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [identifier, options] });
}
