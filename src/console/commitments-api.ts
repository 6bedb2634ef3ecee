/** Storage commitments over HTTP: `/api/commitments[/{id}[/retry|/discard]]`, for `dimseway commit` and for scripts. */
import express from 'express';
import type { Request, Response, Router } from 'express';
import { isUid } from '../dataset/uid.ts';
import type { Logger } from '../observe/log.ts';
import { COMMITMENT_PHASES } from '../store/commitment-records.ts';
import type { Store } from '../store/store.ts';
import { allowOnly } from './answers.ts';
import { commitmentDetail, commitmentEntry, countEntry } from './commitments-json.ts';
import type { CommitmentListing } from './commitments-json.ts';
import { CommitmentOperator } from './commitments-operator.ts';
import type { CommitmentQuery } from './commitments-operator.ts';
import { whoOf } from './identity.ts';
import { readBody } from './json-body.ts';
import { openStoreOf } from './open-store.ts';
import { Refusal } from './refusal.ts';
import { count, MAXIMUM_LIMIT, oneOf, parameterInvalid, reasonOf, texts } from './request-members.ts';

export interface CommitmentsApiOptions {
  /** Undefined: the configuration needs no store. */
  readonly store: () => Store | undefined;
  /** Tells the worker that there is something to do. */
  readonly wake: () => void;
  readonly log: Logger;
}

const DEFAULT_LIMIT = 100;

export function commitmentsApi({ store, wake, log }: CommitmentsApiOptions): Router {
  const router = express.Router();
  const operatorFor = (request: Request): CommitmentOperator =>
    new CommitmentOperator(openStoreOf(store()).commitments, wake, log.child(whoOf(request)));

  router.get('/api/commitments', async (request, response) => {
    response.json(await listing(operatorFor(request), queryOf(request)));
  });
  router.get('/api/commitments/:id', async (request, response) => {
    response.json(commitmentDetail(await operatorFor(request).get(idOf(request))));
  });
  router.post('/api/commitments/:id/retry', readBody, async (request: Request, response: Response) => {
    const commitment = commitmentEntry(await operatorFor(request).retry(idOf(request)));
    response.json({ status: 'retried', commitment });
  });
  router.post('/api/commitments/:id/discard', readBody, async (request: Request, response: Response) => {
    const reason = reasonOf(request);
    const commitment = commitmentEntry(await operatorFor(request).discard(idOf(request), reason));
    response.json({ status: 'discarded', commitment });
  });

  router.all(['/api/commitments/:id/retry', '/api/commitments/:id/discard'], allowOnly('POST'));
  router.all(['/api/commitments', '/api/commitments/:id'], allowOnly('GET, HEAD'));
  return router;
}

async function listing(operator: CommitmentOperator, query: CommitmentQuery): Promise<CommitmentListing> {
  const counts = await operator.counts(query.route);
  const commitments = [];
  for await (const record of operator.records({ ...query, limit: query.limit + 1 })) {
    commitments.push(commitmentEntry(record));
  }
  const shown = commitments.slice(0, query.limit);
  const last = shown.at(-1);
  return {
    counts: counts.map(countEntry),
    commitments: shown,
    ...(commitments.length > query.limit && last !== undefined ? { next: last.id } : {}),
  };
}

/** @throws Refusal PARAMETER_INVALID */
function queryOf({ query }: Request): CommitmentQuery {
  const names = ['route', 'phase', 'uid', 'limit', 'after'] as const;
  const { route, phase, uid, limit, after } = texts(query, names, parameterInvalid);
  if (uid !== undefined && !isUid(uid)) throw parameterInvalid('uid is not a UID: digits and dots, at most 64');
  return {
    ...(route !== undefined && { route }),
    ...(phase !== undefined && { phase: oneOf('phase', COMMITMENT_PHASES, phase, parameterInvalid) }),
    ...(uid !== undefined && { transactionUid: uid }),
    ...(after !== undefined && { after: count('after', after, 0, Number.MAX_SAFE_INTEGER) }),
    limit: limit === undefined ? DEFAULT_LIMIT : count('limit', limit, 1, MAXIMUM_LIMIT),
  };
}

/** @throws Refusal COMMITMENT_UNKNOWN */
function idOf(request: Request): number {
  const { id } = request.params;
  if (typeof id === 'string' && /^[1-9][0-9]{0,14}$/.test(id)) return Number(id);
  const fix = 'They have numbers: `dimseway commit list` shows them.';
  throw new Refusal(404, 'COMMITMENT_UNKNOWN', 'The path names no storage commitment', fix);
}
