/** What Retrieve Capabilities says about the transactions of PS3.18 section 15. */
import {
  FAILURES,
  inOrder,
  MEDIA_TYPES,
  NEGOTIATION_PARAMETERS,
  PAYLOAD_FAILURES,
  PAYLOAD_PARAMETERS,
} from './descriptions.ts';
import { UPDATE_PARAMETER } from './request-parameters.ts';
import type { ParameterDescription, StatusDescription, TransactionDescription } from './transaction.ts';

export const MPPS_PATH = '/modality-performed-procedure-steps/{mppsUID}';
/** The examples of section 15 update by another path than its text (C24). */
export const UPDATE_PATH = `${MPPS_PATH}/update`;

const UID: ParameterDescription = { name: 'mppsUID', style: 'template', type: 'xs:string', title: 'SOP Instance UID of the MPPS', required: true }; // prettier-ignore

const WRITING: readonly ParameterDescription[] = [UID, ...PAYLOAD_PARAMETERS, ...NEGOTIATION_PARAMETERS];

const UPDATE: ParameterDescription = { name: UPDATE_PARAMETER, style: 'query', type: 'xs:string', title: 'Makes it an update; takes no value', required: true }; // prettier-ignore

const INCLUDE: ParameterDescription = { name: 'includefield', style: 'query', type: 'xs:string', title: 'Attributes to return: tags, keywords or paths of them, separated by commas; or all', default: 'all', repeating: true }; // prettier-ignore

const UNKNOWN: readonly StatusDescription[] = [
  { status: 404, title: 'There is no such MPPS' },
  { status: 410, title: 'The MPPS was deleted' },
];

export const MPPS_DESCRIPTIONS = {
  create: {
    title: 'Create Modality Performed Procedure Step (PS3.18 15.4)',
    operation: 'create',
    isWrite: true,
    parameters: WRITING,
    requestTypes: MEDIA_TYPES,
    statuses: inOrder([{ status: 201, title: 'Created' }], FAILURES, PAYLOAD_FAILURES, [
      { status: 409, title: 'There is an MPPS of this UID' },
    ]),
  },
  update: {
    title: 'Update Modality Performed Procedure Step (PS3.18 15.5)',
    operation: 'update',
    isWrite: true,
    parameters: [UPDATE, ...WRITING],
    requestTypes: MEDIA_TYPES,
    statuses: inOrder([{ status: 200, title: 'Updated' }], FAILURES, PAYLOAD_FAILURES, UNKNOWN, [
      { status: 409, title: 'The update does not go with what is stored, or the MPPS is final' },
    ]),
  },
  retrieve: {
    title: 'Retrieve Modality Performed Procedure Step (PS3.18 15.6)',
    operation: 'retrieve',
    parameters: [UID, INCLUDE, ...NEGOTIATION_PARAMETERS],
    statuses: inOrder([{ status: 200, title: 'The MPPS', mediaTypes: MEDIA_TYPES }], FAILURES, UNKNOWN),
  },
} as const satisfies Record<string, TransactionDescription>;
