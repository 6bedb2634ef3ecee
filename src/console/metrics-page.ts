/** `GET /metrics`, for Prometheus. */
import express from 'express';
import type { Router } from 'express';
import type { Metrics } from '../observe/metrics.ts';
import { allowOnly } from './answers.ts';

export function metricsPage(metrics: Metrics): Router {
  const router = express.Router();
  router.get('/metrics', async (_request, response) => {
    response.set('Content-Type', metrics.contentType).send(await metrics.text());
  });
  router.all('/metrics', allowOnly('GET, HEAD'));
  return router;
}
