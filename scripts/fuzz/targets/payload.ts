/** The body of a request with the header fields that say what it is (PS3.18 8.6): media types, multipart, codings. */
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { ByteBudget, HeldBytes } from '../../../src/access/byte-budget.ts';
import { toJson } from '../../../src/dataset/json.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { toXml } from '../../../src/dataset/xml.ts';
import { payloadFormatOf, readPayload } from '../../../src/dicomweb/request-payload.ts';
import { commit } from '../services.ts';
import { attemptAsync, splitHead, withHead } from '../target.ts';
import type { FuzzTarget } from '../target.ts';
import { MEDIA_TOKENS, multipartOf } from '../web-messages.ts';
import { goldenCommitments } from '../../../test/support/commitments.ts';
import { createMessage } from '../../../test/support/mpps.ts';

const MAXIMUM_BYTES = 4_000_000;
const BUDGET = new ByteBudget(Infinity);
const MEMORY = { body: new HeldBytes(BUDGET), made: new HeldBytes(BUDGET) };

function read(input: Buffer): Promise<string> {
  return attemptAsync(async () => {
    const { fields, body } = splitHead(input);
    const headers = Object.fromEntries([...fields].filter(([name]) => name.startsWith('content-')));
    const format = payloadFormatOf(headers);
    return commit(await readPayload(format, Buffer.from(body), MAXIMUM_BYTES, MEMORY));
  });
}

function bodiesOf(dataSet: DataSet): Buffer[] {
  const [json, xml] = [toJson(dataSet), toXml(dataSet)];
  const type = 'Content-Type';
  const coded = (coding: string, bytes: Buffer): Buffer =>
    withHead({ [type]: 'application/dicom+json; charset="ISO_IR 192"', 'Content-Encoding': coding }, bytes);
  return [
    withHead({ [type]: 'application/dicom+json' }, json),
    withHead({ [type]: 'application/json; charset=iso-8859-1' }, Buffer.from(json, 'latin1')),
    withHead({ [type]: 'application/dicom+xml' }, xml),
    withHead(
      { [type]: 'multipart/related; type="application/dicom+json"; boundary=b' },
      multipartOf('b', 'application/dicom+json', [json]),
    ),
    withHead({ [type]: 'multipart/related; boundary="=_x y"' }, multipartOf('=_x y', 'application/dicom+xml', [xml])),
    coded('gzip', gzipSync(json)),
    coded('br', brotliCompressSync(json)),
    coded('deflate', deflateSync(json)),
    coded('deflate, gzip', gzipSync(deflateRawSync(json))),
  ];
}

export const payload: FuzzTarget = {
  name: 'payload',
  seeds: () => [createMessage(), ...goldenCommitments().map(({ request }) => request)].flatMap(bodiesOf),
  tokens: MEDIA_TOKENS,
  open: () => ({ read }),
};
