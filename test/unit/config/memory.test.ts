/** The worst case of memory (configuration `memory.maximum`): what it assumes of other parts is what these hold to. */
import { expect, test } from '@jest/globals';
import { getDefaultHighWaterMark } from 'node:stream';
import { FREE_BYTES } from '../../../src/access/byte-budget.ts';
import { listener } from '../../../src/config/listener-schema.ts';
import { ASSUMED, worstCaseOf } from '../../../src/config/memory.ts';
import { upstream } from '../../../src/config/upstream-schema.ts';
import { DEFAULTS } from '../../../src/dicomweb/listener-options.ts';
import { MAXIMUM_ITEM_BYTES } from '../../../src/dicomweb/upstream.ts';
import { DECODED } from '../../../src/dimse/scp-association.ts';
import { PAUSE_ABOVE_BYTES } from '../../../src/dimse/scu-exchange.ts';
import { MAXIMUM_ASSOCIATE_BYTES } from '../../../src/dimse/upper-layer/pdu-reader.ts';

test('assumes of each part what that part holds to', () => {
  expect(ASSUMED).toEqual({
    freeBytes: FREE_BYTES,
    withDataSet: 1 + DECODED,
    webRequests: DEFAULTS.maximumRequests,
    headerBytes: DEFAULTS.maximumHeaderBytes,
    associateBytes: MAXIMUM_ASSOCIATE_BYTES,
    writtenBytes: 2 * getDefaultHighWaterMark(false),
    readAheadBytes: PAUSE_ABOVE_BYTES,
    itemBytes: MAXIMUM_ITEM_BYTES,
  });
});

const MIB = 1024 ** 2;
const KIB = 1024;

test('is that of every peer at every limit at once, the largest part first', () => {
  const ward = listener.parse({
    ...{ protocol: 'dimse', aeTitle: 'WARD', port: 104, maximumHeldSize: '10MiB', maximumPduLength: 65_536 },
    ...{ maximumAssociations: 2, maximumHalfOpenConnections: 4 },
  });
  const web = listener.parse({ protocol: 'dicomweb', port: 80, maximumHeldSize: '20MiB', maximumConnections: 10 });
  const ris = upstream.parse({
    ...{ protocol: 'dimse', host: 'ris', port: 104, aeTitle: 'RIS', callingAeTitle: 'GW', pool: { maximum: 3 } },
    ...{ maximumMessageSize: '1MiB', maximumPduLength: 65_536 },
  });
  const archive = upstream.parse({ protocol: 'dicomweb', baseUrl: 'http://archive', maximumConnections: 5 });
  expect(worstCaseOf({ listeners: { ward, web }, upstreams: { ris, archive } })).toEqual([
    { name: 'the gateway itself', bytes: 256 * MIB },
    { name: 'upstreams.archive', bytes: 5 * 9 * 4 * MIB },
    { name: 'upstreams.ris', bytes: 3 * (9 * MIB + 64 * KIB + MIB) },
    { name: 'listeners.web', bytes: 20 * MIB + 10 * 64 * KIB + 10 * 2 * 64 * KIB },
    { name: 'listeners.ward', bytes: 10 * MIB + 2 * (9 * 64 * KIB + 64 * KIB + 128 * KIB) + 4 * 256 * KIB },
  ]);
});
