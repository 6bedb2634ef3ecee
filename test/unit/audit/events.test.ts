import { describe, expect, test } from '@jest/globals';
import { applicationActivity, securityAlert, userAuthentication } from '../../../src/audit/events.ts';
import type { AuditNode } from '../../../src/audit/events.ts';
import { exchangeEvents } from '../../../src/audit/exchange-events.ts';
import type { AuditedExchange } from '../../../src/audit/exchange-events.ts';
import { messageOf, toJson, toXml } from '../../../src/audit/message.ts';
import type { AuditEvent } from '../../../src/audit/message.ts';
import { decodeDataSet } from '../../../src/dataset/binary/decode.ts';
import { TRANSFER_SYNTAXES } from '../../../src/dataset/binary/transfer-syntax.ts';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { Requester } from '../../../src/services/port.ts';
import { eventBreaches, parseAuditMessage, schemaBreaches } from '../../support/audit-schema.ts';
import type { AuditElement } from '../../support/audit-schema.ts';

const AT = Date.UTC(2026, 10, 21, 7, 30);
const SELF: AuditNode = {
  processId: '4711',
  processName: 'dimseway',
  host: 'gateway.test',
  aeTitles: ['GATE', 'GATE2'],
};
const SOURCE = {
  AuditEnterpriseSiteID: 'Hospital',
  AuditSourceID: 'dimseway',
  AuditSourceTypeCode: [{ 'csd-code': '4' }],
};
const MODALITY: Requester = {
  listener: 'ward',
  protocol: 'dimse',
  address: '10.1.2.3',
  callingAeTitle: 'CT1',
  calledAeTitle: 'GATE',
};
const BROWSER: Requester = { listener: 'web', protocol: 'dicomweb', address: 'fe80::1', subject: 'kim@hospital.test' };
const FACTS = { traceId: 'trace-1', route: 'all', upstream: 'ris' };

const IDENTIFIER = dataSetOf({
  '00100010': attribute('PN', { Alphabetic: 'MARKED^NAME' }),
  '00100020': attribute('LO', 'MARKED-ID'),
  '00400100': attribute(
    'SQ',
    dataSetOf({ '00080060': attribute('CS', 'CT'), '00400006': attribute('PN', { Alphabetic: 'MARKED^DOCTOR' }) }),
  ),
});
const CREATE = dataSetOf({
  '00100010': attribute('PN', { Alphabetic: 'MARKED^NAME' }),
  '00100020': attribute('LO', 'MARKED-ID'),
  '00400270': attribute(
    'SQ',
    dataSetOf({ '0020000D': attribute('UI', '1.2.3.4'), '00080050': attribute('SH', 'MARKED-ACC') }),
    dataSetOf({ '0020000D': attribute('UI', '1.2.3.5') }),
  ),
});
const SEARCH: AuditedExchange = { ...FACTS, operation: 'search', requester: MODALITY, dataSet: IDENTIFIER };
const CREATED: AuditedExchange = { ...FACTS, operation: 'create', requester: MODALITY, uid: '1.2.9', dataSet: CREATE };

function xmlOf(event: AuditEvent): string {
  return toXml(messageOf(event, SOURCE));
}

function eventsOf(exchange: AuditedExchange, patients = true): AuditEvent[] {
  return exchangeEvents(exchange, { self: SELF, patients }, AT);
}

function all(name: string, of: AuditElement): AuditElement[] {
  return [...(of.name === name ? [of] : []), ...of.children.flatMap((child) => all(name, child))];
}

