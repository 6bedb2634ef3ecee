/** What Retrieve Capabilities says about the transactions of PS3.18 section 11. */
import { FAILURES, inOrder, MEDIA_TYPES, NEGOTIATION_PARAMETERS, PAYLOAD_FAILURES, PAYLOAD_PARAMETERS } from './descriptions.ts'; // prettier-ignore
import type { ParameterDescription, StatusDescription, TransactionDescription } from './transaction.ts';

export const WORKLIST_PATH = '/workitems';
export const WORKITEM_PATH = '/workitems/{workitem}';
export const STATE_PATH = `${WORKITEM_PATH}/state`;
export const CANCEL_PATH = `${WORKITEM_PATH}/cancelrequest`;
export const SUBSCRIBER_PATH = `${WORKITEM_PATH}/subscribers/{aetitle}`;
export const SUSPEND_PATH = `${SUBSCRIBER_PATH}/suspend`;
/** The standard leaves open which subscriber a notification connection is of (C9): the one that its path names. */
export const CONNECTION_PATH = '/ws/subscribers/{aetitle}';

const UID: ParameterDescription = { name: 'workitem', style: 'template', type: 'xs:string', title: 'SOP Instance UID of the workitem', required: true }; // prettier-ignore

const RESOURCE: ParameterDescription = { ...UID, title: 'SOP Instance UID of a workitem, or the well-known one of the worklist' }; // prettier-ignore

const AE_TITLE: ParameterDescription = { name: 'aetitle', style: 'template', type: 'xs:string', title: 'AE title of the subscriber', required: true }; // prettier-ignore

const REQUESTER: ParameterDescription = { name: 'requester', style: 'template', type: 'xs:string', title: 'AE title of who asks', required: true }; // prettier-ignore

const WRITING: readonly ParameterDescription[] = [...PAYLOAD_PARAMETERS, ...NEGOTIATION_PARAMETERS];

const UNKNOWN: readonly StatusDescription[] = [{ status: 404, title: 'There is no such workitem' }];
const GONE: readonly StatusDescription[] = [{ status: 410, title: 'The workitem was deleted' }];
const CONFLICT: readonly StatusDescription[] = [
  { status: 409, title: 'It does not go with the state of the workitem' },
];

const changeState = {
  title: 'Change Workitem State (PS3.18 11.7)',
  operation: 'changeWorkitemState',
  isWrite: true,
  parameters: [UID, ...WRITING],
  requestTypes: MEDIA_TYPES,
  statuses: inOrder([{ status: 200, title: 'It is in that state' }], FAILURES, PAYLOAD_FAILURES, UNKNOWN, CONFLICT, GONE),
} as const satisfies TransactionDescription; // prettier-ignore

const requestCancellation = {
  title: 'Request Cancellation (PS3.18 11.8)',
  operation: 'requestCancellation',
  isWrite: true,
  parameters: [
    UID,
    { name: 'requester', style: 'query', type: 'xs:string', title: 'AE title of who asks; its performer is told' },
    ...WRITING.map((one) => (one.name === 'Content-Type' ? { ...one, required: false } : one)),
  ],
  requestTypes: MEDIA_TYPES,
  statuses: inOrder(
    [{ status: 202, title: 'The request was taken; whether the workitem is canceled is for its performer to say' }],
    ...[FAILURES, PAYLOAD_FAILURES, UNKNOWN, CONFLICT, GONE],
  ),
} as const satisfies TransactionDescription;

