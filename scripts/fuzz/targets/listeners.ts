/** Both listeners over real sockets: what only shows in the life of a connection. */
import { DicomwebListener } from '../../../src/dicomweb/origin-server.ts';
import { DimseListener } from '../../../src/dimse/scp.ts';
import { toJson } from '../../../src/dataset/json.ts';
import { goldenCommitments } from '../../../test/support/commitments.ts';
import { LISTENER_OPTIONS as DIMSE_OPTIONS } from '../../../test/support/dimse-listener.ts';
import { LISTENER_OPTIONS as WEB_OPTIONS } from '../../../test/support/http-listener.ts';
import { createMessage } from '../../../test/support/mpps.ts';
import { associationSeeds, PDU_TOKENS } from '../associations.ts';
import { exchange } from '../connection.ts';
import { ErrorWatch, servingHandler } from '../served.ts';
import type { FuzzTarget } from '../target.ts';
import { MEDIA_TOKENS } from '../web-messages.ts';

/** A second piece arrives by itself from here on, as the first byte says, in hundredths. */
function cut(input: Buffer): Buffer[] {
  const bytes = input.subarray(1);
  const at = Math.floor((bytes.length * ((input[0] ?? 0) % 100)) / 100);
  return [bytes.subarray(0, at), bytes.subarray(at)].filter(({ length }) => length > 0);
}

export const dimseListener: FuzzTarget = {
  name: 'dimse-listener',
  seeds: () => associationSeeds().map((bytes, i) => Buffer.concat([Buffer.of(i * 9), bytes])),
  tokens: PDU_TOKENS,
  open: async () => {
    const watch = new ErrorWatch();
    const options = { ...DIMSE_OPTIONS, artimMs: 500, idleTimeoutMs: 1_000, requestTimeoutMs: 1_000 };
    const listener = new DimseListener(options, servingHandler(), watch.logger);
    const { port } = await listener.listen();
    return {
      read: async (input) => {
        const answer = await exchange(port, cut(input));
        watch.check();
        return pduTypes(answer);
      },
      close: () => listener.close(0),
    };
  },
};

/** The types of the PDUs that came, with the first bytes of what is short. */
function pduTypes(bytes: Buffer): string {
  const types: string[] = [];
  for (let at = 0; at + 6 <= bytes.length && types.length < 8; at += 6 + bytes.readUInt32BE(at + 2)) {
    const type = bytes.readUInt8(at);
    types.push(type === 3 || type === 7 ? bytes.toString('hex', at, at + 10) : String(type));
  }
  return types.join(' ');
}

const JSON_TYPE = 'application/dicom+json';

function request(line: string, fields: readonly string[] = [], body = ''): Buffer {
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  const head = [`${line} HTTP/1.1`, 'Host: gateway', ...fields, ...length, '', ''].join('\r\n');
  return Buffer.from(`\x2a${head}${body}`);
}

const CLAIM = '{"00741000":{"vr":"CS","Value":["IN PROGRESS"]},"00081195":{"vr":"UI","Value":["1.2.4"]}}';

const UPGRADE = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Origin: http://gateway',
];
/** Of WebSocket, masked with zeros: an answer to the first ping, a text in two pieces, a ping, an end. */
const FRAMES = Buffer.from(
  [
    '8a8100000000' + '31',
    '018200000000' + '4142',
    '808100000000' + '43',
    '898100000000' + '44',
    '888200000000' + '03e8',
  ].join(''),
  'hex',
);

