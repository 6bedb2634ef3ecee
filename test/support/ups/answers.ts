/** What an origin server of UPS-RS answers: HTTP statuses and Warnings of PS3.18 11.4 to 11.12 over the statuses of PS3.4 CC.2. */
import type { OutgoingHttpHeaders } from 'node:http';
import { createDataSet, dataSetOf, firstText } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { byStart, includedOf, matches, matchKeysOf } from './matching.ts';
import { UPS_STATUS, WORKLIST } from './worklist.ts';
import type { UpsStatus, UpsWorklist } from './worklist.ts';

export const UPS_TRANSACTIONS = [
  'search', 'retrieve', 'create', 'update', 'changeState', 'requestCancellation', 'subscribe', 'unsubscribe', 'suspend',
  'verify',
] as const; // prettier-ignore
export type UpsTransaction = (typeof UPS_TRANSACTIONS)[number];

export interface UpsManner {
  /** Which way of naming the lock of an update it understands; default: every one. */
  readonly transactionUid?: 'bare' | 'transaction-uid' | 'Transaction-uid' | 'transactionUID' | 'payload';
  /** Media type it reads and writes; default: both, JSON where the user agent takes it. */
  readonly mediaType?: 'json' | 'xml';
  /** A search gives only what was asked for by name, besides the UID and what matched; default: whole workitems. */
  readonly sparse?: boolean;
  /** The answer to Subscribe names the notification connection; default true. */
  readonly contentLocation?: boolean;
}

export interface Question {
  readonly transaction: UpsTransaction;
  readonly uid: string;
  readonly aeTitle: string;
  readonly query: string;
  readonly payload: DataSet | undefined;
}

export interface Reply {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly results?: readonly DataSet[];
  readonly one?: DataSet;
}

export class UpsAnswers {
  readonly #worklist: UpsWorklist;
  readonly #options: UpsManner;
  readonly #baseUrl: () => string;

  constructor(worklist: UpsWorklist, options: UpsManner, baseUrl: () => string) {
    this.#worklist = worklist;
    this.#options = options;
    this.#baseUrl = baseUrl;
  }

