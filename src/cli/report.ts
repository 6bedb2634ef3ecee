/** How commands end: exit statuses and errors for a person. */
import { GatewayError } from '../errors.ts';
import { fixOf } from '../services/failure-fixes.ts';
import { ServiceFailure } from '../services/port.ts';
import { printable } from '../dataset/dump.ts';

/** done; a peer failed or refused; usage or configuration; cannot start (port, store, Node). */
export const EXIT = { done: 0, failed: 1, usage: 2, cannotStart: 3 } as const;

/** What the person gave cannot be used; the message says why. */
export class UsageError extends Error {}

/** Prints an error to stderr; gives 1 for a peer's failure, 2 for what the person gave. Rethrows what is neither. */
export function report(error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n`);
    return EXIT.usage;
  }
  if (error instanceof ServiceFailure) {
    const attributes = error.attributes.length === 0 ? '' : ` (${error.attributes.join(', ')})`;
    const words = error.words === undefined ? '' : `The far end: ${printable(error.words)}\n`;
    process.stderr.write(`${error.code}: ${error.message}${attributes}\n${words}Fix: ${fixOf(error.code)}\n`);
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
