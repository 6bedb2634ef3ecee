/**
 * What a configuration lets peers have the gateway hold at worst, all of them at their limits at once. The store's caches, the
 * program itself and what the garbage collector has not come to yet are the base, as they were measured.
 */
import type { Config, ListenerConfig, UpstreamConfig } from './schema.ts';

const MIB = 1024 ** 2;

/** Program, store and collector under full load (`npm run soak`), rounded up. */
const BASE_BYTES = 256 * MIB;
const KIB = 1024;

/** What the other parts hold to, which this one may not import; a test compares. */
export const ASSUMED = {
  /** Of each body and each association, beside what is counted towards the held size (src/access/byte-budget.ts). */
  freeBytes: 64 * KIB,
  /** A data set and what is made of it, of its bytes: as many again and eight times as many (src/dimse/scp-association.ts). */
  withDataSet: 9,
  /** Requests of a web listener that are worked on at a time (src/dicomweb/listener-options.ts). */
  webRequests: 500,
  /** Header fields of a connection, the longest that are read (src/dicomweb/listener-options.ts). */
  headerBytes: 64 * KIB,
  /** An A-ASSOCIATE-RQ, the longest that is read (src/dimse/upper-layer/pdu-reader.ts). */
  associateBytes: 256 * KIB,
  /** What was written and is not taken: the socket is waited for above it. */
  writtenBytes: 128 * KIB,
  /** Responses of an SCP are read ahead so far (src/dimse/scu-exchange.ts). */
  readAheadBytes: MIB,
  /** One result of an answer, which are read one by one (src/dicomweb/upstream.ts). */
  itemBytes: 4 * MIB,
} as const;

export interface MemoryPart {
  /** Part of the configuration, e.g. `listeners.web`. */
  readonly name: string;
  readonly bytes: number;
}

/** The worst case of each part, the largest first; their sum is that of the gateway. */
export function worstCaseOf({ listeners, upstreams }: Pick<Config, 'listeners' | 'upstreams'>): MemoryPart[] {
  const parts = [
    { name: 'the gateway itself', bytes: BASE_BYTES },
    ...Object.entries(listeners).map(([name, each]) => ({ name: `listeners.${name}`, bytes: ofListener(each) })),
    ...Object.entries(upstreams).map(([name, each]) => ({ name: `upstreams.${name}`, bytes: ofUpstream(each) })),
  ];
  return parts.filter(({ bytes }) => bytes > 0).toSorted((a, b) => b.bytes - a.bytes);
}

function ofListener(listener: ListenerConfig): number {
  if (listener.protocol === 'dicomweb') {
    const { maximumConnections, maximumHeldSize } = listener;
    const requests = Math.min(maximumConnections, ASSUMED.webRequests);
    return maximumHeldSize + maximumConnections * ASSUMED.headerBytes + requests * 2 * ASSUMED.freeBytes;
  }
  const { maximumAssociations, maximumHalfOpenConnections, maximumPduLength, maximumHeldSize } = listener;
  const ofAssociation = ASSUMED.withDataSet * ASSUMED.freeBytes + maximumPduLength + ASSUMED.writtenBytes;
  return maximumHeldSize + maximumAssociations * ofAssociation + maximumHalfOpenConnections * ASSUMED.associateBytes;
}

function ofUpstream(upstream: UpstreamConfig): number {
  switch (upstream.protocol) {
    case 'dimse': {
      const { pool, maximumMessageSize, maximumPduLength } = upstream;
      return pool.maximum * (ASSUMED.withDataSet * maximumMessageSize + maximumPduLength + ASSUMED.readAheadBytes);
    }
    case 'dicomweb':
    case 'ups-rs':
      return upstream.maximumConnections * ASSUMED.withDataSet * ASSUMED.itemBytes;
    case 'ris':
      return 0;
  }
}

export function sumOf(parts: readonly MemoryPart[]): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** `1.4 GiB`, `256 MiB` */
export function sizeText(bytes: number): string {
  return bytes >= 1024 * MIB ? `${(bytes / (1024 * MIB)).toFixed(1)} GiB` : `${Math.ceil(bytes / MIB)} MiB`;
}
