/** PS3.2 N.1 to N.4: overview, introduction and implementation model. */
import type { RouteConfig } from '../config/schema.ts';
import { heading, joined, list, table, text, yesNo } from './document.ts';
import type { Block } from './document.ts';
import {
  askedOf,
  dimseListeners,
  dimseUpstreams,
  mirroringRoutes,
  servicesOf,
  sopClasses,
  WEB_SERVICES,
  webListeners,
  webRoles,
  webUpstreams,
} from './site.ts';
import type { Site } from './site.ts';
import { transactionsAsked, transactionsOffered } from './web-services.ts';

export function overview(site: Site): Block[] {
  return [
    heading(2, 'N.1 Conformance statement overview'),
    text(
      'dimseway is a gateway between classic DICOM networking (DIMSE) and DICOMweb for the workflow of modalities. It answers ' +
        'queries for the worklist, takes performed procedure steps and requests for storage commitment from one side, and ' +
        'carries them to the other. It stores no images and has no media.',
    ),
    heading(3, 'DIMSE services'),
    table(
      'SOP classes and roles',
      ['SOP class', 'UID', 'User of service (SCU)', 'Provider of service (SCP)'],
      sopClasses(site).map(({ name, uid, scu, scp }) => [name, `\`${uid}\``, yesNo(scu), yesNo(scp)]),
    ),
    heading(3, 'N.1.3 DICOM web services'),
    table(
      'Services and roles',
      ['Service', 'Section', 'Origin server', 'User agent'],
      webRoles(site).map(({ name, section, originServer, userAgent }) => [
        name,
        section,
        yesNo(originServer),
        yesNo(userAgent),
      ]),
    ),
    heading(4, 'N.1.3.6 Modality Worklist service'),
    transactionTable(site, 'worklist'),
    heading(4, 'N.1.3.7 Modality Performed Procedure Step service'),
    transactionTable(site, 'mpps'),
    text(mirroringText(site)),
    heading(4, 'Storage Commitment service'),
    transactionTable(site, 'storageCommitment'),
    heading(4, 'Worklist service (UPS-RS)'),
    transactionTable(site, 'workitems'),
    heading(3, 'Media services'),
    text('None.'),
  ];
}

function transactionTable(site: Site, service: keyof typeof WEB_SERVICES): Block {
  const [offered, asked] = [transactionsOffered(site, service), transactionsAsked(site, service)];
  const titles = new Set([...offered, ...asked]);
  return table(
    `Transactions: ${WEB_SERVICES[service].name}`,
    ['Transaction', 'Origin server', 'User agent'],
    [...titles].map((title) => [title, yesNo(offered.includes(title)), yesNo(asked.includes(title))]),
  );
}

/** The sentence that Sup 246 wants of a system that is both an origin server and a user agent of MPPS. */
function mirroringText(site: Site): string {
  const mpps = webRoles(site).find(({ service }) => service === 'mpps');
  if (mpps?.originServer !== true || !mpps.userAgent) {
    return 'The system is not both an origin server and a user agent of this service, so there is nothing to mirror.';
  }
  const routes = mirroringRoutes(site).map(({ name }) => `\`${name}\``);
  if (routes.length === 0) {
    return 'The system does not mirror the creation and updating of MPPSs on the Origin Server side to the User Agent side.';
  }
  const where = routes.length === 1 ? `route ${routes.join('')}` : `routes ${routes.join(', ')}`;
  return `The system mirrors the creation and updating of MPPSs on the Origin Server side to the User Agent side (by ${where}).`;
}

export function introduction({ version, source }: Site): Block[] {
  return [
    heading(2, 'N.2 Table of contents'),
    text('The headings follow PS3.2 Annex N. Those without a number stand where the annex has their subject.'),
    heading(2, 'N.3 Introduction'),
    heading(3, 'Product and revision'),
    table('Product', ['Item', 'Value'], [
      ['Product', 'dimseway'],
      ['Version', version],
      ['Configuration', `\`${source}\``],
    ]), // prettier-ignore
    text(
      'This statement was written by `dimseway conformance` from that configuration. It is true as long as neither changes: ' +
        'after either it is to be written again.',
    ),
    heading(3, 'Audience and remarks'),
    text(
      'It is for those who connect other systems to this one and know DICOM. Two systems whose statements agree may still not ' +
        'work together: that is found out by tests, for which `dimseway doctor`, `echo` and `find` help.',
    ),
    heading(3, 'Terms'),
    list([
      'Listener: where peers call this system. Upstream: a system that this one calls. Route: which requests go where.',
      'Statuses of DIMSE are written as four hex digits and H, statuses of HTTP as three digits.',
      'Names between backticks are those of the configuration.',
    ]),
    heading(3, 'References'),
    list([
      'DICOM PS3.2, PS3.3, PS3.4, PS3.5, PS3.7, PS3.8, PS3.15, PS3.18',
      'Supplement 234 (Storage Commitment by DICOMweb), Supplement 246 (Modality Worklist and MPPS by DICOMweb)',
      'RFC 9110 (HTTP), RFC 6455 (WebSocket), RFC 9325 (TLS), RFC 6750 (bearer tokens)',
    ]),
  ];
}

