/**
 * One script of operations on workitems for every party that has them, by DIMSE and on the web, with the status each ends in
 * (PS3.4 CC.1.1, CC.2; PS3.18 11.4 to 11.12). Its workitems are named 1, 2, ...
 */
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import type { UpsMessage } from '../../../scripts/peers/ups.ts';
import { scheduledWorkitem } from './workitems.ts';
import { WORKLIST } from './worklist.ts';

export type UpsOperation =
  | { readonly kind: 'create'; readonly workitem: DataSet }
  | { readonly kind: 'retrieve' }
  | { readonly kind: 'update'; readonly lock?: Lock; readonly changes: DataSet }
  | { readonly kind: 'changeState'; readonly state: string; readonly lock?: Lock }
  | { readonly kind: 'requestCancellation' }
  | { readonly kind: 'subscribe' | 'unsubscribe' | 'suspend' };
export type Lock = 'mine' | 'other';

export interface UpsStep {
  /** A workitem; `all` is the worklist. */
  readonly on: number | 'all';
  readonly operation: UpsOperation;
  readonly dimse: string;
  readonly http: number;
}

export const SUBSCRIBER = 'WATCHER';

const LOCKS: Readonly<Record<Lock, string>> = { mine: '2.25.100001', other: '2.25.100002' };

const code = (value: string): DataSet =>
  dataSetOf({
    '00080100': attribute('SH', value),
    '00080102': attribute('SH', '99LOCAL'),
    '00080104': attribute('LO', `meaning of ${value}`),
  });

/** Everything the final state COMPLETED needs. */
export const PERFORMED = dataSetOf({
  '00741216': attribute(
    'SQ',
    dataSetOf({
      '00404019': attribute('SQ', code('CTTHORAX')),
      '00404028': attribute('SQ', code('CT1')),
      '00404033': attribute('SQ'),
      '00404050': attribute('DT', '20260301081500'),
      '00404051': attribute('DT', '20260301083000'),
    }),
  ),
});
const PROGRESS = dataSetOf({
  '00741002': attribute('SQ', dataSetOf({ '00741004': attribute('DS', 50) })),
});
/** Everything CANCELED needs. */
export const REASON = dataSetOf({
  '00741002': attribute('SQ', dataSetOf({ '0074100E': attribute('SQ', code('110513')) })),
});

const create = (more: DataSet = {}): UpsOperation => ({ kind: 'create', workitem: scheduledWorkitem('PID-1', more) });
const state = (wanted: string, lock?: Lock): UpsOperation => ({
  kind: 'changeState',
  state: wanted,
  ...(lock && { lock }),
});
const update = (changes: DataSet, lock?: Lock): UpsOperation => ({ kind: 'update', changes, ...(lock && { lock }) });
const step = (on: UpsStep['on'], operation: UpsOperation, dimse: string, http: number): UpsStep => ({
  ...{ on, operation, dimse, http },
});

export const UPS_SCRIPT: readonly UpsStep[] = [
  step(1, { kind: 'retrieve' }, 'c307', 404),
  step(1, create(), '0000', 201),
  step(1, create(), '0111', 409),
  step(2, create({ '00741000': attribute('CS', 'IN PROGRESS') }), 'c309', 400),
  step('all', { kind: 'subscribe' }, '0000', 201),
  step(2, create(), '0000', 201),
  step(2, { kind: 'unsubscribe' }, '0000', 200),
  // The claim.
  step(1, update(PROGRESS, 'mine'), 'c310', 409),
  step(1, state('COMPLETED', 'mine'), 'c310', 409),
  step(1, state('SCHEDULED', 'mine'), 'c303', 409),
  step(1, state('IN PROGRESS'), 'c301', 400),
  step(1, state('IN PROGRESS', 'mine'), '0000', 200),
  step(1, state('IN PROGRESS', 'mine'), 'c302', 409),
  // Updates.
  step(1, update(PROGRESS), 'c301', 400),
  step(1, update(PROGRESS, 'other'), 'c301', 400),
  step(1, update(PROGRESS, 'mine'), '0000', 200),
  step(1, { kind: 'requestCancellation' }, '0000', 202),
  step(1, state('COMPLETED', 'mine'), 'c304', 409),
  step(1, state('COMPLETED', 'other'), 'c301', 400),
  step(1, update(PERFORMED, 'mine'), '0000', 200),
  step(1, state('COMPLETED', 'mine'), '0000', 200),
  // The end.
  step(1, state('COMPLETED', 'mine'), 'b306', 200),
  step(1, state('CANCELED', 'mine'), 'c300', 409),
  step(1, update(PROGRESS, 'mine'), 'c300', 400),
  step(1, { kind: 'requestCancellation' }, 'c311', 409),
  step(1, { kind: 'retrieve' }, '0000', 200),
  // Canceled by its owner, told to nobody any more.
  step(2, state('IN PROGRESS', 'other'), '0000', 200),
  step(2, state('CANCELED', 'other'), 'c304', 409),
  step(2, update(REASON, 'other'), '0000', 200),
  step(2, state('CANCELED', 'other'), '0000', 200),
  step(2, state('CANCELED', 'other'), 'b304', 200),
  step(2, { kind: 'requestCancellation' }, 'b304', 202),
  // Canceled before anybody claimed it; what comes after the suspension is told to nobody.
  step(3, create(), '0000', 201),
  step('all', { kind: 'suspend' }, '0000', 200),
  step(4, create(), '0000', 201),
  step(3, { kind: 'requestCancellation' }, '0000', 202),
  // Those to workitems outlive the suspension, and go with the worklist's.
  step('all', { kind: 'unsubscribe' }, '0000', 200),
  step('all', { kind: 'unsubscribe' }, 'c307', 404),
  step(5, { kind: 'subscribe' }, 'c307', 404),
  step(5, { kind: 'unsubscribe' }, 'c307', 404),
  step(5, { kind: 'requestCancellation' }, 'c307', 404),
];

