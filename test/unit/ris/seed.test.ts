import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeDataSet } from '../../../src/dataset/binary/encode.ts';
import { TRANSFER_SYNTAXES } from '../../../src/dataset/binary/transfer-syntax.ts';
import type { TransferSyntaxUid } from '../../../src/dataset/binary/transfer-syntax.ts';
import { toJson } from '../../../src/dataset/json.ts';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { readSeed } from '../../../src/ris/seed.ts';
import { entryOf } from '../../support/requests.ts';
import { multiset, variedWorklist } from '../../support/worklists.ts';

let folder: string;
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A file of its own folder. */
async function written(name: string, content: string | Uint8Array): Promise<string> {
  const file = join(folder, String(count++), name);
  await mkdir(join(file, '..'));
  await writeFile(file, content);
  return file;
}

async function read(name: string, content: string | Uint8Array): Promise<DataSet[]> {
  return readSeed(await written(name, content));
}

/** What no entry can do without, besides Patient ID and step. */
const NAMED = { '00100010': attribute('PN', { Alphabetic: 'A^B' }), '0020000D': attribute('UI', '1.2.3') };
const STEP = '  ScheduledProcedureStepSequence: [{ ScheduledProcedureStepID: S1 }]\n';

function stepOf(...attributes: [string, ReturnType<typeof attribute>][]): ReturnType<typeof attribute> {
  return attribute('SQ', dataSetOf({ ...Object.fromEntries(attributes) }));
}

