/** A faulty destination as DICOMweb origin server (PS3.18 15). */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseJsonDataSet, toJson } from '../../../src/dataset/json.ts';
import type { FaultyFarEnd, Outcome, Reply } from './far-end.ts';
import { contentOf } from './lives.ts';

const TYPE = { 'Content-Type': 'application/dicom+json' };
const RESOURCE = /^\/far\/modality-performed-procedure-steps\/([0-9.]+)(\?update)?/;

const REFUSALS: Readonly<Record<Exclude<Outcome, 'done'>, number>> = {
  duplicate: 409,
  missing: 404,
  final: 409,
  rejected: 400,
  undone: 500,
};

/** Resolves when it listens. */
export function serveWeb(port: number, farEnd: FaultyFarEnd): Promise<void> {
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, uid = '', update] = RESOURCE.exec(request.url ?? '') ?? [];
    const body = Buffer.concat(await request.toArray()).toString('utf8');
    const kind = request.method === 'GET' ? 'retrieve' : update === undefined ? 'create' : 'update';
    const reply =
      kind === 'retrieve'
        ? await farEnd.retrieve(uid)
        : await farEnd.write(kind, uid, contentOf(parseJsonDataSet(body)));
    answer(response, kind, reply);
  };
  const server = createServer((request, response) => {
    response.on('error', () => undefined);
    serve(request, response).catch(() => response.destroy());
  });
  return new Promise((resolve) => void server.listen(port, '127.0.0.1', resolve));
}

function answer(response: ServerResponse, kind: 'create' | 'update' | 'retrieve', reply: Reply): void {
  const { outcome, manner, instance } = reply;
  switch (manner) {
    case 'truth':
      if (outcome !== 'done') response.writeHead(REFUSALS[outcome]).end();
      else if (instance === undefined) response.writeHead(kind === 'create' ? 201 : 200).end();
      else response.writeHead(200, TYPE).end(`[${toJson(instance)}]`);
      break;
    case 'mute':
      break;
    case 'drop':
      response.destroy();
      break;
    case 'garbage': {
      const noise = kind === 'retrieve' ? 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n[{"0040' : '\x05 no HTTP';
      const partial = 'HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{';
      response.socket?.end(outcome === 'done' && kind === 'create' ? partial : noise);
      break;
    }
    case 'failure':
      response.writeHead(500).end('{"fault"');
      break;
    case 'busy':
      response.writeHead(503).end();
      break;
  }
}
