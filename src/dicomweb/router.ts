/** From the table of transactions to routes: path, then method, then the query parameter that tells two apart. */
import express from 'express';
import type { Request, Response, Router } from 'express';
import { HttpRefusal } from './http-refusal.ts';
import { queryOf } from './request-facts.ts';
import type { Transaction } from './transaction.ts';
import { sendAnswer } from './web-answer.ts';

export type RunTransaction = (transaction: Transaction, request: Request, response: Response) => Promise<void>;

/** A path that is none of these falls through; another method is 405 with Allow. */
export function createRouter(transactions: readonly Transaction[], run: RunTransaction): Router {
  const router = express.Router({ caseSensitive: true });
  for (const path of new Set(transactions.map((one) => one.path))) {
    const here = transactions.filter((one) => one.path === path);
    const methods = new Set(here.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])));
    const allow = [...methods.add('OPTIONS')].join(', ');
    router.all(path.replaceAll(/\{(\w+)\}/g, ':$1'), async (request, response) => {
      const method = request.method === 'HEAD' ? 'GET' : request.method;
      const transaction = choose(
        here.filter((one) => one.method === method),
        queryOf(request.originalUrl),
      );
      if (transaction !== undefined) await run(transaction, request, response);
      else if (method === 'OPTIONS') await sendAnswer(request, response, { status: 204, headers: { Allow: allow } });
      else {
        const reason = `${request.method} is not possible here`;
        throw new HttpRefusal(405, 'RESOURCE_NOT_FOUND', reason, { headers: { Allow: allow } });
      }
    });
  }
  return router;
}

function choose(candidates: readonly Transaction[], rawQuery: string): Transaction | undefined {
  const names = new Set(rawQuery.split('&').map((part) => nameOf(part)));
  return (
    candidates.find(({ selector }) => selector !== undefined && names.has(selector)) ??
    candidates.find(({ selector }) => selector === undefined)
  );
}

/** What is not encoded correctly selects nothing; the transaction then refuses it. */
function nameOf(parameter: string): string | undefined {
  try {
    return decodeURIComponent(parameter.split('=', 1)[0] ?? '');
  } catch {
    return undefined;
  }
}