describe('a seed in text', () => {
  test('is DICOM JSON, one object or several, or the same as YAML (PS3.18 F)', async () => {
    const json = `[${variedWorklist().map(toJson).join()}]`;
    expect(await read('a.json', json)).toEqual(variedWorklist());
    expect(await read('b.yaml', json)).toEqual(variedWorklist());
    expect(await read('no-extension', json)).toEqual(variedWorklist());
    expect(await read('c.json', toJson(entryOf('P3')))).toEqual([entryOf('P3')]);
    expect(await read('d.json', `\ufeff${toJson(entryOf('P3'))}`)).toEqual([entryOf('P3')]);
  });

  test('may have keywords for tags and bare values, in sequence items too', async () => {
    const yaml = `
- PatientName: Carter^Helen
  PatientID: MG-1001
  StudyInstanceUID: 1.2.3
  ReferringPhysicianName: { Alphabetic: Yamada^Tarou, Ideographic: 山田^太郎, Phonetic: やまだ^たろう }
  OtherPatientNames: [A^B, { Alphabetic: C^D }]
  PatientSex:
  Allergies: ''
  MedicalAlerts: ~
  ReferencedStudySequence: []
  PatientComments: "null"
  RequestedProcedureCodeSequence:
    - { CodeValue: 24628-9, CodingSchemeDesignator: LN, CodeMeaning: CT Chest W contrast IV }
  00380500: confused
  '00090010': { vr: LO, Value: [ACME] }
  00091001: { vr: DS, Value: [1.50, 2] }
  ScheduledProcedureStepSequence:
    Modality: CT
    ScheduledStationAETitle: [CT1, CT2]
    00400009: S1
`;
    const expected = dataSetOf({
      '0020000D': attribute('UI', '1.2.3'),
      '00081110': attribute('SQ'),
      '00080090': attribute('PN', { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' }),
      '00090010': attribute('LO', 'ACME'),
      '00091001': attribute('DS', '1.50', 2),
      '00100010': attribute('PN', { Alphabetic: 'Carter^Helen' }),
      '00100020': attribute('LO', 'MG-1001'),
      '00100040': attribute('CS'),
      '00101001': attribute('PN', { Alphabetic: 'A^B' }, { Alphabetic: 'C^D' }),
      '00102000': attribute('LO'),
      '00102110': attribute('LO'),
      '00104000': attribute('LT', 'null'),
      '00321064': attribute(
        'SQ',
        dataSetOf({
          '00080100': attribute('SH', '24628-9'),
          '00080102': attribute('SH', 'LN'),
          '00080104': attribute('LO', 'CT Chest W contrast IV'),
        }),
      ),
      '00380500': attribute('LO', 'confused'),
      '00400100': stepOf(
        ['00080060', attribute('CS', 'CT')],
        ['00400001', attribute('AE', 'CT1', 'CT2')],
        ['00400009', attribute('SH', 'S1')],
      ),
    });
    expect(await read('a.yaml', yaml)).toEqual([expected]);
  });

  test('the long and the short form mix, items of the one in the other', async () => {
    const yaml = `
PatientName: A^B
PatientID: P1
StudyInstanceUID: 1.2.3
'00400100':
  vr: SQ
  Value:
    - Modality: CT
      ScheduledProcedureStepID: { vr: SH, Value: [S1] }
`;
    const step = stepOf(['00080060', attribute('CS', 'CT')], ['00400009', attribute('SH', 'S1')]);
    expect(await read('a.yaml', yaml)).toEqual([
      dataSetOf({ ...NAMED, '00100020': attribute('LO', 'P1'), '00400100': step }),
    ]);
  });

  test('what stands unquoted in YAML keeps its characters: dates, times, leading zeros, numbers', async () => {
    const yaml = `
- PatientName: A^B
  StudyInstanceUID: 1.2.3
  PatientID: 00123
  OtherPatientIDs: [1e5, 0x10, 0o7, true, 1_000, .5]
  PatientBirthDate: 20260101
  PatientWeight: 71.50
  PatientSize: 1.7
  PregnancyStatus: 4
  AccessionNumber: 0815
  ScheduledProcedureStepSequence:
    ScheduledProcedureStepStartTime: 0930
    ScheduledProcedureStepStartDate: 20260101
    ScheduledProcedureStepID: 0007
`;
    const [entry = dataSetOf({})] = await read('a.yaml', yaml);
    expect(entry).toEqual(
      dataSetOf({
        ...NAMED,
        '00080050': attribute('SH', '0815'),
        '00100020': attribute('LO', '00123'),
        '00101000': attribute('LO', '1e5', '0x10', '0o7', 'true', '1_000', '.5'),
        '00100030': attribute('DA', '20260101'),
        '00101020': attribute('DS', 1.7),
        '00101030': attribute('DS', '71.50'),
        '001021C0': attribute('US', 4),
        '00400100': stepOf(
          ['00400003', attribute('TM', '0930')],
          ['00400002', attribute('DA', '20260101')],
          ['00400009', attribute('SH', '0007')],
        ),
      }),
    );
  });

  test('JSON with keywords has its numbers as they stand there', async () => {
    const json =
      '{"PatientName": "A^B", "StudyInstanceUID": "1.2.3", "PatientID": 123, "OtherPatientIDs": [1.0, 12345678901234567890], "PatientWeight": 71.50, "PregnancyStatus": 4,' +
      '"ScheduledProcedureStepSequence": [{"ScheduledProcedureStepStartDate": 20260101, "ScheduledProcedureStepID": 7}]}';
    expect(await read('a.json', json)).toEqual([
      dataSetOf({
        ...NAMED,
        '00100020': attribute('LO', '123'),
        '00101000': attribute('LO', '1.0', '12345678901234567890'),
        '00101030': attribute('DS', '71.50'),
        '001021C0': attribute('US', 4),
        '00400100': stepOf(['00400002', attribute('DA', '20260101')], ['00400009', attribute('SH', '7')]),
      }),
    ]);
  });

  test('comments alone are no entries', async () => {
    expect(await read('a.yaml', '# later\n')).toEqual([]);
    expect(await read('b.yaml', '[]')).toEqual([]);
  });

  test('anchors spare repetition', async () => {
    const yaml = `- &a\n  PatientName: A^B\n  StudyInstanceUID: 1.2.3\n  PatientID: P1\n${STEP}- *a\n`;
    const entries = await read('a.yaml', yaml);
    expect(entries).toHaveLength(2);
    expect(entries[1]).toEqual(entries[0]);
    expect(entries[1]).not.toBe(entries[0]);
  });
});

describe('a seed that is refused is named by file, entry and attribute, never by value', () => {
  const first = `- PatientName: A^B\n  StudyInstanceUID: 1.2.3\n  PatientID: P1\n${STEP}`;
  const inSecond = (lines: string): string => `${first}- PatientName: SECRET^NAME\n  ${lines}\n${STEP}`;
  const step = 'ScheduledProcedureStepSequence';

  test.each([
    ['a date as ISO 8601', 'PatientBirthDate: 2026-01-01', 'PatientBirthDate (00100030): ', 'DA is a date as YYYYMMDD'],
    ['a day that is none', 'PatientBirthDate: 20260230', 'PatientBirthDate (00100030): ', 'DA is a date'],
    ['no patient and study', 'PatientID: P2', 'StudyInstanceUID (0020000D) ', 'has no value'],
    ['a control character', 'AccessionNumber: "SECRET\\n1"', 'AccessionNumber (00080050): ', 'no control characters'],
    ['one in a name', 'OtherPatientNames: { Ideographic: "SECRET\\0" }', 'OtherPatientNames (00101001): ', 'control'],
    ['half a character', 'AccessionNumber: "SECRET\\ud800"', 'AccessionNumber (00080050): ', 'control'],
    ['a code in lower case', 'PatientSex: f', 'PatientSex (00100040): ', 'CS is at most 16 of A-Z'],
    ['a UID that is none', 'StudyInstanceUID: 1.02.3', 'StudyInstanceUID (0020000D): ', 'UI is a UID'],
    ['a weight in words', 'PatientWeight: heavy', 'PatientWeight (00101030): ', 'DS is a decimal number'],
    ['an age without unit', 'PatientAge: 42', 'PatientAge (00101010): ', 'AS is three digits'],
    ['a text for a number', 'PregnancyStatus: no', 'PregnancyStatus (001021C0): ', 'is not a number'],
    ['a backslash', 'PatientID: SECRET\\1', 'PatientID (00100020): ', 'contains a backslash'],
    ['a mapping as value', 'PatientID: { a: SECRET }', 'PatientID (00100020): ', 'neither text nor a number'],
    ['a misspelled group', 'OtherPatientNames: { Alphabet: SECRET }', 'OtherPatientNames (00101001): ', 'Alphabetic'],
    ['a text as sequence', 'ReferencedStudySequence: SECRET', 'ReferencedStudySequence (00081110): ', 'not a mapping'],
    ['bytes', 'EncapsulatedDocument: SECRET', 'EncapsulatedDocument (00420011): ', 'the long form'],
    ['a private attribute in short form', '00091001: SECRET', '00091001 (00091001): ', 'the long form'],
    ['an unknown attribute in short form', '00081234: SECRET', '00081234 (00081234): ', 'the long form'],
    ['an attribute given twice', '00100010: SECRET', 'PatientName (00100010): ', 'given twice'],
    ['a keyword in other case', 'patientID: P2', 'the name after PatientName is neither', 'PatientID is one'],
    ['a name that is a value by mistake', 'SECRET^NAME: x', 'the name after PatientName is neither', 'hex digits'],
    ['__proto__', '__proto__: {}', 'the name after PatientName is neither', 'hex digits'],
    ['an attribute of the meta header', 'TransferSyntaxUID: 1.2', 'TransferSyntaxUID (00020010): ', 'no place'],
  ])('%s', async (_title, lines, begin, holds) => {
    const file = await written('a.yaml', inSecond(lines));
    const error = await readSeed(file).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'SEED_INVALID', fix: expect.any(String) });
    const { message } = error as Error;
    expect(message.startsWith(`${file}: entry 2: ${begin}`) ? begin : message).toBe(begin);
    expect(message).toContain(holds);
    expect(message).not.toContain('SECRET');
  });

  test('within items by the whole path', async () => {
    const yaml = `- ${step}: [{ ScheduledProtocolCodeSequence: [{ CodeValue: 1 }, { ContextUID: x }] }]\n`;
    await expect(read('a.yaml', yaml)).rejects.toMatchObject({
      message: expect.stringContaining(
        `: entry 1: ${step}.ScheduledProtocolCodeSequence.ContextUID (00400100.00400008.00080117): `,
      ),
    });
    await expect(read('a.yaml', `- ${step}: { ScheduledProcedureStepStartTime: 930 }`)).rejects.toMatchObject({
      message: expect.stringContaining(`: entry 1: ${step}.ScheduledProcedureStepStartTime (00400100.00400003): `),
    });
  });

  test.each([
    ['no JSON', 'a.json', '{"SECRET', /: The text is not JSON at character \d+$/],
    ['a property twice', 'a.json', '{"PatientID": "SECRET", "PatientID": ""}', /: A JSON property occurs twice/],
    ['no YAML', 'a.yaml', "- '00100010': { vr: PN }\n  b: [SECRET^NAME\n", /YAML \([A-Z_]+\) at line 3, column 1$/],
    ['a key twice', 'a.yaml', '- PatientID: SECRET\n  PatientID: X\n', /YAML \(DUPLICATE_KEY\) at line 2, column 3$/],
    ['an unknown alias', 'a.yaml', '- PatientID: *SECRET\n', /alias/],
    ['no UTF-8', 'a.yaml', Buffer.from('- PatientName: M\xfcller', 'latin1'), /: the text is not UTF-8$/],
    ['a text instead of an entry', 'a.yaml', 'SECRET', /: entry 1: an entry or item is not a mapping/],
    ['an entry without a step', 'a.yaml', '- PatientID: SECRET', /: entry 1: \w+ has 0 scheduled procedure steps$/],
    ['an entry with two steps', 'a.json', '[{"00400100":{"vr":"SQ","Value":[{},{}]}}]', /: entry 1: \w+ has 2 /],
    ['JSON nested without end', 'a.json', `${'[{"00400100":'.repeat(20_000)}`, /nested too deep$/],
    ['an anchor within itself', 'a.yaml', '- &a { PatientID: SECRET, ReferencedStudySequence: [*a] }\n', /64 levels$/],
    ['YAML nested without end', 'a.yaml', '['.repeat(20_000), /YAML \(RESOURCE_EXHAUSTION\)/],
    [
      'sequences nested too deep',
      'a.json',
      `${'{"00400100":['.repeat(5_000)}{}${']}'.repeat(5_000)}`,
      /nested (?:too deep|deeper than 64 levels)$/,
    ],
  ])('%s', async (_title, name, content, says) => {
    const file = await written(name, content);
    const error = await readSeed(file).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'SEED_INVALID', message: expect.stringMatching(says) });
    expect((error as Error).message.startsWith(file)).toBe(true);
    expect((error as Error).message).not.toContain('SECRET');
  });

  test('a file larger than a worklist can be, unread', async () => {
    const file = await written('a.json', '');
    await truncate(file, 600 * 1024 * 1024);
    await expect(readSeed(file)).rejects.toMatchObject({
      code: 'SEED_INVALID',
      message: expect.stringMatching(/512 MiB$/),
    });
  });

  test('a file that is not there', async () => {
    await expect(readSeed(join(folder, 'none.yaml'))).rejects.toMatchObject({
      code: 'SEED_INVALID',
      message: `${join(folder, 'none.yaml')}: it cannot be read (ENOENT)`,
    });
  });
});

