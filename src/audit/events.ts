/** Events of the gateway as audit events (PS3.15 A.5.3). All pure. */
import type { Requester } from '../services/port.ts';
import { ACTIVITY_TYPES, ALERT_TYPES, EVENT_IDS, OBJECT_ID_TYPES, ROLES } from './codes.ts';
import type { AlertType, CodedValue } from './codes.ts';
import type {
  ActionCode,
  ActiveParticipant,
  AuditEvent,
  EventIdentification,
  OutcomeIndicator,
  ParticipantObject,
} from './message.ts';

/** This gateway, as it takes part in what it reports. */
export interface AuditNode {
  /** As the logs of the system know it: the process id (PS3.15 A.5.2.1). */
  readonly processId: string;
  readonly processName: string;
  /** One name for every message, however many addresses there are (PS3.15 A.5.2.4). */
  readonly host: string;
  /** Of every DIMSE listener. */
  readonly aeTitles: readonly string[];
}

/** Starting or stopping (A.5.3.1). @param atMs wall clock, ms since 1970; so in all of these */
export function applicationActivity(activity: 'start' | 'stop', self: AuditNode, atMs: number): AuditEvent {
  return {
    EventIdentification: identification(EVENT_IDS.applicationActivity, 'E', atMs, {
      types: [ACTIVITY_TYPES[activity]],
    }),
    ActiveParticipant: [{ ...gatewayOf(self, self.aeTitles), RoleIDCode: [ROLES.application] }],
  };
}

export interface Authentication {
  readonly requester: Requester;
  readonly activity: 'login' | 'logout';
  /** Stable code of the reason; absent: it succeeded. */
  readonly failure?: string;
}

/** Somebody has shown, or failed to show, who it is (A.5.3.12). */
export function userAuthentication(given: Authentication, self: AuditNode, atMs: number): AuditEvent {
  const { requester, activity, failure } = given;
  return {
    EventIdentification: identification(EVENT_IDS.userAuthentication, 'E', atMs, {
      types: [ACTIVITY_TYPES[activity]],
      ...(failure !== undefined && { outcome: '8', description: failure }),
    }),
    ActiveParticipant: [
      {
        UserID: requester.subject ?? processIdOf(requester),
        ...aeTitlesOf(requester.callingAeTitle),
        UserIsRequestor: true,
        ...placeOf(requester.address),
      },
      gatewayOf(self, listenerTitles(requester, self)),
    ],
  };
}

export interface Alert {
  readonly type: AlertType;
  /** `0` informs; `4` and `8`: it was warded off; `12`: perhaps it was not. */
  readonly outcome: OutcomeIndicator;
  /** For a person; no patient values, no secrets. */
  readonly description: string;
  /** Who did it. */
  readonly requester?: Requester;
  /** What it concerns: a node by its address or name, or a file; absent: the one who did it, else this node. */
  readonly subject?: { readonly node: string } | { readonly uri: string };
}

/** Something a security officer should see (A.5.3.11). */
export function securityAlert(alert: Alert, self: AuditNode, atMs: number): AuditEvent {
  const { type, outcome, description, requester } = alert;
  const subject = alert.subject ?? { node: requester?.address ?? self.host };
  const performers = requester === undefined ? [] : requestersOf(requester);
  return {
    EventIdentification: identification(EVENT_IDS.securityAlert, 'E', atMs, { types: [ALERT_TYPES[type]], outcome }),
    ActiveParticipant: [
      { ...gatewayOf(self, self.aeTitles), UserIsRequestor: true },
      ...performers.map((each) => ({ ...each, UserIsRequestor: false })),
    ],
    ParticipantObjectIdentification: [
      {
        ...('node' in subject
          ? systemObject(subject.node, '13', OBJECT_ID_TYPES.node)
          : systemObject(subject.uri, '5', OBJECT_ID_TYPES.uri)),
        ParticipantObjectDetail: [detail('Alert Description', description)],
      },
    ],
  };
}

export function identification(
  id: CodedValue,
  action: ActionCode,
  atMs: number,
  more: { types?: readonly CodedValue[]; outcome?: OutcomeIndicator; description?: string } = {},
): EventIdentification {
  return {
    EventActionCode: action,
    EventDateTime: new Date(atMs).toISOString(),
    EventOutcomeIndicator: more.outcome ?? '0',
    EventID: id,
    ...(more.types && { EventTypeCode: more.types }),
    ...(more.description !== undefined && { EventOutcomeDescription: more.description }),
  };
}

/** This gateway as a participant that did not ask. */
export function gatewayOf(self: AuditNode, aeTitles: readonly string[]): ActiveParticipant {
  return {
    UserID: self.processId,
    ...aeTitlesOf(...aeTitles),
    UserName: self.processName,
    UserIsRequestor: false,
    NetworkAccessPointID: self.host,
    NetworkAccessPointTypeCode: '1',
  };
}

/** The AE title a requester has called; else those of all listeners. */
export function listenerTitles({ protocol, calledAeTitle }: Requester, self: AuditNode): readonly string[] {
  if (protocol === 'dicomweb') return [];
  return calledAeTitle === undefined ? self.aeTitles : [calledAeTitle];
}

/** The process that asks and, where it is known, who asks by it; the latter is then the requestor. */
export function requestersOf(requester: Requester): [ActiveParticipant, ...ActiveParticipant[]] {
  const { subject, address, callingAeTitle } = requester;
  const process = {
    UserID: processIdOf(requester),
    ...aeTitlesOf(callingAeTitle),
    UserIsRequestor: subject === undefined,
    ...placeOf(address),
  };
  return subject === undefined ? [process] : [process, { UserID: subject, UserIsRequestor: true, ...placeOf(address) }];
}

export function systemObject(
  id: string,
  role: NonNullable<ParticipantObject['ParticipantObjectTypeCodeRole']>,
  type: CodedValue,
): ParticipantObject {
  return {
    ParticipantObjectID: id,
    ParticipantObjectTypeCode: '2',
    ParticipantObjectTypeCodeRole: role,
    ParticipantObjectIDTypeCode: type,
    ParticipantObjectName: '',
  };
}

export function detail(type: string, text: string): { type: string; value: string } {
  return { type, value: Buffer.from(text).toString('base64') };
}

function processIdOf({ callingAeTitle, certificate, address }: Requester): string {
  return callingAeTitle ?? certificate ?? address;
}

function aeTitlesOf(...titles: readonly (string | undefined)[]): { AlternativeUserID?: string } {
  const known = titles.filter((title) => title !== undefined);
  return known.length === 0 ? {} : { AlternativeUserID: `AETITLES=${known.join(';')}` };
}

function placeOf(address: string): Pick<ActiveParticipant, 'NetworkAccessPointID' | 'NetworkAccessPointTypeCode'> {
  return { NetworkAccessPointID: address, NetworkAccessPointTypeCode: '2' };
}
