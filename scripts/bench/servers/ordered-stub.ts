/**
 * usage: node ordered-stub.ts [DELAY_MS]
 * An origin server for MPPS that takes DELAY_MS for each message and judges the order: per instance the create first, then
 * the updates by the number that Comments on the Performed Procedure Step (0040,0280) gives them, never two at a time.
 * GET /counts gives {"answered":N,"outOfOrder":N,"atOnce":N}. Prints {"port":N}.
 */
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

const delayMs = Number(process.argv[2] ?? 0);

interface Instance {
  next: number;
  isBusy: boolean;
}

const instances = new Map<string, Instance>();
const counts = { answered: 0, outOfOrder: 0, atOnce: 0 };
let running = 0;

function numberOf(body: string): number {
  const [dataSet] = [JSON.parse(body)].flat() as { '00400280'?: { Value?: string[] } }[];
  return Number(dataSet?.['00400280']?.Value?.[0] ?? 0);
}

const server = createServer((request, response) => {
  if (request.url === '/counts') {
    response.end(JSON.stringify(counts));
    return;
  }
  const [, uid = '', update] = /\/([\d.]+)(\?update)?$/.exec(request.url ?? '') ?? [];
  const answer = async (): Promise<void> => {
    const number = numberOf(await text(request));
    const instance = instances.get(uid) ?? { next: 0, isBusy: false };
    instances.set(uid, instance);
    if (instance.isBusy || number !== instance.next || (number === 0) === (update !== undefined)) counts.outOfOrder++;
    instance.isBusy = true;
    counts.atOnce = Math.max(counts.atOnce, ++running);
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    running--;
    instance.isBusy = false;
    instance.next = number + 1;
    counts.answered++;
    response.writeHead(update === undefined ? 201 : 200).end();
  };
  answer().catch((error: unknown) => {
    console.error(error);
    response.writeHead(500).end();
  });
}).listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: (server.address() as { port: number }).port }));
});
