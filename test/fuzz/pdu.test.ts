import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MessageAssembler, encodeMessage } from '../../src/dimse/message.ts';
import type { Message } from '../../src/dimse/message.ts';
import { encodePdu, PDU_TYPE } from '../../src/dimse/upper-layer/pdu.ts';
import type { Pdu } from '../../src/dimse/upper-layer/pdu.ts';
import { PduReader } from '../../src/dimse/upper-layer/pdu-reader.ts';
import { GatewayError } from '../../src/errors.ts';

const uid = fc.stringMatching(/^[0-9](\.[0-9]{1,10}){1,4}$/);
const aeTitle = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,15}$/);
const byte = fc.nat({ max: 255 });
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const uint32 = fc.nat({ max: 0xffff_ffff });
const uint16 = fc.nat({ max: 0xffff });

const userInformation = fc.record(
  {
    maximumLength: uint32,
    implementationClassUid: uid,
    implementationVersionName: aeTitle,
    asynchronousOperations: fc.record({ invoked: uint16, performed: uint16 }),
    roles: fc.array(fc.record({ sopClassUid: uid, scu: fc.boolean(), scp: fc.boolean() }), { maxLength: 3 }),
    extended: fc.array(fc.record({ sopClassUid: uid, information: bytes }), { maxLength: 3 }),
    userIdentity: fc.record({ type: byte, responseRequested: fc.boolean(), primary: bytes, secondary: bytes }),
    userIdentityResponse: bytes,
  },
  { requiredKeys: ['roles', 'extended'], noNullPrototype: true },
);
const associate = {
  protocolVersion: uint16,
  calledAeTitle: aeTitle,
  callingAeTitle: aeTitle,
  applicationContext: uid,
  userInformation,
};
const proposedContext = fc.record({ id: byte, abstractSyntax: uid, transferSyntaxes: fc.array(uid, { maxLength: 4 }) });
const answeredContext = fc.record({ id: byte, result: byte, transferSyntax: uid });
const pdv = fc.record({ contextId: byte, isCommand: fc.boolean(), isLast: fc.boolean(), fragment: bytes });

const pdu: fc.Arbitrary<Pdu> = fc.oneof(
  fc.record({ type: fc.constant(PDU_TYPE.associateRq), ...associate, contexts: fc.array(proposedContext) }),
  fc.record({ type: fc.constant(PDU_TYPE.associateAc), ...associate, contexts: fc.array(answeredContext) }),
  fc.record({ type: fc.constant(PDU_TYPE.associateRj), result: byte, source: byte, reason: byte }),
  fc.record({ type: fc.constant(PDU_TYPE.dataTf), values: fc.array(pdv, { minLength: 1, maxLength: 5 }) }),
  fc.constant({ type: PDU_TYPE.releaseRq }),
  fc.constant({ type: PDU_TYPE.releaseRp }),
  fc.record({ type: fc.constant(PDU_TYPE.abort), source: byte, reason: byte }),
);

/** Everything read from a stream in pieces; undefined when it ended in a GatewayError. */
function read(stream: Buffer, cuts: readonly number[]): Pdu[] | undefined {
  const reader = new PduReader(16_384);
  reader.takeData();
  const pdus: Pdu[] = [];
  try {
    let position = 0;
    for (const cut of [...cuts].sort((a, b) => a - b).map((fraction) => Math.floor(fraction * stream.length))) {
      reader.push(stream.subarray(position, Math.max(position, cut)), (read) => pdus.push(read));
      position = Math.max(position, cut);
    }
    reader.push(stream.subarray(position), (read) => pdus.push(read));
    return pdus;
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}

const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

describe('PDUs under property tests', () => {
  test('decode(encode(x)) is x for any PDUs, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(pdu, { maxLength: 4 }), cuts, (pdus, at) => {
        expect(read(Buffer.concat(pdus.map(encodePdu)), at)).toEqual(pdus);
      }),
      { numRuns: 300 },
    );
  });

  test('any mutated bytes end in PDUs or a typed error', () => {
    const mutation = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      value: byte,
      drop: fc.nat({ max: 3 }),
    });
    fc.assert(
      fc.property(
        fc.array(pdu, { minLength: 1, maxLength: 3 }),
        fc.array(mutation, { minLength: 1, maxLength: 5 }),
        cuts,
        (pdus, mutations, at) => {
          let stream = Buffer.concat(pdus.map(encodePdu));
          for (const { at: where, value, drop } of mutations) {
            const position = Math.floor(where * stream.length);
            stream = Buffer.concat([stream.subarray(0, position), Buffer.of(value), stream.subarray(position + drop)]);
          }
          read(stream, at);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test('any bytes at all end in PDUs or a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), cuts, (array, at) => void read(Buffer.from(array), at)),
      { numRuns: 1_000 },
    );
  });

  test('any fragments end in messages or a typed error', () => {
    const fragments = fc.array(
      fc.record({ contextId: fc.constantFrom(1, 3), isCommand: fc.boolean(), isLast: fc.boolean(), fragment: bytes }),
    );
    fc.assert(
      fc.property(fragments, (values) => {
        const assembler = new MessageAssembler(500);
        try {
          for (const value of values) assembler.push(value);
        } catch (error) {
          expect(error).toBeInstanceOf(GatewayError);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('a message is the same for every maximum PDU length of the peer', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 22, max: 400 }),
        fc.uint8Array({ maxLength: 900 }),
        uint16,
        (length, array, messageId) => {
          const dataSet = Buffer.from(array);
          const command = { commandField: 0x8020, messageIdBeingRespondedTo: messageId, status: 0xff00 };
          const messages: Message[] = [];
          const assembler = new MessageAssembler(10_000);
          for (const received of read(Buffer.concat(encodeMessage(3, command, dataSet, length)), []) ?? []) {
            if (received.type !== PDU_TYPE.dataTf) continue;
            for (const value of received.values) messages.push(...[assembler.push(value) ?? []].flat());
          }
          expect(messages).toEqual([{ contextId: 3, command, dataSet }]);
        },
      ),
      { numRuns: 200 },
    );
  });
});
