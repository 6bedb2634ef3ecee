/** How commands end: exit statuses and errors for a person. */
import { GatewayError } from '../errors.ts';
import { ServiceFailure } from '../services/port.ts';
import type { FailureCode } from '../services/port.ts';
import { printable } from '../dataset/dump.ts';

/** done; a peer failed or refused; usage or configuration; cannot start (port, store, Node). */
export const EXIT = { done: 0, failed: 1, usage: 2, cannotStart: 3 } as const;

/** What the person gave cannot be used; the message says why. */
export class UsageError extends Error {}

/** What is wrong most often, where a person asks an upstream by hand. */
const FIXES: Partial<Readonly<Record<FailureCode, string>>> = {
  UPSTREAM_UNREACHABLE: 'Check host and port, or baseUrl, of the upstream, whether it runs, and the firewall between.',
  UPSTREAM_REJECTED: 'Compare aeTitle and callingAeTitle of the upstream with what the far end has.',
  UPSTREAM_PROTOCOL_ERROR: 'Check protocol and port of the upstream: something else may listen there.',
  RESOURCE_NOT_FOUND: 'Check baseUrl of the upstream: its path is not that of the service.',
  NOT_AUTHORIZED: 'Check headers of the upstream, or callingAeTitle, with the far end.',
};

/** Prints an error to stderr; gives 1 for a peer's failure, 2 for what the person gave. Rethrows what is neither. */
export function report(error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n`);
    return EXIT.usage;
  }
  if (error instanceof ServiceFailure) {
    const attributes = error.attributes.length === 0 ? '' : ` (${error.attributes.join(', ')})`;
    const fix = FIXES[error.code] ?? `docs/errors.md says what to do about ${error.code}.`;
    const words = error.words === undefined ? '' : `The far end: ${printable(error.words)}\n`;
    process.stderr.write(`${error.code}: ${error.message}${attributes}\n${words}Fix: ${fix}\n`);
    return error.code === 'BAD_REQUEST' && error.dimseStatus === undefined && error.httpStatus === undefined
      ? EXIT.usage
      : EXIT.failed;
  }
  if (error instanceof GatewayError) {
    process.stderr.write(`${error.code}: ${error.message}\n${error.fix === undefined ? '' : `Fix: ${error.fix}\n`}`);
    return EXIT.usage;
  }
  throw error;
}
