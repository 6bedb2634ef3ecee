/** `WWW-Authenticate` (RFC 9110 11.6.1, RFC 6750 3). */
import type { AuthenticationError } from './principal.ts';

const REALM = 'dimseway';

/** What the answer to a request says that was not believed; one that showed nothing is told no error (RFC 6750 3.1). */
export function challengeOf({ problem, message }: AuthenticationError): string {
  if (problem === 'missing') return challenge({});
  const error = problem === 'ambiguous' ? 'invalid_request' : 'invalid_token';
  return challenge({ error, error_description: message });
}

/** @param scopes that the request would need */
export function scopeChallenge(scopes: readonly string[]): string {
  return challenge({ error: 'insufficient_scope', scope: scopes.join(' ') });
}

function challenge(parameters: Readonly<Record<string, string>>): string {
  const pairs = Object.entries({ realm: REALM, ...parameters });
  return `Bearer ${pairs.map(([name, value]) => `${name}="${quotable(value)}"`).join(', ')}`;
}

/** Printable ASCII without quotes and backslashes (RFC 6750 3). */
function quotable(text: string): string {
  return text.replaceAll(/[^ -~]|["\\]/g, '?');
}