const EVENTS: readonly (readonly [string, AuditEvent | undefined])[] = [
  ['start of the application (A.5.3.1)', applicationActivity('start', SELF, AT)],
  ['stop of the application (A.5.3.1)', applicationActivity('stop', SELF, AT)],
  ['search by DIMSE (A.5.3.10)', eventsOf(SEARCH)[0]],
  ['search by the web, by somebody known (A.5.3.10)', eventsOf({ ...SEARCH, requester: BROWSER })[0]],
  ['search without patients (A.5.3.10)', eventsOf(SEARCH, false)[0]],
  [
    'search that failed before an upstream was chosen (A.5.3.10)',
    eventsOf({
      operation: 'search',
      requester: MODALITY,
      traceId: 't',
      failure: { code: 'BAD_REQUEST', retry: 'permanent' },
    })[0],
  ],
  ['create (A.5.3.15)', eventsOf(CREATED)[0]],
  ['create without patients (A.5.3.15)', eventsOf(CREATED, false)[0]],
  ['create that names no instance (A.5.3.15)', eventsOf({ ...FACTS, operation: 'create', requester: BROWSER })[0]],
  ['update (A.5.3.15)', eventsOf({ ...FACTS, operation: 'update', requester: MODALITY, uid: '1.2.9' })[0]],
  [
    'retrieve (A.5.3.15)',
    eventsOf({ ...FACTS, operation: 'retrieve', requester: BROWSER, uid: '1.2.9', dataSet: CREATE })[0],
  ],
  [
    'refusal (A.5.3.11)',
    eventsOf({
      operation: 'create',
      requester: BROWSER,
      traceId: 't',
      failure: { code: 'NOT_AUTHORIZED', retry: 'permanent' },
    })[1],
  ],
  [
    'change of the configuration (A.5.3.11)',
    securityAlert(
      {
        type: 'securityConfiguration',
        outcome: '0',
        description: 'reloaded',
        subject: { uri: 'file:///etc/gateway.yaml' },
      },
      SELF,
      AT,
    ),
  ],
  [
    'trouble of this node itself (A.5.3.11)',
    securityAlert({ type: 'auditStopped', outcome: '12', description: 'lost 3' }, SELF, AT),
  ],
  ['login (A.5.3.12)', userAuthentication({ requester: BROWSER, activity: 'login' }, SELF, AT)],
  [
    'login that failed (A.5.3.12)',
    userAuthentication({ requester: MODALITY, activity: 'login', failure: 'TOKEN_EXPIRED' }, SELF, AT),
  ],
];

describe('audit messages', () => {
  test.each(EVENTS)('%s: valid by the schema (PS3.15 A.5.1.1), with every field its table asks for', (_, event) => {
    const message = parseAuditMessage(xmlOf(event as AuditEvent));
    expect(schemaBreaches(message)).toEqual([]);
    expect(eventBreaches(message)).toEqual([]);
  });

  test('the check finds what is missing, misplaced or unknown', () => {
    const xml = xmlOf(applicationActivity('start', SELF, AT));
    const breaches = (text: string): string[] => {
      const message = parseAuditMessage(text);
      return [...schemaBreaches(message), ...eventBreaches(message)];
    };
    expect(breaches(xml.replace(/ UserIsRequestor="\w+"/, ''))).toHaveLength(1);
    expect(breaches(xml.replace('csd-code="110120"', 'csd-code="110122"'))).toHaveLength(1);
    expect(breaches(xml.replace('Z"', '"'))).toHaveLength(1);
    expect(breaches(xml.replace('<RoleIDCode', '<RoleIDCode x="1"'))).toHaveLength(1);
  });

  test('JSON has the members of the XML form under the same names', () => {
    const [event] = eventsOf(CREATED);
    const { AuditMessage } = JSON.parse(toJson(messageOf(event as AuditEvent, SOURCE))) as { AuditMessage: object };
    expect(AuditMessage).toEqual({ ...event, AuditSourceIdentification: SOURCE });
    expect(Object.keys(AuditMessage)).toEqual(
      parseAuditMessage(xmlOf(event as AuditEvent))
        .children.map(({ name }) => name)
        .filter((name, index, names) => names.indexOf(name) === index),
    );
  });

  test('what a peer calls itself cannot break the XML, nor the line it is on', () => {
    const name = 'A<B>&"\'\n\u0001\uD800\uFFFF';
    const event = userAuthentication({ requester: BROWSER, activity: 'login', failure: 'X' }, SELF, AT);
    const xml = xmlOf({ ...event, ActiveParticipant: [{ UserID: name, UserIsRequestor: true }] });
    expect(xml).not.toContain('\n');
    expect(all('ActiveParticipant', parseAuditMessage(xml))[0]?.attributes['UserID']).toBe(
      'A<B>&"\'\n\uFFFD\uFFFD\uFFFD',
    );
  });
});

