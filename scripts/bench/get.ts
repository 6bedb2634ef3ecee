/**
 * GET of 1,000 items through the gateway from wlmscpfs, against the gateway's own SCU (the `dimse` upstream, in this
 * process) asking the same SCP the same question directly.
 */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.ts';
import { createDataSet } from '../../src/dataset/model.ts';
import { SILENT } from '../../src/observe/log.ts';
import { createUpstream } from '../../src/upstream-parts.ts';
import type { RequestContext, Upstream, WorklistQuery } from '../../src/services/port.ts';
import { startWlmscpfs } from '../peers/dcmtk.ts';
import { makeLoadWorklist } from '../peers/worklist.ts';
import { Bed } from './bed.ts';
import { compareMs, ms, type Row } from './measure.ts';

const ITEMS = 1_000;

/** What `GET /modality-scheduled-procedure-steps` without parameters asks. */
const QUERY: WorklistQuery = {
  identifier: createDataSet(),
  returnKeys: 'default',
  fuzzyMatching: false,
  emptyValueMatching: false,
  multipleValueMatching: false,
  timezoneAdjustment: false,
  offset: 0,
  stableOrder: true,
};

function context(): RequestContext {
  return {
    signal: new AbortController().signal,
    deadline: performance.now() + 60_000,
    traceId: randomUUID(),
    requester: { listener: 'bench', protocol: 'dicomweb', address: '127.0.0.1' },
    warn: () => undefined,
  };
}

async function makeUpstream(folder: string, port: number, aeTitle: string): Promise<Upstream> {
  const file = join(folder, 'upstream.yaml');
  const far = { protocol: 'dimse', host: '127.0.0.1', port, aeTitle, callingAeTitle: 'DIMSEWAY' };
  await writeFile(
    file,
    JSON.stringify({
      listeners: { web: { protocol: 'dicomweb', port: 0 } },
      upstreams: { far },
      routes: [{ name: 'bench', worklist: { to: 'far' } }],
    }),
  );
  const { config } = await loadConfig(file, {});
  const options = config.upstreams['far'];
  if (options === undefined) throw new Error('The upstream is missing');
  return createUpstream('far', options, SILENT);
}

async function searchAll(upstream: Upstream): Promise<void> {
  let found = 0;
  for await (const _result of upstream.search(QUERY, context())) found++;
  if (found !== ITEMS) throw new Error(`The SCU got ${found} items`);
}

async function getAll(url: string): Promise<void> {
  const response = await fetch(url, { headers: { accept: 'application/dicom+json' } });
  const found = ((await response.json()) as unknown[]).length;
  if (found !== ITEMS) throw new Error(`${response.status}: ${found} items`);
}

export async function benchGet(): Promise<Row[]> {
  const bed = new Bed();
  try {
    const folder = await bed.cleanup.folder();
    await makeLoadWorklist(folder, ITEMS);
    const scp = await startWlmscpfs(folder);
    bed.cleanup.add(() => scp.running.stop());
    const upstream = await makeUpstream(folder, scp.port, scp.aeTitle);
    bed.cleanup.add(() => upstream.close());
    const port = (await bed.webToDimse(scp.port, scp.aeTitle)).port('web');
    const url = `http://127.0.0.1:${port}/dicomweb/modality-scheduled-procedure-steps`;
    const times = await compareMs({ gateway: () => getAll(url), direct: () => searchAll(upstream) });
    return [
      {
        name: 'GET of 1,000 items from wlmscpfs, time / the same SCU directly',
        value: times.gateway / times.direct,
        unit: '×',
        target: { atMost: 1.25 },
        detail: `gateway ${ms(times.gateway)}; our own SCU in this process, directly ${ms(times.direct)}`,
      },
    ];
  } finally {
    await bed.close();
  }
}
