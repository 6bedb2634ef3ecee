/** What the log tells of an error: of one that nobody foresaw its kind and its place, since its message may quote a value. */
import { GatewayError } from '../errors.ts';

export type ErrorFacts =
  { readonly code: string; readonly problem: string } | { readonly name: string; readonly at: string | undefined };

const FRAMES = 5;

/** Never throws. `at`: the innermost calls, a line each. */
export function errorFacts(error: unknown): ErrorFacts {
  if (error instanceof GatewayError) return { code: error.code, problem: error.message };
  if (!(error instanceof Error)) return { name: typeof error, at: undefined };
  // The message stands before the calls, in as many lines as it has.
  const calls = error.stack?.split('\n').filter((line) => /^ {4}at /.test(line)) ?? [];
  const inMessage = error.message.split('\n').filter((line) => /^ {4}at /.test(line)).length;
  const at = calls.slice(inMessage, inMessage + FRAMES).join('\n');
  return { name: error.name, at: at === '' ? undefined : at };
}
