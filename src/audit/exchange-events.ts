/**
 * Exchanges as audit events. A search is a Query (PS3.15 A.5.3.10), what happens to a performed procedure step or a workitem
 * a Procedure Record (A.5.3.15), a refusal of this gateway a Security Alert besides. Storage commitment moves no instance
 * and names neither study nor patient: no message of A.5.3 is about it. Nor are subscriptions.
 */
import { encodeDataSet } from '../dataset/binary/encode.ts';
import { TRANSFER_SYNTAXES } from '../dataset/binary/transfer-syntax.ts';
import { isPrivate } from '../dataset/dictionary.ts';
import { createDataSet, firstText, itemsOf, sortedTags } from '../dataset/model.ts';
import type { Attribute, DataSet, Tag } from '../dataset/model.ts';
import { isUid } from '../dataset/uid.ts';
import type { SeenExchange } from '../observe/exchanges.ts';
import { SERVICE_OF } from '../services/port.ts';
import type { Operation } from '../services/port.ts';
import { UPS_PUSH } from '../services/ups/workitem.ts';
import { EVENT_IDS, OBJECT_ID_TYPES, ROLES } from './codes.ts';
import {
  detail,
  gatewayOf,
  identification,
  listenerTitles,
  requestersOf,
  securityAlert,
  systemObject,
} from './events.ts';
import type { AuditNode } from './events.ts';
import type { AuditEvent, ObjectDescription, ObjectDetail, OutcomeIndicator, ParticipantObject } from './message.ts';

/** What the trail tells of an exchange. */
export type AuditedExchange = Pick<
  SeenExchange,
  'operation' | 'requester' | 'traceId' | 'route' | 'upstream' | 'uid' | 'failure' | 'dataSet'
>;

export interface AuditScope {
  readonly self: AuditNode;
  /** Whether Patient ID, Accession Number and the matching keys of a query are told; else they are withheld. */
  readonly patients: boolean;
}

const MODALITY_WORKLIST = '1.2.840.10008.5.1.4.31';
const MPPS = '1.2.840.10008.3.1.2.3.3';
const UPS_PULL = '1.2.840.10008.5.1.4.34.6.3';
/** What they are searched by. */
const QUERIES: Partial<Record<Operation, string>> = { search: MODALITY_WORKLIST, searchWorkitems: UPS_PULL };
/** What is done to a procedure. */
const ACTIONS: Partial<Record<Operation, Action>> = {
  create: 'C',
  update: 'U',
  retrieve: 'R',
  createWorkitem: 'C',
  updateWorkitem: 'U',
  changeWorkitemState: 'U',
  requestCancellation: 'U',
  retrieveWorkitem: 'R',
};
type Action = 'C' | 'R' | 'U';

const PATIENT_ID: Tag = '00100020';
const STUDY_INSTANCE_UID: Tag = '0020000D';
const ACCESSION_NUMBER: Tag = '00080050';
const SCHEDULED_STEP_ATTRIBUTES: Tag = '00400270';
const REFERENCED_REQUEST: Tag = '0040A370';

/** @param atMs wall clock, ms since 1970 */
export function exchangeEvents(exchange: AuditedExchange, scope: AuditScope, atMs: number): AuditEvent[] {
  const { operation, failure, upstream, requester } = exchange;
  const events: AuditEvent[] = [];
  const queried = QUERIES[operation];
  const action = ACTIONS[operation];
  if (queried !== undefined) events.push(query(exchange, queried, scope, atMs));
  if (action !== undefined) events.push(procedureRecord(exchange, action, scope, atMs));
  if (failure?.code === 'NOT_AUTHORIZED' && upstream === undefined) {
    const description = `${SERVICE_OF[operation]} ${operation}: not authorized`;
    events.push(securityAlert({ type: 'restrictedFunction', outcome: '4', description, requester }, scope.self, atMs));
  }
  return events;
}

function query(exchange: AuditedExchange, sopClass: string, { self, patients }: AuditScope, atMs: number): AuditEvent {
  const { requester, upstream, dataSet } = exchange;
  const [process, ...persons] = requestersOf(requester);
  return {
    EventIdentification: identification(EVENT_IDS.query, 'E', atMs, outcomeOf(exchange)),
    ActiveParticipant: [
      { ...process, RoleIDCode: [ROLES.source] },
      { ...gatewayOf(self, listenerTitles(requester, self)), RoleIDCode: [ROLES.destination] },
      ...persons,
      ...(upstream === undefined ? [] : [{ UserID: upstream, UserIsRequestor: false }]),
    ],
    ParticipantObjectIdentification: [
      {
        ParticipantObjectID: sopClass,
        ParticipantObjectTypeCode: '2',
        ParticipantObjectTypeCodeRole: '3',
        ParticipantObjectIDTypeCode: OBJECT_ID_TYPES.sopClass,
        ParticipantObjectQuery: encodedQuery(patients ? dataSet : dataSet && withoutPatients(dataSet)),
        ParticipantObjectDetail: [
          detail('TransferSyntax', TRANSFER_SYNTAXES.explicitVrLittleEndian),
          ...traceDetails(exchange),
        ],
      },
    ],
  };
}

