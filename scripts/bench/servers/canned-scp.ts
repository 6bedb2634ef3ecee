/**
 * usage: node canned-scp.ts echo | find [N] | mpps
 * The least an SCP can do, as a yardstick: every PDU is answered with bytes made before. `echo` answers C-ECHO on context 1;
 * `find` accepts every context in Explicit VR LE and answers each C-FIND with N worklist items (1); `mpps` does the same with success for each
 * N-CREATE and N-SET. Prints {"port":N}.
 */
import { createServer, type Socket } from 'node:net';
import { associateAc, message, MPPS, pdu, PDU, RELEASE_RP, VERIFICATION, WORKLIST } from '../wire.ts';
import { oneItem } from '../worklist-item.ts';

const [mode, count = '1'] = process.argv.slice(2);
const fixed = { called: 'CANNED', abstractSyntax: VERIFICATION };
const ECHO_AC = associateAc(fixed);
const ECHO_RSP = message({ field: 0x8030, sopClass: VERIFICATION, messageId: 1, status: 0 });
const ITEM = oneItem();
const COMMAND_FIELD = Buffer.from('0000000102000000', 'hex');

/** Accepts each context of an A-ASSOCIATE-RQ: the one of `associateAc`, repeated with the ids that were proposed. */
function acceptAll(request: Buffer): Buffer {
  const accepted = associateAc({ ...fixed, abstractSyntax: WORKLIST });
  const contexts = (bytes: Buffer, type: number): { id: number; at: number; end: number }[] => {
    const found: { id: number; at: number; end: number }[] = [];
    for (let at = 68; at + 4 <= bytes.length;) {
      const end = at + 4 + bytes.readUInt16BE(at + 2);
      if (bytes[at] === type) found.push({ id: bytes[at + 4] ?? 0, at, end });
      at = end;
    }
    return found;
  };
  const body = accepted.subarray(6);
  const [own] = contexts(body, 0x21);
  if (own === undefined) throw new Error('No context in the canned A-ASSOCIATE-AC');
  const answers = contexts(request, 0x20).map(({ id }) => {
    const context = Buffer.from(body.subarray(own.at, own.end));
    context[4] = id;
    return context;
  });
  return pdu(PDU.associateAc, Buffer.concat([body.subarray(0, own.at), ...answers, body.subarray(own.end)]));
}

function withContext(bytes: Buffer, id: number): Buffer {
  const copy = Buffer.from(bytes);
  for (let at = 0; at < copy.length; at += 6 + copy.readUInt32BE(at + 2)) copy[at + 10] = id;
  return copy;
}

function serve(socket: Socket): void {
  let pending: Buffer = Buffer.alloc(0);
  let messageId = 1;
  let field = 0;
  const answerData = (body: Buffer): void => {
    for (let at = 0; at + 6 <= body.length; at += 4 + body.readUInt32BE(at)) {
      const flags = body[at + 5] ?? 0;
      const fragment = body.subarray(at + 6, at + 4 + body.readUInt32BE(at));
      if (flags === 3) {
        const id = fragment.indexOf(Buffer.from('0000100102000000', 'hex'));
        if (id >= 0) messageId = fragment.readUInt16LE(id + 8);
        const kind = fragment.indexOf(COMMAND_FIELD);
        if (kind >= 0) field = fragment.readUInt16LE(kind + 8);
        if (mode === 'echo') socket.write(ECHO_RSP);
      } else if (flags === 2) {
        if (mode === 'mpps') {
          const done = message({ field: field | 0x8000, sopClass: MPPS, messageId, status: 0 });
          socket.write(withContext(done, body[at + 4] ?? 1));
          continue;
        }
        const answer = { field: 0x8020, sopClass: WORKLIST, messageId };
        const matches = Array<Buffer>(Number(count)).fill(message({ ...answer, status: 0xff00 }, ITEM));
        const bytes = Buffer.concat([...matches, message({ ...answer, status: 0 })]);
        socket.write(withContext(bytes, body[at + 4] ?? 1));
      }
    }
  };
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.length >= 6 && pending.length >= 6 + pending.readUInt32BE(2)) {
      const end = 6 + pending.readUInt32BE(2);
      const body = pending.subarray(6, end);
      if (pending[0] === PDU.associateRq) socket.write(mode === 'echo' ? ECHO_AC : acceptAll(body));
      else if (pending[0] === PDU.data) answerData(body);
      else if (pending[0] === PDU.releaseRq) socket.end(RELEASE_RP);
      else socket.destroy();
      pending = pending.subarray(end);
    }
  });
}

const server = createServer(serve).listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: (server.address() as { port: number }).port }));
});
