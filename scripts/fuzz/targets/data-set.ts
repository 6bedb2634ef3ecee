/** A data set in its binary encodings. The first byte of an input says which. */
import { decodeDataSet } from '../../../src/dataset/binary/decode.ts';
import { encodeDataSet } from '../../../src/dataset/binary/encode.ts';
import { TRANSFER_SYNTAXES } from '../../../src/dataset/binary/transfer-syntax.ts';
import { sampleDataSets } from '../samples.ts';
import { useDataSet } from '../services.ts';
import { attempt } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const SYNTAXES = Object.values(TRANSFER_SYNTAXES);

function read(input: Buffer): string {
  const syntax = SYNTAXES[(input[0] ?? 0) % SYNTAXES.length] ?? TRANSFER_SYNTAXES.explicitVrLittleEndian;
  const issues = new Set<string>();
  const outcome = attempt(() => {
    const report = ({ code }: { code: string }): void => void issues.add(code);
    return useDataSet(decodeDataSet(input.subarray(1), syntax, { maximumInflatedBytes: 4_000_000, report }));
  });
  return `${[...issues].sort().join(' ')} ${outcome}`;
}

export const dataSet: FuzzTarget = {
  name: 'data-set',
  seeds: () =>
    sampleDataSets().flatMap((sample) =>
      SYNTAXES.map((syntax, i) =>
        Buffer.concat([Buffer.of(i), encodeDataSet(sample, syntax, { undefinedLengths: i % 2 === 1 })]),
      ),
    ),
  tokens: [
    ...[
      '\x08\0\x05\0',
      '\x08\0\x05\0CS\x0a\0ISO_IR 192',
      '\x08\0\x05\0CS\x16\0\\ISO 2022 IR 87\\ISO 2022',
      'ISO_IR 100\\GBK',
    ],
    ...['\x1b$B', '\x1b(B', '\x1b$)C', '\x1b-F', '\xfe\xff\0\xe0\xff\xff\xff\xff', '\xfe\xff\x0d\xe0\0\0\0\0'],
    ...['\xfe\xff\xdd\xe0\0\0\0\0', '\x08\0\x10\x11SQ\0\0\xff\xff\xff\xff', '\x10\0\x10\0PN', '\x09\0\x01\x10UN\0\0'],
    ...['=', '^', '\\', '\0', ' ', '1.2.', '\xff\xff\xff\xff', '\xfe\xff\xff\x7f'],
  ].map((text) => Buffer.from(text, 'latin1')),
  brackets: [
    [
      Buffer.from('\x08\0\x10\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff', 'latin1'),
      Buffer.from('\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0', 'latin1'),
    ],
  ],
  open: () => ({ read }),
};
