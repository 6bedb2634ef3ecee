/**
 * usage: node http-stub.ts [ITEMS.json]
 * An origin server that has its answer ready: every POST is 201, or 200 with `?update`; every GET streams the JSON array of the file. `/one` in the path gives its
 * first item only; `/progress` tells how many bytes of the last answer were taken, as {"taken":N,"of":N}. Prints {"port":N}.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';

const CHUNK_BYTES = 65_536;

const [file] = process.argv.slice(2);
const text = file === undefined ? '[]' : readFileSync(file, 'utf8');
const all = Buffer.from(text);
const one = Buffer.from(JSON.stringify((JSON.parse(text) as unknown[]).slice(0, 1)));

const progress = { taken: 0, of: 0 };

function* chunksOf(bytes: Buffer): Generator<Buffer> {
  progress.of = bytes.length;
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    progress.taken = at;
    yield bytes.subarray(at, at + CHUNK_BYTES);
  }
  progress.taken = bytes.length;
}

const server = createServer((request, response) => {
  if (request.url === '/progress') {
    response.end(JSON.stringify(progress));
    return;
  }
  if (request.method === 'POST') {
    request.resume().on('end', () => response.writeHead(request.url?.endsWith('?update') ? 200 : 201).end());
    return;
  }
  response.writeHead(200, { 'content-type': 'application/dicom+json' });
  Readable.from(chunksOf(request.url?.includes('/one/') ? one : all)).pipe(response);
}).listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: (server.address() as { port: number }).port }));
});
