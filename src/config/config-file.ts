/** The file of a running gateway: read at the start and at each reload, and shown to those who look after it. */
import type { Environment } from './environment.ts';
import { parseConfig, readConfigText } from './load.ts';
import type { LoadedConfig } from './load.ts';
import { ConfigError } from './problem.ts';
import type { Problem } from './problem.ts';
import { redactedLines } from './redaction.ts';
import type { Config } from './schema.ts';

/** The file as it is now. */
export interface ConfigSight {
  readonly file: string;
  /** Without its secrets. */
  readonly lines: readonly string[];
  readonly errors: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** It is not what runs. */
  readonly isChanged: boolean;
}

export class ConfigFile {
  readonly #file: string;
  readonly #environment: Environment;
  /** What each was read from. */
  readonly #texts = new WeakMap<Config, string>();

  /** @param file as the user named it */
  constructor(file: string, environment: Environment) {
    this.#file = file;
    this.#environment = environment;
  }

  /** @throws ConfigError CONFIG_UNREADABLE, CONFIG_INVALID */
  async load(): Promise<LoadedConfig> {
    const text = await readConfigText(this.#file);
    const loaded = await parseConfig(this.#file, text, this.#environment);
    this.#texts.set(loaded.config, text);
    return loaded;
  }

  /** @param running what runs, loaded from here */
  async look(running: Config | undefined): Promise<ConfigSight> {
    const found = { errors: [] as readonly Problem[], warnings: [] as readonly Problem[] };
    let text = '';
    try {
      text = await readConfigText(this.#file);
      found.warnings = (await parseConfig(this.#file, text, this.#environment)).doubts;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      found.errors = error.problems;
    }
    const isChanged = running !== undefined && this.#texts.get(running) !== text;
    return { file: this.#file, lines: redactedLines(text, this.#environment), ...found, isChanged };
  }
}