describe('a Query (PS3.15 A.5.3.10)', () => {
  test('holds the identifier, encoded as its TransferSyntax says', () => {
    const message = parseAuditMessage(xmlOf(eventsOf(SEARCH)[0] as AuditEvent));
    const query = Buffer.from(all('ParticipantObjectQuery', message)[0]?.text ?? '', 'base64');
    const detail = all('ParticipantObjectDetail', message).find(
      ({ attributes }) => attributes['type'] === 'TransferSyntax',
    );
    const syntax = Buffer.from(detail?.attributes['value'] ?? '', 'base64').toString();
    expect(syntax).toBe('1.2.840.10008.1.2.1');
    expect(decodeDataSet(query, TRANSFER_SYNTAXES.explicitVrLittleEndian)).toEqual(IDENTIFIER);
  });

  test('names who asks, this gateway and the upstream; a person known is the requestor', () => {
    const message = parseAuditMessage(xmlOf(eventsOf({ ...SEARCH, requester: BROWSER })[0] as AuditEvent));
    expect(
      all('ActiveParticipant', message).map(({ attributes }) => [attributes['UserID'], attributes['UserIsRequestor']]),
    ).toEqual([
      ['fe80::1', 'false'],
      ['4711', 'false'],
      ['kim@hospital.test', 'true'],
      ['ris', 'false'],
    ]);
  });

  test('keeps no value that may name a patient where patients are withheld', () => {
    const xml = xmlOf(eventsOf(SEARCH, false)[0] as AuditEvent);
    const query = Buffer.from(all('ParticipantObjectQuery', parseAuditMessage(xml))[0]?.text ?? '', 'base64');
    expect(decodeDataSet(query, TRANSFER_SYNTAXES.explicitVrLittleEndian)).toEqual(
      dataSetOf({
        '00100010': attribute('PN'),
        '00100020': attribute('LO'),
        '00400100': attribute('SQ', dataSetOf({ '00080060': attribute('CS', 'CT'), '00400006': attribute('PN') })),
      }),
    );
    expect(query.toString('latin1')).not.toContain('MARKED');
  });

  test('of workitems is one of UPS Pull, subscriptions are none', () => {
    const message = parseAuditMessage(xmlOf(eventsOf({ ...SEARCH, operation: 'searchWorkitems' })[0] as AuditEvent));
    const [object] = all('ParticipantObjectIdentification', message);
    expect(object?.attributes['ParticipantObjectID']).toBe('1.2.840.10008.5.1.4.34.6.3');
    expect(eventsOf({ ...FACTS, operation: 'subscribe', requester: BROWSER })).toEqual([]);
  });

  test('leaves out an identifier that would make the message larger than collectors need take (A.6: 32768 octets)', () => {
    const long = dataSetOf({ '00081195': attribute('UT', 'x'.repeat(30_000)) });
    const xml = xmlOf(eventsOf({ ...SEARCH, dataSet: long })[0] as AuditEvent);
    expect(xml.length).toBeLessThan(32_768);
    expect(schemaBreaches(parseAuditMessage(xml))).toEqual([]);
  });
});

