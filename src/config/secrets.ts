/** `{ file: path }` in the place of a secret: the text of that file, without the newline at its end. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Finding } from './finding.ts';
import { isPlainMap, schemaAt } from './json-schema.ts';
import type { ConfigPath } from './problem.ts';

export type SecretFailure = Omit<Finding, 'severity'>;

/** Reads the secrets in a copy of the plain values; those that cannot be read stay what they are. */
export async function readSecrets(
  root: unknown,
  folder: string,
): Promise<{ value: unknown; failures: readonly SecretFailure[] }> {
  const failures: SecretFailure[] = [];
  const visit = async (value: unknown, path: ConfigPath): Promise<unknown> => {
    if (Array.isArray(value)) return Promise.all(value.map((item, i) => visit(item, [...path, i])));
    if (!isPlainMap(value)) return value;
    const file = fileOf(value);
    if (file !== undefined && schemaAt(path, root)?.secret === true) {
      return readFile(resolve(folder, file), 'utf8').then(
        (text) => text.replace(/\r?\n$/, ''),
        (error: NodeJS.ErrnoException) => {
          failures.push({
            path,
            message: `names the file ${file}, which cannot be read (${error.code ?? 'unknown error'})`,
            withoutFound: true,
          });
          return value;
        },
      );
    }
    const copy = Object.create(null) as Record<string, unknown>;
    for (const [key, inner] of Object.entries(value)) copy[key] = await visit(inner, [...path, key]);
    return copy;
  };
  return { value: await visit(root, []), failures };
}

/** The file of `{ file: path }` and of nothing else. */
function fileOf(value: Readonly<Record<string, unknown>>): string | undefined {
  const { file, ...others } = value;
  return typeof file === 'string' && Object.keys(others).length === 0 ? file : undefined;
}
