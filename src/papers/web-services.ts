/** PS3.2 N.5.3: the services of DICOMweb, as origin server and as user agent. */
import type { DicomwebListenerConfig, DicomwebUpstreamConfig, UpsUpstreamConfig } from '../config/schema.ts';
import { CHARSETS } from '../dicomweb/charset.ts';
import { MEDIA_TYPES, NEGOTIATION_PARAMETERS, PAYLOAD_PARAMETERS } from '../dicomweb/descriptions.ts';
import type { Transaction } from '../dicomweb/transaction.ts';
import { describedTransactions } from '../dicomweb/transactions.ts';
import { SERVICE_OF } from '../services/port.ts';
import type { ServiceName } from '../services/port.ts';
import { heading, joined, list, table, text, yesNo } from './document.ts';
import type { Block } from './document.ts';
import { askedOf, servicesOf, WEB_SERVICES, webListeners, webUpstreams } from './site.ts';
import type { Site } from './site.ts';

/** What a listener offers, by its own table of transactions. */
export function transactionsOf(
  site: Site,
  listener: string,
  config: DicomwebListenerConfig,
  basePath?: string,
): Transaction[] {
  const services = servicesOf(site, listener, basePath);
  return describedTransactions(config).filter(({ operation }) => operation && services.includes(SERVICE_OF[operation]));
}

/** Titles of the transactions that are offered. */
export function transactionsOffered(site: Site, service: ServiceName): string[] {
  const all = webListeners(site).flatMap(([name, config]) => transactionsOf(site, name, config));
  return [...new Set(all.filter((one) => isOf(one, service)).map(({ title }) => title))];
}

/** Titles of the transactions that are asked for. */
export function transactionsAsked(site: Site, service: ServiceName): string[] {
  const isAsked = webUpstreams(site).some(([name, upstream]) => asksFor(site, name, upstream).has(service));
  if (!isAsked) return [];
  const { connect, ...others } = titlesOf(service);
  const isHeard = webUpstreams(site).some(([, one]) => one.protocol === 'ups-rs' && one.subscription !== undefined);
  return [...Object.values(others), ...(isHeard ? [connect] : [])].filter((title) => title !== undefined);
}

/** By operation; those of UPS-RS are what an MPPS comes to. */
function titlesOf(service: ServiceName): { readonly connect?: string } & Readonly<Record<string, string>> {
  const ofService = describedTransactions({ createStatus: 201, draftMethods: false }).filter((one) =>
    isOf(one, service),
  );
  const titles = Object.fromEntries(ofService.map(({ operation = 'search', title }) => [operation, title]));
  if (service !== 'workitems') return titles;
  const { unsubscribe: _end, suspendSubscription: _suspend, openChannel, subscribe, ...claiming } = titles;
  return { ...claiming, ...(openChannel !== undefined && { connect: `${subscribe}, ${openChannel}` }) };
}

function isOf({ operation }: Transaction, service: ServiceName): boolean {
  return operation !== undefined && SERVICE_OF[operation] === service;
}

function asksFor(
  site: Site,
  name: string,
  { protocol }: DicomwebUpstreamConfig | UpsUpstreamConfig,
): ReadonlySet<ServiceName> {
  const asked = askedOf(site, name);
  if (protocol === 'ups-rs') return new Set(asked.size > 0 ? ['workitems'] : []);
  return new Set((['worklist', 'mpps', 'storageCommitment'] as const).filter((service) => asked.has(service)));
}

export function webServices(site: Site): Block[] {
  return [
    heading(3, 'N.5.3 Supported DICOM web services'),
    text(
      'Retrieve Capabilities (`OPTIONS` on a base URI, PS3.18 8.9) tells what follows as WADL in XML and JSON, and as OpenAPI ' +
        '3.1, for the one who asks; `GET openapi.json` too.',
    ),
    ...section(site, 'worklist', 'N.5.3.7 Modality Worklist service'),
    ...section(site, 'mpps', 'N.5.3.8 Modality Performed Procedure Step service'),
    ...section(site, 'storageCommitment', 'Storage Commitment service'),
    ...section(site, 'workitems', 'Worklist service (UPS-RS)'),
    ...headerFields(),
  ];
}

function section(site: Site, service: ServiceName, title: string): Block[] {
  const servers = webListeners(site).filter(([name]) => servicesOf(site, name).includes(service));
  const agents = webUpstreams(site).filter(([name, config]) => asksFor(site, name, config).has(service));
  const unused = servers.length === 0 && agents.length === 0;
  return [
    heading(4, title),
    ...(unused ? [text(`${WEB_SERVICES[service].name}: not used.`)] : []),
    ...servers.flatMap(([name, config]) => asOriginServer(site, service, name, config)),
    ...agents.map(([name, config]) => asUserAgent(name, config, service)),
  ];
}

