import { describe, expect, test } from '@jest/globals';

import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import { decodeXml, fromXml, fromXmlInSteps, toXml } from '../../../src/dataset/xml.ts';
import { GatewayError } from '../../../src/errors.ts';

function model(content: string, attributes = ''): string {
  return `<?xml version="1.0" encoding="UTF-8"?><NativeDicomModel${attributes}>${content}</NativeDicomModel>`;
}

function refusal(read: () => unknown): GatewayError {
  try {
    read();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const DATA_SET = dataSetOf({
  '00080061': attribute('CS', 'CT', null, 'PT'),
  '00080090': attribute('PN'),
  '00090010': attribute('LO', 'ACME "1" & <2>'),
  '00091001': { vr: 'OB', InlineBinary: 'AAEC' },
  '00091002': attribute('AT', '00100020'),
  '00100010': attribute('PN', { Alphabetic: 'Wang^XiaoDong^^Dr', Ideographic: '王^小東' }, null),
  '00101030': attribute('DS', 70.5, '1.50'),
  '00104000': attribute('LT', ' a < b & c > d\r\n\t"quoted" 😀 '),
  '00400008': attribute('SQ', dataSetOf({ '00080100': attribute('SH', 'X1') }), dataSetOf({})),
  '00400100': attribute('SQ'),
});

describe('Native DICOM Model (PS3.19 A.1)', () => {
  test('writes attributes in order, numbered values and named components', () => {
    const text = toXml(
      dataSetOf({
        '00400100': attribute('SQ', dataSetOf({ '00080060': attribute('CS', 'CT') })),
        '00100010': attribute('PN', { Alphabetic: '^Jane', Phonetic: 'x' }),
        '00080061': attribute('CS', 'CT', null),
      }),
    );
    expect(text).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xml:space="preserve">' +
        '<DicomAttribute tag="00080061" vr="CS" keyword="ModalitiesInStudy"><Value number="1">CT</Value>' +
        '<Value number="2"/></DicomAttribute>' +
        '<DicomAttribute tag="00100010" vr="PN" keyword="PatientName"><PersonName number="1"><Alphabetic>' +
        '<GivenName>Jane</GivenName></Alphabetic><Phonetic><FamilyName>x</FamilyName></Phonetic></PersonName>' +
        '</DicomAttribute>' +
        '<DicomAttribute tag="00400100" vr="SQ" keyword="ScheduledProcedureStepSequence"><Item number="1">' +
        '<DicomAttribute tag="00080060" vr="CS" keyword="Modality"><Value number="1">CT</Value></DicomAttribute>' +
        '</Item></DicomAttribute></NativeDicomModel>',
    );
  });

  test('reads what it writes, with and without namespace', () => {
    expect(fromXml(toXml(DATA_SET))).toStrictEqual(DATA_SET);
    const text = toXml(DATA_SET, { namespace: true });
    expect(text).toContain('<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM" xml:space');
    expect(fromXml(text)).toStrictEqual(DATA_SET);
  });

  test('writes private attributes without block, with the name of their creator, and not the creator itself', () => {
    const text = toXml(dataSetOf({ '00090011': attribute('LO', 'ACME'), '00091101': attribute('SH', 'x') }));
    expect(text).toContain('<DicomAttribute tag="00090001" vr="SH" privateCreator="ACME"><Value number="1">x</Value>');
    expect(text).not.toContain('00090011');
  });

  test('assigns blocks from 10H per creator and group on the way in (PS3.5 7.8.1)', () => {
    const text = model(
      '<DicomAttribute tag="00090001" vr="SH" privateCreator="A"><Value number="1">a</Value></DicomAttribute>' +
        '<DicomAttribute tag="00090001" vr="SH" privateCreator="B"><Value number="1">b</Value></DicomAttribute>' +
        '<DicomAttribute tag="00090002" vr="SH" privateCreator="A"/>' +
        '<DicomAttribute tag="00110001" vr="SH" privateCreator="B"/>',
    );
    expect(fromXml(text)).toEqual(
      dataSetOf({
        '00090010': attribute('LO', 'A'),
        '00090011': attribute('LO', 'B'),
        '00091001': attribute('SH', 'a'),
        '00091101': attribute('SH', 'b'),
        '00091002': attribute('SH'),
        '00110010': attribute('LO', 'B'),
        '00111001': attribute('SH'),
      }),
    );
  });

  test('keeps clear of blocks that are written out, and uses them for the same creator', () => {
    const text = model(
      '<DicomAttribute tag="00090002" vr="SH" privateCreator="B"/>' +
        '<DicomAttribute tag="00090001" vr="SH" privateCreator="A"/>' +
        '<DicomAttribute tag="00090010" vr="LO"><Value number="1">A</Value></DicomAttribute>' +
        '<DicomAttribute tag="00091105" vr="SH"/>',
    );
    expect(fromXml(text)).toEqual(
      dataSetOf({
        '00090010': attribute('LO', 'A'),
        '00091001': attribute('SH'),
        '00091105': attribute('SH'),
        '00090012': attribute('LO', 'B'),
        '00091202': attribute('SH'),
      }),
    );
  });

  test('orders values and items by number, and makes no value of a gap (example B.29)', () => {
    const text = model(
      '<DicomAttribute tag="00080061" vr="CS"><Value number="2">PT</Value><Value number="1">CT</Value></DicomAttribute>' +
        '<DicomAttribute Tag="00081197" VR="UI" Keyword="FailureReason"><Value number="2">281</Value></DicomAttribute>' +
        '<DicomAttribute tag="00081040" vr="LO"><Value>a</Value><Value>b</Value></DicomAttribute>',
    );
    expect(fromXml(text)).toEqual(
      dataSetOf({
        '00080061': attribute('CS', 'CT', 'PT'),
        '00081040': attribute('LO', 'a', 'b'),
        '00081197': attribute('US', 281),
      }),
    );
  });

  test('reads prefixes, CDATA, comments, a missing vr and a missing tag', () => {
    const text =
      '<dcm:NativeDicomModel xmlns:dcm="http://dicom.nema.org/PS3.19/models/NativeDICOM"><!-- note -->\n' +
      '<dcm:DicomAttribute tag="0040a390"/>' +
      '<dcm:DicomAttribute keyword="PatientID"><dcm:Value number="1"><![CDATA[<1>]]></dcm:Value></dcm:DicomAttribute>' +
      '</dcm:NativeDicomModel>';
    expect(fromXml(text)).toEqual(dataSetOf({ '00100020': attribute('LO', '<1>'), '0040A390': attribute('SQ') }));
  });

  test('decodes bytes by the declaration or the byte order mark', () => {
    const body =
      '<NativeDicomModel><DicomAttribute tag="00100020" vr="LO"><Value number="1">ü</Value></DicomAttribute></NativeDicomModel>';
    const expected = dataSetOf({ '00100020': attribute('LO', 'ü') });
    expect(decodeXml(Buffer.from(`<?xml version="1.0" encoding="ISO-8859-1"?>${body}`, 'latin1'))).toEqual(expected);
    expect(decodeXml(Buffer.from(`\ufeff${body}`, 'utf16le'))).toEqual(expected);
    expect(decodeXml(Buffer.from(`\ufeff${body}`))).toEqual(expected);
    expect(refusal(() => decodeXml(Buffer.from(body, 'latin1'))).code).toBe('DATA_SET_INVALID');
  });

  test.each([
    ['a document type declaration', '<!DOCTYPE x [<!ENTITY a "b">]><NativeDicomModel/>'],
    ['an unknown entity', model('&unknown;')],
    ['another root', '<Dicom/>'],
    ['an unclosed element', '<NativeDicomModel>'],
    ['no element', ' '],
    ['a tag that is none', model('<DicomAttribute tag="0008" vr="CS"/>')],
    ['a command element', model('<DicomAttribute tag="00000002" vr="UI"/>')],
    ['an attribute given twice', model('<DicomAttribute tag="00080060" vr="CS"/>'.repeat(2))],
    ['an unknown element', model('<Attribute tag="00080060" vr="CS"/>')],
    ['stray text', model('CT')],
    ['text in an attribute', model('<DicomAttribute tag="00080060" vr="CS">CT</DicomAttribute>')],
    ['mixed content', model('<DicomAttribute tag="00080060" vr="CS"><Value/><Item/></DicomAttribute>')],
    ['an Item in a text VR', model('<DicomAttribute tag="00080060" vr="CS"><Item/></DicomAttribute>')],
    ['bulk data', model('<DicomAttribute tag="7FE00010" vr="OW"><BulkData uri="x"/></DicomAttribute>')],
    ['bad base64', model('<DicomAttribute tag="7FE00010" vr="OW"><InlineBinary>!</InlineBinary></DicomAttribute>')],
    ['an XML 1.1 control character', '<?xml version="1.1"?><NativeDicomModel>&#1;</NativeDicomModel>'],
  ])('refuses %s', (_title, text) => {
    expect(refusal(() => fromXml(text)).code).toBe('DATA_SET_INVALID');
  });

  test('reads a long text in steps, wherever these cut it: inside a character, a reference, a tag', () => {
    const text = 'a😀&<b>\r'.repeat(20_000);
    const expected = dataSetOf({ '00104000': attribute('LT', text) });
    const written = toXml(expected);
    for (let shift = 0; shift < 12; shift++) {
      const steps = fromXmlInSteps(written.replace('?>\n', `?>${' '.repeat(shift)}`));
      let rests = 0;
      let step = steps.next();
      for (; step.done !== true; step = steps.next()) rests++;
      expect(step.value).toEqual(expected);
      expect(rests).toBeGreaterThan(1);
    }
    expect(fromXmlInSteps(toXml(DATA_SET)).next().done).toBe(true);
    expect(refusal(() => fromXml(written.slice(0, -1))).code).toBe('DATA_SET_INVALID');
  });

  test('caps nesting', () => {
    const open = '<DicomAttribute tag="00400100" vr="SQ"><Item number="1">'.repeat(200);
    expect(refusal(() => fromXml(model(open))).code).toBe('DATA_SET_TOO_LARGE');
  });

  test.each([['\u001b'], ['\u0000'], ['\ud800'], ['\ufffe']])(
    'refuses to write %j, naming the attribute',
    (character) => {
      const item = dataSetOf({ '00104000': attribute('LT', `Secret${character}`) });
      const error = refusal(() => toXml(dataSetOf({ '00400100': attribute('SQ', item) })));
      expect(error.code).toBe('CHARACTER_UNENCODABLE');
      expect(error.message).toMatch(/^00400100\.00104000: /);
      expect(error.message).not.toContain('Secret');
    },
  );
});
