/** Inputs worth keeping, one a file: test/fuzz/corpus/TARGET/NAME. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const CORPUS = join(import.meta.dirname, '../../test/fuzz/corpus');

export interface KeptInput {
  readonly name: string;
  readonly input: Buffer;
}

export function corpusOf(target: string): KeptInput[] {
  const folder = join(CORPUS, target);
  let names: string[];
  try {
    names = readdirSync(folder).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return names.map((name) => ({ name, input: readFileSync(join(folder, name)) }));
}

/** @param kind begins the name of the file @returns the file */
export function keep(target: string, kind: string, input: Uint8Array): string {
  const folder = join(CORPUS, target);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${kind}-${createHash('sha256').update(input).digest('hex').slice(0, 10)}`);
  writeFileSync(file, input);
  return file;
}