  /** Does what is asked. */
  answer({ transaction, uid, aeTitle, query, payload = createDataSet() }: Question): Reply {
    const worklist = this.#worklist;
    switch (transaction) {
      case 'verify':
        return { status: 200, headers: { Allow: 'GET, POST, PUT, DELETE, OPTIONS' } };
      case 'search':
        return this.#search(new URLSearchParams(query));
      case 'retrieve': {
        const workitem = worklist.get(uid);
        return workitem === undefined ? this.#missing(uid) : { status: 200, one: workitem };
      }
      case 'create': {
        const named = /^[0-9.]+$/.test(query) ? query : new URLSearchParams(query).get('workitem');
        const created = named ?? firstText(payload, '00080018') ?? worklist.newUid();
        const status = worklist.create(created, payload);
        if (status === UPS_STATUS.done)
          return { status: 201, headers: { Location: `${this.#baseUrl()}/workitems/${created}` } };
        return this.#failed(transaction, uid, status);
      }
      case 'update':
        return this.#outcome(
          transaction,
          uid,
          worklist.update(uid, this.#transactionUid(query, payload), payload),
          200,
        );
      case 'changeState': {
        const lock = firstText(payload, '00081195');
        const status = worklist.changeState(uid, lock, firstText(payload, '00741000'));
        return this.#outcome(transaction, uid, status, 200, lock === undefined);
      }
      case 'requestCancellation': {
        const requester = new URLSearchParams(query).get('requester') ?? (aeTitle === '' ? 'UNKNOWN' : aeTitle);
        return this.#outcome(transaction, uid, worklist.requestCancellation(uid, payload, requester), 202);
      }
      case 'subscribe': {
        if (uid === `${WORKLIST}.1`) {
          return this.#warned(403, 'The Origin-Server does not support Filtered Worklist Subscriptions.');
        }
        const lock = new URLSearchParams(query).get('deletionlock') === 'true';
        const reply = this.#outcome(transaction, uid, worklist.subscribe(uid, aeTitle, lock), 201);
        if (reply.status !== 201 || this.#options.contentLocation === false) return reply;
        const channel = `${this.#baseUrl().replace('http', 'ws')}/ws/subscribers/${encodeURIComponent(aeTitle)}`;
        return { ...reply, headers: { 'Content-Location': channel } };
      }
      case 'unsubscribe':
        return this.#outcome(transaction, uid, worklist.unsubscribe(uid, aeTitle), 200);
      case 'suspend':
        return this.#outcome(transaction, uid, uid === WORKLIST ? worklist.suspend(aeTitle) : UPS_STATUS.unknown, 200);
    }
  }

  #search(parameters: URLSearchParams): Reply {
    try {
      const keys = matchKeysOf(parameters);
      const found = this.#worklist.uids
        .map((uid) => this.#worklist.get(uid) as DataSet)
        .filter((workitem) => keys.every(({ path, value }) => matches(workitem, path, value)))
        .sort(byStart);
      const offset = Number(parameters.get('offset') ?? 0);
      const limit = Number(parameters.get('limit') ?? Infinity);
      const page = found.slice(offset, offset + limit);
      if (page.length === 0) return { status: 204 };
      const included = includedOf(parameters);
      const wanted = ['00080016', '00080018', ...keys.map(({ path }) => path[0]), ...(included === 'all' ? [] : included.map(([tag]) => tag))]; // prettier-ignore
      const isWhole = this.#options.sparse !== true || included === 'all';
      const results = isWhole ? page : page.map((each) => only(each, wanted));
      const left = found.length - offset - page.length;
      if (left === 0) return { status: 200, results };
      return { ...this.#warned(200, `There are ${left} additional results that can be requested`), results };
    } catch {
      return { status: 400 };
    }
  }

  #transactionUid(query: string, payload: DataSet): string | undefined {
    const takes = (spelling: string): boolean => (this.#options.transactionUid ?? spelling) === spelling;
    if (/^[0-9.]+$/.test(query)) return takes('bare') ? query : undefined;
    const parameters = new URLSearchParams(query);
    for (const spelling of ['transaction-uid', 'Transaction-uid', 'transactionUID']) {
      const given = parameters.get(spelling);
      if (given !== null) return takes(spelling) ? given : undefined;
    }
    return takes('payload') ? firstText(payload, '00081195') : undefined;
  }

  #outcome(transaction: UpsTransaction, uid: string, status: UpsStatus, success: number, lockMissing = false): Reply {
    if (status === UPS_STATUS.done) return { status: success };
    if (status === UPS_STATUS.alreadyCanceled || status === UPS_STATUS.alreadyCompleted) {
      const state = status === UPS_STATUS.alreadyCanceled ? 'CANCELED' : 'COMPLETED';
      return this.#warned(success, `The UPS is already in the requested state of ${state}.`);
    }
    return this.#failed(transaction, uid, status, lockMissing);
  }

  #failed(transaction: UpsTransaction, uid: string, status: UpsStatus, lockMissing = false): Reply {
    if (status === UPS_STATUS.unknown) return this.#missing(uid);
    if (status === UPS_STATUS.duplicate) return { status: 409 };
    if (transaction === 'update' && status === UPS_STATUS.wrongTransactionUid) {
      return this.#warned(400, 'The target URI did not reference a claimed Workitem.');
    }
    if (transaction === 'update' && (status === UPS_STATUS.final || status === UPS_STATUS.notInProgress)) {
      const text = 'The submitted request is inconsistent with the current state of the Workitem.';
      return this.#warned(status === UPS_STATUS.final ? 400 : 409, text);
    }
    if (status === UPS_STATUS.wrongTransactionUid) {
      return this.#warned(400, `The Transaction UID is ${lockMissing ? 'missing' : 'incorrect'}.`);
    }
    if (transaction === 'changeState' && status >= UPS_STATUS.final) {
      return this.#warned(409, 'The submitted request is inconsistent with the state of the UPS Instance.');
    }
    return { status: transaction === 'requestCancellation' ? 409 : 400 };
  }

  #missing(uid: string): Reply {
    return { status: this.#worklist.wasDeleted(uid) ? 410 : 404 };
  }

  #warned(status: number, text: string): Reply {
    return { status, headers: { Warning: `299 ${this.#baseUrl()}: ${text}` } };
  }
}

function only(workitem: DataSet, tags: readonly (string | undefined)[]): DataSet {
  return dataSetOf(Object.fromEntries(Object.entries(workitem).filter(([tag]) => tags.includes(tag))));
}
