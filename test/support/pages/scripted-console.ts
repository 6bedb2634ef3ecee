/** The pages of the console as the product serves them, in front of an API that says what a test tells it to. */
import express from 'express';
import type { Request } from 'express';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pages, safeHeaders } from '../../../src/console/pages.ts';
import {
  CONFIG,
  DETAIL,
  EXCHANGES,
  FOUND,
  ME,
  OVERVIEW,
  SPOOL,
  TIMELINE,
  TRIED_DATA_SET,
  TRIED_SEARCH,
} from './answers.ts';

/** An answer; with `status` one that is no success. */
export interface Scripted {
  readonly status?: number;
  readonly body: unknown;
}

type Answer = (request: Request) => Scripted | Promise<Scripted>;

export interface ScriptedConsole {
  readonly url: string;
  /** `GET /api/me` and the like, in their order. */
  readonly asked: readonly { readonly line: string; readonly body: unknown }[];
  /** From now on. @param line method and path, without the query */
  answer(line: string, answer: Answer): void;
  close(): Promise<void>;
}

const ok = (body: unknown): Scripted => ({ body });

export async function startScriptedConsole(): Promise<ScriptedConsole> {
  const answers = new Map<string, Answer>([
    ['GET /api/me', () => ok(ME)],
    ['GET /api/overview', () => ok(OVERVIEW)],
    ['GET /api/exchanges', (request) => ok(listed(request))],
    ['GET /api/exchanges/3', () => ok(DETAIL)],
    [`GET /api/steps/${TIMELINE.uid}`, () => ok(TIMELINE)],
    ['GET /api/spool', () => ok(SPOOL)],
    ['GET /api/config', () => ok(CONFIG)],
    ['POST /api/spool/retry', () => ok({ status: 'retried', revived: 1, hastened: 4 })],
    ['POST /api/spool/68/discard', () => ok({ status: 'discarded', message: SPOOL.messages[0] })],
    ['POST /api/reload', () => ok({ status: 'reloaded', warnings: [] })],
    ['POST /api/try/search', ({ body }) => ok((body as { dryRun: boolean }).dryRun ? TRIED_SEARCH : FOUND)],
    ['POST /api/try/dataset', () => ok(TRIED_DATA_SET)],
  ]);
  const asked: { line: string; body: unknown }[] = [];
  const app = express();
  app.use(safeHeaders, pages(), express.json());
  app.use(async (request, response) => {
    const line = `${request.method} ${request.path}`;
    asked.push({ line, body: request.body as unknown });
    const answer = answers.get(line);
    const unknown = { status: 404, body: { code: 'NOT_FOUND', message: 'There is no such page', fix: 'None.' } };
    const { status = 200, body } = answer === undefined ? unknown : await answer(request);
    response.status(status).json(body);
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    answer: (line, answer) => void answers.set(line, answer),
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function listed({ query }: Request): { exchanges: unknown; last: number } {
  const after = Number(query['after'] ?? 0);
  const exchanges = EXCHANGES.filter(
    ({ id, outcome }) =>
      id > after && (query['failed'] === undefined || (outcome !== undefined) === (query['failed'] === 'true')),
  );
  return { exchanges, last: 4 };
}
