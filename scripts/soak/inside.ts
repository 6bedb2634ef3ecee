/** What a Node process keeps, seen from inside: its inspector collects the garbage first, so that only what is held counts. */
import { readdir } from 'node:fs/promises';
import { once } from 'node:events';
import { residentMegabytes } from '../bench/bed.ts';

export interface Measure {
  /** Heap and buffers after a collection, MB (10^6 bytes). */
  readonly heldMegabytes: number;
  readonly residentMegabytes: number;
  /** Sockets, timers, file requests: what keeps the event loop going. */
  readonly handles: number;
  readonly fileDescriptors: number;
}

interface Reply {
  readonly id?: number;
  readonly result?: { readonly result?: { readonly value?: string } };
}

const PATIENCE_MS = 20_000;
const FACTS = `JSON.stringify({
  held: process.memoryUsage().heapUsed + process.memoryUsage().external,
  handles: process.getActiveResourcesInfo().length,
})`;

/** The inspector's address in what the process has printed. @throws Error when there is none */
export function inspectorOf(output: string): string {
  const url = /ws:\/\/127\.0\.0\.1:\d+\/[0-9a-f-]+/.exec(output)?.[0];
  if (url === undefined) throw new Error('the process has no inspector');
  return url;
}

/** @param inspector from `inspectorOf`; the connection to it counts in each measure alike */
export async function measure(pid: number, inspector: string): Promise<Measure> {
  const socket = new WebSocket(inspector);
  try {
    await once(socket, 'open', { signal: AbortSignal.timeout(PATIENCE_MS) });
    // Twice: what a finaliser lets go of is garbage only then.
    for (let i = 0; i < 2; i++) await ask(socket, 'HeapProfiler.collectGarbage');
    const { result } = await ask(socket, 'Runtime.evaluate', { expression: FACTS });
    const { held, handles } = JSON.parse(result?.result?.value ?? '') as { held: number; handles: number };
    return {
      heldMegabytes: held / 1e6,
      residentMegabytes: await residentMegabytes(pid),
      handles,
      fileDescriptors: (await readdir(`/proc/${pid}/fd`)).length,
    };
  } finally {
    socket.close();
  }
}

async function ask(socket: WebSocket, method: string, params: object = {}): Promise<Reply> {
  const id = Math.floor(Math.random() * 2 ** 31);
  const signal = AbortSignal.timeout(PATIENCE_MS);
  socket.send(JSON.stringify({ id, method, params }));
  for (;;) {
    const [event] = (await once(socket, 'message', { signal })) as [MessageEvent];
    const reply = JSON.parse(event.data as string) as Reply;
    if (reply.id === id) return reply;
  }
}
