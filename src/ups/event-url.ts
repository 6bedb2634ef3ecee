/** Where the notification connection of a subscriber is (PS3.18 8.10, 11.10.3: Content-Location, a `ws:` or `wss:` URL). */

export interface EventAddress {
  /** Base URI of the server, without slash at the end. */
  readonly baseUrl: string;
  readonly aeTitle: string;
  /** Hosts the connection may be at besides that of the Base URI. */
  readonly redirectHosts: readonly string[];
}

/**
 * The URL that the server names, or the usual one under its Base URI: our credentials go nowhere else, and not in the clear
 * where the server is called by TLS.
 */
export function eventUrlOf(
  named: string | undefined,
  { baseUrl, aeTitle, redirectHosts }: EventAddress,
): { readonly url: URL; readonly isBuilt: boolean } {
  const base = asWebSocket(new URL(baseUrl));
  const built = new URL(`${base.href.replace(/\/$/, '')}/ws/subscribers/${encodeURIComponent(aeTitle)}`);
  if (named === undefined || !URL.canParse(named, baseUrl)) return { url: built, isBuilt: true };
  const url = asWebSocket(new URL(named, baseUrl));
  const isThere = url.host === base.host || [url.host, url.hostname].some((host) => redirectHosts.includes(host));
  const isSafe = url.protocol === 'wss:' || (url.protocol === 'ws:' && base.protocol === 'ws:');
  return isThere && isSafe ? { url, isBuilt: false } : { url: built, isBuilt: true };
}

/** Some servers name it by `http:`. */
function asWebSocket(url: URL): URL {
  return new URL(url.href.replace(/^http/i, 'ws'));
}