export function implementationModel(site: Site): Block[] {
  const { config } = site;
  return [
    heading(2, 'N.4 Implementation model'),
    heading(3, 'Application data flow'),
    table(
      'Routes; the first that fits and has the service is taken',
      ['Route', 'Requests', 'Worklist from', 'MPPS to', 'Storage commitment by', 'Workitems', 'MPPS Notification to'],
      config.routes.map((route) => [
        `\`${route.name}\``,
        conditionsOf(route),
        joined(route.worklist?.to ?? []),
        joined(mppsDestinations(route)),
        joined(route.storageCommitment === undefined ? [] : [route.storageCommitment.to]),
        yesNo(route.workitems !== undefined),
        joined(route.notifications?.to ?? []),
      ]),
    ),
    heading(3, 'Functional definition of application entities'),
    table(
      'Application entities and web services',
      ['Name', 'Kind', 'Known as', 'What it does'],
      [
        ...dimseListeners(site).map(([name, { aeTitles }]) => [
          `\`${name}\``,
          'listener, DIMSE',
          joined(aeTitles),
          `takes associations: Verification${servicesText(servicesOf(site, name))}`,
        ]),
        ...webListeners(site).map(([name, { basePaths }]) => [
          `\`${name}\``,
          'listener, DICOMweb',
          joined(basePaths.map((path) => (path === '' ? '/' : path))),
          `origin server: Capabilities${servicesText(servicesOf(site, name))}`,
        ]),
        ...dimseUpstreams(site).map(([name, { aeTitle, callingAeTitle }]) => [
          `\`${name}\``,
          'upstream, DIMSE',
          `calls itself ${callingAeTitle}, calls ${aeTitle}`,
          `asks for${servicesText(askedOf(site, name), ' nothing')}`,
        ]),
        ...webUpstreams(site).map(([name, { protocol, baseUrl }]) => [
          `\`${name}\``,
          `upstream, ${protocol === 'ups-rs' ? 'UPS-RS' : 'DICOMweb'}`,
          `user agent of \`${baseUrl}\``,
          `asks for${servicesText(askedOf(site, name), ' nothing')}`,
        ]),
        ...Object.entries(config.upstreams).flatMap(([name, { protocol }]) =>
          protocol === 'ris' ? [[`\`${name}\``, 'embedded RIS', '–', 'is the far end itself, without a network']] : [],
        ),
      ],
    ),
    heading(3, 'Sequencing of real-world activities'),
    list([
      'A query is answered while it is waited for: results go out as they come in, and a cancel or a lost connection ends it on both sides.',
      ...config.routes.flatMap((route) => sequencesOf(route)),
      'Of one performed procedure step the messages are carried in the order in which they came.',
    ]),
  ];
}

function servicesText(services: Iterable<string>, none = ''): string {
  const words = [...services].map((service) => SERVICE_WORDS[service] ?? service);
  return words.length === 0 ? none : `${none === '' ? ', ' : ' '}${words.join(', ')}`;
}

const SERVICE_WORDS: Readonly<Record<string, string>> = {
  worklist: 'Modality Worklist',
  mpps: 'MPPS',
  storageCommitment: 'Storage Commitment',
  workitems: 'workitems',
  notifications: 'MPPS Notification (tells it)',
};

function conditionsOf({ from }: RouteConfig): string {
  const conditions = [
    from.listener === undefined ? [] : `of \`${from.listener}\``,
    from.basePath === undefined ? [] : `base path ${from.basePath === '' ? '/' : from.basePath}`,
    from.callingAeTitles === undefined ? [] : `calling AE title ${from.callingAeTitles.join(' or ')}`,
    from.calledAeTitles === undefined ? [] : `called AE title ${from.calledAeTitles.join(' or ')}`,
    from.addresses === undefined ? [] : `from ${from.addresses.join(' or ')}`,
    from.subjects === undefined ? [] : 'of certain subjects',
    from.certificates === undefined ? [] : 'with certain certificates',
  ].flat();
  return conditions.length === 0 ? 'any' : conditions.join(', ');
}

function mppsDestinations({ mpps }: RouteConfig): string[] {
  if (mpps === undefined) return [];
  return [mpps.to, ...mpps.forwardTo.map(({ to }) => `${to} (copy)`)];
}

function sequencesOf({ name, mpps, storageCommitment }: RouteConfig): string[] {
  const how = {
    direct: 'it is answered when the far end has answered',
    'store-and-forward': 'it is answered when it is on the disk of the store, and is delivered however long that takes',
  };
  return [
    ...(mpps === undefined ? [] : [`MPPS by route \`${name}\`: ${how[mpps.delivery]}.`]),
    ...(storageCommitment === undefined
      ? []
      : [`Storage commitment by route \`${name}\`: ${how[storageCommitment.delivery]}.`]),
  ];
}