describe('a Procedure Record (PS3.15 A.5.3.15)', () => {
  test.each([
    ['create', 'C'],
    ['update', 'U'],
    ['retrieve', 'R'],
  ] as const)('of %s has the action %s', (operation, action) => {
    const message = parseAuditMessage(xmlOf(eventsOf({ ...CREATED, operation })[0] as AuditEvent));
    expect(all('EventIdentification', message)[0]?.attributes['EventActionCode']).toBe(action);
  });

  test.each([
    ['createWorkitem', 'C'],
    ['updateWorkitem', 'U'],
    ['changeWorkitemState', 'U'],
    ['requestCancellation', 'U'],
    ['retrieveWorkitem', 'R'],
  ] as const)('of %s has the action %s, and names the workitem', (operation, action) => {
    const workitem = dataSetOf({
      '00100020': attribute('LO', 'MARKED-ID'),
      '0020000D': attribute('UI', '1.2.3.4'),
      '0040A370': attribute('SQ', dataSetOf({ '0020000D': attribute('UI', '1.2.3.5') })),
    });
    const exchange = { ...FACTS, operation, requester: BROWSER, uid: '2.25.9', dataSet: workitem };
    const [event, ...others] = eventsOf(exchange);
    const message = parseAuditMessage(xmlOf(event as AuditEvent));
    expect([others, schemaBreaches(message), eventBreaches(message)]).toEqual([[], [], []]);
    expect(all('EventIdentification', message)[0]?.attributes['EventActionCode']).toBe(action);
    const ids = all('ParticipantObjectIdentification', message).map(
      ({ attributes }) => attributes['ParticipantObjectID'],
    );
    expect(ids).toEqual(['1.2.3.4', '1.2.3.5', 'MARKED-ID', 'ris']);
    const named = all('ParticipantObjectDetail', message).filter(({ attributes }) => attributes['type'] === 'Workitem');
    expect(named.map(({ attributes }) => Buffer.from(attributes['value'] ?? '', 'base64').toString())).toContain(
      '2.25.9',
    );
    expect(xmlOf(eventsOf(exchange, false)[0] as AuditEvent)).not.toContain('MARKED');
  });

  test('names patient, studies, step and accession number', () => {
    const message = parseAuditMessage(xmlOf(eventsOf(CREATED)[0] as AuditEvent));
    const ids = all('ParticipantObjectIdentification', message).map(
      ({ attributes }) => attributes['ParticipantObjectID'],
    );
    expect(ids).toEqual(['1.2.3.4', '1.2.3.5', 'MARKED-ID', 'ris']);
    expect(all('MPPS', message).map(({ attributes }) => attributes['UID'])).toEqual(['1.2.9', '1.2.9']);
    expect(all('Accession', message).map(({ attributes }) => attributes['Number'])).toEqual(['MARKED-ACC']);
  });

  test('has no name of a patient ever, and no identifier where patients are withheld', () => {
    expect(xmlOf(eventsOf(CREATED)[0] as AuditEvent)).not.toContain('MARKED^NAME');
    expect(xmlOf(eventsOf(CREATED, false)[0] as AuditEvent)).not.toContain('MARKED');
  });
});

describe('outcomes (PS3.15 A.5.2)', () => {
  test.each([
    [undefined, '0'],
    [{ code: 'CANCELED', retry: 'permanent' }, '0'],
    [{ code: 'UPSTREAM_TIMEOUT', retry: 'safe' }, '4'],
    [{ code: 'OUTCOME_UNKNOWN', retry: 'ambiguous' }, '4'],
    [{ code: 'BAD_REQUEST', retry: 'permanent' }, '8'],
  ] as const)('%j is %s', (failure, indicator) => {
    const [event] = eventsOf({ ...CREATED, ...(failure && { failure }) });
    expect(event?.EventIdentification.EventOutcomeIndicator).toBe(indicator);
    expect(event?.EventIdentification.EventOutcomeDescription).toBe(indicator === '0' ? undefined : failure?.code);
  });

  test('a refusal by an upstream is no alert of this gateway (A.5.3.11)', () => {
    expect(eventsOf({ ...SEARCH, failure: { code: 'NOT_AUTHORIZED', retry: 'permanent' } })).toHaveLength(1);
  });

  test('storage commitment has no message in A.5.3, but its refusal is an alert', () => {
    expect(eventsOf({ ...FACTS, operation: 'request', requester: MODALITY })).toEqual([]);
    const refused = eventsOf({
      operation: 'request',
      requester: MODALITY,
      traceId: 't',
      failure: { code: 'NOT_AUTHORIZED', retry: 'permanent' },
    });
    expect(refused.map(({ EventIdentification }) => EventIdentification.EventID.originalText)).toEqual([
      'Security Alert',
    ]);
  });
});
