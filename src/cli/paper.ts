/** What the commands that write a paper share: the site they write about, and where the paper goes. */
import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { loadConfig } from '../config/load.ts';
import type { Site } from '../papers/site.ts';
import { versionOfPackage } from '../version.ts';
import { EXIT, report, UsageError } from './report.ts';

/** Nothing is opened or called: the configuration alone says it all. @throws ConfigError */
export async function siteOf(file: string): Promise<Site> {
  const { config } = await loadConfig(file, process.env);
  return { config, version: versionOfPackage(), source: basename(file) };
}

/**
 * @param output a file; undefined: standard output
 * @returns the exit status: 0 written, 2 usage or configuration
 */
export async function writePaper(write: () => Promise<string>, output: string | undefined): Promise<number> {
  try {
    const paper = await write();
    if (output === undefined) process.stdout.write(paper);
    else await toFile(output, paper);
    return EXIT.done;
  } catch (error) {
    return report(error);
  }
}

async function toFile(file: string, paper: string): Promise<void> {
  try {
    await writeFile(file, paper);
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new UsageError(`${file} cannot be written: ${code}`);
  }
}
