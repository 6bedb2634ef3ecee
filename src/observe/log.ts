/**
 * Log lines as JSON on stderr (winston). Modules are handed a `Logger`; none reaches for a global. Lines never carry
 * patient values: fields are names, tags, UIDs of messages, counts and statuses.
 */
import { createLogger as createWinston, format, transports } from 'winston';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** A logger that adds fields to every line. */
  child(fields: LogFields): Logger;
}

/** Drops everything; for tests and the CLI's own clients. */
export const SILENT: Logger = { error() {}, warn() {}, info() {}, debug() {}, child: () => SILENT };

export interface AdjustableLogger extends Logger {
  setLevel(level: LogLevel): void;
}

export function createLogger(level: LogLevel): AdjustableLogger {
  const winston = createWinston({
    level,
    format: format.combine(format.timestamp(), format.json()),
    transports: [new transports.Console({ stderrLevels: [...LOG_LEVELS] })],
  });
  const bind = (fields: LogFields): Logger => ({
    error: (message, more) => void winston.error(message, { ...fields, ...more }),
    warn: (message, more) => void winston.warn(message, { ...fields, ...more }),
    info: (message, more) => void winston.info(message, { ...fields, ...more }),
    // Asked first: winston would format a line that nobody sees.
    debug: (message, more) => void (winston.isDebugEnabled() && winston.debug(message, { ...fields, ...more })),
    child: (more) => bind({ ...fields, ...more }),
  });
  return { ...bind({}), setLevel: (next) => void (winston.level = next) };
}
