/**
 * Checks an audit message against the DICOM Audit Message Schema (PS3.15 A.5.1.1) and against the fields its event must
 * have (A.5.3). The tables below say what the standard says; nothing of src/audit is used.
 */
import { SaxesParser } from 'saxes';

export interface AuditElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: AuditElement[];
  text: string;
}

export function parseAuditMessage(xml: string): AuditElement {
  const open: AuditElement[] = [];
  let root: AuditElement | undefined;
  const parser = new SaxesParser({ xmlns: false });
  parser.on('opentag', ({ name, attributes }) => {
    const element: AuditElement = { name, attributes, children: [], text: '' };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  });
  parser.on('text', (text) => {
    const element = open.at(-1);
    if (element !== undefined) element.text += text;
  });
  parser.on('closetag', () => void open.pop());
  parser.write(xml).close();
  if (root === undefined) throw new Error('no element');
  return root;
}

interface Rule {
  /** Attribute to the pattern of its value; a trailing `?` in the name: it may be missing. */
  readonly attributes?: Readonly<Record<string, RegExp>>;
  /** In the order of the schema: name, least and greatest number; names with `|`: one of them. */
  readonly children?: readonly (readonly [string, number, number])[];
  readonly text?: RegExp;
}

const MANY = Number.POSITIVE_INFINITY;
const TOKEN = /^(?:\S(?:.*\S)?)?$/su;
const TEXT = /^[^]*$/u;
const OID = /^[0-2](?:\.(?:0|[1-9]\d*))+$/;
const BOOLEAN = /^(?:true|false|0|1)$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const CODED: Rule = {
  attributes: { 'csd-code': TOKEN, codeSystemName: TOKEN, 'displayName?': TOKEN, originalText: TOKEN },
};

const SCHEMA: Readonly<Record<string, Rule>> = {
  AuditMessage: {
    children: [
      ['EventIdentification', 1, 1],
      ['ActiveParticipant', 1, MANY],
      ['AuditSourceIdentification', 1, 1],
      ['ParticipantObjectIdentification', 0, MANY],
    ],
  },
  EventIdentification: {
    attributes: {
      'EventActionCode?': /^[CRUDE]$/,
      // A.5.2.5: with its time zone
      EventDateTime: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/,
      EventOutcomeIndicator: /^(?:0|4|8|12)$/,
    },
    children: [
      ['EventID', 1, 1],
      ['EventTypeCode', 0, MANY],
      ['EventOutcomeDescription', 0, 1],
    ],
  },
  EventID: CODED,
  EventTypeCode: CODED,
  EventOutcomeDescription: { text: TEXT },
  ActiveParticipant: {
    attributes: {
      UserID: /./u,
      // A.5.2.2
      'AlternativeUserID?': /^AETITLES=[^;]+(?:;[^;]+)*$/,
      'UserName?': TEXT,
      UserIsRequestor: BOOLEAN,
      'NetworkAccessPointID?': TOKEN,
      'NetworkAccessPointTypeCode?': /^[1-5]$/,
    },
    children: [
      ['RoleIDCode', 0, MANY],
      ['MediaIdentifier', 0, 1],
    ],
  },
  RoleIDCode: CODED,
  AuditSourceIdentification: {
    attributes: { 'AuditEnterpriseSiteID?': TOKEN, AuditSourceID: TOKEN },
    children: [['AuditSourceTypeCode', 0, MANY]],
  },
  AuditSourceTypeCode: { attributes: { 'csd-code': /^[1-9]$/ } },
  ParticipantObjectIdentification: {
    attributes: {
      ParticipantObjectID: /./u,
      'ParticipantObjectTypeCode?': /^[1-4]$/,
      'ParticipantObjectTypeCodeRole?': /^(?:[1-9]|1\d|2[0-6])$/,
      'ParticipantObjectDataLifeCycle?': /^(?:[1-9]|1[0-5])$/,
      'ParticipantObjectSensitivity?': TOKEN,
    },
    children: [
      ['ParticipantObjectIDTypeCode', 1, 1],
      ['ParticipantObjectName|ParticipantObjectQuery', 1, 1],
      ['ParticipantObjectDetail', 0, MANY],
      ['ParticipantObjectDescription', 0, MANY],
    ],
  },
  ParticipantObjectIDTypeCode: CODED,
  ParticipantObjectName: { text: TOKEN },
  ParticipantObjectQuery: { text: BASE64 },
  ParticipantObjectDetail: { attributes: { type: TOKEN, value: BASE64 } },
  ParticipantObjectDescription: {
    children: [
      ['MPPS', 0, MANY],
      ['Accession', 0, MANY],
      ['SOPClass', 0, MANY],
      ['ParticipantObjectContainsStudy', 0, 1],
      ['Encrypted', 0, 1],
      ['Anonymized', 0, 1],
    ],
  },
  MPPS: { attributes: { UID: OID } },
  Accession: { attributes: { Number: TOKEN } },
  SOPClass: { attributes: { 'UID?': OID, NumberOfInstances: /^\d+$/ }, children: [['Instance', 0, MANY]] },
};

