/** What became of one performed procedure step, workitem or storage commitment: `GET /api/steps/{uid}`. */
import express from 'express';
import type { Request, Router } from 'express';
import type { Config } from '../config/schema.ts';
import { isUid } from '../dataset/uid.ts';
import type { ExchangeHistory, KeptExchange } from '../observe/exchange-history.ts';
import type { CommitmentRecord } from '../store/commitment-records.ts';
import type { SpoolMessage } from '../store/spool-records.ts';
import type { MppsRecord, Store } from '../store/store.ts';
import type { ClaimRecord, WorkitemRecord } from '../store/workitem-records.ts';
import { allowOnly } from './answers.ts';
import type { Timeline, TimelineEntry } from './api-types.ts';
import { moment } from './delivery-json.ts';
import { parameterInvalid } from './request-members.ts';

export interface StepsSource {
  readonly config: () => Pick<Config, 'routes' | 'upstreams'>;
  readonly history: ExchangeHistory;
  readonly store: () => Store | undefined;
}

/** Of one kind, newest first. */
const MOST = 200;

export function stepsApi({ config, history, store }: StepsSource): Router {
  const router = express.Router();
  router.get('/api/steps/:uid', async (request, response) => {
    const uid = uidOf(request);
    const stored = await storedOf(uid, config(), store());
    const uids = new Set([uid, ...stored.alsoKnownAs]);
    const exchanges = [...uids].flatMap((each) => history.list({ uid: each }, MOST)).map(exchangeEntry);
    const messages = (await Promise.all([...uids].map((each) => messagesOf(each, store())))).flat();
    const entries = [...exchanges, ...messages, ...stored.entries].toSorted((a, b) => (a.at < b.at ? -1 : 1));
    response.json({ uid, entries } satisfies Timeline);
  });
  router.all('/api/steps/:uid', allowOnly('GET, HEAD'));
  return router;
}

/** @throws Refusal PARAMETER_INVALID */
function uidOf({ params: { uid } }: Request): string {
  if (typeof uid === 'string' && isUid(uid)) return uid;
  throw parameterInvalid('the path has no UID: digits and dots, at most 64');
}

interface Stored {
  readonly entries: readonly TimelineEntry[];
  /** The MPPS of a workitem, and the workitems of an MPPS. */
  readonly alsoKnownAs: readonly string[];
}

/** What is remembered of it. */
async function storedOf(
  uid: string,
  { routes, upstreams }: ReturnType<StepsSource['config']>,
  store?: Store,
): Promise<Stored> {
  if (store === undefined) return { entries: [], alsoKnownAs: [] };
  const records = routes.flatMap(({ name: route, mpps }) =>
    mpps === undefined ? [] : store.mpps.get({ route, upstream: mpps.to, uid }),
  );
  const offered = routes.flatMap(({ name: route, workitems }) =>
    workitems === undefined ? [] : [store.workitems.get({ route, uid }), store.workitems.findByMpps(route, uid)],
  );
  const claimed = Object.entries(upstreams).flatMap(([name, { protocol }]) =>
    protocol === 'ups-rs' ? [store.claims.get(name, uid), store.claims.findByWorkitem(name, uid)] : [],
  );
  const [steps, workitems, claims, commitments] = await Promise.all([
    found(records),
    found(offered),
    found(claimed),
    store.commitments.list({ transactionUid: uid, limit: MOST }),
  ]);
  const others = [
    ...workitems.flatMap((each) => [each.uid, each.mppsUid]),
    ...claims.flatMap((each) => [each.mppsUid, ...each.workitems.map(({ workitemUid }) => workitemUid)]),
  ];
  return {
    entries: [
      ...steps.flatMap(recordEntries),
      ...workitems.flatMap(workitemEntries),
      ...claims.flatMap(claimEntries),
      ...commitments.flatMap(commitmentEntries),
    ],
    alsoKnownAs: others.filter((each) => each !== undefined),
  };
}

async function found<Found extends object>(asked: readonly Promise<Found | undefined>[]): Promise<Found[]> {
  return (await Promise.all(asked)).filter((each) => each !== undefined);
}

async function messagesOf(uid: string, store: Store | undefined): Promise<TimelineEntry[]> {
  const messages = (await store?.spool.list({ uid, limit: MOST })) ?? [];
  return messages.flatMap(messageEntries);
}

