/** What the console shows besides its own pages; it asks anew each time, since a reload replaces the parts. */
import { isDeepStrictEqual } from 'node:util';
import type { Router } from 'express';
import type { ConfigFile } from './config/config-file.ts';
import type { Config } from './config/schema.ts';
import { commitmentsApi } from './console/commitments-api.ts';
import { configApi } from './console/config-api.ts';
import { exceptionsApi } from './console/exceptions-api.ts';
import { exchangesApi } from './console/exchanges-api.ts';
import { meApi } from './console/me-api.ts';
import { metricsPage } from './console/metrics-page.ts';
import { openApiPage } from './console/openapi.ts';
import { overviewApi } from './console/overview-api.ts';
import { spoolApi } from './console/spool-api.ts';
import { stepsApi } from './console/steps-api.ts';
import { storeApi } from './console/store-api.ts';
import { tryApi } from './console/try-api.ts';
import { worklistApi } from './console/worklist-api.ts';
import { GatewayError } from './errors.ts';
import type { Health } from './observe/health.ts';
import type { ListenerCounts } from './observe/listener-metrics.ts';
import type { Logger } from './observe/log.ts';
import type { Observation } from './observe-parts.ts';
import type { Ris } from './ris/ris.ts';
import { NOTHING } from './running.ts';
import type { Parts } from './running.ts';
import type { Upstream } from './services/port.ts';
import type { StoreServices } from './store-services.ts';
import { versionOfPackage } from './version.ts';

/** What an operator looks at and decides about. */
export interface Operated {
  readonly observation: Observation;
  readonly running: () => Parts | undefined;
  readonly health: () => Promise<Health>;
  /** Undefined: it was not started from a file. */
  readonly file: ConfigFile | undefined;
  readonly services: () => StoreServices | undefined;
  /** The embedded RIS by name. */
  readonly rises: () => ReadonlyMap<string, Ris>;
}

/** Its port stays open through a reload; the rest of what it says is read anew: tokens, exchanges, capture. */
export function staysInPlace(was: Config['console'], is: Config['console']): boolean {
  const placeOf = ({ host, port, tls }: Partial<NonNullable<Config['console']>> = {}): unknown => [host, port, tls];
  return isDeepStrictEqual(placeOf(was), placeOf(is));
}

export function consoleRouters(operated: Operated, log: Logger): Router[] {
  const { observation, running, health, file, services, rises } = operated;
  const { history, traffic, capture } = observation;
  const store = (): Parts['store'] => running()?.store;
  const config = (): Config => configOf(running());
  const openAt = (listener: string): number => openOf((running() ?? NOTHING).listeners.get(listener)?.listener.counts);
  const upstream = (name: string): Upstream | undefined => running()?.upstreams.get(name)?.upstream;
  const isOpen = (): boolean => {
    const { token, tokens } = running()?.config.console ?? {};
    return token === undefined && tokens === undefined;
  };
  const instance = (): string | undefined => store()?.instanceId;
  return [
    meApi({ version: versionOfPackage(), startedAtMs: Date.now() - process.uptime() * 1_000, instance, capture }),
    overviewApi({ config, health, openAt, traffic }),
    exchangesApi({ history, capture }),
    stepsApi({ config, history, store }),
    tryApi({ config, upstream }),
    configApi({ config, file }),
    worklistApi({ rises, log }),
    exceptionsApi({ exceptions: () => store()?.exceptions, log }),
    spoolApi({ store, wake: (destination) => services()?.spool.wake(destination), log }),
    commitmentsApi({ store, wake: () => services()?.commitments.wake(), log }),
    storeApi({ store, log }),
    metricsPage(observation.metrics),
    openApiPage(versionOfPackage(), isOpen),
  ];
}

/** The port opens a moment before what it shows is in place. @throws GatewayError STORE_FAILED, answered as 503 */
function configOf(parts: Parts | undefined): Config {
  if (parts !== undefined) return parts.config;
  throw new GatewayError('STORE_FAILED', 'The gateway is starting', { fix: 'Ask again in a moment.' });
}

function openOf(seen: ListenerCounts | undefined): number {
  if (seen === undefined) return 0;
  return seen.protocol === 'dimse' ? seen.counts.associations : seen.counts.connections;
}