/** Every breach of the schema, each with the path of its element; none: the message is valid. */
export function schemaBreaches(element: AuditElement, path = element.name): string[] {
  const rule = SCHEMA[element.name];
  if (rule === undefined) return [`${path}: no such element`];
  const { attributes = {}, children = [], text } = rule;
  const breaches: string[] = [];
  for (const [key, pattern] of Object.entries(attributes)) {
    const name = key.replace('?', '');
    const value = element.attributes[name];
    if (value === undefined ? !key.endsWith('?') : !pattern.test(value)) breaches.push(`${path}@${name}: ${value}`);
  }
  for (const name of Object.keys(element.attributes)) {
    if (!(name in attributes) && !(`${name}?` in attributes)) breaches.push(`${path}@${name}: no such attribute`);
  }
  if (!(text ?? /^$/).test(element.text)) breaches.push(`${path}: text`);
  let at = 0;
  for (const [names, least, most] of children) {
    const from = at;
    while (names.split('|').includes(element.children[at]?.name ?? '')) at++;
    if (at - from < least || at - from > most) breaches.push(`${path}/${names}: ${at - from} of them`);
  }
  if (at < element.children.length) breaches.push(`${path}/${element.children[at]?.name}: not here`);
  return [...breaches, ...element.children.flatMap((child) => schemaBreaches(child, `${path}/${child.name}`))];
}

/** What a table of A.5.3 says of an event beyond the schema. */
interface EventRule {
  readonly section: string;
  readonly actions: RegExp;
  /** Codes one of which the EventTypeCode is; absent: it may be missing. */
  readonly types?: RegExp;
  /** Number of participants with a role; role '': without one. */
  readonly participants: readonly { readonly role: string; readonly least: number; readonly most: number }[];
  readonly pointsNeeded?: boolean;
  /** `type/role/ID type code`, with the number of such objects; others are extensions. */
  readonly objects: Readonly<Record<string, readonly [number, number]>>;
}

const EVENTS: Readonly<Record<string, EventRule>> = {
  '110100': {
    section: 'A.5.3.1',
    actions: /^E$/,
    types: /^11012[01]$/,
    participants: [
      { role: '110150', least: 1, most: 1 },
      { role: '110151', least: 0, most: MANY },
    ],
    objects: {},
  },
  '110112': {
    section: 'A.5.3.10',
    actions: /^E$/,
    participants: [
      { role: '110153', least: 1, most: 1 },
      { role: '110152', least: 1, most: 1 },
      { role: '', least: 0, most: MANY },
    ],
    objects: { '2/3/110181': [1, 1] },
  },
  '110113': {
    section: 'A.5.3.11',
    actions: /^E$/,
    types: /^1101(?:2[6-9]|3\d|4[0-2])$/,
    participants: [{ role: '', least: 1, most: MANY }],
    objects: { '2/13/110182': [0, MANY], '2/5/12': [0, MANY] },
  },
  '110114': {
    section: 'A.5.3.12',
    actions: /^E$/,
    types: /^11012[23]$/,
    participants: [{ role: '', least: 1, most: 2 }],
    pointsNeeded: true,
    objects: {},
  },
  '110111': {
    section: 'A.5.3.15',
    actions: /^[CRUD]$/,
    participants: [{ role: '', least: 1, most: 2 }],
    objects: { '2/3/110180': [0, MANY], '1/1/2': [1, 1] },
  },
};

/** Every field that the table of the event in A.5.3 asks for and the message lacks, or has otherwise. */
export function eventBreaches(message: AuditElement): string[] {
  const all = (name: string, of: AuditElement = message): AuditElement[] =>
    of.children.filter((child) => child.name === name);
  const codeOf = (element: AuditElement | undefined): string => element?.attributes['csd-code'] ?? '';
  const event = all('EventIdentification')[0] as AuditElement;
  const rule = EVENTS[codeOf(all('EventID', event)[0])];
  if (rule === undefined) return ['no event of A.5.3'];
  const breaches: string[] = [];
  if (!rule.actions.test(event.attributes['EventActionCode'] ?? '')) breaches.push('EventActionCode');
  if (rule.types !== undefined && !rule.types.test(codeOf(all('EventTypeCode', event)[0])))
    breaches.push('EventTypeCode');

  const participants = all('ActiveParticipant');
  for (const { role, least, most } of rule.participants) {
    const found = participants.filter((each) => codeOf(all('RoleIDCode', each)[0]) === role).length;
    if (found < least || found > most) breaches.push(`${found} participants of role ${role}`);
  }
  if (participants.filter((each) => each.attributes['UserIsRequestor'] === 'true').length > 1)
    breaches.push('requestors');
  if (rule.pointsNeeded === true && participants[0]?.attributes['NetworkAccessPointTypeCode'] === undefined) {
    breaches.push('NetworkAccessPointTypeCode');
  }

  const objects = all('ParticipantObjectIdentification');
  const kindOf = (each: AuditElement): string =>
    [
      each.attributes['ParticipantObjectTypeCode'],
      each.attributes['ParticipantObjectTypeCodeRole'],
      codeOf(all('ParticipantObjectIDTypeCode', each)[0]),
    ].join('/');
  for (const [kind, [least, most]] of Object.entries(rule.objects)) {
    const found = objects.filter((each) => kindOf(each) === kind).length;
    if (found < least || found > most) breaches.push(`${found} objects ${kind}`);
  }
  const detailTypes = objects.map((each) =>
    all('ParticipantObjectDetail', each).map(({ attributes }) => attributes['type']),
  );
  if (rule.section === 'A.5.3.10' && !(detailTypes[0] ?? []).includes('TransferSyntax'))
    breaches.push('TransferSyntax');
  if (rule.section === 'A.5.3.11' && !detailTypes.every((types) => types.includes('Alert Description'))) {
    breaches.push('Alert Description');
  }
  // Table A.5.2-1: SOPClass where a study is described by anything else.
  for (const object of objects.filter((each) => kindOf(each).endsWith('/110180'))) {
    for (const description of all('ParticipantObjectDescription', object)) {
      if (description.children.length > 0 && all('SOPClass', description).length === 0) breaches.push('SOPClass');
    }
  }
  return breaches.map((breach) => `${rule.section}: ${breach}`);
}
