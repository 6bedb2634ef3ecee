/** The answer of an origin server as its user agent reads it: results, reports, warnings. The first line is the status. */
import { Readable } from 'node:stream';
import { toJson } from '../../../src/dataset/json.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { toXml } from '../../../src/dataset/xml.ts';
import { contentOf } from '../../../src/dicomweb/answer-content.ts';
import { decodeContent } from '../../../src/dicomweb/content-coding.ts';
import { readResults } from '../../../src/dicomweb/result-reader.ts';
import type { HttpAnswer } from '../../../src/dicomweb/user-agent.ts';
import { mppsFailureFromHttp, mppsWarningsFromHttp } from '../../../src/services/mpps/answers.ts';
import { commitmentFailureFromHttp } from '../../../src/services/storage-commitment/answers.ts';
import { failureFromHttp } from '../../../src/services/worklist/outcomes.ts';
import { parseWarningHeader, warningFromHeader } from '../../../src/services/worklist/warnings.ts';
import { variedWorklist } from '../../../test/support/worklists.ts';
import { reencode } from '../services.ts';
import { attempt, attemptAsync, inPieces, pieceSize, splitHead, withHead } from '../target.ts';
import type { FuzzTarget } from '../target.ts';
import { MEDIA_TOKENS, multipartOf } from '../web-messages.ts';

const MAXIMUM_ITEM_BYTES = 1 << 20;
const DATA_SETS_USED = 3;

function answerOf(input: Buffer, source: AsyncIterable<Uint8Array>): HttpAnswer {
  const { fields, first, body } = splitHead(input);
  async function* plain(): AsyncGenerator<Uint8Array, void, undefined> {
    yield* source;
  }
  return {
    status: /^\d{3}$/.test(first) ? Number(first) : 200,
    fields: (name) => [fields.get(name) ?? []].flat(),
    body: plain(),
    endIsCertain: fields.has('content-length'),
    text: async (maximumBytes) => body.toString('utf8', 0, maximumBytes),
  };
}

async function read(input: Buffer): Promise<string> {
  const { fields, body } = splitHead(input);
  const size = Number(fields.get('piece') ?? 4_096);
  const pieces = (): AsyncGenerator<Buffer> => inPieces(body, pieceSize(body, Number.isInteger(size) ? size : 1));
  const outcomes: string[] = [];
  outcomes.push(
    await attemptAsync(async () => {
      const coding = fields.get('content-encoding');
      const source = coding === undefined ? pieces() : broken(await decodeContent(Readable.from(pieces()), coding));
      let results = 0;
      const used = new Set<string>();
      for await (const result of readResults(answerOf(input, source), { maximumItemBytes: MAXIMUM_ITEM_BYTES })) {
        if (results++ < DATA_SETS_USED) used.add(reencode(result));
      }
      return [...used].join(' ');
    }),
  );
  outcomes.push(await attemptAsync(async () => failuresIn(answerOf(input, pieces()))));
  return outcomes.join(' | ');
}

/** What the user agent makes of errors of zlib. */
async function* broken(source: Readable): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* source as AsyncIterable<Buffer>;
  } catch (error) {
    if (!/^(Z_|ERR_BROTLI|ERR__ERROR|ERR_)/.test(String((error as NodeJS.ErrnoException).code))) throw error;
  }
}

async function failuresIn(answer: HttpAnswer): Promise<string> {
  const content = await contentOf(answer);
  const warnings = answer.fields('warning').flatMap(parseWarningHeader).map(warningFromHeader);
  const failures = [
    failureFromHttp(answer.status, content),
    mppsFailureFromHttp(answer.status, 'update', content),
    commitmentFailureFromHttp(answer.status, 'request', content),
  ].map((failure) => failure?.code);
  attempt(() => mppsWarningsFromHttp(answer.fields('warning')).length);
  return [...failures, ...warnings.map(({ code }) => code)].join(' ');
}

const REPORT = JSON.stringify({
  status: 'Failure',
  '00000902': { vr: 'LO', Value: ['no'] },
  '00000901': { vr: 'AT', Value: ['00100010'] },
});

function answersOf(results: readonly DataSet[]): Buffer[] {
  const json = `[${results.map(toJson).join(',')}]`;
  const warning = '299 http://ris: There are 20 additional results that can be requested, B001 x: 00100010 "y"';
  return [
    withHead({ 'Content-Type': 'application/dicom+json', Warning: warning, 'Content-Length': '1' }, json),
    withHead(
      { Piece: '7', 'Retry-After': 'Sat, 21 Nov 2026 08:00:00 GMT', Date: 'Sat, 21 Nov 2026 07:00:00 GMT' },
      json,
    ),
    withHead(
      { 'Content-Type': 'multipart/related; type="application/dicom+xml"; boundary=b' },
      multipartOf(
        'b',
        'application/dicom+xml',
        results.map((one) => toXml(one)),
      ),
    ),
    withHead(
      { 'Content-Type': 'multipart/related; boundary=b', Piece: '3' },
      multipartOf('b', 'application/dicom+json', results.map(toJson)),
    ),
    Buffer.concat([
      Buffer.from('409\nContent-Type: application/dicom+json\nWarning: 0111 x: 00100010\n\n'),
      Buffer.from(REPORT),
    ]),
    Buffer.from(`400\nWarning: 299 a "b"\nRetry-After: 120\n\n${REPORT}`),
  ];
}

export const answer: FuzzTarget = {
  name: 'answer',
  seeds: () => [variedWorklist().slice(0, 2), variedWorklist().slice(4), []].flatMap(answersOf),
  tokens: [
    ...MEDIA_TOKENS,
    'Warning: ',
    '299 ',
    'B001: ',
    'FF01',
    'There are 7 additional results that can be requested',
    'Retry-After: ',
    'Piece: 1\n',
  ],
  open: () => ({ read }),
};
