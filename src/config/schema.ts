/**
 * The configuration: the one source of validation, defaults, JSON Schema (config/gateway.schema.json) and the reference
 * page (docs/configuration.md). Durations come out in milliseconds, sizes in bytes, AE titles and base paths as lists.
 */
import { z } from 'zod';
import { audit } from './audit-schema.ts';
import { listener } from './listener-schema.ts';
import { log } from './log-schema.ts';
import { route } from './route-schema.ts';
import { store } from './store-schema.ts';
import { serverTls } from './tls-schema.ts';
import { upstream } from './upstream-schema.ts';
import { bearerToken, duration, host, listenPort, moment, name, option, size } from './values.ts';

const consoleToken = z.strictObject({
  name: option(name, 'Name', 'Who it is, in logs and in the audit trail.'),
  token: option(bearerToken, 'Token', 'What is borne: `Authorization: Bearer …`. Never printed.'),
  role: option(
    z.enum(['viewer', 'operator', 'values']).default('viewer'),
    'Role',
    'viewer: reads, values of patients masked. operator: retries, discards, reloads, searches upstreams, sees and changes the ' +
      'worklist too. values: an operator who may see values everywhere and export the spool.',
  ),
});

const capture = z.strictObject({
  until: option(moment, 'Until', 'Nothing is captured from this moment on, and what was is forgotten.'),
  maximumSize: option(size.prefault('16MiB'), 'Maximum size', 'Of all that is kept; the oldest goes first.'),
});

const consoleSchema = z.strictObject({
  host: option(host.prefault('127.0.0.1'), 'Host', 'Address to bind.'),
  port: option(listenPort, 'Port', 'TCP port of the health pages, the metrics and the API; 0 takes a free one.'),
  tls: option(serverTls.exactOptional(), 'TLS', 'Absent: without TLS.'),
  token: option(
    bearerToken.exactOptional(),
    'Token',
    'What every request but those of the health pages and of the page itself must bear: `Authorization: Bearer …`, in the role ' +
      'of an operator, who may export the spool too where there are no `tokens`. This or `tokens` is needed off loopback.',
  ),
  tokens: option(
    z.array(consoleToken).min(1).exactOptional(),
    'Tokens',
    'Several people, each with a role. Without `token` and `tokens` whoever reaches the port is an operator.',
  ),
  exchanges: option(
    z.int().min(10).max(100_000).default(1_000),
    'Exchanges',
    'The last ones, which the console shows; kept in memory.',
  ),
  capture: option(
    capture.exactOptional(),
    'Capture',
    'Keep the data sets of exchanges in memory, before and after the rules, for the console to show: patient data. Absent: none.',
  ),
});

const memory = z.strictObject({
  maximum: option(
    size,
    'Maximum',
    'A configuration whose listeners and upstreams could take more, all at their limits at once, is refused.',
  ),
});

const timers = z.strictObject({
  shutdown: option(
    duration.prefault('10s'),
    'Shutdown',
    'Time that requests under way have when the gateway stops or a reload closes a listener.',
  ),
});

export const configSchema = z
  .strictObject({
    listeners: option(z.record(z.string(), listener), 'Listeners', 'What the gateway listens on, by name.'),
    upstreams: option(z.record(z.string(), upstream), 'Upstreams', 'What the gateway calls, by name.'),
    routes: option(
      z.array(route),
      'Routes',
      'Which request goes to which upstream; the first that fits is taken. A request without one is refused.',
    ),
    store: option(
      store.prefault({}),
      'Store',
      'What is remembered of performed procedure steps and commitments, what is still to be delivered, and what the embedded ' +
        'RIS keeps; opened where a route has `mpps` or `storageCommitment`, an upstream is a RIS, or it is there from before.',
    ),
    audit: option(audit.exactOptional(), 'Audit', 'The audit trail (PS3.15 A.5); absent: none.'),
    console: option(consoleSchema.exactOptional(), 'Console', 'The operator’s port; absent: none.'),
    memory: option(
      memory.exactOptional(),
      'Memory',
      'What the gateway may hold at worst; `check` tells the sum either way. Absent: no limit.',
    ),
    log: option(log.prefault({}), 'Log', 'JSON lines on stderr, one per exchange, without patient data by default.'),
    timers: option(timers.prefault({}), 'Timers', 'How long the gateway as a whole waits.'),
  })
  .meta({ title: 'dimseway', description: 'Configuration of the dimseway gateway.' });

export type Config = z.output<typeof configSchema>;
export type ListenerConfig = Config['listeners'][string];
export type DimseListenerConfig = Extract<ListenerConfig, { protocol: 'dimse' }>;
export type DicomwebListenerConfig = Extract<ListenerConfig, { protocol: 'dicomweb' }>;
export type UpstreamConfig = Config['upstreams'][string];
export type DicomwebUpstreamConfig = Extract<UpstreamConfig, { protocol: 'dicomweb' }>;
export type DimseUpstreamConfig = Extract<UpstreamConfig, { protocol: 'dimse' }>;
export type RisUpstreamConfig = Extract<UpstreamConfig, { protocol: 'ris' }>;
export type UpsUpstreamConfig = Extract<UpstreamConfig, { protocol: 'ups-rs' }>;
export type RouteConfig = Config['routes'][number];
export type MppsConfig = NonNullable<RouteConfig['mpps']>;
export type StoreConfig = Config['store'];
export type LogConfig = Config['log'];
export type ConsoleConfig = NonNullable<Config['console']>;
