/** PS3.2 N.5.1 and N.5.2: which service is whose, and the services of DIMSE. */
import type { RouteConfig } from '../config/schema.ts';
import { pathToText } from '../dataset/attribute-path.ts';
import type { AttributePath } from '../dataset/attribute-path.ts';
import type { Rule } from '../dataset/rule.ts';
import { WORKLIST_ATTRIBUTES } from '../services/worklist/attributes.ts';
import type { WorklistAttributes } from '../services/worklist/attributes.ts';
import { heading, joined, list, table, text, yesNo } from './document.ts';
import type { Block } from './document.ts';
import { askedOf, dimseListeners, dimseUpstreams, notifiersOf, servicesOf, sopClasses, webListeners, webUpstreams } from './site.ts'; // prettier-ignore
import type { Site, SopClass } from './site.ts';

/** As the configuration calls them. */
const TRANSFER_SYNTAXES: Readonly<Record<string, string>> = {
  '1.2.840.10008.1.2': 'Implicit VR Little Endian',
  '1.2.840.10008.1.2.1': 'Explicit VR Little Endian',
  '1.2.840.10008.1.2.1.99': 'Deflated Explicit VR Little Endian',
};

export function serviceMapping(site: Site): Block[] {
  const parts = [...dimseListeners(site), ...webListeners(site)].map(([name]) => [
    `listener \`${name}\``,
    joined(servicesOf(site, name)),
  ]);
  const upstreams = [...dimseUpstreams(site), ...webUpstreams(site)].map(([name]) => [
    `upstream \`${name}\``,
    joined(askedOf(site, name)),
  ]);
  return [
    heading(3, 'N.5.1 Mapping of services to application entities'),
    table('Services', ['Part', 'Services'], [...parts, ...upstreams]),
  ];
}

export function dimseServices(site: Site): Block[] {
  return [
    heading(3, 'N.5.2 Supported DIMSE services'),
    ...dimseListeners(site).flatMap(([name, { aeTitles, transferSyntaxes, duplicateContexts }]) => [
      heading(4, `Listener ${name} (${aeTitles.join(', ')}): accepted presentation contexts`),
      contexts(
        `Accepted by \`${name}\``,
        acceptedBy(site, name),
        transferSyntaxes,
        'Of the proposed transfer syntaxes the first of this list is chosen.',
      ),
      text(
        duplicateContexts === 'accept'
          ? 'Several presentation contexts of one abstract syntax are accepted.'
          : 'Of several presentation contexts of one abstract syntax the first is accepted.',
      ),
    ]),
    ...dimseUpstreams(site).flatMap(([name, { aeTitle, transferSyntaxes }]) => [
      heading(4, `Upstream ${name} (${aeTitle}): proposed presentation contexts`),
      contexts(`Proposed to \`${name}\``, proposedTo(site, name), transferSyntaxes, 'In this order.'),
    ]),
    ...worklistService(site),
    ...mppsService(site),
    ...commitmentService(site),
    ...ruleSection(site),
  ];
}

interface Context extends Pick<SopClass, 'name' | 'uid'> {
  readonly role: string;
}

function contexts(caption: string, rows: readonly Context[], syntaxes: readonly string[], order: string): Block {
  const words = syntaxes.map((uid) => `${TRANSFER_SYNTAXES[uid] ?? uid} \`${uid}\``).join('\n');
  return table(
    `${caption}. ${order}`,
    ['Abstract syntax', 'UID', 'Transfer syntaxes', 'Our role', 'Extended negotiation'],
    rows.map(({ name, uid, role }) => [name, `\`${uid}\``, words, role, extendedOf(name)]),
  );
}

function extendedOf(name: string): string {
  if (!name.startsWith('Modality Worklist')) return 'none';
  return 'fuzzy matching and timezone adjustment (PS3.4 C.5.1.1), where the SCP behind it is known to do them';
}