export const WORKITEM_DESCRIPTIONS = {
  search: {
    title: 'Search for Workitems (PS3.18 11.9)',
    operation: 'searchWorkitems',
    parameters: [
      { name: '{attribute}', style: 'query', type: 'xs:string', title: 'Matching key: tag or keyword of an attribute of the workitem, or path of it', repeating: true },
      { name: 'includefield', style: 'query', type: 'xs:string', title: 'Attributes to return besides those of return type 1 and 2: tags, keywords or paths of them, separated by commas; or all', repeating: true },
      { name: 'fuzzymatching', style: 'query', type: 'xs:boolean', title: 'Fuzzy matching of person names', default: 'false' },
      { name: 'limit', style: 'query', type: 'xs:unsignedInt', title: 'Number of results at most' },
      { name: 'offset', style: 'query', type: 'xs:unsignedInt', title: 'Number of results to skip', default: '0' },
      ...NEGOTIATION_PARAMETERS,
    ], // prettier-ignore
    statuses: inOrder(
      [
        { status: 200, title: 'The workitems', mediaTypes: MEDIA_TYPES },
        { status: 204, title: 'There are none' },
      ],
      FAILURES,
      [{ status: 413, title: 'There are too many: narrow the query' }],
    ),
  },
  create: {
    title: 'Create Workitem (PS3.18 11.4)',
    operation: 'createWorkitem',
    isWrite: true,
    parameters: [
      { name: '{workitem}', style: 'query', type: 'xs:string', title: 'UID of the workitem, without name or as `workitem`; absent: that of the payload, or one is made' },
      ...WRITING,
    ], // prettier-ignore
    requestTypes: MEDIA_TYPES,
    statuses: inOrder([{ status: 201, title: 'Created' }], FAILURES, PAYLOAD_FAILURES, [
      { status: 409, title: 'There is a workitem of this UID' },
    ]),
  },
  retrieve: {
    title: 'Retrieve Workitem (PS3.18 11.5)',
    operation: 'retrieveWorkitem',
    parameters: [UID, ...NEGOTIATION_PARAMETERS],
    statuses: inOrder([{ status: 200, title: 'The workitem', mediaTypes: MEDIA_TYPES }], FAILURES, UNKNOWN, GONE),
  },
  update: {
    title: 'Update Workitem (PS3.18 11.6)',
    operation: 'updateWorkitem',
    isWrite: true,
    parameters: [
      UID,
      { name: '{transaction}', style: 'query', type: 'xs:string', title: 'Transaction UID, without name or as `transaction-uid`; absent: that of the payload' },
      ...WRITING,
    ], // prettier-ignore
    requestTypes: MEDIA_TYPES,
    statuses: inOrder([{ status: 200, title: 'Updated' }], FAILURES, PAYLOAD_FAILURES, UNKNOWN, CONFLICT, GONE),
  },
  changeState,
  changeStateByPath: { ...changeState, parameters: [REQUESTER, ...changeState.parameters] },
  requestCancellation,
  requestCancellationByPath: { ...requestCancellation, parameters: [REQUESTER, ...requestCancellation.parameters] },
  subscribe: {
    title: 'Subscribe (PS3.18 11.10)',
    operation: 'subscribe',
    isWrite: true,
    parameters: [
      ...[RESOURCE, AE_TITLE],
      { name: 'deletionlock', style: 'query', type: 'xs:boolean', title: 'The workitem stays until this is taken back', default: 'false' },
      { name: 'filter', style: 'query', type: 'xs:string', title: 'Of the filtered worklist: attribute=value, separated by commas' },
      ...NEGOTIATION_PARAMETERS,
    ], // prettier-ignore
    statuses: inOrder([{ status: 201, title: 'Subscribed; Content-Location is where reports are sent' }], FAILURES, UNKNOWN, GONE), // prettier-ignore
  },
  unsubscribe: {
    title: 'Unsubscribe (PS3.18 11.11)',
    operation: 'unsubscribe',
    isWrite: true,
    parameters: [RESOURCE, AE_TITLE],
    statuses: inOrder([{ status: 200, title: 'Not subscribed any more' }], FAILURES, [
      { status: 404, title: 'There is no such subscription' },
    ]),
  },
  suspend: {
    title: 'Suspend Global Subscription (PS3.18 11.12)',
    operation: 'suspendSubscription',
    isWrite: true,
    parameters: [RESOURCE, AE_TITLE],
    statuses: inOrder([{ status: 200, title: 'New workitems are not subscribed to' }], FAILURES, [
      { status: 404, title: 'There is no such subscription' },
    ]),
  },
  connect: {
    title: 'Open Notification Connection (PS3.18 8.10.4)',
    operation: 'openChannel',
    parameters: [
      AE_TITLE,
      { name: 'Upgrade', style: 'header', type: 'xs:string', title: 'websocket', required: true },
      { name: 'Origin', style: 'header', type: 'xs:string', title: 'Where the page is from that asks' },
    ],
    // Nothing is negotiated: reports have one form.
    statuses: inOrder(
      [{ status: 101, title: 'Event reports follow, each a text of JSON' }],
      FAILURES.filter(({ status }) => status !== 406),
      [{ status: 426, title: 'It is no request for WebSocket' }],
    ),
  },
} as const satisfies Record<string, TransactionDescription>;