function procedureRecord(
  exchange: AuditedExchange,
  action: Action,
  { patients }: AuditScope,
  atMs: number,
): AuditEvent {
  const { requester, upstream, dataSet = createDataSet() } = exchange;
  // A workitem names its study in its requests, and besides where it is alone.
  const steps = isWorkitem(exchange)
    ? [dataSet, ...itemsOf(dataSet[REFERENCED_REQUEST])]
    : itemsOf(dataSet[SCHEDULED_STEP_ATTRIBUTES]);
  // What stands in the place of a UID and is none may be anything.
  const studies = new Set(steps.flatMap((step) => firstText(step, STUDY_INSTANCE_UID) ?? []).filter(isUid));
  const accessions = (study: string): string[] =>
    patients
      ? steps
          .filter((step) => firstText(step, STUDY_INSTANCE_UID) === study)
          .flatMap((step) => firstText(step, ACCESSION_NUMBER) ?? [])
      : [];
  // An update tells of no study: the step itself, a job (A.5.2.6), is then all there is to name.
  const subjects =
    studies.size === 0
      ? [{ ...systemObject(sopClassOf(exchange), '20', OBJECT_ID_TYPES.sopClass), ...described(exchange, []) }]
      : [...studies].map((study) => ({
          ...systemObject(study, '3', OBJECT_ID_TYPES.study),
          ...described(exchange, accessions(study)),
        }));
  return {
    EventIdentification: identification(EVENT_IDS.procedureRecord, action, atMs, outcomeOf(exchange)),
    ActiveParticipant: requestersOf(requester),
    ParticipantObjectIdentification: [
      ...subjects,
      patientObject(dataSet, patients),
      ...(upstream === undefined ? [] : [systemObject(upstream, '16', OBJECT_ID_TYPES.node)]),
    ],
  };
}

/** SOPClass goes with any other description of a study (PS3.15 Table A.5.2-1). */
function described(
  exchange: AuditedExchange,
  accessions: readonly string[],
): Pick<ParticipantObject, 'ParticipantObjectDetail' | 'ParticipantObjectDescription'> {
  const { uid } = exchange;
  const description: ObjectDescription = {
    ...(uid !== undefined && !isWorkitem(exchange) && { MPPS: [{ UID: uid }] }),
    ...(accessions.length > 0 && { Accession: [...new Set(accessions)].map((number) => ({ Number: number })) }),
    SOPClass: [{ UID: sopClassOf(exchange), NumberOfInstances: '1' }],
  };
  return { ParticipantObjectDetail: traceDetails(exchange), ParticipantObjectDescription: [description] };
}

/** A Procedure Record has exactly one patient; the name is not needed to know who it is. */
function patientObject(dataSet: DataSet, patients: boolean): ParticipantObject {
  return {
    ParticipantObjectID: patients ? (firstText(dataSet, PATIENT_ID) ?? 'unknown') : 'withheld',
    ParticipantObjectTypeCode: '1',
    ParticipantObjectTypeCodeRole: '1',
    ParticipantObjectIDTypeCode: OBJECT_ID_TYPES.patient,
    ParticipantObjectName: '',
  };
}

function isWorkitem({ operation }: AuditedExchange): boolean {
  return SERVICE_OF[operation] === 'workitems';
}

function sopClassOf(exchange: AuditedExchange): string {
  return isWorkitem(exchange) ? UPS_PUSH : MPPS;
}

/** By these the lines of the log are found, and the workitem, which no other element of the schema names. */
function traceDetails(exchange: AuditedExchange): ObjectDetail[] {
  const { traceId, route, requester, uid } = exchange;
  return [
    ...(uid !== undefined && isWorkitem(exchange) ? [detail('Workitem', uid)] : []),
    detail('TraceID', traceId),
    detail('Listener', requester.listener),
    ...(route === undefined ? [] : [detail('Route', route)]),
  ];
}

function outcomeOf({ failure }: AuditedExchange): { outcome: OutcomeIndicator; description?: string } {
  // Who no longer listens has asked all the same.
  if (failure === undefined || failure.code === 'CANCELED') return { outcome: '0' };
  return { outcome: failure.retry === 'permanent' ? '8' : '4', description: failure.code };
}

/** Collectors need take no message beyond 32768 octets (PS3.15 A.6); base64 makes four of three. */
const MAXIMUM_QUERY_BYTES = 20_000;

/** Empty: it is too long, or cannot be written. */
function encodedQuery(identifier: DataSet | undefined): string {
  if (identifier === undefined) return '';
  try {
    const bytes = encodeDataSet(identifier, TRANSFER_SYNTAXES.explicitVrLittleEndian);
    return bytes.length > MAXIMUM_QUERY_BYTES ? '' : bytes.toString('base64');
  } catch {
    return '';
  }
}

/** Keys that say where and when, not who: time zone, modality, of the scheduled step station, date, time, place, status. */
const IMPERSONAL: ReadonlySet<Tag> = new Set([
  '00080060',
  '00080201',
  '00400001',
  '00400002',
  '00400003',
  '00400010',
  '00400011',
  '00400020',
  '00404005',
  '00741000',
]);

/** The same keys, those that may name a patient without their values. */
function withoutPatients(dataSet: DataSet): DataSet {
  const kept = createDataSet();
  for (const tag of sortedTags(dataSet)) {
    const attribute = dataSet[tag] as Attribute;
    if (isPrivate(tag)) continue;
    const items = itemsOf(attribute);
    if (IMPERSONAL.has(tag)) kept[tag] = attribute;
    else if (items.length > 0) kept[tag] = { vr: 'SQ', Value: items.map(withoutPatients) };
    else kept[tag] = { vr: attribute.vr };
  }
  return kept;
}
