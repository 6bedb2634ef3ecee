/** What is wrong with a configuration, and where. */
import { GatewayError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';

/** Keys and list indices from the root. */
export type ConfigPath = readonly (string | number)[];

export interface Problem {
  /** As the user named it. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly column: number;
  /** `upstreams.webRis.baseUrl`, `routes[0].from`; empty for the file as a whole. */
  readonly path: string;
  /** What is wrong, with what was found; never the value of a secret. */
  readonly message: string;
  /** `file:line:col path: message` */
  readonly text: string;
}

/** CONFIG_INVALID with every problem at once, or CONFIG_UNREADABLE with the one. */
export class ConfigError extends GatewayError {
  readonly problems: readonly Problem[];

  constructor(code: Extract<ErrorCode, 'CONFIG_INVALID' | 'CONFIG_UNREADABLE'>, problems: readonly Problem[]) {
    super(code, problems.map(({ text }) => text).join('\n'), {
      fix: 'Correct the file; `dimseway check FILE` shows every problem, docs/configuration.md every option.',
    });
    this.problems = problems;
  }
}

export function pathToText(path: ConfigPath): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}