function acceptedBy(site: Site, listener: string): Context[] {
  const services = servicesOf(site, listener);
  return sopClasses(site).flatMap(({ name, uid }): Context[] => {
    const isOffered =
      name === 'Verification' ||
      (name.startsWith('Modality Worklist') && services.includes('worklist')) ||
      (name.startsWith('Modality Performed') && !name.endsWith('Notification') && services.includes('mpps')) ||
      (name.startsWith('Storage Commitment') && services.includes('storageCommitment'));
    const isReported =
      (name.startsWith('Storage Commitment') && reportsCommitment(site)) ||
      (name.endsWith('Notification') && notifiersOf(site).length > 0);
    const role = [isOffered ? 'SCP' : [], isReported ? 'SCU of a peer that proposes to be SCP' : []].flat().join(', ');
    return role === '' ? [] : [{ name, uid, role }];
  });
}

/** An archive that is asked may report on an association of its own. */
function reportsCommitment(site: Site): boolean {
  return dimseUpstreams(site).some(([name]) => askedOf(site, name).has('storageCommitment'));
}

function proposedTo(site: Site, upstream: string): Context[] {
  const asked = askedOf(site, upstream);
  return sopClasses(site).flatMap(({ name, uid }): Context[] => {
    if (name === 'Verification') return [{ name, uid, role: 'SCU' }];
    if (name.startsWith('Modality Worklist')) return asked.has('worklist') ? [{ name, uid, role: 'SCU' }] : [];
    if (name.endsWith('Notification')) return asked.has('notifications') ? [{ name, uid, role: 'SCP' }] : [];
    if (name.startsWith('Storage Commitment')) {
      const role = asked.has('storageCommitment') ? 'SCU' : 'SCP, for reports to one that has asked';
      return [{ name, uid, role }];
    }
    return asked.has('mpps') ? [{ name, uid, role: 'SCU' }] : [];
  });
}

function worklistService(site: Site): Block[] {
  const peers = dimseUpstreams(site).filter(([name]) => askedOf(site, name).has('worklist'));
  return [
    heading(4, 'Modality Worklist: matching and return keys'),
    text(
      'Every attribute of PS3.4 Table K.6-1 may be a key, those of its modules ("all other attributes") too, and private ' +
        'ones. What is matched is for the upstream to say; a key it does not support is told by FF01H, or by a Warning on the ' +
        'web. As SCP exactly one item is taken in each sequence of an identifier.',
    ),
    table(
      'Keys of Table K.6-1 (R required, O optional, – returned only; types of return keys by PS3.4 C.2.2.1.2)',
      ['Attribute', 'Tag', 'Matching', 'Return'],
      keyRows(WORKLIST_ATTRIBUTES, []),
    ),
    table(
      'As SCU',
      ['Upstream', 'Fuzzy matching', 'Timezone adjustment', 'Empty value', 'Multiple values', 'Most results', 'Keys that are left out'], // prettier-ignore
      peers.map(([name, one]) => [
        `\`${name}\``,
        yesNo(one.fuzzyMatching),
        yesNo(one.timezoneAdjustment),
        yesNo(one.emptyValueMatching),
        yesNo(one.multipleValueMatching),
        String(one.maximumResults),
        joined(one.omitKeys.map((path) => pathToText(path, 'keyword'))),
      ]),
    ),
  ];
}

function keyRows(attributes: WorklistAttributes, around: AttributePath): string[][] {
  return [...attributes.values()]
    .filter(({ other }) => !other)
    .flatMap(({ tag, vr, matching, returnType, items }) => {
      const path = [...around, tag];
      const row = [pathToText(path, 'keyword'), pathToText(path, 'tag'), vr === 'SQ' ? 'sequence' : matching.replace('-', '–'), returnType]; // prettier-ignore
      return [row, ...keyRows(items, path)];
    });
}