/** An Explicit VR Little Endian element of the file meta information; the value is padded. */
function metaElement(element: number, vr: string, value: Buffer): Buffer {
  const padded = value.length % 2 === 0 ? value : Buffer.concat([value, Buffer.of(0)]);
  const header = Buffer.alloc(vr === 'OB' ? 12 : 8);
  header.writeUInt16LE(2, 0);
  header.writeUInt16LE(element, 2);
  header.write(vr, 4, 'latin1');
  if (vr === 'OB') header.writeUInt32LE(padded.length, 8);
  else header.writeUInt16LE(padded.length, 6);
  return Buffer.concat([header, padded]);
}

/** A file of PS3.10 7.1 around an encoded data set. */
function part10(bytes: Uint8Array, transferSyntax: string): Buffer {
  const elements = Buffer.concat([
    metaElement(1, 'OB', Buffer.of(0, 1)),
    metaElement(2, 'UI', Buffer.from('1.2.276.0.7230010.3.1.0.1')),
    metaElement(0x10, 'UI', Buffer.from(transferSyntax)),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(elements.length);
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), metaElement(0, 'UL', length), elements, bytes]);
}

function encoded(entry: DataSet, transferSyntax: TransferSyntaxUid, characterSet = ['ISO_IR 192']): Uint8Array {
  return encodeDataSet(entry, transferSyntax, { characterSet });
}

