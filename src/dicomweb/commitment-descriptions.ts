/** What Retrieve Capabilities says about the transactions of PS3.18 section 13. */
import {
  FAILURES,
  inOrder,
  MEDIA_TYPES,
  NEGOTIATION_PARAMETERS,
  PAYLOAD_FAILURES,
  PAYLOAD_PARAMETERS,
} from './descriptions.ts';
import type { ParameterDescription, StatusDescription, TransactionDescription } from './transaction.ts';

export const COMMITMENT_PATH = '/commitment-requests/{transactionUID}';

const UID: ParameterDescription = {
  name: 'transactionUID',
  style: 'template',
  type: 'xs:string',
  title: 'Transaction UID, made by the user agent for this request',
  required: true,
};

const ANSWERS: readonly StatusDescription[] = [
  { status: 200, title: 'Which instances are committed and which have failed', mediaTypes: MEDIA_TYPES },
  { status: 202, title: 'The result is not known yet: check it after Retry-After' },
];

export const COMMITMENT_DESCRIPTIONS = {
  request: {
    title: 'Request Storage Commitment (PS3.18 13.4)',
    operation: 'request',
    isWrite: true,
    parameters: [UID, ...PAYLOAD_PARAMETERS, ...NEGOTIATION_PARAMETERS],
    requestTypes: MEDIA_TYPES,
    statuses: inOrder(ANSWERS, FAILURES, PAYLOAD_FAILURES, [
      { status: 409, title: 'The Transaction UID is in use, or was used before' },
    ]),
  },
  check: {
    title: 'Check the result of Storage Commitment (PS3.18 13.5)',
    operation: 'check',
    parameters: [UID, ...NEGOTIATION_PARAMETERS],
    statuses: inOrder(ANSWERS, FAILURES, [
      { status: 404, title: 'There is no result of this Transaction UID' },
      { status: 410, title: 'The result is no longer kept' },
    ]),
  },
} as const satisfies Record<string, TransactionDescription>;