function mppsService(site: Site): Block[] {
  const routes = site.config.routes.flatMap(({ name, mpps }) => (mpps === undefined ? [] : [{ name, mpps }]));
  return [
    heading(4, 'Modality Performed Procedure Step'),
    text(
      'Attributes are those of PS3.4 Table F.7.2-1, and private ones. N-GET (MPPS Retrieve) is answered from the far end, or ' +
        'from a copy where the route keeps one.',
    ),
    table(
      'How the routes treat it',
      ['Route', 'Messages that break Table F.7.2-1', 'Without a UID', 'Unknown instance', 'Copy for a retrieve'],
      routes.map(({ name, mpps }) => [
        `\`${name}\``,
        VALIDATION[mpps.validation],
        mpps.missingInstanceUid === 'refuse' ? 'refused (0117H)' : 'a UID is made',
        mpps.unknownInstance === 'refuse' ? 'refused (0112H, 404)' : 'passed on',
        yesNo(mpps.retrieveFromCopy),
      ]),
    ),
    list([
      ...dimseListeners(site).map(([name, { warningsAsSuccess }]) =>
        warningsAsSuccess
          ? `Listener \`${name}\` answers 0000H to what was done with a warning.`
          : `Listener \`${name}\` answers what was done with a warning by 0107H or 0116H.`,
      ),
      'MPPS Notification: event types 1 (in progress), 2 (completed), 3 (discontinued), 4 (updated) and 5 (deleted) of PS3.4 F.9.2, without a data set.',
    ]),
  ];
}

const VALIDATION = {
  strict: 'refused',
  warn: 'those of a modality logged, those of a web client refused',
  off: 'passed on',
} as const;

function commitmentService(site: Site): Block[] {
  const routes = site.config.routes.flatMap(({ name, storageCommitment }) =>
    storageCommitment === undefined ? [] : [{ name, storageCommitment }],
  );
  return [
    heading(4, 'Storage Commitment Push Model'),
    text(
      'Instances of any SOP class may be named: the gateway does not look at them. An instance of which no result has come by ' +
        'the deadline is told as failed (0110H).',
    ),
    table(
      'How the routes treat it',
      ['Route', 'Asked', 'Report to an SCU', 'Transaction UID towards the archive', 'Deadline'],
      routes.map(({ name, storageCommitment: { to, reportOn, transactionUids, deadline } }) => [
        `\`${name}\``,
        to,
        reportOn === 'open-association'
          ? 'on the association of its request while that is open, else on a new one'
          : 'on a new association',
        transactionUids === 'same' ? 'that of the one who asks' : 'an own one',
        `${deadline / 3_600_000} h`,
      ]),
    ),
  ];
}

/** Which attributes rules change; what they write may be nobody else's business. */
function ruleSection({ config }: Site): Block[] {
  const rows = config.routes.flatMap((route) =>
    rulesOf(route).flatMap(([where, rules]) =>
      rules.length === 0 ? [] : [[`\`${route.name}\``, where, rules.map(ruleText).join('\n')]],
    ),
  );
  return [
    heading(4, 'Attributes that are changed on the way'),
    table('Mapping rules', ['Route', 'Applied to', 'What is done'], rows),
  ];
}

function rulesOf({ worklist, mpps }: RouteConfig): [string, readonly Rule[]][] {
  return [
    ['worklist queries', worklist?.rules.request ?? []],
    ['worklist results', worklist?.rules.response ?? []],
    ['MPPS creates and updates', mpps?.rules.request ?? []],
    ['MPPS that are retrieved', mpps?.rules.response ?? []],
    ...(mpps?.forwardTo ?? []).map(({ to, rules }): [string, readonly Rule[]] => [`copies of MPPS to ${to}`, rules.request]),
  ]; // prettier-ignore
}

function ruleText(rule: Rule): string {
  const when = rule.when === undefined ? '' : `, depending on ${rule.when.path}`;
  if ('copy' in rule) return `copies ${rule.copy} to ${rule.to}${when}`;
  if ('set' in rule) return `writes ${rule.set}${when}`;
  if ('default' in rule) return `fills ${rule.default} where it is empty${when}`;
  if ('remove' in rule) return `removes ${rule.remove}${when}`;
  if ('map' in rule) return `translates ${rule.map} by a table${when}`;
  return `replaces a pattern in ${rule.replace}${when}`;
}
