/** Exchanges as JSON: what was asked on either side, in the words of its protocol, without values. */
import type { KeptExchange, KeptStep } from '../observe/exchange-history.ts';
import { SERVICE_OF } from '../services/port.ts';
import type { Operation } from '../services/port.ts';
import type { ExchangeSummary, Hop } from './api-types.ts';
import { moment } from './delivery-json.ts';

export function summaryOf(exchange: KeptExchange): ExchangeSummary {
  const { id, traceId, startedAtMs, requester, operation, route, upstream, uid, status, ms } = exchange;
  const { listener, protocol, address, callingAeTitle, calledAeTitle, subject } = requester;
  const { count, warnings, failure, reason } = exchange;
  return {
    ...{ id, traceId, at: moment(startedAtMs), listener, protocol, address },
    ...(callingAeTitle !== undefined && { callingAeTitle }),
    ...(calledAeTitle !== undefined && { calledAeTitle }),
    ...(subject !== undefined && { subject }),
    service: SERVICE_OF[operation],
    transaction: operation,
    ...(route !== undefined && { route }),
    ...(upstream !== undefined && { upstream }),
    ...(uid !== undefined && { uid }),
    status,
    ms: Math.round(ms * 10) / 10,
    ...(count !== undefined && { count }),
    warnings,
    ...(failure !== undefined && { outcome: failure.code }),
    ...(reason !== undefined && { reason }),
  };
}

/** What the requester asked and was answered, and between them what passed at the far ends; later deliveries follow. */
export function hopsOf(
  { requester, operation, startedMs, ms, status }: KeptExchange,
  steps: readonly KeptStep[],
): Hop[] {
  const { protocol, callingAeTitle, subject, address } = requester;
  const [dimse, web] = REQUESTS[operation];
  const end = { side: 'requester', peer: callingAeTitle ?? subject ?? address } as const;
  const text = protocol === 'dimse' ? dimse : web;
  const hops: Hop[] = [
    { ...end, atMs: 0, direction: 'in', text },
    ...steps.map(({ atMs, peer, direction, text: said, status: answered }): Hop => {
      const what = { direction, text: said, ...(answered !== undefined && { status: answered }) };
      return { atMs: Math.round(atMs - startedMs), side: 'upstream', peer, ...what };
    }),
    {
      ...end,
      atMs: Math.round(ms),
      direction: 'out',
      text: protocol === 'dimse' ? dimse.replace('-RQ', '-RSP') : 'answer',
      status,
    },
  ];
  return hops.toSorted((a, b) => a.atMs - b.atMs);
}

/** How each is asked for by DIMSE and on the web; workitems are offered on the web alone, and events come by DIMSE alone. */
const REQUESTS: Readonly<Record<Operation, readonly [dimse: string, web: string]>> = {
  search: ['C-FIND-RQ Modality Worklist', 'GET /modality-scheduled-procedure-steps'],
  create: ['N-CREATE-RQ Modality Performed Procedure Step', 'POST /modality-performed-procedure-steps/…'],
  update: ['N-SET-RQ Modality Performed Procedure Step', 'POST /modality-performed-procedure-steps/…'],
  retrieve: ['N-GET-RQ Modality Performed Procedure Step', 'GET /modality-performed-procedure-steps/…'],
  notify: ['N-EVENT-REPORT-RQ Modality Performed Procedure Step', 'event'],
  request: ['N-ACTION-RQ Storage Commitment', 'POST /commitment-requests/…'],
  check: ['Storage Commitment', 'GET /commitment-requests/…'],
  report: ['N-EVENT-REPORT-RQ Storage Commitment', 'report'],
  searchWorkitems: ['workitems', 'GET /workitems'],
  retrieveWorkitem: ['workitem', 'GET /workitems/…'],
  createWorkitem: ['workitem', 'POST /workitems'],
  updateWorkitem: ['workitem', 'POST /workitems/…'],
  changeWorkitemState: ['workitem', 'PUT /workitems/…/state'],
  requestCancellation: ['workitem', 'POST /workitems/…/cancelrequest'],
  subscribe: ['workitem', 'POST /workitems/…/subscribers/…'],
  unsubscribe: ['workitem', 'DELETE /workitems/…/subscribers/…'],
  suspendSubscription: ['workitem', 'POST /workitems/…/subscribers/…/suspend'],
  openChannel: ['events', 'GET /ws/subscribers/…'],
};