const JAPANESE = variedWorklist()[1] as DataSet;

describe('a seed of DICOM files', () => {
  test.each(Object.entries(TRANSFER_SYNTAXES))('with a meta header, %s (PS3.10 7.1)', async (_name, transferSyntax) => {
    const entries = await read('a.wl', part10(encoded(JAPANESE, transferSyntax), transferSyntax));
    expect(multiset(entries)).toEqual(multiset([JAPANESE]));
  });

  test.each(['explicitVrLittleEndian', 'implicitVrLittleEndian'] as const)(
    'without one, %s, whatever the name',
    async (name) => {
      const bytes = encoded(JAPANESE, TRANSFER_SYNTAXES[name]);
      expect(multiset(await read('a.dcm', bytes))).toEqual(multiset([JAPANESE]));
      expect(multiset(await read('wklist1', bytes))).toEqual(multiset([JAPANESE]));
    },
  );

  test('text is in the character sets of the file, several too (PS3.5 6.1.2.5)', async () => {
    const { explicitVrLittleEndian } = TRANSFER_SYNTAXES;
    const bytes = encoded(JAPANESE, explicitVrLittleEndian, ['', 'ISO 2022 IR 100', 'ISO 2022 IR 87']);
    const entries = await read('a.wl', part10(bytes, explicitVrLittleEndian));
    expect(multiset(entries)).toEqual(multiset([JAPANESE]));
    expect(entries[0]?.['00080005']).toEqual(attribute('CS', null, 'ISO 2022 IR 100', 'ISO 2022 IR 87'));
  });

  test.each([
    ['big endian', '1.2.840.10008.1.2.2'],
    ['JPEG baseline', '1.2.840.10008.1.2.4.50'],
  ])('in another transfer syntax is refused: %s', async (_title, transferSyntax) => {
    const bytes = encoded(JAPANESE, TRANSFER_SYNTAXES.explicitVrLittleEndian);
    await expect(read('a.wl', part10(bytes, transferSyntax))).rejects.toMatchObject({
      code: 'SEED_INVALID',
      message: expect.stringMatching(/a\.wl: entry 1: its transfer syntax is not supported/),
    });
  });

  test('that breaks off is refused, wherever', async () => {
    const { explicitVrLittleEndian } = TRANSFER_SYNTAXES;
    const whole = part10(encoded(entryOf('P1'), explicitVrLittleEndian), explicitVrLittleEndian);
    // Not where an attribute of the data set itself ends: nothing tells a shorter data set from a cut one.
    const cuts = [0, 7, 131, 135, 140, 150, 200, whole.length - 1, whole.length - 20];
    const outcomes = await Promise.all(
      cuts.map((length) =>
        read('a.wl', whole.subarray(0, length)).then(
          () => `${length} is read`,
          (error: { code?: string }) => error.code,
        ),
      ),
    );
    expect(outcomes).toEqual(cuts.map(() => 'SEED_INVALID'));
    // Half a UID of a transfer syntax is one of another.
    const end = whole.indexOf(explicitVrLittleEndian, 0, 'latin1') + '1.2.840.10008.1.2'.length;
    await expect(read('a.wl', whole.subarray(0, end))).rejects.toMatchObject({
      message: expect.stringMatching(/the file ends in its meta header$/),
    });
  });

  test('in Big Endian without a meta header is told apart from a damaged one', async () => {
    const bytes = Buffer.from('\0\x08\0\x05CS\0\nISO_IR 192', 'latin1');
    await expect(read('a.dcm', bytes)).rejects.toMatchObject({
      message: expect.stringMatching(/is in Little Endian; this one is not$/),
    });
  });
});

