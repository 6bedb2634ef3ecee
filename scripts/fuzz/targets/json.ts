/** DICOM JSON: as a request brings it and as a stream of results. The first byte says how the stream arrives. */
import { decodeJsonStream } from '../../../src/dataset/json-stream.ts';
import { parseJsonDataSets, parseJsonText, toJson } from '../../../src/dataset/json.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { sampleDataSets } from '../samples.ts';
import { useDataSet } from '../services.ts';
import { attempt, attemptAsync, inPieces, pieceSize } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const MAXIMUM_ITEM_BYTES = 1 << 20;
/** Used by the services, of the data sets of one text. */
const DATA_SETS_USED = 3;

async function read(input: Buffer): Promise<string> {
  const [size = 1] = input;
  const bytes = input.subarray(1);
  const text = bytes.toString('utf8');
  let dataSets: DataSet[] = [];
  const parsed = attempt(() => void (dataSets = parseJsonDataSets(text)));
  const used = new Set(dataSets.slice(0, DATA_SETS_USED).map(useDataSet));
  const streamed = await attemptAsync(async () => {
    let items = 0;
    const limits = { maximumItemBytes: MAXIMUM_ITEM_BYTES, refuseRepeatedNames: true };
    for await (const _item of decodeJsonStream(inPieces(bytes, pieceSize(bytes, size)), limits)) items++;
    return items === 0 ? 'none' : 'some';
  });
  return [parsed, attempt(() => void parseJsonText(text)), streamed, ...used].join(' | ');
}

export const json: FuzzTarget = {
  name: 'json',
  seeds: () => {
    const texts = sampleDataSets().map(toJson);
    return [...texts, `[${texts.slice(0, 4).join(',')}]`, '[]', ''].map((text, i) =>
      Buffer.from(`${i % 2 === 0 ? '\x07' : '\x7f'}${text}`),
    );
  },
  tokens: [
    ...[
      '"',
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '\\',
      '\\u0000',
      '\\ud800',
      'null',
      'true',
      '1e999',
      '-0',
      '1.0',
      '0.1e-7',
      '123456789012345678901',
    ],
    ...[
      '"vr":"SQ"',
      '"vr":"PN"',
      '"vr":"SV"',
      '"vr":"UN"',
      '"vr":"DS"',
      '"Value":[]',
      '"Value":[null]',
      '"InlineBinary":"AA=="',
    ],
    ...[
      '"BulkDataURI":"x"',
      '"Alphabetic":"^^^"',
      '"Ideographic":null',
      '"00080005":{"vr":"CS","Value":["ISO_IR 100"]}',
      '"__proto__":{}',
    ],
    ...['"constructor":1', '"00091001"', '"00090010"', '\ufeff', '\0', '^', '=', ' ', '9', '\u{1f600}', '\u001b$B'],
  ],
  brackets: [
    ['{"00081110":{"vr":"SQ","Value":[', ']}}'],
    ['[', ']'],
    ['{"a":', '}'],
  ],
  open: () => ({ read }),
};
