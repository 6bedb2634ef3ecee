/** An exchange as those who watch are told of it at its end: the audit trail, the metrics, the history of the console. */
import type { DataSet } from '../dataset/model.ts';
import type { Operation, Requester, ServiceFailure } from '../services/port.ts';

export interface SeenExchange {
  readonly operation: Operation;
  readonly requester: Requester;
  readonly traceId: string;
  readonly route?: string | undefined;
  /** Name of the upstream that was asked; absent: the gateway answered by itself. */
  readonly upstream?: string | undefined;
  /** SOP Instance UID of the performed procedure step or the workitem, Transaction UID of the storage commitment. */
  readonly uid?: string | undefined;
  /** `performance.now()` at its begin. */
  readonly startedMs: number;
  readonly ms: number;
  /** As the requester sees it, in its own protocol: `0000H`, `200`, `closed`. */
  readonly status: string;
  /** Results of a search. */
  readonly count?: number | undefined;
  /** Codes. */
  readonly warnings: readonly string[];
  /** Absent: it went well, or the requester stopped listening. */
  readonly failure?: Pick<ServiceFailure, 'code' | 'retry'> | undefined;
  /** Why it failed, in words; no patient values. */
  readonly reason?: string | undefined;
  /**
   * Identifier of a search, attributes of a create, modifications of an update, or what was retrieved. It may have values of
   * patients: it is for the audit trail alone.
   */
  readonly dataSet?: DataSet | undefined;
}

/** Told of every exchange at its end; it neither throws nor takes time. */
export type ExchangeObserver = (exchange: SeenExchange) => void;

/** Who stopped asking was not failed. */
export function isFailed({ failure }: Pick<SeenExchange, 'failure'>): boolean {
  return failure !== undefined && failure.code !== 'CANCELED';
}
