/** Bytes to a listener and from it, over a socket of loopback. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** After the last byte of the input the listener has so long for its answer before we hang up. */
const PATIENCE_MS = 40;
/** It must have let go of the connection so long after we hung up. */
const LET_GO_MS = 5_000;

/**
 * Sends all of it, waits for what comes, hangs up.
 * @returns what came
 * @throws Error when the listener still holds a connection that we have left
 */
export async function exchange(port: number, pieces: readonly Buffer[]): Promise<Buffer> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  const chunks: Buffer[] = [];
  let heard = (): void => undefined;
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    heard();
  });
  socket.on('error', () => undefined);
  const closed = new Promise<'closed'>((resolve) => socket.once('close', () => resolve('closed')));
  await Promise.race([new Promise<void>((resolve) => socket.once('connect', resolve)), closed]);
  for (const piece of pieces) {
    if (socket.destroyed) break;
    await Promise.race([written(socket, piece), closed]);
  }
  for (;;) {
    const next = new Promise<'more' | 'closed'>((resolve) => (heard = () => resolve('more')));
    if ((await within(PATIENCE_MS, next, closed)) !== 'more') break;
  }
  socket.end();
  if ((await within(LET_GO_MS, closed)) === 'late') {
    socket.destroy();
    throw new Error(`the listener holds a connection ${LET_GO_MS} ms after its peer has left`);
  }
  return Buffer.concat(chunks);
}

function written(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => void socket.write(bytes, () => resolve()));
}

/** The first of them, `late` when none comes in time. */
async function within<T>(ms: number, ...events: readonly Promise<T>[]): Promise<T | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => (timer = setTimeout(resolve, ms, 'late')));
  try {
    return await Promise.race([...events, late]);
  } finally {
    clearTimeout(timer);
  }
}
