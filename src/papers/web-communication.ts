/** PS3.2 N.7.3: the statuses of HTTP with their conditions, as origin server and as user agent. */
import type { Transaction } from '../dicomweb/transaction.ts';
import { mppsFailureFromHttp } from '../services/mpps/answers.ts';
import { mppsHttpOutcome, MPPS_OUTCOMES } from '../services/mpps/outcomes.ts';
import { FAILURE_CODES, SERVICE_OF, ServiceFailure } from '../services/port.ts';
import type { FailureCode, Operation, ServiceName } from '../services/port.ts';
import { commitmentFailureFromHttp } from '../services/storage-commitment/answers.ts';
import { COMMITMENT_OUTCOMES, commitmentHttpOutcome } from '../services/storage-commitment/outcomes.ts';
import { isWorkitemOperation, workitemHttpOutcome } from '../services/ups/outcomes.ts';
import { WORKITEM_WARNINGS } from '../services/ups/warnings.ts';
import { failureFromHttp, httpOutcome, OUTCOMES } from '../services/worklist/outcomes.ts';
import { moreResults, parameterIgnored, WARNINGS } from '../services/worklist/warnings.ts';
import { heading, joined, list, table, text } from './document.ts';
import type { Block } from './document.ts';
import { servicesOf, webListeners, webRoles } from './site.ts';
import type { Site } from './site.ts';
import { transactionsOf } from './web-services.ts';

export function webStatuses(site: Site): Block[] {
  return [
    heading(3, 'N.7.3 Statuses of DICOM web services'),
    text(
      'Any request may also be answered 401 and 403 (or 404) where it is not allowed, 404 for a path and 405 for a method that ' +
        'is none, 414 and 431 for a URI or header fields that are too long, 429 where one asks too much, and 505.',
    ),
    ...section(site, 'worklist', 'N.7.3.3.7 Modality Worklist'),
    ...section(site, 'mpps', 'N.7.3.3.8 Modality Performed Procedure Step'),
    ...section(site, 'storageCommitment', 'Storage Commitment'),
    ...section(site, 'workitems', 'Worklist (UPS-RS)'),
    ...warnings(),
  ];
}

function section(site: Site, service: ServiceName, title: string): Block[] {
  const { originServer, userAgent } = webRoles(site).find((role) => role.service === service) ?? {};
  if (originServer !== true && userAgent !== true) return [];
  return [
    heading(4, title),
    ...(originServer === true ? asOriginServer(site, service) : []),
    ...(userAgent === true ? asUserAgent(service) : []),
  ];
}

function asOriginServer(site: Site, service: ServiceName): Block[] {
  const offered = webListeners(site)
    .filter(([name]) => servicesOf(site, name).includes(service))
    .flatMap(([name, config]) => transactionsOf(site, name, config))
    .filter(({ operation }) => operation !== undefined && SERVICE_OF[operation] === service);
  const once = new Map(offered.map((one) => [one.title, one]));
  return [...once.values()].map((one) =>
    table(
      `As origin server: ${one.title}`,
      ['Status', 'Condition', 'Failures of the gateway and of the far end'],
      one.statuses.map(({ status, title }) => [String(status), title, joined(codesOf(one, status))]),
    ),
  );
}

/** The failures whose status this is. */
function codesOf({ operation }: Transaction, status: number): string[] {
  if (operation === undefined || status < 400) return [];
  return failuresOf(operation)
    .filter((code) => statusOf(operation, new ServiceFailure(code)) === status)
    .map((code) => `\`${code}\``);
}

function failuresOf(operation: Operation): readonly FailureCode[] {
  const tables = { worklist: OUTCOMES, mpps: MPPS_OUTCOMES, storageCommitment: COMMITMENT_OUTCOMES };
  const service = SERVICE_OF[operation];
  return service === 'workitems' ? FAILURE_CODES : (Object.keys(tables[service]) as FailureCode[]);
}

function statusOf(operation: Operation, failure: ServiceFailure): number {
  if (isWorkitemOperation(operation)) return workitemHttpOutcome(failure, operation).status;
  switch (operation) {
    case 'create':
    case 'update':
    case 'retrieve':
      return mppsHttpOutcome(failure, operation).status;
    case 'request':
    case 'check':
      return commitmentHttpOutcome(failure, operation).status;
    default:
      return httpOutcome(failure).status;
  }
}

const STATUSES = [400, 401, 403, 404, 405, 406, 408, 409, 410, 413, 414, 415, 422, 429, 431, 500, 501, 502, 503, 504, 507, 508]; // prettier-ignore

function asUserAgent(service: ServiceName): Block[] {
  const meaning = (failure: ServiceFailure | undefined): string => (failure === undefined ? 'done' : `\`${failure.code}\``);
  const rows = (...ways: ((status: number) => ServiceFailure | undefined)[]): string[][] =>
    STATUSES.map((status) => [String(status), ...ways.map((way) => meaning(way(status)))]);
  switch (service) {
    case 'worklist':
      return [
        table('As user agent: what a status is taken for', ['Status', 'Search'], rows((status) => failureFromHttp(status))),
        list([
          '200: the results; 204: none. A Warning that there are more is followed by the next page.',
          '406: another media type is asked for. 413: smaller pages are asked for. 414 and 431: `includefield=all` is sent instead of a list. 429 and 503: asked again after Retry-After, where the one who asks waits so long.',
        ]),
      ];
    case 'mpps':
      return [
        table(
          'As user agent: what a status is taken for',
          ['Status', 'Create', 'Update', 'Retrieve'],
          rows(...(['create', 'update', 'retrieve'] as const).map((operation) => (status: number) => mppsFailureFromHttp(status, operation))),
        ),
        list([
          'Create: 409 is passed on to the one who gave the UID, unless the MPPS is that of a create of ours whose answer was lost.',
          'Update: 404 and 405 are tried the other way (see the update style), 409 is looked into by a Retrieve, 410 is passed on.',
          '503 and 429 are tried again later where the message was stored first; else they are passed on.',
        ]),
      ];
    case 'storageCommitment':
      return [
        table(
          'As user agent: what a status is taken for',
          ['Status', 'Request', 'Result Check'],
          rows(...(['request', 'check'] as const).map((operation) => (status: number) => commitmentFailureFromHttp(status, operation))),
        ),
        list(['202: the result is asked for again after Retry-After, until the deadline.']),
      ];
    case 'workitems':
      return [
        text(
          'As user agent: 409 of a claim says that somebody else has the workitem, which is found out by a Retrieve; an answer ' +
            'that is lost too. The Transaction UID is on the disk before it is sent. Other statuses are taken as those of MPPS.',
        ),
      ];
  }
} // prettier-ignore

function warnings(): Block[] {
  const texts = [...Object.values(WARNINGS), moreResults(1), parameterIgnored('NAME'), ...Object.values(WORKITEM_WARNINGS)];
  return [
    heading(4, 'Warnings'),
    table(
      'Texts of the Warning header field of answers that succeed',
      ['Text', 'Stands for'],
      texts.map((one) => [one.text.replace('There are 1 ', 'There are N '), `\`${one.code}\``]),
    ),
    text('A warning of a far end is told by its tags alone, since its words may name a patient.'),
  ];
} // prettier-ignore