describe('a folder of seeds', () => {
  test('has each file in the order of names; lockfile, hidden and other files are passed over, links followed', async () => {
    const { explicitVrLittleEndian } = TRANSFER_SYNTAXES;
    const dicom = part10(encoded(entryOf('P2'), explicitVrLittleEndian), explicitVrLittleEndian);
    const base = join(folder, 'OFFIS');
    await mkdir(join(base, 'more'), { recursive: true });
    await Promise.all([
      writeFile(join(base, 'd.json'), `[${toJson(entryOf('P4'))},${toJson(entryOf('P5'))}]`),
      writeFile(join(base, 'b.wl'), dicom),
      writeFile(join(base, 'c'), dicom),
      writeFile(join(base, 'lockfile'), ''),
      writeFile(join(base, '.hidden.wl'), 'no entry'),
      writeFile(join(base, 'wklist1.dump'), '# no entry'),
      writeFile(join(base, 'README'), 'no entry'),
      writeFile(join(base, 'more', 'e.wl'), dicom),
      symlink('d.json', join(base, 'a.json')),
    ]);
    const patients = (await readSeed(base)).map((entry) => entry['00100020']?.Value?.[0]);
    expect(patients).toEqual(['P4', 'P5', 'P2', 'P2', 'P4', 'P5']);
  });

  test('with a lockfile alone is an empty worklist; with folders alone it is the wrong folder', async () => {
    const base = join(folder, 'base');
    await mkdir(join(base, 'OFFIS'), { recursive: true });
    await writeFile(join(base, 'OFFIS', 'lockfile'), '');
    expect(await readSeed(join(base, 'OFFIS'))).toEqual([]);
    await expect(readSeed(base)).rejects.toMatchObject({
      code: 'SEED_INVALID',
      message: expect.stringContaining(base),
    });
  });

  test('names the file that is wrong', async () => {
    const base = join(folder, 'wrong');
    await mkdir(base);
    await writeFile(join(base, 'a.wl'), 'not a data set');
    await expect(readSeed(base)).rejects.toMatchObject({
      code: 'SEED_INVALID',
      message: expect.stringContaining(`${join(base, 'a.wl')}: entry 1: `),
    });
  });
});
