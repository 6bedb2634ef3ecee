/** The spool over HTTP: `/api/spool[/{id}[/retry|/discard]]`, for `dimseway spool` and for scripts. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import express from 'express';
import type { Request, Response, Router } from 'express';
import type { Logger } from '../observe/log.ts';
import type { Destination } from '../store/spool-records.ts';
import type { Store } from '../store/store.ts';
import { allowOnly } from './answers.ts';
import { needExport, whoOf } from './identity.ts';
import { readBody } from './json-body.ts';
import { openStoreOf } from './open-store.ts';
import { reasonOf } from './request-members.ts';
import { depthOf, detailOf, summaryOf, wholeToJson } from './spool-json.ts';
import type { SpoolListing } from './api-types.ts';
import { SpoolOperator } from './spool-operator.ts';
import { destinationOf, idOf, queryOf, wantsDataSet } from './spool-requests.ts';

export interface SpoolApiOptions {
  /** Undefined: the configuration needs no store. */
  readonly store: () => Store | undefined;
  /** Tells the delivery that there is work for a destination. */
  readonly wake: (destination: Destination) => void;
  readonly log: Logger;
}

const DEFAULT_LIMIT = 100;

export function spoolApi({ store, wake, log }: SpoolApiOptions): Router {
  const router = express.Router();
  const operatorFor = (request: Request): SpoolOperator =>
    new SpoolOperator(openStoreOf(store()).spool, wake, log.child(whoOf(request)));

  router.get('/api/spool', async (request, response) => {
    response.json(await listing(operatorFor(request), request));
  });
  router.get('/api/spool/export', async (request, response) => {
    needExport(response);
    await sendAll(operatorFor(request), request, response, log);
  });
  router.get('/api/spool/:id', async (request, response) => {
    const message = await operatorFor(request).get(idOf(request));
    if (!wantsDataSet(request)) response.json(detailOf(message));
    else {
      needExport(response);
      const { id, uid } = message;
      log.info('data set of a spool message read', { id, uid, ...whoOf(request) });
      response.type('json').send(wholeToJson(message));
    }
  });
  router.post('/api/spool/retry', readBody, async (request: Request, response: Response) => {
    const { destination, state } = destinationOf(request);
    response.json({ status: 'retried', ...(await operatorFor(request).retryAll(destination, state)) });
  });
  router.post('/api/spool/:id/retry', readBody, async (request: Request, response: Response) => {
    response.json({ status: 'retried', message: summaryOf(await operatorFor(request).retry(idOf(request))) });
  });
  router.post('/api/spool/:id/discard', readBody, async (request: Request, response: Response) => {
    const reason = reasonOf(request);
    response.json({
      status: 'discarded',
      message: summaryOf(await operatorFor(request).discard(idOf(request), reason)),
    });
  });

  router.all(['/api/spool/retry', '/api/spool/:id/retry', '/api/spool/:id/discard'], allowOnly('POST'));
  router.all(['/api/spool', '/api/spool/export', '/api/spool/:id'], allowOnly('GET, HEAD'));
  return router;
}

async function listing(operator: SpoolOperator, request: Request): Promise<SpoolListing> {
  const { limit = DEFAULT_LIMIT, ...query } = queryOf(request, true);
  const destinations = await operator.depths(query);
  const messages = [];
  for await (const message of operator.messages({ ...query, limit: limit + 1 })) messages.push(summaryOf(message));
  const shown = messages.slice(0, limit);
  const last = shown.at(-1);
  return {
    destinations: destinations.map(depthOf),
    messages: shown,
    ...(messages.length > limit && last !== undefined ? { next: last.id } : {}),
  };
}

/** One message a line, as the one who asks takes them; an export that breaks off ends the connection without its end. */
async function sendAll(operator: SpoolOperator, request: Request, response: Response, log: Logger): Promise<void> {
  const query = queryOf(request, false);
  const who = { ...whoOf(request), ...query };
  log.info('spool export begun: data sets are read', who);
  let messages = 0;
  const lines = async function* (): AsyncGenerator<string> {
    for await (const message of operator.messages(query)) {
      messages++;
      yield `${wholeToJson(message)}\n`;
    }
  };
  response.type('application/x-ndjson');
  try {
    await pipeline(Readable.from(lines(), { objectMode: true, highWaterMark: 1 }), response);
    log.info('spool export ended', { ...who, messages });
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    log.warn('spool export broke off', { ...who, messages, code });
    if (!response.headersSent) throw error;
  }
}
