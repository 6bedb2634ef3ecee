/** Listeners and upstreams as the configuration makes them, wired together over real sockets on loopback. */
import { listener as listenerSchema } from '../../src/config/listener-schema.ts';
import { upstream as upstreamSchema } from '../../src/config/upstream-schema.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { Gateway } from '../../src/gateway/gateway.ts';
import { compileRouteMatcher } from '../../src/gateway/routes.ts';
import { SILENT } from '../../src/observe/log.ts';
import { buildListener, createUpstream } from '../../src/parts.ts';
import { Ris } from '../../src/ris/ris.ts';
import type { Upstream } from '../../src/services/port.ts';

export type Protocol = 'dimse' | 'dicomweb';

/** Both kinds of matching that a peer may lack, switched on: what is tested is ours on both ends. */
const ABLE = { fuzzyMatching: true, emptyValueMatching: true, multipleValueMatching: true };

export interface Bed {
  readonly upstream: Upstream;
  /** Ends the far end alone. */
  endFarEnd(): Promise<void>;
  close(): Promise<void>;
}

/** A gateway with one route for everything. */
export function gatewayTo(upstream: Upstream): Gateway {
  return new Gateway(
    [
      {
        ...compileRouteMatcher('all', {}),
        options: {
          route: 'all',
          characterSets: [],
          unencodable: 'utf-8',
          fuzzyMatching: true,
          timezoneAdjustment: false,
        },
        worklist: { upstreams: [{ name: 'far', upstream }], request: undefined, response: undefined },
        messagesFor: () => undefined,
      },
    ],
    SILENT,
  );
}

export async function startListener(
  protocol: Protocol,
  upstream: Upstream,
): Promise<{ port: number; close(): Promise<void> }> {
  const config = listenerSchema.parse(
    protocol === 'dimse' ? { protocol, aeTitle: 'FAREND', port: 0 } : { protocol, port: 0, basePath: '/far' },
  );
  const listener = buildListener('far', config, gatewayTo(upstream), SILENT);
  const { port } = await listener.listen();
  return { port, close: () => listener.close(200) };
}

export function upstreamTo(protocol: Protocol, port: number, more: object = {}): Promise<Upstream> {
  const config = upstreamSchema.parse(
    protocol === 'dimse'
      ? { protocol, host: '127.0.0.1', port, aeTitle: 'FAREND', callingAeTitle: 'NEAREND', ...ABLE, ...more }
      : { protocol, baseUrl: `http://127.0.0.1:${port}/far`, ...ABLE, ...more },
  );
  return createUpstream('near', config, SILENT);
}

/** An upstream that reaches a RIS with these entries by the hops named, the nearest first; no hop is the RIS itself. */
export async function bedOf(hops: readonly Protocol[], entries: readonly DataSet[], more: object = {}): Promise<Bed> {
  const closers: (() => Promise<void>)[] = [];
  let upstream: Upstream = new Ris(entries);
  for (const protocol of hops.toReversed()) {
    const listener = await startListener(protocol, upstream);
    upstream = await upstreamTo(protocol, listener.port, more);
    const near = upstream;
    closers.push(
      () => listener.close(),
      () => near.close(),
    );
  }
  const endFarEnd = closers.at(-2) ?? (() => Promise.resolve());
  return {
    upstream,
    endFarEnd,
    close: async () => {
      for (const close of closers.toReversed()) await close();
    },
  };
}
