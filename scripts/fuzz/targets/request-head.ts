/** The query of a request and the header fields that are negotiated. The first line is the query. */
import { chooseEncoding } from '../../../src/dicomweb/media-type.ts';
import { hopHeader, hopsOf } from '../../../src/dicomweb/hop-header.ts';
import { negotiate } from '../../../src/dicomweb/negotiation.ts';
import { requestParameters } from '../../../src/dicomweb/request-parameters.ts';
import { workitemParameters, workitemSearch } from '../../../src/dicomweb/workitem-parameters.ts';
import { codingsOf } from '../../../src/dicomweb/content-coding.ts';
import { encodeDataSet } from '../../../src/dataset/binary/encode.ts';
import { TRANSFER_SYNTAXES } from '../../../src/dataset/binary/transfer-syntax.ts';
import { TRANSACTION_UID_NAMES } from '../../../src/services/ups/parameters.ts';
import { identifierFromQuery } from '../../../src/services/worklist/identifier.ts';
import { matches } from '../../../src/services/worklist/matching.ts';
import { parametersFromQuery, queryFromParameters } from '../../../src/services/worklist/search-parameters.ts';
import { variedWorklist } from '../../../test/support/worklists.ts';
import { contextOf } from '../../../test/support/requests.ts';
import { attempt, splitHead } from '../target.ts';
import type { FuzzTarget } from '../target.ts';
import { MEDIA_TOKENS } from '../web-messages.ts';

const ENTRIES = variedWorklist();
const SERVER = { emptyValueMatching: true, multipleValueMatching: true, maximumUriLength: 1_000_000 };

function read(input: Buffer): string {
  const { fields, first } = splitHead(input);
  return [
    attempt(() => search(first, false)),
    attempt(() => search(first, true)),
    attempt(() => String(requestParameters(first, ['includefield', 'update'], false).warnings.length > 0)),
    attempt(() => String(workitemSearch(first, false).warnings.length > 0)),
    attempt(() => {
      const { uid, values } = workitemParameters(first, {
        uidNames: TRANSACTION_UID_NAMES,
        names: ['filter'],
        strictParameters: false,
      });
      return `${uid === undefined ? 'none' : 'uid'} ${String(values.has('filter'))}`;
    }),
    attempt(() => {
      const accept = fields.get('accept');
      const acceptCharset = fields.get('accept-charset');
      const [best] = negotiate({
        accept,
        acceptCharset,
        acceptParameter: fields.get('parameter'),
        strictAccept: false,
      });
      return `${best?.format.text ?? ''} ${best?.charsets[0]?.name ?? ''}`;
    }),
    attempt(() => chooseEncoding(fields.get('accept-encoding'))),
    attempt(() => String(codingsOf(fields.get('content-encoding') ?? '')?.length)),
    attempt(() => {
      const hops = hopsOf({ 'dimseway-hop': fields.get('dimseway-hop') });
      hopHeader({ ...contextOf(), hops });
      return String(hops.length > 0);
    }),
  ].join(' | ');
}

/** From the URL to the identifier of C-FIND, to entries, and to the URL of another server. */
function search(text: string, strictParameters: boolean): string {
  const { query, warnings, accept } = queryFromParameters(text, { strictParameters });
  const { identifier } = identifierFromQuery(query);
  const encoded = attempt(() => void encodeDataSet(identifier, TRANSFER_SYNTAXES.explicitVrLittleEndian));
  for (const entry of ENTRIES) matches(entry, query);
  parametersFromQuery(query, SERVER);
  return `${String(warnings.length > 0)} ${String(accept !== undefined)} ${encoded}`;
}

const QUERIES = [
  '?00400100.00400002=20260301-20260303&00400100.Modality=CT&includefield=00100010,PatientID&limit=5&offset=2',
  'PatientName=M%C3%BCller*&fuzzymatching=true&emptyvaluematching=true&AccessionNumber=%22%22',
  'StudyInstanceUID=1.2.3,1.2.4&multiplevaluematching=true&00080060=CT%5CMR&includefield=all',
  'accept=application/dicom%2Bxml&charset=ISO_IR%20100&TimezoneOffsetFromUTC=%2B0100&0040A120=20260301120000%2B0100-',
  '00090010=ACME&00091001=x&includefield=00400100&includefield=00321064.00080100&update&PatientWeight=70.5',
  '?1.2.840.99.7&accept=application/dicom%2Bjson',
  'Transaction-uid=2.25.4711&filter=00741000%3DSCHEDULED,00404041=READY&deletionlock=true',
  '',
];

export const requestHead: FuzzTarget = {
  name: 'request-head',
  seeds: () =>
    QUERIES.map((query, i) =>
      Buffer.from(
        [
          query,
          `Accept: ${i % 2 === 0 ? '*/*' : 'multipart/related; type="application/dicom+xml"; q=0.5, application/dicom+json; transfer-syntax=*'}`,
          'Accept-Charset: utf-8, iso-8859-1;q=0.5, *;q=0',
          'Accept-Encoding: gzip;q=0.5, br, *;q=0',
          'Content-Encoding: deflate, gzip',
          'Parameter: application/dicom+xml; charset=gbk',
          'Dimseway-Hop: a;b, c%20d;e',
          '\n',
        ].join('\n'),
      ),
    ),
  tokens: [
    ...MEDIA_TOKENS,
    ...[
      '&',
      '?',
      '+',
      '.',
      '%5C',
      '%22%22',
      '%E5%B1%B1',
      '-',
      'includefield=',
      'all',
      'limit=',
      'offset=',
      'true',
      'false',
      '00400100.',
    ],
    ...[
      '00081110.',
      'ScheduledProcedureStepSequence.',
      'Modality',
      '(0010,0010)',
      '00091001=',
      '00090010=',
      'constructor=',
      '__proto__=',
      'toString',
    ],
    ...['transaction-uid=', 'transactionUID=', 'filter=', 'deletionlock='],
    ...['20260301', '20260301-', '1.2.3', '2.25.1', '9', '0', '-1', 'Dimseway-Hop: ', ' ', '*', '?'],
  ],
  brackets: [['00081110.', '']],
  open: () => ({ read }),
};
