/** The running file with its problems: `GET /api/config`. */
import express from 'express';
import type { Router } from 'express';
import type { ConfigFile } from '../config/config-file.ts';
import type { Problem } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { allowOnly } from './answers.ts';
import type { ConfigView } from './api-types.ts';

export interface ConfigSource {
  /** Undefined: the gateway was not started from a file. */
  readonly file: ConfigFile | undefined;
  readonly config: () => Config;
}

const NOTHING: ConfigView = { lines: [], problems: [], changed: false };

export function configApi({ file, config }: ConfigSource): Router {
  const router = express.Router();
  router.get('/api/config', async (_request, response) => {
    response.json(file === undefined ? NOTHING : await viewOf(file, config()));
  });
  router.all('/api/config', allowOnly('GET, HEAD'));
  return router;
}

async function viewOf(file: ConfigFile, running: Config): Promise<ConfigView> {
  const { file: name, lines, errors, warnings, isChanged } = await file.look(running);
  const problems = [
    ...errors.map((each) => problemOf('error', each)),
    ...warnings.map((each) => problemOf('warning', each)),
  ];
  return { file: name, lines, problems, changed: isChanged };
}

function problemOf(
  severity: 'error' | 'warning',
  { line, column, path, message }: Problem,
): ConfigView['problems'][number] {
  return { severity, line, column, message: path === '' ? message : `${path}: ${message}` };
}