export function uidOf(on: UpsStep['on']): string {
  return on === 'all' ? WORKLIST : `1.2.826.0.1.3680043.10.999.8.${on}`;
}

export function toDimse({ on, operation }: UpsStep): UpsMessage {
  const uid = uidOf(on);
  const aeTitle = { '00741234': attribute('AE', SUBSCRIBER) };
  switch (operation.kind) {
    case 'create':
      return { command: 'N-CREATE', uid, data: operation.workitem };
    case 'retrieve':
      return { command: 'N-GET', uid };
    case 'update':
      return { command: 'N-SET', uid, data: { ...operation.changes, ...lockOf(operation.lock) } };
    case 'changeState':
      return { command: 'N-ACTION', uid, action: 1, data: changeOf(operation.state, operation.lock) };
    case 'requestCancellation':
      return { command: 'N-ACTION', uid, action: 2, data: { '00741238': attribute('LT', 'test') } };
    case 'subscribe':
      return { command: 'N-ACTION', uid, action: 3, data: { ...aeTitle, '00741230': attribute('LO', 'FALSE') } };
    case 'unsubscribe':
      return { command: 'N-ACTION', uid, action: 4, data: aeTitle };
    case 'suspend':
      return { command: 'N-ACTION', uid, action: 5, data: aeTitle };
  }
}

export interface WebRequest {
  readonly method: string;
  /** Behind the Base URI. */
  readonly path: string;
  readonly payload?: DataSet;
}

export function toWeb({ on, operation }: UpsStep): WebRequest {
  const path = `/workitems/${uidOf(on)}`;
  switch (operation.kind) {
    case 'create':
      return { method: 'POST', path: `/workitems?${uidOf(on)}`, payload: operation.workitem };
    case 'retrieve':
      return { method: 'GET', path };
    case 'update': {
      const query = operation.lock === undefined ? '' : `?${LOCKS[operation.lock]}`;
      return { method: 'POST', path: `${path}${query}`, payload: operation.changes };
    }
    case 'changeState':
      return { method: 'PUT', path: `${path}/state`, payload: changeOf(operation.state, operation.lock) };
    case 'requestCancellation':
      return { method: 'POST', path: `${path}/cancelrequest` };
    case 'subscribe':
      return { method: 'POST', path: `${path}/subscribers/${SUBSCRIBER}` };
    case 'unsubscribe':
      return { method: 'DELETE', path: `${path}/subscribers/${SUBSCRIBER}` };
    case 'suspend':
      return { method: 'POST', path: `${path}/subscribers/${SUBSCRIBER}/suspend` };
  }
}

function changeOf(wanted: string, lock: Lock | undefined): DataSet {
  return dataSetOf({ '00741000': attribute('CS', wanted), ...lockOf(lock) });
}

function lockOf(lock: Lock | undefined): DataSet {
  return lock === undefined ? {} : { '00081195': attribute('UI', LOCKS[lock]) };
}