function webSeeds(): Buffer[] {
  const mpps = toJson(createMessage());
  const [golden] = goldenCommitments();
  const module = golden === undefined ? '' : toJson(golden.request);
  const typed = [`Content-Type: ${JSON_TYPE}`];
  return [
    request('GET /dicomweb/modality-scheduled-procedure-steps?PatientName=M*&includefield=all&limit=2', [
      `Accept: ${JSON_TYPE}`,
    ]),
    request('GET /dicomweb/modality-scheduled-procedure-steps?00080060=CT', [
      'Accept: multipart/related; type="application/dicom+xml"',
      'Accept-Encoding: gzip',
    ]),
    request('POST /dicomweb/modality-performed-procedure-steps/1.2.3', typed, mpps),
    request('POST /dicomweb/modality-performed-procedure-steps/1.2.3?update', typed, mpps),
    request('GET /dicomweb/modality-performed-procedure-steps/1.2.3?includefield=00100010', ['Accept: */*']),
    request(
      'POST /dicomweb/commitment-requests/1.2.4',
      [...typed, 'Expect: 100-continue', 'Connection: close'],
      module,
    ),
    request('GET /dicomweb/commitment-requests/1.2.4'),
    request('GET /dicomweb/workitems?ProcedureStepState=SCHEDULED&includefield=all&limit=2', [`Accept: ${JSON_TYPE}`]),
    request('POST /dicomweb/workitems?1.2.3', typed, mpps),
    request('POST /dicomweb/workitems/1.2.3?transaction-uid=1.2.4', typed, mpps),
    request('PUT /dicomweb/workitems/1.2.3/state', typed, CLAIM),
    request('POST /dicomweb/workitems/1.2.3/cancelrequest/W?requester=V'),
    request('POST /dicomweb/workitems/1.2.840.10008.5.1.4.34.5/subscribers/W?deletionlock=true&filter=00741000%3DX'),
    request('DELETE /dicomweb/workitems/1.2.3/subscribers/W'),
    Buffer.concat([request('GET /dicomweb/ws/subscribers/W', UPGRADE), FRAMES]),
    request('OPTIONS /dicomweb/', ['Accept: application/vnd.sun.wadl+xml']),
    Buffer.from(
      `\x10POST /dicomweb/commitment-requests/1.2.4 HTTP/1.1\r\nHost: a\r\nContent-Type: ${JSON_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
    ),
  ];
}

export const webListener: FuzzTarget = {
  name: 'web-listener',
  seeds: webSeeds,
  tokens: [
    ...MEDIA_TOKENS,
    ...[
      'GET ',
      'POST ',
      'PUT ',
      'OPTIONS ',
      'HEAD ',
      ' HTTP/1.1\r\n',
      ' HTTP/1.0\r\n',
      ' HTTP/2.0\r\n',
      'Transfer-Encoding: chunked\r\n',
    ],
    ...[
      'Content-Length: 5\r\n',
      'Content-Length: -1\r\n',
      'Expect: 100-continue\r\n',
      'Connection: keep-alive\r\n',
      'Upgrade: h2c\r\n',
      'Upgrade: websocket\r\n',
      'Connection: Upgrade\r\n',
      'Sec-WebSocket-Protocol: a, b\r\n',
      'DELETE ',
      '/workitems/1.2.3/',
      '0\r\n\r\n',
    ],
    ...[
      '/dicomweb/',
      '/../',
      '//',
      '%2e%2e',
      '?update',
      '&includefield=all',
      'http://other/',
      'fffffffff\r\n',
      '\x7f',
      '\xe4',
    ],
  ],
  open: async () => {
    const watch = new ErrorWatch();
    const options = { ...WEB_OPTIONS, headersTimeoutMs: 1_000, requestTimeoutMs: 1_000, idleTimeoutMs: 1_000 };
    const listener = new DicomwebListener(options, servingHandler(), watch.logger);
    const { port } = await listener.listen();
    return {
      read: async (input) => {
        const answer = (await exchange(port, cut(input))).toString('latin1');
        watch.check();
        const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status);
        if (statuses.includes('500')) throw new Error('an answer of 500 that is in no log');
        const report = /"(?:status|comment)":\{[^}]*\}/.exec(answer)?.[0] ?? '';
        return `${statuses.slice(0, 4).join(' ')} ${report.replaceAll(/\d+/g, '#').slice(0, 100)}`;
      },
      close: () => listener.close(0),
    };
  },
};
