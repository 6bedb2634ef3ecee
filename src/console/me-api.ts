/** Who asks, and whom: `GET /api/me`. */
import express from 'express';
import type { Router } from 'express';
import type { Capture } from '../observe/capture.ts';
import { allowOnly } from './answers.ts';
import type { Me } from './api-types.ts';
import { moment } from './delivery-json.ts';
import { callerOf } from './identity.ts';

export interface MeSource {
  readonly version: string;
  /** Wall clock, ms since 1970. */
  readonly startedAtMs: number;
  /** Of the store; undefined: there is none. */
  readonly instance: () => string | undefined;
  readonly capture: Capture;
}

export function meApi({ version, startedAtMs, instance, capture }: MeSource): Router {
  const router = express.Router();
  router.get('/api/me', (_request, response) => {
    const { name, role } = callerOf(response);
    const [store, untilMs] = [instance(), capture.until];
    response.json({
      ...(name !== undefined && { name }),
      role,
      version,
      ...(store !== undefined && { instance: store }),
      startedAt: moment(startedAtMs),
      ...(untilMs !== undefined && { capture: { until: moment(untilMs) } }),
    } satisfies Me);
  });
  router.all('/api/me', allowOnly('GET, HEAD'));
  return router;
}
