/** Listeners and upstreams as the configuration makes them, wired together over real sockets on loopback. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listener as listenerSchema } from '../../src/config/listener-schema.ts';
import { upstream as upstreamSchema } from '../../src/config/upstream-schema.ts';
import type { DataSet } from '../../src/dataset/model.ts';

import { CommitmentService } from '../../src/gateway/commitment/service.ts';
import { SILENT } from '../../src/observe/log.ts';
import { buildListener } from '../../src/parts.ts';
import { createUpstream } from '../../src/upstream-parts.ts';
import { Ris } from '../../src/ris/ris.ts';
import type { Upstream } from '../../src/services/port.ts';
import { openStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { gatewayTo } from './one-route.ts';
import { EVERYTHING, OF_WORKITEMS, startFacade, userAgentTo } from './ups/contract-bed.ts';
import type { Capabilities } from './ups/contract-bed.ts';

export type Protocol = 'dimse' | 'dicomweb';
/** `ups-rs`: our facade, and our user agent of it. */
export type Hop = Protocol | 'ups-rs';

/** Every upstream, by its hops: both protocols, and both in a row, which are the two directions of the gateway. */
export const UPSTREAMS: readonly [string, readonly Protocol[]][] = [
  ['the embedded RIS', []],
  ['a DIMSE upstream', ['dimse']],
  ['a DICOMweb upstream', ['dicomweb']],
  ['DIMSE, then DICOMweb', ['dimse', 'dicomweb']],
  ['DICOMweb, then DIMSE', ['dicomweb', 'dimse']],
];

/** The same with UPS-RS, which has the worklist and MPPS only, and those as far as workitems do. */
export const UPSTREAMS_WITH_UPS: readonly [string, readonly Hop[], Capabilities][] = [
  ...UPSTREAMS.map(([name, hops]) => [name, hops, EVERYTHING] as [string, readonly Hop[], Capabilities]),
  ['a UPS-RS upstream', ['ups-rs'], OF_WORKITEMS],
];

/** Both kinds of matching that a peer may lack, switched on: what is tested is ours on both ends. */
const ABLE = { fuzzyMatching: true, emptyValueMatching: true, multipleValueMatching: true };

export interface Bed {
  readonly upstream: Upstream;
  /** Ends the far end alone. */
  endFarEnd(): Promise<void>;
  close(): Promise<void>;
}

async function startListener(
  protocol: Hop,
  upstream: Upstream,
  hop: string,
  store: Store,
): Promise<{ port: number; close(): Promise<void> }> {
  if (protocol === 'ups-rs') return startFacade(upstream, hop, store);
  const config = listenerSchema.parse(
    protocol === 'dimse' ? { protocol, aeTitle: 'FAREND', port: 0 } : { protocol, port: 0, basePath: '/far' },
  );
  const commitments = new CommitmentService(store.commitments, SILENT);
  const listener = buildListener(hop, config, gatewayTo(upstream, hop, store, commitments), SILENT);
  const { port } = await listener.listen();
  return {
    port,
    close: async () => {
      await listener.close(200);
      await commitments.close(200);
    },
  };
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
export function bedOf(hops: readonly Hop[], entries: readonly DataSet[], more: object = {}): Promise<Bed> {
  return bedTo(hops, (store) => Ris.open('ris', entries, {}, store, SILENT), more);
}

/** The same to any far end; every hop has a store of its own, as every gateway has. */
export async function bedTo(
  hops: readonly Hop[],
  farEndOf: (store: Store) => Promise<Upstream>,
  more: object = {},
): Promise<Bed> {
  const folder = await mkdtemp(join(tmpdir(), 'dimseway-bed-'));
  const closers: (() => Promise<void>)[] = [() => rm(folder, { recursive: true })];
  const open = async (name: string): Promise<Store> => {
    const store = await openStore({ path: join(folder, `${name}.db`) });
    closers.push(() => store.close());
    return store;
  };
  let upstream = await farEndOf(await open('far-end'));
  let endFarEnd = (): Promise<void> => Promise.resolve();
  for (const [index, protocol] of hops.toReversed().entries()) {
    const listener = await startListener(protocol, upstream, `hop-${index}`, await open(`hop-${index}`));
    upstream =
      protocol === 'ups-rs'
        ? await userAgentTo(listener.port, await open(`claims-${index}`))
        : await upstreamTo(protocol, listener.port, more);
    const near = upstream;
    endFarEnd = () => listener.close();
    closers.push(
      () => listener.close(),
      () => near.close(),
    );
  }
  return {
    upstream,
    endFarEnd,
    close: async () => {
      for (const close of closers.toReversed()) await close();
    },
  };
}
