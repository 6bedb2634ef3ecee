/** The socket on which a listener waits, whatever is spoken there. */
import type { AddressInfo, Server } from 'node:net';

/**
 * Binds the server.
 * @param failed told of each connection that the system did not hand over afterwards, such as for want of files or memory:
 *   the connection is lost, the listener is not
 * @throws the error of the system (EADDRINUSE, EACCES, …)
 */
export async function listenOn(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
  failed: (error: NodeJS.ErrnoException) => void,
): Promise<{ port: number }> {
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject);
  server.listen({ host, port }, listening.resolve);
  await listening.promise;
  server.off('error', listening.reject);
  server.on('error', failed);
  return { port: (server.address() as AddressInfo).port };
}
