/** Makes upstreams, and the options they are made with, from their pieces of the configuration. */
import type {
  DicomwebUpstreamConfig,
  DimseUpstreamConfig,
  RisUpstreamConfig,
  UpstreamConfig,
} from './config/schema.ts';
import { DicomwebUpstream } from './dicomweb/upstream.ts';
import { USER_AGENT_DEFAULTS } from './dicomweb/user-agent.ts';
import type { UserAgentOptions } from './dicomweb/user-agent.ts';
import type { DimseUpstreamOptions } from './dimse/upstream-options.ts';
import { DimseUpstream } from './dimse/upstream.ts';
import type { SeenUpstream } from './observe/listener-metrics.ts';
import type { Logger } from './observe/log.ts';
import { Ris } from './ris/ris.ts';
import { readSeed } from './ris/seed.ts';
import { identityOf, loadCredentials } from './security-parts.ts';
import type { Upstream } from './services/port.ts';
import { openMemoryStore } from './store/sqlite.ts';
import type { Store } from './store/store.ts';
import { UpsUpstream } from './ups/upstream.ts';
import { ClientTls } from './tls/client-tls.ts';
import type { CertificateFacts } from './tls/tls-options.ts';

/**
 * @param store where the embedded RIS and claims of workitems go on, as they were left; without one a RIS has its files, and
 * both forget the rest at the end
 * @throws GatewayError SEED_INVALID, STORE_*, TLS_*
 */
export async function createUpstream(
  name: string,
  config: UpstreamConfig,
  logger: Logger,
  store?: Store,
): Promise<Upstream> {
  switch (config.protocol) {
    case 'dicomweb': {
      const {
        timers: _timers,
        maximumAnswerSize: _size,
        parameterNames,
        tls: _tls,
        credentials: _own,
        ...same
      } = config;
      const agent = await userAgentOptions(name, config, logger);
      return new DicomwebUpstream({ ...same, ...agent, name, names: parameterNames }, logger);
    }
    case 'dimse':
      return new DimseUpstream(await dimseOptions(name, config, logger), logger);
    case 'ris':
      return createRis(name, config, logger, store);
    case 'ups-rs': {
      const { timers: _timers, maximumAnswerSize: _size, tls: _tls, credentials: _own, subscription, ...same } = config;
      const agent = await userAgentOptions(name, config, logger);
      const { claims } = store ?? (await openMemoryStore());
      const events = subscription && { subscription: { ...subscription, reopenMs: subscription.reopen } };
      return new UpsUpstream({ ...same, ...agent, ...events, name }, claims, logger);
    }
  }
}

/** How a classic SCP is called. Whoever asks closes its `tls`. @throws GatewayError TLS_* */
export async function dimseOptions(
  name: string,
  config: DimseUpstreamConfig,
  logger: Logger,
): Promise<DimseUpstreamOptions> {
  const { timers, pool, commitment, maximumMessageSize, tls, userIdentity, ...same } = config;
  return {
    ...same,
    name,
    ...(tls && { tls: await ClientTls.load(`upstreams.${name}`, tls, logger) }),
    ...(userIdentity && { userIdentity: identityOf(userIdentity) }),
    maximumMessageBytes: maximumMessageSize,
    connectTimeoutMs: timers.connect,
    associationTimeoutMs: timers.association,
    responseTimeoutMs: timers.response,
    reportRoleSelection: commitment.roleSelection,
    pool: { maximum: pool.maximum, idleMs: pool.idle },
  };
}

/** How an origin server is called; the user agent that gets it closes what is in it. @throws GatewayError TLS_* */
export async function userAgentOptions(
  name: string,
  config: Pick<
    DicomwebUpstreamConfig,
    | 'baseUrl'
    | 'tls'
    | 'credentials'
    | 'headers'
    | 'maximumConnections'
    | 'maximumAnswerSize'
    | 'redirectHosts'
    | 'timers'
  >,
  logger: Logger,
): Promise<UserAgentOptions> {
  const { baseUrl, headers, maximumConnections, redirectHosts, timers } = config;
  // A server by https is called by a profile, also where nothing is said about it.
  const tls = /^https:/i.test(baseUrl)
    ? await ClientTls.load(`upstreams.${name}`, config.tls ?? { profile: 'bcp195-rfc9325' }, logger)
    : undefined;
  const credentials = await loadCredentials(`upstreams.${name}`, config, logger).catch((error: unknown) => {
    tls?.close();
    throw error;
  });
  return {
    ...USER_AGENT_DEFAULTS,
    headers,
    maximumConnections,
    redirectHosts,
    ...(tls && { tls }),
    ...(credentials && { credentials }),
    maximumAnswerBytes: config.maximumAnswerSize,
    connectTimeoutMs: timers.connect,
    responseTimeoutMs: timers.response,
    bodyTimeoutMs: timers.body,
    keepAliveMs: timers.idle,
  };
}

async function createRis(name: string, config: RisUpstreamConfig, logger: Logger, store?: Store): Promise<Ris> {
  const { entries, entryWhen, ageing, validation, simulateCommitment } = config;
  const { scheduled: scheduledMs, started: startedMs, done: doneMs, steps: stepsMs } = ageing;
  const options = { entryWhen, ageing: { scheduledMs, startedMs, doneMs, stepsMs }, validation, simulateCommitment };
  if (store !== undefined) return Ris.resume(name, options, store, logger);
  const seed = (await Promise.all(entries.map(readSeed))).flat();
  return Ris.open(name, seed, options, await openMemoryStore(), logger);
}

/** How it is connected now. */
export function connectionsOf(name: string, upstream: Upstream): SeenUpstream {
  if (upstream instanceof DimseUpstream) return { name, pool: upstream.counts };
  const isWeb = upstream instanceof DicomwebUpstream || upstream instanceof UpsUpstream;
  return isWeb ? { name, running: upstream.running } : { name };
}

/** Those of TLS that an upstream has or checks by. */
export function certificatesOf(upstream: Upstream): readonly CertificateFacts[] {
  const hasTls =
    upstream instanceof DimseUpstream || upstream instanceof DicomwebUpstream || upstream instanceof UpsUpstream;
  return hasTls ? upstream.certificates() : [];
}
