import { describe, expect, test } from '@jest/globals';
import {
  COMMAND_FIELD,
  decodeCommandSet,
  encodeCommandSet,
  nextMessageId,
  responseTo,
} from '../../../src/dimse/command-set.ts';
import type { CommandSet } from '../../../src/dimse/command-set.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s+/g, ''), 'hex');

/** C-ECHO-RQ written out by hand (PS3.7 9.3.5.1). */
const ECHO_RQ = hex(`
  0000 0000 04000000 38000000
  0000 0200 12000000 312e322e3834302e31303030382e312e3100
  0000 0001 02000000 3000
  0000 1001 02000000 0700
  0000 0008 02000000 0101
`);
ECHO_RQ.writeUInt32LE(ECHO_RQ.length - 12, 8);

const EVERY_FIELD: CommandSet = {
  commandField: 0x8020,
  affectedSopClassUid: '1.2.840.10008.1.1',
  requestedSopClassUid: '1.2.3',
  messageId: 65_535,
  messageIdBeingRespondedTo: 1,
  moveDestination: 'ARCHIVE',
  priority: 2,
  status: 0xa900,
  offendingElements: ['00100010', '00400100'],
  errorComment: 'odd length.',
  errorId: 0xa710,
  affectedSopInstanceUid: '2.25.1',
  requestedSopInstanceUid: '2.25.22',
  eventTypeId: 3,
  attributeIdentifierList: ['FFFE0001'],
  actionTypeId: 1,
};

describe('command sets (PS3.7 E)', () => {
  test('C-ECHO-RQ has exactly the bytes of PS3.7 9.3.5.1', () => {
    const command = { commandField: 0x0030, affectedSopClassUid: '1.2.840.10008.1.1', messageId: 7 };
    expect(encodeCommandSet(command, false)).toEqual(ECHO_RQ);
    expect(decodeCommandSet(ECHO_RQ)).toEqual({ command, hasDataSet: false });
  });

  test.each(Object.entries(COMMAND_FIELD))('%s round trips with every field there is', (_name, commandField) => {
    const command = { ...EVERY_FIELD, commandField };
    expect(decodeCommandSet(encodeCommandSet(command, true))).toEqual({ command, hasDataSet: true });
  });

  test('elements stand in ascending order', () => {
    const bytes = encodeCommandSet(EVERY_FIELD, true);
    const elements: number[] = [];
    for (let at = 0; at < bytes.length; at += 8 + bytes.readUInt32LE(at + 4)) elements.push(bytes.readUInt16LE(at + 2));
    expect(elements).toEqual([...elements].sort((a, b) => a - b));
    expect(elements).toContain(0x0800);
  });

  test('an AT list of one tag stays a list (trap 8)', () => {
    const command = { commandField: 0x0110, attributeIdentifierList: ['00400252'] };
    expect(decodeCommandSet(encodeCommandSet(command, false)).command).toEqual(command);
  });

  test.each([
    [0x0101, false],
    [0x0000, true],
    [0x0001, true],
    [0x0102, true],
    [0xfefe, true],
  ])('Command Data Set Type %i: a data set follows unless it is 0101 (PS3.7 E.1)', (type, hasDataSet) => {
    const bytes = Buffer.from(ECHO_RQ);
    bytes.writeUInt16LE(type, bytes.length - 2);
    expect(decodeCommandSet(bytes).hasDataSet).toBe(hasDataSet);
  });

  test.each([
    ['a value shorter than its length (trap 5)', ECHO_RQ.subarray(0, ECHO_RQ.length - 1)],
    ['a cut element header', ECHO_RQ.subarray(0, ECHO_RQ.length - 5)],
    ['no Command Data Set Type', ECHO_RQ.subarray(0, ECHO_RQ.length - 10)],
    ['no Command Field', hex('0000 0008 02000000 0101')],
    ['another group', Buffer.concat([ECHO_RQ, hex('0800 0500 00000000')])],
    ['a US of four bytes', hex('0000 0001 04000000 30000000 0000 0008 02000000 0101')],
    ['nothing at all', Buffer.alloc(0)],
  ])('%s is an error', (_what, bytes) => {
    expect(() => decodeCommandSet(bytes)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }));
  });

  test('unknown elements of group 0000 and empty ones are passed over', () => {
    const extra = hex('0000 0102 04000000 deadbeef 0000 0009 00000000');
    expect(decodeCommandSet(Buffer.concat([ECHO_RQ, extra])).command).toEqual(decodeCommandSet(ECHO_RQ).command);
  });

  test('Error Comment holds at most 64 characters of the default repertoire (PS3.7 C)', () => {
    const errorComment = `Größe\\山${'x'.repeat(80)}`;
    const { command } = decodeCommandSet(
      encodeCommandSet({ commandField: 0x8020, status: 0xc001, errorComment }, false),
    );
    expect(command.errorComment).toBe(`Gr??e??${'x'.repeat(57)}`);
  });

  test('a response repeats message id, class, instance, event and action type of its request', () => {
    expect(
      responseTo(
        {
          commandField: 0x0130,
          messageId: 9,
          requestedSopClassUid: '1.2',
          requestedSopInstanceUid: '1.3',
          actionTypeId: 1,
        },
        0x0123,
      ),
    ).toEqual({
      commandField: 0x8130,
      messageIdBeingRespondedTo: 9,
      status: 0x0123,
      affectedSopClassUid: '1.2',
      affectedSopInstanceUid: '1.3',
      actionTypeId: 1,
    });
  });

  test('message ids wrap at 65535, and 0 is never one (trap 1)', () => {
    expect([0, 1, 65_534, 65_535].map(nextMessageId)).toEqual([1, 2, 65_535, 1]);
  });
});
