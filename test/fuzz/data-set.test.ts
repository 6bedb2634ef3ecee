/** Properties of the data set codec; bounded in runs, so that the suite stays quick. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeDataSet } from '../../src/dataset/binary/decode.ts';
import { encodeDataSet } from '../../src/dataset/binary/encode.ts';
import { TRANSFER_SYNTAXES } from '../../src/dataset/binary/transfer-syntax.ts';
import type { TransferSyntaxUid } from '../../src/dataset/binary/transfer-syntax.ts';
import { attribute } from '../../src/dataset/model.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { GatewayError } from '../../src/errors.ts';
import { dataSets, largeWorklistItem, worklistItem } from '../support/data-sets.ts';

const SYNTAXES = Object.entries(TRANSFER_SYNTAXES);
const ASCII = [...'abcXYZ 09.^_-'];

const SETS: readonly (readonly [string, readonly string[], string])[] = [
  ['ASCII', [], ''],
  ['UTF-8', ['ISO_IR 192'], 'äЖ山😀€'],
  ['Latin-1', ['ISO_IR 100'], 'äöüßÉ¥'],
  ['Cyrillic', ['ISO_IR 144'], 'ЖЛюѓ'],
  ['GB18030', ['GB18030'], '王東东診😀'], // one with 5CH as second byte
  ['GBK', ['GBK'], '王东診'],
  ['Japanese', ['', 'ISO 2022 IR 87', 'ISO 2022 IR 159'], '山田須樛丂ひら'],
  ['Japanese with katakana', ['ISO 2022 IR 13', 'ISO 2022 IR 87'], '山須ﾔﾏﾀﾞ'],
  ['Korean', ['', 'ISO 2022 IR 149'], '洪홍길동'],
  ['Chinese', ['', 'ISO 2022 IR 58'], '张小东'],
  ['Latin-1 and Greek', ['ISO 2022 IR 100', 'ISO 2022 IR 126'], 'äéΔιο'],
];

/** As the encoder makes it: the set at the top; nulls and prototypes as in the codecs. */
function withCharacterSet(dataSet: DataSet, terms: readonly string[]): unknown {
  const values = terms.map((term) => (term === '' ? null : term));
  return terms.length === 0 ? { ...dataSet } : { ...dataSet, '00080005': attribute('CS', ...values) };
}

describe('decode(encode(x)) = x', () => {
  for (const [name, syntax] of SYNTAXES) {
    test.each(SETS)(`${name}, %s`, (_name, terms, characters) => {
      const explicit = syntax !== TRANSFER_SYNTAXES.implicitVrLittleEndian;
      const generated = dataSets({ characters: [...ASCII, ...characters], foreignVrs: explicit });
      const property = fc.property(generated, fc.boolean(), (dataSet, undefinedLengths) => {
        const options = { characterSet: terms, unencodable: 'fail', undefinedLengths } as const;
        const decoded = decodeDataSet(encodeDataSet(dataSet, syntax, options), syntax);
        expect({ ...decoded }).toEqual(withCharacterSet(dataSet, terms));
      });
      fc.assert(property, { numRuns: 25 });
    });
  }
});

/** Bytes of a data set after a few changes: bits, lengths, cuts, copies. */
type Change = (bytes: Buffer) => Buffer;

function mutations(bytes: Buffer): fc.Arbitrary<Buffer> {
  const position = fc.nat({ max: Math.max(0, bytes.length - 1) });
  const change: fc.Arbitrary<Change> = fc.oneof(
    fc.tuple(position, fc.nat({ max: 255 })).map(([at, byte]) => (b: Buffer): Buffer => {
      b[at % b.length] = byte;
      return b;
    }),
    fc
      .tuple(position, fc.constantFrom(0xffffffff, 0x7fffffff, 0, 0x10000))
      .map(([at, length]) => (b: Buffer): Buffer => {
        if (b.length >= 4) b.writeUInt32LE(length, at % (b.length - 3));
        return b;
      }),
    position.map(
      (at) =>
        (b: Buffer): Buffer =>
          b.subarray(0, Math.max(1, at)),
    ),
    fc.tuple(position, position).map(
      ([from, to]) =>
        (b: Buffer) =>
          Buffer.concat([b, b.subarray(from, to)]),
    ),
  );
  return fc
    .array(change, { minLength: 1, maxLength: 5 })
    .map((changes) => changes.reduce<Buffer>((b, apply) => apply(b), Buffer.from(bytes)));
}

function decodeAnything(bytes: Buffer, syntax: TransferSyntaxUid): void {
  try {
    decodeDataSet(bytes, syntax, { maximumInflatedBytes: 1_000_000 });
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError);
  }
}

describe('any bytes end in a data set or a GatewayError, within bounded time and memory', () => {
  test.each(SYNTAXES)('mutated data sets, %s', (_name, syntax) => {
    const sources = [
      encodeDataSet(
        worklistItem({ '00100010': attribute('PN', { Alphabetic: 'Müller', Ideographic: '山田' }) }),
        syntax,
      ),
      encodeDataSet(worklistItem({ '00100010': attribute('PN', { Ideographic: '山田' }) }), syntax, { characterSet: ['', 'ISO 2022 IR 87'], undefinedLengths: true }), // prettier-ignore
      encodeDataSet(largeWorklistItem(4_000), syntax),
    ];
    const start = performance.now();
    for (const source of sources) {
      fc.assert(
        fc.property(mutations(source), (bytes) => decodeAnything(bytes, syntax)),
        { numRuns: 400 },
      );
    }
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  test.each(SYNTAXES)('arbitrary bytes, %s', (_name, syntax) => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => decodeAnything(Buffer.from(bytes), syntax)), { numRuns: 500 }); // prettier-ignore
  });

  test('a cut data set is never taken for a shorter one, unless it is cut between attributes', () => {
    const { explicitVrLittleEndian } = TRANSFER_SYNTAXES;
    const bytes = encodeDataSet(worklistItem(), explicitVrLittleEndian);
    const whole = decodeDataSet(bytes, explicitVrLittleEndian);
    for (let length = 0; length < bytes.length; length++) {
      let decoded: DataSet;
      try {
        decoded = decodeDataSet(bytes.subarray(0, length), explicitVrLittleEndian);
      } catch (error) {
        expect(error).toMatchObject({ code: 'DATA_SET_INVALID' });
        continue;
      }
      expect(encodeDataSet(decoded, explicitVrLittleEndian)).toEqual(bytes.subarray(0, length));
      for (const tag of Object.keys(decoded)) expect(decoded[tag]).toEqual(whole[tag]);
    }
  });

  test('a small message cannot ask for much memory: lengths are checked before anything is reserved', () => {
    const before = process.memoryUsage();
    const liar = Buffer.from('42001100' + '4f420000' + 'feffff7f', 'hex');
    for (let i = 0; i < 10_000; i++) decodeAnything(liar, TRANSFER_SYNTAXES.explicitVrLittleEndian);
    const after = process.memoryUsage();
    expect(after.external + after.arrayBuffers - before.external - before.arrayBuffers).toBeLessThan(50_000_000);
  });
});
