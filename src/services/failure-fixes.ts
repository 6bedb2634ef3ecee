/** What a person should look at first when an upstream, asked by hand, has failed. */
import type { FailureCode } from './port.ts';

const FIXES: Partial<Readonly<Record<FailureCode, string>>> = {
  UPSTREAM_UNREACHABLE: 'Check host and port, or baseUrl, of the upstream, whether it runs, and the firewall between.',
  UPSTREAM_REJECTED: 'Compare aeTitle and callingAeTitle of the upstream with what the far end has.',
  UPSTREAM_PROTOCOL_ERROR: 'Check protocol and port of the upstream: something else may listen there.',
  RESOURCE_NOT_FOUND: 'Check baseUrl of the upstream: its path is not that of the service.',
  NOT_AUTHORIZED: 'Check headers of the upstream, or callingAeTitle, with the far end.',
};

export function fixOf(code: FailureCode): string {
  return FIXES[code] ?? `docs/errors.md says what to do about ${code}.`;
}
