/** What stands behind a listener under fuzzing, and who sees that it has called something an error of its own. */
import { createDataSet } from '../../src/dataset/model.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import type { Logger } from '../../src/observe/log.ts';
import { ServiceFailure } from '../../src/services/port.ts';
import type { RouteOptions, ServiceHandler } from '../../src/services/port.ts';
import { referencesOf } from '../../src/services/storage-commitment/modules.ts';
import type { WorkitemHandler } from '../../src/services/ups/workitem.ts';
import { matches } from '../../src/services/worklist/matching.ts';
import { reduceToRequested } from '../../src/services/worklist/identifier.ts';
import { variedWorklist } from '../../test/support/worklists.ts';

const ROUTE: RouteOptions = {
  route: 'fuzz',
  characterSets: [],
  unencodable: 'utf-8',
  fuzzyMatching: true,
  timezoneAdjustment: true,
};

/** Answers every service without keeping anything. */
export function servingHandler(): ServiceHandler {
  const entries = variedWorklist();
  return {
    routeFor: () => ROUTE,
    search: async function* (query) {
      for (const entry of entries) if (matches(entry, query)) yield reduceToRequested(entry, query.identifier);
    },
    createMpps: async (uid) => ({ uid: uid ?? '1.2.3' }),
    updateMpps: async (uid) => ({ uid }),
    retrieveMpps: async (uid) => {
      if (uid.endsWith('9')) throw new ServiceFailure('NO_SUCH_INSTANCE');
      return entries[0] ?? createDataSet();
    },
    characterSetOf: async () => 'ISO_IR 100',
    requestCommitment: async (transactionUid, module) => {
      referencesOf(module, transactionUid);
      return { state: 'pending', retryAfterMs: 1_000 };
    },
    checkCommitment: async () => ({ state: 'pending', retryAfterMs: 1_000 }),
    reportCommitment: async () => undefined,
    notifyMpps: async () => undefined,
    workitems: servingWorkitems(entries),
    refused: () => undefined,
  };
}

/** The same of workitems; a subscriber is told of one at once. */
function servingWorkitems(entries: readonly DataSet[]): WorkitemHandler {
  return {
    search: async function* () {
      yield* entries;
    },
    retrieve: async (uid) => {
      if (uid.endsWith('9')) throw new ServiceFailure('INSTANCE_DELETED');
      return entries[0] ?? createDataSet();
    },
    create: async (uid) => uid ?? '1.2.3',
    update: async (_uid, transactionUid) => {
      if (transactionUid === undefined) throw new ServiceFailure('TRANSACTION_UID_MISSING');
    },
    changeState: async (_uid, state) => {
      if (state === 'SCHEDULED') throw new ServiceFailure('STATE_CONFLICT');
    },
    requestCancellation: async () => undefined,
    subscribe: async (_resource, _aeTitle, { filter }) => {
      if (filter !== undefined) throw new ServiceFailure('FILTER_NOT_SUPPORTED');
    },
    unsubscribe: async () => undefined,
    suspend: async () => undefined,
    connect: (channel) => {
      channel.send(entries[0] ?? createDataSet()).catch(() => undefined);
      return () => undefined;
    },
  };
}

/** A logger that forgets all but what is an error: of ours, since a peer's are not logged as such. */
export class ErrorWatch {
  readonly #errors: string[] = [];

  readonly logger: Logger = {
    error: (message, fields = {}) => void this.#errors.push(`${message} ${JSON.stringify(fields)}`),
    warn: () => undefined,
    info: () => undefined,
    debug: () => undefined,
    child: () => this.logger,
  };

  /** @throws Error with what was logged since the last look */
  check(): void {
    const errors = this.#errors.splice(0);
    if (errors.length > 0) throw new Error(`logged as an error of ours: ${errors.join('; ')}`);
  }
}
