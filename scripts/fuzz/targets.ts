import type { FuzzTarget } from './target.ts';
import { answer } from './targets/answer.ts';
import { config } from './targets/config.ts';
import { consoleApi } from './targets/console.ts';
import { dataSet } from './targets/data-set.ts';
import { identity } from './targets/identity.ts';
import { json } from './targets/json.ts';
import { dimseListener, webListener } from './targets/listeners.ts';
import { payload } from './targets/payload.ts';
import { pdu } from './targets/pdu.ts';
import { requestHead } from './targets/request-head.ts';
import { dimseUpstream, webUpstream } from './targets/upstreams.ts';
import { xml } from './targets/xml.ts';

export const TARGETS: readonly FuzzTarget[] = [
  pdu,
  dataSet,
  json,
  xml,
  payload,
  answer,
  requestHead,
  config,
  dimseListener,
  webListener,
  dimseUpstream,
  webUpstream,
  identity,
  consoleApi,
];

export function targetCalled(name: string): FuzzTarget {
  const target = TARGETS.find((one) => one.name === name);
  if (target === undefined) throw new Error(`There is no fuzz target ${name}`);
  return target;
}