function asOriginServer(site: Site, service: ServiceName, name: string, config: DicomwebListenerConfig): Block[] {
  const transactions = transactionsOf(site, name, config).filter((one) => isOf(one, service));
  const queries = new Map(
    transactions
      .flatMap(({ parameters }) => parameters)
      .filter(({ style, name: parameter }) => style === 'query' && !/^(?:[0-9A-F]{8}|[A-Z])/.test(parameter))
      .map((one) => [one.name, one]),
  );
  return [
    table(
      `Origin server \`${name}\`: resources and transactions`,
      ['Transaction', 'Method', 'Resource', 'Payload', 'Answer'],
      transactions.map(({ title, method, path, selector, requestTypes, statuses }) => [
        title,
        method,
        `\`${path}${selector === undefined ? '' : `?${selector}`}\``,
        joined(requestTypes ?? []),
        joined(new Set(statuses.flatMap(({ mediaTypes = [] }) => mediaTypes))),
      ]),
    ),
    table(
      `Origin server \`${name}\`: query parameters`,
      ['Parameter', 'Meaning', 'Default', 'Several'],
      [...queries.values()].map((one) => [
        `\`${one.name}\``,
        one.title,
        one.default ?? '–',
        yesNo(one.repeating === true),
      ]),
    ),
    ...(service === 'worklist' ? [text('Matching keys are those of the table of N.5.2; each is named by its tag, its keyword, or the path of it.')] : []),
    text(
      config.strictParameters
        ? 'A parameter that is not known is answered 400.'
        : 'A parameter that is not known is ignored, with a Warning (PS3.18 8.3).',
    ),
  ]; // prettier-ignore
}

function asUserAgent(name: string, config: DicomwebUpstreamConfig | UpsUpstreamConfig, service: ServiceName): Block {
  const style = 'updateStyle' in config && service === 'mpps' ? [['Update of an MPPS', UPDATE_STYLES[config.updateStyle]]] : []; // prettier-ignore
  const queries =
    'parameterNames' in config && service === 'worklist'
      ? [
          ['Attributes in the query', config.parameterNames],
          ['Fuzzy matching asked for', yesNo(config.fuzzyMatching)],
          ['Empty value matching asked for', yesNo(config.emptyValueMatching)],
          ['Multiple value matching asked for', yesNo(config.multipleValueMatching)],
          ['Results a page', config.pageSize === undefined ? 'all' : String(config.pageSize)],
          ['Longest URI', `${config.maximumUriLength} characters, beyond which \`includefield=all\` is sent`],
        ]
      : [];
  const ups =
    'states' in config
      ? [
          ['States a search shows', config.states.length === 0 ? 'all' : joined(config.states)],
          ['Transaction UID', config.transactionUid],
          ['MPPS without a workitem', config.unscheduled],
          ['Further MPPS of a workitem', config.append],
          ['Discontinued step', config.cancel === 'state' ? 'changes the state to CANCELED' : 'requests cancellation'],
          ['Events', config.subscription === undefined ? 'not listened to' : `subscribes as ${config.subscription.aeTitle}`],
        ]
      : []; // prettier-ignore
  return table(
    `User agent \`${name}\``,
    ['Item', 'Value'],
    [
      ['Base URI', `\`${config.baseUrl}\``],
      ['Media type asked for first, and of payloads', config.mediaType],
      ['Others that are understood', joined(MEDIA_TYPES)],
      ...style,
      ...queries,
      ...ups,
      ['Largest answer', `${config.maximumAnswerSize} bytes`],
      ['Redirects', `followed to its own origin${config.redirectHosts.length === 0 ? '' : ` and ${joined(config.redirectHosts)}`}`],
    ],
  ); // prettier-ignore
}

const UPDATE_STYLES = {
  query: '`POST …?update`, then `/update`',
  path: '`POST …/update`, then `?update`',
  draft: '`PATCH`, with `PUT` for a create, then `POST …?update`',
} as const;

function headerFields(): Block[] {
  const fields = [...NEGOTIATION_PARAMETERS, ...PAYLOAD_PARAMETERS].filter(({ style }) => style === 'header');
  return [
    heading(4, 'Header fields of every service'),
    table(
      'Requests to the origin server',
      ['Header field', 'Meaning', 'Values'],
      [
        ...fields.map(({ name, title, options = [] }) => [`\`${name}\``, title, joined(options)]),
        ['`Accept-Encoding`', 'Content coding of the answer', 'gzip'],
        ['`If-None-Match`', 'Of Retrieve Capabilities', 'ETag'],
      ],
    ),
    table(
      'Answers of the origin server',
      ['Header field', 'Meaning'],
      [
        ['`Location`', 'URI of the MPPS or workitem that was created'],
        ['`Content-Location`', 'URI of what was retrieved; of a subscription, where its events are sent'],
        ['`Warning`', '299, the base URI, and what is to be said of the answer (PS3.18 8.3.4, 8.5)'],
        ['`Retry-After`', 'Seconds, with 202, 429 and 503'],
        ['`Allow`', 'Methods, with 405'],
        ['`WWW-Authenticate`', 'With 401'],
        ['`ETag`', 'Of Retrieve Capabilities'],
      ],
    ),
    list([
      'As user agent the same fields are sent where they say something; those of a failure are read by its Status Report, its Warning and its status, in this order.',
      `Character sets of answers: ${joined(CHARSETS.map(({ name }) => name))}.`,
      'A failure is answered with a Status Report (PS3.18 8.6.3) as JSON or plain text: status, code, words, DIMSE status of the far end, tags at fault, number of the exchange.',
    ]),
  ];
}
