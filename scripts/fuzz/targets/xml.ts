/** The Native DICOM Model from bytes in any encoding. */
import type { DataSet } from '../../../src/dataset/model.ts';
import { decodeXml, toXml } from '../../../src/dataset/xml.ts';
import { goldenCommitments } from '../../../test/support/commitments.ts';
import { sampleDataSets } from '../samples.ts';
import { useDataSet } from '../services.ts';
import { attempt } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

function read(input: Buffer): string {
  let dataSet: DataSet | undefined;
  const parsed = attempt(() => void (dataSet = decodeXml(input)));
  return dataSet === undefined ? parsed : useDataSet(dataSet);
}

export const xml: FuzzTarget = {
  name: 'xml',
  seeds: () => [
    ...sampleDataSets().map((sample, i) => Buffer.from(toXml(sample, { namespace: i % 2 === 0 }))),
    ...goldenCommitments().map(({ text }) => Buffer.from(text('request.xml'))),
    Buffer.from(`\ufeff${toXml(sampleDataSets()[1] ?? {})}`, 'utf16le'),
  ],
  tokens: [
    ...[
      '<',
      '>',
      '/>',
      '</',
      '<?xml version="1.1" encoding="utf-16"?>',
      '<!DOCTYPE a [<!ENTITY b "c">]>',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
    ],
    ...[
      '&amp;',
      '&#0;',
      '&#x10ffff;',
      '&b;',
      '&',
      '<DicomAttribute tag="00081110" vr="SQ">',
      '</DicomAttribute>',
      '<Item number="1">',
    ],
    ...[
      '<Value number="1">',
      '<Value number="999999999"/>',
      '<PersonName>',
      '<Alphabetic>',
      '<FamilyName>',
      '</FamilyName>',
      '<InlineBinary>',
    ],
    ...[
      '<BulkData uri="x"/>',
      ' privateCreator="A"',
      ' tag="00091001"',
      ' keyword="Modality"',
      ' vr="UN"',
      ' xmlns:a="b"',
      'a:',
    ],
    ...['^', '=', '\\', ' ', '\0', '9', '\u{1f600}'],
  ],
  brackets: [
    ['<DicomAttribute tag="00081110" vr="SQ"><Item number="1">', '</Item></DicomAttribute>'],
    ['<a>', '</a>'],
  ],
  open: () => ({ read }),
};
