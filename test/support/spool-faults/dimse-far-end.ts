/** A faulty destination as MPPS SCP (PS3.4 F.7, F.8). */
import { createServer } from 'node:net';
import { decodeDataSet } from '../../../src/dataset/binary/decode.ts';
import { encodeDataSet } from '../../../src/dataset/binary/encode.ts';
import type { CommandSet } from '../../../src/dimse/command-set.ts';
import { MessageAssembler } from '../../../src/dimse/message.ts';
import type { Message } from '../../../src/dimse/message.ts';
import { PDU_TYPE } from '../../../src/dimse/upper-layer/pdu.ts';
import { ABORT, acceptAll, decodeRaw, EXPLICIT, message, RELEASE_RP } from '../dimse-bytes.ts';
import { RawPeer } from '../raw-peer.ts';
import type { FaultyFarEnd, Outcome, Reply } from './far-end.ts';
import { contentOf } from './lives.ts';

const COMMANDS: Readonly<Record<number, 'create' | 'update' | 'retrieve'>> = {
  0x0140: 'create',
  0x0120: 'update',
  0x0110: 'retrieve',
};
const REFUSALS: Readonly<Record<Exclude<Outcome, 'done'>, Partial<CommandSet>>> = {
  duplicate: { status: 0x0111 },
  missing: { status: 0x0112 },
  final: { status: 0x0110, errorId: 0xa710 },
  rejected: { status: 0x0106 },
  undone: { status: 0x0110 },
};

/** Resolves when it listens. */
export function serveDimse(port: number, farEnd: FaultyFarEnd): Promise<void> {
  const server = createServer({ noDelay: true }, (socket) => {
    const peer = new RawPeer(socket);
    serve(peer, farEnd).catch(() => peer.destroy());
  });
  return new Promise((resolve) => void server.listen(port, '127.0.0.1', resolve));
}

/** Answers one message after another, until the peer or a fault ends it. */
async function serve(peer: RawPeer, farEnd: FaultyFarEnd): Promise<void> {
  const assembler = new MessageAssembler(1 << 24);
  for (let raw = await peer.receive(); raw !== undefined; raw = await peer.receive()) {
    const pdu = decodeRaw(raw);
    if (pdu.type === PDU_TYPE.associateRq) peer.send(acceptAll(pdu));
    else if (pdu.type === PDU_TYPE.releaseRq) peer.send(RELEASE_RP);
    else if (pdu.type !== PDU_TYPE.dataTf) return peer.destroy();
    else {
      for (const value of pdu.values) {
        const whole = assembler.push(value);
        if (whole !== undefined) await serveMessage(peer, whole, farEnd);
      }
    }
  }
}

async function serveMessage(
  peer: RawPeer,
  { contextId, command, dataSet }: Message,
  farEnd: FaultyFarEnd,
): Promise<void> {
  const { commandField = 0, messageId = 0 } = command;
  const kind = COMMANDS[commandField];
  const uid = command.affectedSopInstanceUid ?? command.requestedSopInstanceUid ?? '';
  if (kind === undefined) throw new Error(`command ${commandField}`);
  const reply =
    kind === 'retrieve'
      ? await farEnd.retrieve(uid)
      : await farEnd.write(kind, uid, contentOf(decodeDataSet(dataSet ?? Buffer.alloc(0), EXPLICIT)));
  const sopClass = command.affectedSopClassUid ?? command.requestedSopClassUid ?? '';
  const fields = {
    commandField: commandField | 0x8000,
    messageIdBeingRespondedTo: messageId,
    affectedSopClassUid: sopClass,
    affectedSopInstanceUid: uid,
  };
  answer(peer, contextId, fields, reply);
}

function answer(peer: RawPeer, contextId: number, fields: CommandSet, { outcome, manner, instance }: Reply): void {
  const respond = (more: Partial<CommandSet>, dataSet?: Buffer): void =>
    peer.send(message(contextId, { ...fields, ...more }, dataSet));
  switch (manner) {
    case 'truth':
      if (outcome !== 'done') respond(REFUSALS[outcome]);
      else respond({ status: 0 }, instance && encodeDataSet(instance, EXPLICIT));
      break;
    case 'mute':
      break;
    case 'drop':
      peer.send(ABORT);
      peer.socket.end();
      break;
    case 'garbage':
      // What it says means another message, then nothing at all.
      respond({ status: 0, messageIdBeingRespondedTo: ((fields.messageIdBeingRespondedTo ?? 0) + 7) & 0xffff });
      peer.send(Buffer.from('\x05 no PDU'));
      break;
    case 'failure':
      respond({ status: 0x0110 });
      break;
    case 'busy':
      respond({ status: 0x0213 });
      break;
  }
}
