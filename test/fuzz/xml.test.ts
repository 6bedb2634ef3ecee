import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { cloneDataSet, itemsOf } from '../../src/dataset/model.ts';
import type { DataSet, PersonName, Value } from '../../src/dataset/model.ts';
import { decodeXml, fromXml, toXml } from '../../src/dataset/xml.ts';
import { GatewayError } from '../../src/errors.ts';
import { dataSets } from '../support/data-sets.ts';
import { mutatedText } from '../support/mutations.ts';

const CHARACTERS = [...'aZ09 ^-.,"\'<>&/éß日本語한글Лю', '😀'];

/** Delimiters at the end of a component group may be left out (PS3.5 6.2.1), and XML does. */
function withoutTrailingDelimiters(dataSet: DataSet): DataSet {
  const copy = cloneDataSet(dataSet);
  for (const attribute of Object.values(copy)) {
    if (attribute.vr === 'SQ') attribute.Value = itemsOf(attribute).map(withoutTrailingDelimiters);
    if (attribute.vr !== 'PN') continue;
    const values = (attribute.Value ?? []).map((value): Value => value && shortName(value as PersonName));
    if (values.length === 0 || (values.length === 1 && values[0] === null)) delete attribute.Value;
    else attribute.Value = values;
  }
  for (const attribute of Object.values(copy)) if (attribute.Value?.length === 0) delete attribute.Value;
  return copy;
}

function shortName(name: PersonName): PersonName | null {
  const groups = Object.entries(name as Record<string, string>).map(([group, text]) => [
    group,
    text.replace(/\^+$/, ''),
  ]);
  const left = groups.filter(([, text]) => text !== '');
  return left.length === 0 ? null : (Object.fromEntries(left) as PersonName);
}

describe('Native DICOM Model, generated (PS3.19 A.1)', () => {
  test.each([false, true])('a data set survives XML unchanged (foreign VRs: %s)', (foreignVrs) => {
    fc.assert(
      fc.property(dataSets({ characters: CHARACTERS, foreignVrs }), fc.boolean(), (dataSet, namespace) => {
        const text = toXml(dataSet, { namespace });
        expect(fromXml(text)).toStrictEqual(withoutTrailingDelimiters(dataSet));
        expect(decodeXml(Buffer.from(text))).toStrictEqual(fromXml(text));
      }),
      { numRuns: 200 },
    );
  });

  test('a mutated text ends in a data set or a GatewayError', () => {
    const texts = dataSets({ characters: CHARACTERS }).map((dataSet) => toXml(dataSet));
    fc.assert(
      fc.property(texts.chain(mutatedText), (text) => {
        try {
          fromXml(text);
        } catch (error) {
          if (!(error instanceof GatewayError)) throw error;
        }
      }),
      { numRuns: 250 },
    );
  });

  test.each([
    [
      'delimiters in a person name',
      'PN',
      '00100010',
      `<PersonName number="1"><Alphabetic><FamilyName>${'^'.repeat(200_000)}x</FamilyName></Alphabetic></PersonName>`,
    ],
    ['digits of a number of 64 bits', 'SV', '00720082', `<Value number="1">${'9'.repeat(4_000_000)}</Value>`],
    ['spaces in a number', 'FD', '00081163', `<Value number="1">${' '.repeat(200_000)}x</Value>`],
  ])('%s, however many, take no more time than their number', (_what, vr, tag, content) => {
    const text = `<NativeDicomModel><DicomAttribute tag="${tag}" vr="${vr}">${content}</DicomAttribute></NativeDicomModel>`;
    const before = process.cpuUsage();
    try {
      fromXml(text);
    } catch (error) {
      expect(error).toBeInstanceOf(GatewayError);
    }
    expect(process.cpuUsage(before).user).toBeLessThan(1_000_000);
  });

  test('any bytes end in a data set or a GatewayError', () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.string().map((text) => Buffer.from(`<?xml encoding="${text}"?><a/>`)),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        expect(() => decodeXml(input)).toThrow(GatewayError);
      }),
    );
  });
});
