/** The stream of an association: PDUs, messages, command sets, data sets. The first byte says how the bytes arrive. */
import { TRANSFER_SYNTAXES } from '../../../src/dataset/binary/transfer-syntax.ts';
import { readAction, readEvent } from '../../../src/dimse/commitment-message.ts';
import { MessageAssembler } from '../../../src/dimse/message.ts';
import type { Message } from '../../../src/dimse/message.ts';
import { affectedInstance, readAttributes, requestedInstance, selectionOf } from '../../../src/dimse/mpps-message.ts';
import { PduReader } from '../../../src/dimse/upper-layer/pdu-reader.ts';
import { PDU_TYPE } from '../../../src/dimse/upper-layer/pdu.ts';
import type { Pdu } from '../../../src/dimse/upper-layer/pdu.ts';
import { STORAGE_COMMITMENT_PUSH_MODEL } from '../../../src/services/storage-commitment/attributes.ts';
import { associationSeeds, PDU_TOKENS } from '../associations.ts';
import { attemptAsync, pieceSize } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const MAXIMUM_PDU_BYTES = 16_384;
const MAXIMUM_MESSAGE_BYTES = 1 << 20;
const CONTEXT = {
  id: 1,
  abstractSyntax: STORAGE_COMMITMENT_PUSH_MODEL,
  transferSyntax: TRANSFER_SYNTAXES.explicitVrLittleEndian,
};
const WHOLE = 255;

async function read(input: Buffer): Promise<string> {
  const [size = WHOLE] = input;
  const stream = input.subarray(1);
  const reader = new PduReader(MAXIMUM_PDU_BYTES);
  const assembler = new MessageAssembler(MAXIMUM_MESSAGE_BYTES, ({ commandField }) => commandField === 0x0020);
  const messages: Message[] = [];
  const types: number[] = [];
  const receive = (pdu: Pdu): void => {
    types.push(pdu.type);
    if (pdu.type === PDU_TYPE.associateRq || pdu.type === PDU_TYPE.associateAc) reader.takeData();
    if (pdu.type !== PDU_TYPE.dataTf) return;
    for (const value of pdu.values) messages.push(...[assembler.push(value) ?? []].flat());
  };
  const piece = size === WHOLE ? stream.length + 1 : pieceSize(stream, size);
  const ended = await attemptAsync(async () => {
    for (let at = 0; at < stream.length; at += piece) reader.push(stream.subarray(at, at + piece), receive);
  });
  const outcomes = new Set<string>();
  for (const message of messages.slice(0, 20)) outcomes.add(await use(message));
  return `${types.slice(0, 4).join('')} ${ended} ${[...outcomes].join('; ')}`;
}

function use(message: Message): Promise<string> {
  return attemptAsync(async () => {
    const { command } = message;
    const field = command.commandField.toString(16);
    switch (command.commandField) {
      case 0x0130:
        readAction(message, CONTEXT);
        return field;
      case 0x0100:
        readEvent(message, CONTEXT);
        return field;
      case 0x0140:
        return `${field} ${String(affectedInstance(command) === undefined)}`;
      default: {
        const issues = new Set<string>();
        selectionOf(command);
        await readAttributes(message, CONTEXT, {
          report: ({ code }) => void issues.add(code),
          assumed: () => undefined,
        });
        requestedInstance(command);
        return `${field} ${[...issues].sort().join(' ')}`;
      }
    }
  });
}

export const pdu: FuzzTarget = {
  name: 'pdu',
  seeds: () => associationSeeds().flatMap((bytes, i) => [Buffer.concat([Buffer.of(i % 2 === 0 ? WHOLE : 7), bytes])]),
  tokens: PDU_TOKENS,
  open: () => ({ read }),
};
