import { describe, expect, test } from '@jest/globals';
import type { CommandSet } from '../../../src/dimse/command-set.ts';
import { encodeMessage, MessageAssembler, sendingPduLength } from '../../../src/dimse/message.ts';
import type { Message } from '../../../src/dimse/message.ts';
import { PDU_TYPE } from '../../../src/dimse/upper-layer/pdu.ts';
import type { Pdv } from '../../../src/dimse/upper-layer/pdu.ts';
import { PduReader } from '../../../src/dimse/upper-layer/pdu-reader.ts';

const COMMAND: CommandSet = { commandField: 0x0020, affectedSopClassUid: '1.2.3', messageId: 5 };
const ECHO: CommandSet = { commandField: 0x0030, messageId: 6 };

function pdvsOf(buffers: readonly Buffer[], maximum = 1 << 20): Pdv[] {
  const reader = new PduReader(maximum);
  reader.takeData();
  const values: Pdv[] = [];
  reader.push(Buffer.concat(buffers), (pdu) => {
    if (pdu.type === PDU_TYPE.dataTf) values.push(...pdu.values);
  });
  expect(reader.isWithinPdu).toBe(false);
  return values;
}

function assemble(values: readonly Pdv[], maximumBytes = 1 << 20): Message[] {
  const assembler = new MessageAssembler(maximumBytes);
  return values.flatMap((value) => assembler.push(value) ?? []);
}

const payload = (size: number): Buffer => Buffer.from(Array.from({ length: size }, (_value, i) => i % 251));

describe('fragmentation (PS3.8 E)', () => {
  test.each([22, 23, 64, 128, 16_384])('no PDU is longer than the peer takes: %i bytes', (pduLength) => {
    const dataSet = payload(1000);
    const values = pdvsOf(encodeMessage(3, COMMAND, dataSet, pduLength), pduLength);
    expect(assemble(values)).toEqual([{ contextId: 3, command: COMMAND, dataSet }]);
    for (const { fragment, isLast } of values) expect(isLast || fragment.length % 2 === 0).toBe(true);
  });

  test('command and data set are one buffer, so that they leave in one write (trap 7)', () => {
    expect(encodeMessage(3, COMMAND, payload(1000), 16_384)).toHaveLength(1);
  });

  test('an empty data set is still sent', () => {
    expect(assemble(pdvsOf(encodeMessage(3, COMMAND, Buffer.alloc(0), 64)))).toEqual([
      { contextId: 3, command: COMMAND, dataSet: Buffer.alloc(0) },
    ]);
  });

  test.each([
    [0, 131_072],
    [4_294_967_295, 131_072],
    [16_384, 16_384],
    [22, 22],
    [21, undefined],
    [16, undefined],
    [6, undefined],
    [1, undefined],
  ])(
    'a peer that announces %i gets PDUs of %s (trap 6: 0 is unlimited, under 16 bytes of payload is refused)',
    (announced, length) => expect(sendingPduLength(announced)).toBe(length),
  );
});

describe('reassembly (PS3.8 E)', () => {
  const one = encodeMessage(1, ECHO, undefined, 64);
  const two = encodeMessage(3, COMMAND, payload(500), 64);

  test('several messages one after another, none leaves anything to the next (trap 1)', () => {
    expect(assemble(pdvsOf([...two, ...one, ...two]))).toEqual([
      { contextId: 3, command: COMMAND, dataSet: payload(500) },
      { contextId: 1, command: ECHO, dataSet: undefined },
      { contextId: 3, command: COMMAND, dataSet: payload(500) },
    ]);
  });

  test('contexts may interleave, in any order of their ids (trap 8)', () => {
    const long = pdvsOf(two);
    const middle = Math.floor(long.length / 2);
    expect(assemble([...long.slice(0, middle), ...pdvsOf(one), ...long.slice(middle)])).toEqual([
      { contextId: 1, command: ECHO, dataSet: undefined },
      { contextId: 3, command: COMMAND, dataSet: payload(500) },
    ]);
  });

  test('fragments of one byte, and empty ones, make the same message', () => {
    const values = pdvsOf(two).flatMap((value): Pdv[] => [
      ...Array.from(value.fragment, (byte) => ({ ...value, isLast: false, fragment: Buffer.of(byte) })),
      { ...value, fragment: Buffer.alloc(0) },
    ]);
    expect(assemble(values)).toEqual([{ contextId: 3, command: COMMAND, dataSet: payload(500) }]);
  });

  test.each<[string, readonly Pdv[]]>([
    ['a data set without a command', pdvsOf(two).filter(({ isCommand }) => !isCommand)],
    [
      'a command where the data set should come',
      [
        ...pdvsOf(two).filter(({ isCommand }) => isCommand),
        ...pdvsOf(one).map((value) => ({ ...value, contextId: 3 })),
      ],
    ],
    [
      'a data set after a command that announces none',
      [...pdvsOf(one), { contextId: 1, isCommand: false, isLast: true, fragment: payload(4) }],
    ],
  ])('%s is an error (wrong order)', (_what, values) => {
    expect(() => assemble(values)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }));
  });

  test('a message beyond the maximum is refused at the fragment that crosses it, over all contexts (trap 6)', () => {
    const assembler = new MessageAssembler(1000);
    const part = (contextId: number): Pdv => ({ contextId, isCommand: true, isLast: false, fragment: payload(400) });
    assembler.push(part(1));
    assembler.push(part(3));
    expect(() => assembler.push(part(5))).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }));
  });

  test('a data set beyond the maximum can be dropped for an answer: it takes no memory, what comes after it arrives', () => {
    const assembler = new MessageAssembler(700, ({ commandField }) => commandField === COMMAND.commandField);
    const large = encodeMessage(3, COMMAND, payload(5_000), 64);
    const received = pdvsOf([...large, ...one, ...two]).flatMap((value) => assembler.push(value) ?? []);
    expect(received).toEqual([
      { contextId: 3, command: COMMAND, dataSet: undefined, dropped: 'size' },
      { contextId: 1, command: ECHO, dataSet: undefined },
      { contextId: 3, command: COMMAND, dataSet: payload(500) },
    ]);
    const others = new MessageAssembler(700, () => false);
    expect(() => pdvsOf(large).map((value) => others.push(value))).toThrow(
      expect.objectContaining({ code: 'MESSAGE_INVALID' }),
    );
  });

  test('a fragment that waits does not keep alive the PDU it came in: that may be mostly something else (trap 6)', () => {
    const pdu = Buffer.alloc(65_536, 7);
    const assembler = new MessageAssembler(1 << 20);
    const [command] = pdvsOf(encodeMessage(3, COMMAND, payload(4), 64)).filter(({ isCommand }) => isCommand);
    const values = [
      command as Pdv,
      { contextId: 3, isCommand: false, isLast: false, fragment: pdu.subarray(0, 300) },
      { contextId: 3, isCommand: false, isLast: true, fragment: Buffer.from([9]) },
    ];
    const messages = values.map((value) => {
      const message = assembler.push(value);
      if (value === values[1]) pdu.fill(0);
      return message;
    });
    expect(messages[2]?.dataSet).toEqual(Buffer.concat([Buffer.alloc(300, 7), Buffer.from([9])]));
  });

  test('what a whole message took is free again for the next', () => {
    const assembler = new MessageAssembler(700);
    for (let i = 0; i < 5; i++) {
      expect(pdvsOf(two).flatMap((value) => assembler.push(value) ?? [])).toHaveLength(1);
    }
  });
});
