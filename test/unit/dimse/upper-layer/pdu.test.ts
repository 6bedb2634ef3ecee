import { describe, expect, test } from '@jest/globals';
import { decodePdu, encodePdu, PDU_TYPE } from '../../../../src/dimse/upper-layer/pdu.ts';
import type { AssociateRq, Pdu, PduType } from '../../../../src/dimse/upper-layer/pdu.ts';
import { PduError } from '../../../../src/dimse/upper-layer/pdu-error.ts';
import { PduReader } from '../../../../src/dimse/upper-layer/pdu-reader.ts';
import { associateRq, dataPdu, echoRq, RELEASE_RQ } from '../../../support/dimse-bytes.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(/\s+/g, ''), 'hex');
const ascii = (text: string): string => Buffer.from(text, 'latin1').toString('hex');

/** Written out by hand from PS3.8 Table 9-11 and PS3.7 D.3.3. */
const REQUEST_BYTES = bytes(`
  01 00 000000ef  0001 0000
  ${ascii('DIMSEWAY        ')} ${ascii('CT1             ')} ${'00'.repeat(32)}
  10 00 0015 ${ascii('1.2.840.10008.3.1.1.1')}
  20 00 002e 01 00 00 00
    30 00 0011 ${ascii('1.2.840.10008.1.1')}
    40 00 0011 ${ascii('1.2.840.10008.1.2')}
  50 00 005c
    51 00 0004 00004000
    52 00 0005 ${ascii('1.2.3')}
    53 00 0004 0000 0005
    54 00 0009 0005 ${ascii('1.2.3')} 01 00
    55 00 0004 ${ascii('V1.0')}
    56 00 000b 0005 ${ascii('1.2.3')} 01010001
    57 00 0002 ffff
    58 00 000a 02 01 0002 ${ascii('me')} 0002 ${ascii('pw')}
    7f 00 0001 00
    59 00 0002 0000
`);

const REQUEST: AssociateRq = {
  type: PDU_TYPE.associateRq,
  protocolVersion: 1,
  calledAeTitle: 'DIMSEWAY',
  callingAeTitle: 'CT1',
  applicationContext: '1.2.840.10008.3.1.1.1',
  contexts: [{ id: 1, abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: ['1.2.840.10008.1.2'] }],
  userInformation: {
    maximumLength: 16_384,
    implementationClassUid: '1.2.3',
    asynchronousOperations: { invoked: 0, performed: 5 },
    roles: [{ sopClassUid: '1.2.3', scu: true, scp: false }],
    implementationVersionName: 'V1.0',
    extended: [{ sopClassUid: '1.2.3', information: Buffer.from([1, 1, 0, 1]) }],
    userIdentity: { type: 2, responseRequested: true, primary: Buffer.from('me'), secondary: Buffer.from('pw') },
    userIdentityResponse: Buffer.alloc(0),
  },
};

describe('A-ASSOCIATE-RQ (PS3.8 9.3.2)', () => {
  test('reads every user information item and skips unknown ones and common extended negotiation', () => {
    expect(decodePdu(PDU_TYPE.associateRq, REQUEST_BYTES.subarray(6))).toEqual(REQUEST);
  });

  test('writes what it reads', () => {
    const encoded = encodePdu(REQUEST);
    expect(encoded.readUInt32BE(2)).toBe(encoded.length - 6);
    expect(decodePdu(PDU_TYPE.associateRq, encoded.subarray(6))).toEqual(REQUEST);
  });

  test('refuses an item that goes beyond the PDU with the abort reason "invalid parameter value" (trap 5)', () => {
    const body = Buffer.from(encodePdu(associateRq()).subarray(6));
    body.writeUInt16BE(0xfff0, 70);
    expect(() => decodePdu(PDU_TYPE.associateRq, body)).toThrow(PduError);
    try {
      decodePdu(PDU_TYPE.associateRq, body);
    } catch (error) {
      expect((error as PduError).abortReason).toBe(6);
    }
  });
});

describe('the short PDUs', () => {
  test.each([
    [{ type: PDU_TYPE.associateRj, result: 1, source: 2, reason: 3 }, '03 00 00000004 00 01 02 03'],
    [{ type: PDU_TYPE.releaseRq }, '05 00 00000004 00000000'],
    [{ type: PDU_TYPE.releaseRp }, '06 00 00000004 00000000'],
    [{ type: PDU_TYPE.abort, source: 2, reason: 6 }, '07 00 00000004 00 00 02 06'],
  ] as [Pdu, string][])('%j has the bytes of PS3.8 9.3', (pdu, hex) => {
    expect(encodePdu(pdu)).toEqual(bytes(hex));
    expect(decodePdu(pdu.type, bytes(hex).subarray(6))).toEqual(pdu);
  });
});

