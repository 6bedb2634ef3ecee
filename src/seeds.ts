/**
 * The worklist files of the embedded RIS: read before anything changes, at a reload too, since a file may say something else
 * under the same name; imported when nothing else can fail any more.
 */
import type { Config } from './config/schema.ts';
import type { DataSet } from './dataset/model.ts';
import { Ris } from './ris/ris.ts';
import { readSeed } from './ris/seed.ts';
import type { Upstream } from './services/port.ts';

/** Entries by the name of their RIS. */
export type Seeds = ReadonlyMap<string, readonly DataSet[]>;

/** @throws GatewayError SEED_INVALID */
export async function readSeeds(upstreams: Config['upstreams']): Promise<Seeds> {
  const seeds = new Map<string, DataSet[]>();
  for (const [name, config] of Object.entries(upstreams)) {
    if (config.protocol === 'ris') seeds.set(name, (await Promise.all(config.entries.map(readSeed))).flat());
  }
  return seeds;
}

/** @throws GatewayError STORE_* */
export async function importSeeds(
  seeds: Seeds,
  upstreams: ReadonlyMap<string, { readonly upstream: Upstream }>,
): Promise<void> {
  for (const [name, entries] of seeds) {
    const upstream = upstreams.get(name)?.upstream;
    if (upstream instanceof Ris) await upstream.entries.importSeed(entries);
  }
}
