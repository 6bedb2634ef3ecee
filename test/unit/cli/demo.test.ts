/** What the demonstration is made of: the taps' readers, the printer, and the judge of each step. */
import { describe, expect, test } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { playSteps } from '../../../src/cli/demo.ts';
import { DimseReader } from '../../../src/cli/demo-dimse-reader.ts';
import { HttpReader } from '../../../src/cli/demo-http-reader.ts';
import type { DemoStep } from '../../../src/cli/demo-play.ts';
import { DemoPrinter, labelOf } from '../../../src/cli/demo-print.ts';
import type { Seen, SeenHttpAnswer, SeenHttpRequest } from '../../../src/cli/demo-seen.ts';
import { displayWidth } from '../../../src/cli/terminal.ts';

const BODY = '[{"00100010":{"vr":"PN","Value":[{"Alphabetic":"Müller"}]}},{"00080060":{"vr":"CS"}}]';

function chunked(body: Buffer, size: number): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) {
    const piece = body.subarray(at, at + size);
    pieces.push(Buffer.from(`${piece.length.toString(16)};x=y\r\n`), piece, Buffer.from('\r\n'));
  }
  return Buffer.concat([...pieces, Buffer.from('0\r\nTrailer: 1\r\n\r\n')]);
}

/** Hands the bytes on in pieces of every size. */
function inPieces(bytes: Buffer, push: (piece: Buffer) => void, size: number): void {
  for (let at = 0; at < bytes.length; at += size) push(bytes.subarray(at, at + size));
}

describe('the reader of HTTP', () => {
  const request = Buffer.from('GET /a?limit=1 HTTP/1.1\r\nHost: x\r\nAccept: application/dicom+json\r\n\r\n');
  const answers = {
    'a length': Buffer.concat([
      Buffer.from(
        `HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\nContent-Length: ${Buffer.byteLength(BODY)}\r\n\r\n`,
      ),
      Buffer.from(BODY),
    ]),
    'chunks (RFC 9112 7.1)': Buffer.concat([
      Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\nTransfer-Encoding: chunked\r\n\r\n'),
      chunked(Buffer.from(BODY), 7),
    ]),
    'chunks of a content coding (RFC 9110 8.4)': Buffer.concat([
      Buffer.from(
        'HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n',
      ),
      chunked(gzipSync(BODY), 11),
    ]),
  };

  test.each(Object.entries(answers))('tells each message once it is whole, with %s', (_name, answer) => {
    for (const size of [1, 3, 10_000]) {
      const seen: Seen[] = [];
      const reader = new HttpReader((message) => seen.push(message));
      for (let round = 0; round < 2; round++) {
        inPieces(request, (piece) => reader.request(piece), size);
        inPieces(answer, (piece) => reader.answer(piece), size);
      }
      expect(seen.map(labelOf)).toEqual(['GET', '200', 'GET', '200']);
      const [, first] = seen as [SeenHttpRequest, SeenHttpAnswer];
      expect(first).toMatchObject({
        target: '/a?limit=1',
        status: 200,
        reason: 'OK',
        bodyBytes: Buffer.byteLength(BODY),
        data: { count: 2, first: { '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Müller' }] } } },
      });
    }
  });

  test('passes over interim answers, and knows those without a body (RFC 9110 15.2, 15.3.5)', () => {
    const seen: Seen[] = [];
    const reader = new HttpReader((message) => seen.push(message));
    reader.request(request);
    reader.answer(
      Buffer.from('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nContent-Type: application/json\r\n\r\n'),
    );
    expect(seen.map(labelOf)).toEqual(['GET', '204']);
  });

  test('takes a Status Report for what it is: no data set', () => {
    const seen: Seen[] = [];
    const reader = new HttpReader((message) => seen.push(message));
    reader.request(request);
    const report = '{"error":"Not found"}';
    reader.answer(
      Buffer.from(
        `HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: ${report.length}\r\n\r\n${report}`,
      ),
    );
    expect(seen[1]).toMatchObject({ status: 404, bodyBytes: report.length, data: { count: 0, first: undefined } });
  });
});

describe('the reader of DIMSE', () => {
  test('refuses what is no association', () => {
    const reader = new DimseReader(() => undefined);
    expect(() => reader.request(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).toThrow('PDU type 71 does not exist');
  });
});

const ANSWER: SeenHttpAnswer = {
  kind: 'http-answer',
  target: '/crossover/modality-scheduled-procedure-steps',
  status: 200,
  reason: 'OK',
  fields: new Map([['content-type', 'application/dicom+json']]),
  bodyBytes: 1,
  data: {
    count: 1,
    first: {
      '00100010': {
        vr: 'PN',
        Value: [{ Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' }],
      },
      '00321060': { vr: 'LO', Value: ['\u001b[31mred\u001b[0m'] },
      '00102000': { vr: 'LO' },
    },
  },
};

function printed(seen: Seen, paper: { columns?: number; isTTY?: boolean } = {}): string[] {
  let all = '';
  const write = (text: string): void => void (all += text);
  new DemoPrinter({ paper: { ...paper, write }, partiesOf: () => ['a', 'b'] }).show(seen);
  return all.split('\n');
}

describe('the printer', () => {
  test('cuts values to the width of the terminal, East Asian characters taking two columns', () => {
    for (const columns of [60, 72, 140]) {
      const lines = printed(ANSWER, { columns });
      expect(lines.filter((line) => displayWidth(line) > columns)).toEqual([]);
      expect(lines.some((line) => line.includes('"00100010"') && line.endsWith('…'))).toBe(columns < 140);
    }
  });

  test('lets nothing that a peer sent steer the terminal', () => {
    const lines = printed(ANSWER);
    expect(lines.join('\n')).not.toContain('\u001b');
    expect(lines).toContain('      "00321060": {"vr":"LO","Value":["\\u001b[31mred\\u001b[0m"]}');
    expect(lines).toContain('        MedicalAlerts');
  });
});

describe('a step', () => {
  const step = (run: DemoStep['run']): DemoStep => ({ title: 'asks', expected: ['200'], run });

  function play(steps: readonly DemoStep[], seen: Seen[], signal = new AbortController().signal): Promise<string[]> {
    const told: string[] = [];
    const stage = { printer: { title: () => undefined }, seen, signal, onStep: (name: string) => void told.push(name) };
    return playSteps(steps, stage).then(
      () => told,
      (error: Error) => [...told, error.message],
    );
  }

  test('is good only when just the messages it is about passed the taps', async () => {
    const seen: Seen[] = [];
    const good = step(async () => void seen.push(ANSWER));
    expect(await play([good, good], seen)).toEqual(['playing step 1 (asks)', 'playing step 2 (asks)']);
    const bad = step(async () => undefined);
    expect(await play([good, bad, good], seen)).toEqual([
      'playing step 1 (asks)',
      'playing step 2 (asks)',
      'the messages should be 200; there were none',
    ]);
  });
});
