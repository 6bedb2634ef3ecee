/** A small file system of its own, which can be full and get more room while it is in use. Needs root. */
import { mkdir } from 'node:fs/promises';
import { runOrThrow } from './process.ts';

export interface Tmpfs {
  /** It is bigger, or smaller, from now on. */
  resize(bytes: number): Promise<void>;
  unmount(): Promise<void>;
}

/** Mounts it at a folder, which is made. @throws Error that says what is missing */
export async function mountTmpfs(folder: string, bytes: number): Promise<Tmpfs> {
  if (process.getuid?.() !== 0) throw new Error('A full disk is a tmpfs of its own, and to mount one takes root');
  await mkdir(folder);
  await runOrThrow('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'dimseway-test', folder]);
  return {
    resize: async (size) => void (await runOrThrow('mount', ['-o', `remount,size=${size}`, folder])),
    unmount: async () => void (await runOrThrow('umount', [folder])),
  };
}
