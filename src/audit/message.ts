/**
 * An audit message in the names of the DICOM Audit Message Schema (PS3.15 A.5.1): as it is, it is the JSON form; scalars
 * are attributes of the XML form, save the few that are elements there.
 */
import type { CodedValue } from './codes.ts';

/** Create, read, update, delete, execute. */
export type ActionCode = 'C' | 'R' | 'U' | 'D' | 'E';

/** Success; minor: tried again; serious: ended; major: made unavailable (PS3.15 A.5.2). */
export type OutcomeIndicator = '0' | '4' | '8' | '12';

export interface EventIdentification {
  readonly EventActionCode: ActionCode;
  /** ISO 8601 in UTC, with its `Z` (PS3.15 A.5.2.5). */
  readonly EventDateTime: string;
  readonly EventOutcomeIndicator: OutcomeIndicator;
  readonly EventID: CodedValue;
  readonly EventTypeCode?: readonly CodedValue[];
  readonly EventOutcomeDescription?: string;
}

export interface ActiveParticipant {
  readonly UserID: string;
  /** Of a DICOM application `AETITLES=A;B` (PS3.15 A.5.2.2). */
  readonly AlternativeUserID?: string;
  readonly UserName?: string;
  readonly UserIsRequestor: boolean;
  readonly NetworkAccessPointID?: string;
  /** Machine name, or IP address. */
  readonly NetworkAccessPointTypeCode?: '1' | '2';
  readonly RoleIDCode?: readonly CodedValue[];
}

export interface AuditSourceIdentification {
  readonly AuditEnterpriseSiteID?: string;
  readonly AuditSourceID: string;
  readonly AuditSourceTypeCode: readonly { readonly 'csd-code': string }[];
}

/** `value` in base64, whatever it is (PS3.15 A.5.1.1, ValuePair). */
export interface ObjectDetail {
  readonly type: string;
  readonly value: string;
}

export interface ObjectDescription {
  readonly MPPS?: readonly { readonly UID: string }[];
  readonly Accession?: readonly { readonly Number: string }[];
  readonly SOPClass?: readonly { readonly UID: string; readonly NumberOfInstances: string }[];
}

export interface ParticipantObject {
  readonly ParticipantObjectID: string;
  /** Person, system object. */
  readonly ParticipantObjectTypeCode: '1' | '2';
  /** Patient, report, master file, security resource, data destination, job (PS3.15 A.5.2.6). */
  readonly ParticipantObjectTypeCodeRole?: '1' | '3' | '5' | '13' | '16' | '20';
  readonly ParticipantObjectIDTypeCode: CodedValue;
  /** The schema wants a name or a query in every object; an empty name says nothing. */
  readonly ParticipantObjectName?: string;
  /** Base64. */
  readonly ParticipantObjectQuery?: string;
  readonly ParticipantObjectDetail?: readonly ObjectDetail[];
  readonly ParticipantObjectDescription?: readonly ObjectDescription[];
}

/** What has happened; who reports it is the same in every message. */
export interface AuditEvent {
  readonly EventIdentification: EventIdentification;
  readonly ActiveParticipant: readonly ActiveParticipant[];
  readonly ParticipantObjectIdentification?: readonly ParticipantObject[];
}

/** The members in the order of the schema. */
export interface AuditMessage {
  readonly EventIdentification: EventIdentification;
  readonly ActiveParticipant: readonly ActiveParticipant[];
  readonly AuditSourceIdentification: AuditSourceIdentification;
  readonly ParticipantObjectIdentification?: readonly ParticipantObject[];
}

export function messageOf(event: AuditEvent, source: AuditSourceIdentification): AuditMessage {
  const { EventIdentification, ActiveParticipant, ParticipantObjectIdentification } = event;
  return {
    EventIdentification,
    ActiveParticipant,
    AuditSourceIdentification: source,
    ...(ParticipantObjectIdentification && { ParticipantObjectIdentification }),
  };
}

/** On one line. */
export function toJson(message: AuditMessage): string {
  return JSON.stringify({ AuditMessage: message });
}

/** Scalars that are elements. */
const TEXT_ELEMENTS: ReadonlySet<string> = new Set([
  'EventOutcomeDescription',
  'ParticipantObjectName',
  'ParticipantObjectQuery',
]);

/** On one line, without an XML declaration: it is UTF-8. */
export function toXml(message: AuditMessage): string {
  return element('AuditMessage', message);
}

type Member = string | boolean | object | object[];

function element(name: string, content: object): string {
  let attributes = '';
  let children = '';
  for (const [member, value] of Object.entries(content) as [string, Member | undefined][]) {
    if (value === undefined) continue;
    if (typeof value === 'object') for (const item of [value].flat()) children += element(member, item);
    else if (TEXT_ELEMENTS.has(member)) children += `<${member}>${escaped(String(value))}</${member}>`;
    else attributes += ` ${member}="${escaped(String(value))}"`;
  }
  return children === '' ? `<${name}${attributes}/>` : `<${name}${attributes}>${children}</${name}>`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/** What XML 1.0 cannot hold becomes U+FFFD: a peer may have put it into its name. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(/[&<>"\t\n\r]/g, (character) => ESCAPES[character] as string)
    .replace(/[^\x20-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD');
}