function exchangeEntry({
  id,
  startedAtMs,
  requester,
  operation,
  uid,
  upstream,
  status,
  failure,
}: KeptExchange): TimelineEntry {
  const { callingAeTitle, subject, address, listener } = requester;
  const to = upstream === undefined ? '' : `, asked ${upstream}`;
  const why = failure === undefined ? '' : `: ${failure.code}`;
  const text = `${operation} of ${uid} by ${callingAeTitle ?? subject ?? address} at ${listener}${to}${why}`;
  return { at: moment(startedAtMs), kind: 'exchange', text, status, exchange: id };
}

function messageEntries({
  id,
  kind,
  uid,
  upstream,
  state,
  acceptedAt,
  attempts,
  lastFailure,
}: SpoolMessage): TimelineEntry[] {
  const what = { kind: 'spool', spool: id, uid } as const;
  const tried = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
  const waits = state === 'dead' ? 'waits for a person' : 'waits for its delivery';
  return [
    {
      ...what,
      at: moment(acceptedAt),
      text: `${kind} of ${uid} for ${upstream} accepted; ${waits}, ${tried} so far`,
      status: state,
    },
    ...failureEntries(what, `delivery to ${upstream} failed`, lastFailure),
  ];
}

function commitmentEntries({
  id,
  upstream,
  requestor,
  phase,
  createdAt,
  settledAt,
  lastFailure,
  result,
}: CommitmentRecord): TimelineEntry[] {
  const what = { kind: 'commitment', commitment: id } as const;
  return [
    {
      ...what,
      at: moment(createdAt),
      text: `storage commitment asked for by ${requestor || 'somebody without a name'}, of ${upstream}`,
      status: phase,
    },
    ...failureEntries(what, `storage commitment at ${upstream}`, lastFailure),
    ...(settledAt === undefined
      ? []
      : [
          {
            ...what,
            at: moment(settledAt),
            text: `result of ${upstream}`,
            ...(result !== undefined && { status: 'known' }),
          },
        ]),
  ];
}

function failureEntries(
  what: Pick<TimelineEntry, 'kind' | 'spool' | 'uid' | 'commitment'>,
  text: string,
  failure: { readonly code: string; readonly problem: string; readonly at: number } | undefined,
): TimelineEntry[] {
  if (failure === undefined) return [];
  const { at, code, problem } = failure;
  return [{ ...what, at: moment(at), text: `${text}: ${problem}`, status: code }];
}

function recordEntries({
  uid,
  route,
  upstream,
  listener,
  phase,
  state,
  createdAt,
  updatedAt,
}: MppsRecord): TimelineEntry[] {
  const first = {
    at: moment(createdAt),
    kind: 'record',
    text: `step ${uid} begun at ${listener}, by ${route} to ${upstream}`,
  };
  const last = {
    at: moment(updatedAt),
    kind: 'record',
    text: `last message about the step`,
    status: phase === 'stored' ? state : phase,
  };
  return [first, last];
}

function workitemEntries({
  uid,
  route,
  state,
  isDeleted,
  mppsUid,
  pending,
  createdAt,
  updatedAt,
}: WorkitemRecord): TimelineEntry[] {
  const claimed = mppsUid === undefined ? '' : `, performed as ${mppsUid}`;
  const begun = pending === undefined ? '' : `; ${pending} is under way`;
  return [
    { at: moment(createdAt), kind: 'workitem', text: `workitem ${uid} seen by ${route}` },
    {
      at: moment(updatedAt),
      kind: 'workitem',
      text: `workitem changed${claimed}${begun}`,
      status: isDeleted ? 'deleted' : state,
    },
  ];
}

function claimEntries({
  upstream,
  mppsUid,
  workitems,
  isComplete,
  createdAt,
  updatedAt,
}: ClaimRecord): TimelineEntry[] {
  const phases = workitems.map(({ workitemUid, phase }) => `${workitemUid} ${phase}`).join(', ');
  const rest = isComplete ? '' : '; not everything was taken yet';
  return [
    { at: moment(createdAt), kind: 'claim', text: `workitems looked for at ${upstream} for ${mppsUid}` },
    { at: moment(updatedAt), kind: 'claim', text: `claims at ${upstream}: ${phases || 'none'}${rest}` },
  ];
}
