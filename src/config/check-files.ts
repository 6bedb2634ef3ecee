/** Files that a configuration names: those that must be there, and the one that must be possible. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Finding } from './finding.ts';
import { isPlainMap, valueAt } from './json-schema.ts';
import type { ConfigPath } from './problem.ts';
import { store as storeSchema } from './store-schema.ts';

/** @param folder where relative paths count from */
export async function checkFiles(root: unknown, folder: string): Promise<Finding[]> {
  return [...(await checkEntries(root, folder)), ...(await checkStorePath(root, folder))];
}

async function checkEntries(root: unknown, folder: string): Promise<Finding[]> {
  const upstreams = valueAt(['upstreams'], root);
  const named = Object.keys(upstreams ?? {}).flatMap((name): { path: ConfigPath; file: string }[] => {
    const path: ConfigPath = ['upstreams', name, 'entries'];
    const entries = valueAt(path, root);
    if (valueAt(['upstreams', name, 'protocol'], root) !== 'ris') return [];
    if (typeof entries === 'string') return [{ path, file: entries }];
    if (!Array.isArray(entries)) return [];
    return entries.flatMap((file: unknown, i) => (typeof file === 'string' ? [{ path: [...path, i], file }] : []));
  });
  const checks = named.map(async ({ path, file }): Promise<Finding[]> =>
    access(resolve(folder, file), constants.R_OK).then(
      () => [],
      () => [{ severity: 'error', path, message: 'names a file that cannot be read' }],
    ),
  );
  return (await Promise.all(checks)).flat();
}

/** What can be seen without opening it; who may write is only a warning, since another user may run the gateway. */
async function checkStorePath(root: unknown, folder: string): Promise<Finding[]> {
  const { data } = storeSchema.safeParse(valueAt(['store'], root) ?? {});
  if (data === undefined || data.kind !== 'sqlite' || !needsStore(root)) return [];
  const path = ['store', 'path'];
  const file = resolve(folder, data.path);
  const kind = await kindOf(file);
  if (kind === 'folder') return [{ severity: 'error', path, message: 'names a folder, not a file' }];
  const nearest = kind === 'file' ? file : await nearestAbove(file);
  if (kind === 'none' && (await kindOf(nearest)) === 'file') {
    return [{ severity: 'error', path, message: `cannot be made: ${nearest} is a file` }];
  }
  return access(nearest, constants.W_OK).then(
    () => [],
    () => [{ severity: 'warning', path, message: `cannot be written by this user: see ${nearest}` }],
  );
}

function needsStore(root: unknown): boolean {
  const [routes, upstreams] = [valueAt(['routes'], root), valueAt(['upstreams'], root)];
  return (
    (Array.isArray(routes) &&
      routes.some((route) => isPlainMap(route) && (route['mpps'] ?? route['storageCommitment']) !== undefined)) ||
    Object.keys(upstreams ?? {}).some((name) => valueAt([name, 'protocol'], upstreams) === 'ris')
  );
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'none'> {
  return stat(path).then(
    (stats) => (stats.isDirectory() ? 'folder' : 'file'),
    () => 'none',
  );
}

/** The nearest folder above that exists, or a file in its place. */
async function nearestAbove(path: string): Promise<string> {
  const above = dirname(path);
  return above === path || (await kindOf(above)) !== 'none' ? above : nearestAbove(above);
}
