/** The last exchanges: `GET /api/exchanges` and `GET /api/exchanges/{id}`. */
import express from 'express';
import type { Request, Response, Router } from 'express';
import type { Capture } from '../observe/capture.ts';
import type { ExchangeFilter, ExchangeHistory, KeptExchange } from '../observe/exchange-history.ts';
import { SERVICES } from '../services/port.ts';
import { allowOnly } from './answers.ts';
import type { Captured, ExchangeDetail, ExchangeList } from './api-types.ts';
import { hopsOf, summaryOf } from './exchange-json.ts';
import { callerOf } from './identity.ts';
import { Mask } from './masking.ts';
import { showsValues } from './operator-actions.ts';
import { Refusal } from './refusal.ts';
import { count, MAXIMUM_LIMIT, oneOf, parameterInvalid, texts } from './request-members.ts';

export interface ExchangesSource {
  readonly history: ExchangeHistory;
  readonly capture: Capture;
}

const DEFAULT_LIMIT = 100;

export function exchangesApi({ history, capture }: ExchangesSource): Router {
  const router = express.Router();
  router.get('/api/exchanges', (request, response) => {
    const { filter, limit } = queryOf(request);
    const exchanges = history.list(filter, limit).map(summaryOf);
    response.json({ exchanges, last: history.last } satisfies ExchangeList);
  });
  router.get('/api/exchanges/:id', (request, response) => {
    const exchange = history.get(idOf(request));
    if (exchange === undefined) throw unknownExchange();
    response.json({
      ...summaryOf(exchange),
      hops: hopsOf(exchange, history.steps(exchange.traceId)),
      captured: capturedOf(exchange, capture, response),
    } satisfies ExchangeDetail);
  });
  router.all(['/api/exchanges', '/api/exchanges/:id'], allowOnly('GET, HEAD'));
  return router;
}

/** @throws Refusal PARAMETER_INVALID */
function queryOf({ query }: Request): { readonly filter: ExchangeFilter; readonly limit: number } {
  const names = ['after', 'limit', 'listener', 'route', 'upstream', 'service', 'failed', 'text', 'uid'] as const;
  const { after, limit, service, failed, ...same } = texts(query, names, parameterInvalid);
  const filter = {
    ...same,
    ...(after !== undefined && { after: count('after', after, 0, Number.MAX_SAFE_INTEGER) }),
    ...(service !== undefined && { service: oneOf('service', SERVICES, service, parameterInvalid) }),
    ...(failed !== undefined && { failed: oneOf('failed', ['true', 'false'], failed, parameterInvalid) === 'true' }),
  };
  return { filter, limit: limit === undefined ? DEFAULT_LIMIT : count('limit', limit, 1, MAXIMUM_LIMIT) };
}

/** Audited where values are shown. */
function capturedOf({ traceId, startedMs }: KeptExchange, capture: Capture, response: Response): Captured[] {
  const found = capture.of(traceId);
  const isShown = callerOf(response).role === 'values';
  if (isShown && found.length > 0) showsValues(response);
  // One mask for what is one data set before and after the rules, so that differences can be told; another for each result.
  const masks = new Map<string, Mask>();
  const counts = new Map<string, number>();
  return found.map(({ stage, atMs, upstream, dataSet }) => {
    const turn = counts.get(stage) ?? 0;
    counts.set(stage, turn + 1);
    const pair = stage.startsWith('result') ? `result ${turn}` : 'request';
    const mask = masks.get(pair) ?? new Mask();
    masks.set(pair, mask);
    return {
      stage,
      atMs: Math.round(atMs - startedMs),
      ...(upstream !== undefined && { upstream }),
      dataSet: isShown ? dataSet : mask.of(dataSet),
      masked: !isShown,
    };
  });
}

/** @throws Refusal EXCHANGE_UNKNOWN */
function idOf({ params: { id } }: Request): number {
  if (typeof id === 'string' && /^[1-9][0-9]{0,14}$/.test(id)) return Number(id);
  throw unknownExchange();
}

function unknownExchange(): Refusal {
  const fix = 'Only the last ones are kept, and none across a restart: look for it in the log.';
  return new Refusal(404, 'EXCHANGE_UNKNOWN', 'There is no exchange with this id', fix);
}