describe('P-DATA-TF (PS3.8 9.3.5)', () => {
  test('several presentation data values in one PDU are all read (trap 8)', () => {
    const pdu = decodePdu(PDU_TYPE.dataTf, bytes('00000004 01 03 aabb  00000003 05 00 cc'));
    expect(pdu).toEqual({
      type: PDU_TYPE.dataTf,
      values: [
        { contextId: 1, isCommand: true, isLast: true, fragment: bytes('aabb') },
        { contextId: 5, isCommand: false, isLast: false, fragment: bytes('cc') },
      ],
    });
  });

  test.each(['00000004 01 03 aa', '00000001 01 03', '00000000 01 03', 'ffffffff 01 03', '00000002 01', ''])(
    'lengths that do not add up are an error, never a shorter value (trap 5): %s',
    (hex) => expect(() => decodePdu(PDU_TYPE.dataTf, bytes(hex))).toThrow(PduError),
  );
});

describe('the PDU reader', () => {
  const reader = (maximum = 16_384): PduReader => {
    const made = new PduReader(maximum);
    made.takeData();
    return made;
  };
  const header = (type: number, length: number): Buffer => {
    const made = Buffer.alloc(6);
    made.writeUInt8(type, 0);
    made.writeUInt32BE(length, 2);
    return made;
  };
  const reasonOf = (act: () => void): number => {
    try {
      act();
    } catch (error) {
      return (error as PduError).abortReason;
    }
    throw new Error('nothing was thrown');
  };

  test('gives the same PDUs however the bytes are cut', () => {
    const stream = Buffer.concat([encodePdu(associateRq()), echoRq(), RELEASE_RQ, dataPdu([1, 3, Buffer.alloc(300)])]);
    const whole: Pdu[] = [];
    reader().push(stream, (pdu) => whole.push(pdu));
    expect(whole.map(({ type }) => type)).toEqual([1, 4, 5, 4]);
    for (const size of [1, 2, 5, 7, 64, 1000]) {
      const pieces = reader();
      const read: Pdu[] = [];
      for (let at = 0; at < stream.length; at += size)
        pieces.push(stream.subarray(at, at + size), (pdu) => read.push(pdu));
      expect(read).toEqual(whole);
      expect(pieces.isWithinPdu).toBe(false);
    }
  });

  test.each([1, 2, 3, 4, 5, 6, 7])('refuses 4 GB announced by PDU type %i from the header alone (trap 6)', (type) => {
    expect(reasonOf(() => reader().push(header(type, 0xffff_ffff), () => undefined))).toBe(6);
  });

  test('refuses a P-DATA-TF larger than the announced maximum, and takes one of just that size (PS3.8 D.1)', () => {
    const read: number[] = [];
    const pdu = dataPdu([1, 3, Buffer.alloc(94)]);
    reader(100).push(pdu, ({ type }) => read.push(type));
    expect(read).toEqual([4]);
    expect(reasonOf(() => reader(99).push(pdu, () => undefined))).toBe(6);
  });

  test('refuses a P-DATA-TF before there is an association, unbuffered', () => {
    expect(reasonOf(() => new PduReader(16_384).push(header(4, 1000), () => undefined))).toBe(2);
  });

  test.each([0, 8, 0x47, 0xff])('tells a PDU type %i that does not exist as unrecognized (PS3.8 9.3.8)', (type) => {
    expect(reasonOf(() => reader().push(header(type, 4), () => undefined))).toBe(1);
  });

  test.each([
    [PDU_TYPE.releaseRq, 5],
    [PDU_TYPE.abort, 0],
    [PDU_TYPE.associateRq, 67],
    [PDU_TYPE.dataTf, 5],
  ] as [PduType, number][])('refuses PDU type %i of an impossible length %i', (type, length) => {
    expect(reasonOf(() => reader().push(header(type, length), () => undefined))).toBe(6);
  });

  test('reads nothing more once the stream cannot be understood', () => {
    const broken = reader();
    expect(() => broken.push(header(0, 4), () => undefined)).toThrow(PduError);
    const read: Pdu[] = [];
    broken.push(RELEASE_RQ, (pdu) => read.push(pdu));
    expect(read).toEqual([]);
  });
});
