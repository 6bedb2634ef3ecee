/** dimseway itself, as a black box: a configuration file, a process, its ready line. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startProgram, type Running } from './process.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

export interface Gateway {
  readonly running: Running;
  readonly pid: number;
  /** The port of a listener by its name in the configuration. */
  port(listener: string): number;
}

interface ReadyLine {
  listeners: Readonly<Record<string, { port: number }>>;
}

/** Starts `dimseway serve` on a configuration; JSON is YAML, so an object will do. */
export async function startGateway(folder: string, configuration: unknown, name = 'gateway'): Promise<Gateway> {
  const file = join(folder, `${name}.yaml`);
  await writeFile(file, JSON.stringify(configuration, undefined, 2));
  return startGatewayOn(file);
}

/** Starts `dimseway serve --config FILE`. */
export async function startGatewayOn(file: string, env: Readonly<Record<string, string>> = {}): Promise<Gateway> {
  const running = await startProgram(process.execPath, [MAIN, 'serve', '--config', file], {
    env,
    readyText: /^\{"event":"ready".*\}$/m,
    deadlineMs: 20_000,
  });
  const ready = JSON.parse(running.ready?.[0] ?? '') as ReadyLine;
  return {
    running,
    pid: running.pid,
    port: (listener) => {
      const found = ready.listeners[listener];
      if (found === undefined) throw new Error(`The ready line names no listener ${listener}: ${running.ready?.[0]}`);
      return found.port;
    },
  };
}

/** Runs one CLI command of dimseway to its end. */
export const CLI: readonly [string, string] = [process.execPath, MAIN];
