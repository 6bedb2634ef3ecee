/** Options and arguments that several commands have. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { isUid } from '../dataset/uid.ts';

const PACKAGED_CONFIG = new URL('../../config/gateway.yaml', import.meta.url);
export const LOCAL_CONFIG = 'config/gateway.yaml';

export function withConfig(command: Command): Command {
  return command.option('--config <file>', 'the configuration file', defaultConfig());
}

export function defaultConfig(): string {
  return existsSync(LOCAL_CONFIG) ? LOCAL_CONFIG : packagedConfig();
}

/** The embedded default as it was shipped. */
export function packagedConfig(): string {
  return fileURLToPath(PACKAGED_CONFIG);
}

/** Commas separate; an option given again adds to it. */
export function toList(text: string, before: string[]): string[] {
  return [...before, ...text.split(',').filter((each) => each !== '')];
}

export function toCount(text: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It should be a whole number of at least 1.');
}

export function toUid(text: string): string {
  if (isUid(text)) return text;
  throw new InvalidArgumentError('It should be a UID: digits and dots, at most 64.');
}

const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const MAXIMUM_WAIT_MS = 86_400_000;

/** A wait in ms, at most a day. */
export function toWaitMs(text: string): number {
  const [, number = '', unit = ''] = /^([0-9]{1,8})(ms|s|m|h)$/.exec(text === '0' ? '0s' : text) ?? [];
  const ms = Number(number) * (MS_PER_UNIT[unit] ?? NaN);
  if (ms <= MAXIMUM_WAIT_MS) return ms;
  throw new InvalidArgumentError('It should be a duration with its unit, such as 500ms, 30s or 5m; at most 24h.');
}
