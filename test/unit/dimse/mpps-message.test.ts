import { describe, expect, test } from '@jest/globals';
import { encodeDataSet } from '../../../src/dataset/binary/encode.ts';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { affectedInstance, readAttributes, requestedInstance, selectionOf } from '../../../src/dimse/mpps-message.ts';
import { SOP_CLASSES } from '../../../src/dimse/uids.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import { EXPLICIT } from '../../support/dimse-bytes.ts';

const CONTEXT = { id: 1, abstractSyntax: SOP_CLASSES.mpps, transferSyntax: EXPLICIT };

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof ServiceFailure) return error.code;
    throw error;
  }
  return 'none';
}

describe('the instance of a command (PS3.7 10.3)', () => {
  test.each([
    [{ affectedSopInstanceUid: '1.2.3' }, '1.2.3'],
    [{ requestedSopInstanceUid: '1.2.3' }, '1.2.3'],
    [{ affectedSopInstanceUid: '', requestedSopInstanceUid: '1.2.3' }, '1.2.3'],
  ])('%j is read wherever it stands', (fields, uid) => {
    expect(affectedInstance({ commandField: 0x0140, ...fields })).toBe(uid);
    expect(requestedInstance({ commandField: 0x0120, ...fields })).toBe(uid);
  });

  test('an N-CREATE may leave it out, the others may not', () => {
    for (const fields of [{}, { affectedSopInstanceUid: '' }]) {
      expect(affectedInstance({ commandField: 0x0140, ...fields })).toBeUndefined();
      expect(codeOf(() => requestedInstance({ commandField: 0x0120, ...fields }))).toBe('INVALID_UID');
    }
  });

  test.each(['1.02.3', 'abc', '1..2', `1.${'2'.repeat(63)}`, '1.2.3 4'])('"%s" is no UID', (uid) => {
    expect(codeOf(() => affectedInstance({ commandField: 0x0140, affectedSopInstanceUid: uid }))).toBe('INVALID_UID');
    expect(codeOf(() => requestedInstance({ commandField: 0x0120, requestedSopInstanceUid: uid }))).toBe('INVALID_UID');
  });

  test('UIDs of the standard are no MPPS: 0117H in N-CREATE, 0119H in the others (PS3.7 C.5)', () => {
    const uid = '1.2.840.10008.1.20.1.1';
    expect(codeOf(() => affectedInstance({ commandField: 0x0140, affectedSopInstanceUid: uid }))).toBe('INVALID_UID');
    expect(() => requestedInstance({ commandField: 0x0120, requestedSopInstanceUid: uid })).toThrow(
      expect.objectContaining({ code: 'INSTANCE_CONFLICT', dimseStatus: 0x0119 }),
    );
  });
});

test('no Attribute Identifier List, or an empty one, asks for everything (PS3.7 10.1.2.1.5)', () => {
  const selection = (attributeIdentifierList?: string[]): unknown =>
    selectionOf({ commandField: 0x0110, ...(attributeIdentifierList && { attributeIdentifierList }) });
  expect([selection(), selection([]), selection(['00400252']), selection(['00400252', '00400340'])]).toEqual([
    'all',
    'all',
    [['00400252']],
    [['00400252'], ['00400340']],
  ]);
});

describe('the data set', () => {
  const name = (Alphabetic: string): DataSet => dataSetOf({ '00100010': attribute('PN', { Alphabetic }) });
  const withoutSet = (dataSet: DataSet, term: string): Buffer => {
    const bytes = encodeDataSet(dataSet, EXPLICIT, { characterSet: [term] });
    return bytes.subarray(8 + bytes.readUInt16LE(6));
  };

  async function read(
    dataSet: Buffer | undefined,
    assumed?: string,
  ): Promise<{
    attributes: DataSet;
    characterSet: string | undefined;
    told: string[];
    asked: number;
    issues: string[];
  }> {
    const told: string[] = [];
    const issues: string[] = [];
    let asked = 0;
    const list = await readAttributes({ contextId: 1, command: { commandField: 0x0120 }, dataSet }, CONTEXT, {
      assumedCharacterSet: async () => {
        asked++;
        return assumed;
      },
      report: ({ code }) => issues.push(code),
      assumed: (characterSet) => told.push(characterSet),
    });
    return { ...list, told, asked, issues };
  }

  test('loses SOP Class and Instance UID and group lengths: they stand in the command', async () => {
    const bytes = encodeDataSet(
      dataSetOf({
        '00080016': attribute('UI', '1.2'),
        '00080018': attribute('UI', '1.3'),
        '00080060': attribute('CS', 'CT'),
      }),
      EXPLICIT,
    );
    const groupLength = Buffer.from('08000000554c040000000000', 'hex');
    expect((await read(Buffer.concat([groupLength, bytes]))).attributes).toEqual(
      dataSetOf({ '00080060': attribute('CS', 'CT') }),
    );
  });

  test.each<[string, Buffer | undefined]>([
    ['missing', undefined],
    ['cut in a value', encodeDataSet(name('Doe^Jane'), EXPLICIT).subarray(0, -2)],
    ['cut in a header', encodeDataSet(name('Doe^Jane'), EXPLICIT).subarray(0, 5)],
  ])('%s is a bad request', async (_what, bytes) => {
    await expect(read(bytes)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });

  test('its own character set is told, and no other is asked for', async () => {
    const bytes = encodeDataSet(name('Müller'), EXPLICIT, { characterSet: ['ISO_IR 100'] });
    expect(await read(bytes, 'ISO_IR 144')).toMatchObject({ characterSet: 'ISO_IR 100', told: [], asked: 0 });
  });

  test('its own character set holds even for text that does not fit it', async () => {
    const bytes = encodeDataSet(name('Müller'), EXPLICIT, { characterSet: ['ISO_IR 100'] });
    bytes.write('ISO_IR 192', 8, 'latin1');
    expect(await read(bytes, 'ISO_IR 100')).toMatchObject({ told: [], asked: 0, issues: ['TEXT_UNDECODABLE'] });
  });

  test('plain ASCII needs none', async () => {
    expect(await read(encodeDataSet(name('Doe'), EXPLICIT), 'ISO_IR 144')).toMatchObject({ told: [], asked: 0 });
  });

  test.each([
    ['ISO_IR 144', 'Иванов'],
    ['\\ISO 2022 IR 87', '山田'],
  ])('text beyond ASCII without a set is read by %s when the N-CREATE had it', async (term, text) => {
    const bytes = encodeDataSet(name(text), EXPLICIT, { characterSet: term.split('\\') });
    const bare = bytes.subarray(8 + bytes.readUInt16LE(6));
    expect(await read(bare, term)).toMatchObject({
      attributes: name(text),
      characterSet: undefined,
      told: [term],
      issues: [],
    });
  });

  test.each([undefined, 'NO SUCH SET'])('with %s for the N-CREATE the first reading stands', async (assumed) => {
    const bare = withoutSet(name('Müller'), 'ISO_IR 100');
    expect(await read(bare, assumed)).toMatchObject({
      attributes: name('Müller'),
      told: [],
      asked: 1,
      issues: ['CHARACTER_SET_MISSING'],
    });
  });
});
