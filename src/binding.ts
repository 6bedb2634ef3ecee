/** Listeners and the ports they have. */
import { GatewayError } from './errors.ts';

/** What the ready line of `serve` tells. */
export interface BoundPorts {
  readonly listeners: Readonly<Record<string, { readonly port: number }>>;
  readonly console?: { readonly port: number };
}

/**
 * Binds a listener.
 * @param ours what the running gateway has bound already
 * @throws GatewayError LISTENER_FAILED
 */
export async function bound(
  name: string,
  { host, port }: { host: string; port: number },
  listen: () => Promise<{ port: number }>,
  ours: BoundPorts,
): Promise<{ port: number }> {
  try {
    return await listen();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    const isOurs = [...Object.values(ours.listeners), ours.console].some((each) => each?.port === port);
    throw new GatewayError('LISTENER_FAILED', `${name} cannot listen on ${host}:${port}: ${code}`, {
      fix: fixOf(code, isOurs),
      cause,
    });
  }
}

function fixOf(code: string, isOurs: boolean): string {
  switch (code) {
    case 'EADDRINUSE':
      return isOurs
        ? 'The running gateway has this port itself: restart it, since a reload moves no port to another host or protocol.'
        : 'Another process has this port: end it, or choose another port.';
    case 'EACCES':
      return 'Ports below 1024 need a privilege: choose a higher port, or grant CAP_NET_BIND_SERVICE.';
    default:
      return 'Check host and port of the listener.';
  }
}
