/** What Retrieve Capabilities says about the transactions of PS3.18 section 15. */
import { CHARSETS } from './charset.ts';
import { UPDATE_PARAMETER } from './mpps-parameters.ts';
import { ANSWER_FORMATS } from './negotiation.ts';
import type { ParameterDescription, StatusDescription, Transaction } from './transaction.ts';

export const MPPS_PATH = '/modality-performed-procedure-steps/{mppsUID}';
/** The examples of section 15 update by another path than its text (C24). */
export const UPDATE_PATH = `${MPPS_PATH}/update`;

const MEDIA_TYPES = ANSWER_FORMATS.map(({ text }) => text);
const CHARSET_NAMES = CHARSETS.map(({ name }) => name);

const UID: ParameterDescription = { name: 'mppsUID', style: 'template', type: 'xs:string', title: 'SOP Instance UID of the MPPS', required: true }; // prettier-ignore

const NEGOTIATION: readonly ParameterDescription[] = [
  { name: 'Accept', style: 'header', type: 'xs:string', title: 'Media types', default: MEDIA_TYPES[0] as string, options: MEDIA_TYPES },
  { name: 'Accept-Charset', style: 'header', type: 'xs:string', title: 'Character sets', default: 'utf-8', options: CHARSET_NAMES },
  { name: 'accept', style: 'query', type: 'xs:string', title: 'Media types, as in Accept', options: MEDIA_TYPES },
  { name: 'charset', style: 'query', type: 'xs:string', title: 'Character sets, as in Accept-Charset', options: CHARSET_NAMES },
]; // prettier-ignore

const WRITING: readonly ParameterDescription[] = [
  UID,
  { name: 'Content-Type', style: 'header', type: 'xs:string', title: 'Media type of the payload', required: true, options: MEDIA_TYPES },
  { name: 'Content-Encoding', style: 'header', type: 'xs:string', title: 'Content coding of the payload', options: ['gzip', 'deflate', 'br'] },
  ...NEGOTIATION,
]; // prettier-ignore

const UPDATE: ParameterDescription = { name: UPDATE_PARAMETER, style: 'query', type: 'xs:string', title: 'Makes it an update; takes no value', required: true }; // prettier-ignore

const INCLUDE: ParameterDescription = { name: 'includefield', style: 'query', type: 'xs:string', title: 'Attributes to return: tags, keywords or paths of them, separated by commas; or all', default: 'all', repeating: true }; // prettier-ignore

const FAILURES: readonly StatusDescription[] = [
  { status: 400, title: 'A header, a parameter or the payload is wrong' },
  { status: 403, title: 'The far end refuses the request' },
  { status: 406, title: 'No accepted media type or character set is available' },
  { status: 500, title: 'Something unexpected happened' },
  { status: 501, title: 'The far end does not support the transaction' },
  { status: 502, title: 'The far end failed or cannot be understood' },
  { status: 503, title: 'The far end cannot be reached or is overloaded: try again after Retry-After' },
  { status: 504, title: 'The far end did not answer in time; the outcome is not known' },
  { status: 508, title: 'The message came by the same route of this gateway before' },
];

const WRITING_FAILURES: readonly StatusDescription[] = [
  { status: 408, title: 'The payload did not come in time' },
  { status: 413, title: 'The payload is too large' },
  { status: 415, title: 'The media type or content coding of the payload is not supported' },
];

const UNKNOWN: readonly StatusDescription[] = [
  { status: 404, title: 'There is no such MPPS' },
  { status: 410, title: 'The MPPS was deleted' },
];

type Description = Pick<Transaction, 'title' | 'operation' | 'isWrite' | 'parameters' | 'requestTypes' | 'statuses'>;

export const MPPS_DESCRIPTIONS = {
  create: {
    title: 'Create Modality Performed Procedure Step (PS3.18 15.4)',
    operation: 'create',
    isWrite: true,
    parameters: WRITING,
    requestTypes: MEDIA_TYPES,
    statuses: inOrder({ status: 201, title: 'Created' }, FAILURES, WRITING_FAILURES, [
      { status: 409, title: 'There is an MPPS of this UID' },
    ]),
  },
  update: {
    title: 'Update Modality Performed Procedure Step (PS3.18 15.5)',
    operation: 'update',
    isWrite: true,
    parameters: [UPDATE, ...WRITING],
    requestTypes: MEDIA_TYPES,
    statuses: inOrder({ status: 200, title: 'Updated' }, FAILURES, WRITING_FAILURES, UNKNOWN, [
      { status: 409, title: 'The update does not go with what is stored, or the MPPS is final' },
    ]),
  },
  retrieve: {
    title: 'Retrieve Modality Performed Procedure Step (PS3.18 15.6)',
    operation: 'retrieve',
    parameters: [UID, INCLUDE, ...NEGOTIATION],
    statuses: inOrder({ status: 200, title: 'The MPPS', mediaTypes: MEDIA_TYPES }, FAILURES, UNKNOWN),
  },
} as const satisfies Record<string, Description>;

function inOrder(success: StatusDescription, ...failures: (readonly StatusDescription[])[]): StatusDescription[] {
  return [success, ...failures.flat().sort((a, b) => a.status - b.status)];
}
