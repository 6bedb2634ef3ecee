/** What the gateway calls. */
import { z } from 'zod';
import { clientTls } from './tls-schema.ts';
import { credentials, ownIdentity } from './identity-schema.ts';
import { upsOptions } from './ups-schema.ts';
import { peerCommitment } from './commitment-schema.ts';
import {
  aeTitle,
  age,
  attributePath,
  baseUrl,
  characterSet,
  duration,
  durationOrZero,
  file,
  headerValue,
  host,
  option,
  port,
  size,
  transferSyntax,
} from './values.ts';

const matchingOptions = {
  fuzzyMatching: option(
    z.boolean().default(false),
    'Fuzzy matching',
    'This peer does fuzzy matching of person names. Without it the search is done exactly, with a warning.',
  ),
  timezoneAdjustment: option(
    z.boolean().default(false),
    'Timezone adjustment',
    'This peer adjusts dates and times to Timezone Offset From UTC (0008,0201) of the query.',
  ),
  emptyValueMatching: option(
    z.boolean().default(false),
    'Empty value matching',
    'This peer takes the value "" as a match for empty attributes. Without it such a key matches everything.',
  ),
  multipleValueMatching: option(
    z.boolean().default(false),
    'Multiple value matching',
    'This peer takes several values, separated by backslash, in one key.',
  ),
};

const webTimers = z.strictObject({
  connect: option(duration.prefault('5s'), 'Connect', 'Time for DNS, TCP and TLS.'),
  response: option(duration.prefault('25s'), 'Response', 'Time from the request to the head of the answer.'),
  body: option(
    duration.prefault('10s'),
    'Body',
    'Time between two pieces of the answer, while the gateway is reading.',
  ),
  idle: option(
    duration.prefault('30s'),
    'Idle connection',
    'A kept connection without a request for so long is closed.',
  ),
});

const spool = z.strictObject({
  concurrency: option(
    z.int().min(1).max(100).default(4),
    'Concurrency',
    'Messages that are delivered at a time, each of another procedure step.',
  ),
  firstDelay: option(duration.prefault('1s'), 'First delay', 'Pause after a first failure; it doubles with each.'),
  maximumDelay: option(
    duration.prefault('5m'),
    'Maximum delay',
    'The longest pause, also between the probes of an upstream that does not answer.',
  ),
  attemptTimeout: option(duration.prefault('60s'), 'Attempt timeout', 'Time one attempt may take.'),
});

const spoolOption = option(
  spool.prefault({}),
  'Spool',
  'How messages are delivered that were stored first: store-and-forward and `forwardTo` of MPPS.',
);

export const dicomwebUpstream = z.strictObject({
  protocol: option(
    z.literal('dicomweb'),
    'Protocol',
    'A DICOMweb origin server with the Modality Worklist, MPPS or Storage Commitment service.',
  ),
  baseUrl: option(baseUrl, 'Base URL', 'The resources are below it, e.g. https://ris.example/dicomweb.'),
  mediaType: option(
    z.enum(['json', 'xml', 'multipart-json', 'multipart-xml']).default('json'),
    'Media type',
    'What the server is asked for first; the others are tried when it says 406.',
  ),
  tls: option(clientTls.exactOptional(), 'TLS', 'How the certificate of an https server is checked, and ours.'),
  credentials: option(
    credentials.exactOptional(),
    'Credentials',
    'Who the gateway is to the server: one of bearer, basic, oauth2, with or without passOn.',
  ),
  headers: option(
    z.record(z.string(), headerValue).default({}),
    'Headers',
    'Sent with every request, e.g. Authorization. Values are never printed.',
  ),
  parameterNames: option(
    z.enum(['tag', 'keyword']).default('tag'),
    'Parameter names',
    'How attributes are named in the query.',
  ),
  includefield: option(
    z.enum(['list', 'repeated']).default('list'),
    'includefield',
    'One parameter with commas, or one parameter per attribute.',
  ),
  emptySequence: option(
    z.enum(['leaves', 'sequence']).default('leaves'),
    'Empty sequence',
    'A sequence asked for as a whole is named by its known attributes, or by itself.',
  ),
  omitDefaultReturnKeys: option(
    z.boolean().default(false),
    'Omit default return keys',
    'Leave attributes that the server returns anyhow (return types 1 and 2) out of includefield, for shorter URIs.',
  ),
  repeatMatchKeys: option(
    z.boolean().default(false),
    'Repeat match keys',
    'Name matched attributes in includefield too, for servers that do not return them by themselves.',
  ),
  maximumUriLength: option(
    z.int().min(512).max(65_536).default(6_000),
    'Maximum URI length',
    'Characters; a longer query asks for includefield=all instead.',
  ),
  ...matchingOptions,
  updateStyle: option(
    z.enum(['query', 'path', 'draft']).default('query'),
    'Update style',
    'How an MPPS is updated first: by `?update`, by `/update`, or by PATCH with PUT for a create, as in drafts of the ' +
      'service. A server that does not know it is asked the other way, and what it understands is remembered.',
  ),
  treat404AsEmpty: option(
    z.boolean().default(false),
    'Treat 404 as empty',
    'For servers that answer 404 where 204 is right: no results.',
  ),
  pageSize: option(
    z.int().min(1).max(100_000).exactOptional(),
    'Page size',
    'Results asked for at a time (limit); absent: all at once.',
  ),
  maximumConnections: option(
    z.int().min(1).max(1_000).default(32),
    'Maximum connections',
    'Connections at a time; further requests wait.',
  ),
  maximumAnswerSize: option(size.prefault('512MiB'), 'Maximum answer size', 'Largest answer accepted, also unpacked.'),
  redirectHosts: option(
    z.array(host).default([]),
    'Redirect hosts',
    'Hosts (name or name:port) that the server may redirect to besides its own origin.',
  ),
  spool: spoolOption,
  timers: option(webTimers.prefault({}), 'Timers', 'How long the server may take.'),
});

const dimseTimers = z.strictObject({
  connect: option(duration.prefault('5s'), 'Connect', 'Time for DNS and TCP.'),
  association: option(duration.prefault('10s'), 'Association', 'Time to the answer to A-ASSOCIATE-RQ.'),
  response: option(duration.prefault('30s'), 'Response', 'Time to each response of the peer.'),
});

const pool = z.strictObject({
  maximum: option(z.int().min(1).max(1_000).default(10), 'Maximum', 'Associations at a time; further requests wait.'),
  idle: option(
    durationOrZero.prefault('10s'),
    'Idle',
    'An association is kept so long for the next request; 0s releases it after each.',
  ),
});

export const dimseUpstream = z.strictObject({
  protocol: option(
    z.literal('dimse'),
    'Protocol',
    'A classic peer: an SCP of Modality Worklist, MPPS or Storage Commitment, or a modality that reports go to.',
  ),
  host: option(host, 'Host', 'Name or address of the peer.'),
  port: option(port, 'Port', 'TCP port of the peer.'),
  tls: option(clientTls.exactOptional(), 'TLS', 'DICOM TLS; absent: without.'),
  aeTitle: option(aeTitle, 'AE title', 'Called AE title.'),
  userIdentity: option(
    ownIdentity.exactOptional(),
    'User identity',
    'DICOM user identity (PS3.7 D.3.3.7): username with or without passcode, or passOn; absent: none is shown.',
  ),
  callingAeTitle: option(
    aeTitle,
    'Calling AE title',
    'AE title the gateway calls itself, or pass-through: that of the peer who asks.',
  ),
  fallbackCallingAeTitle: option(
    aeTitle.exactOptional(),
    'Fallback calling AE title',
    'With pass-through: the calling AE title where the one who asks has none (web), and for storage commitment, whose reports ' +
      'come to it.',
  ),
  maximumResults: option(
    z.int().min(1).max(1_000_000).default(10_000),
    'Maximum results',
    'A longer list is cancelled and the search fails (413), since a part of it could hide a patient.',
  ),
  characterSet: option(
    characterSet.exactOptional(),
    'Character set',
    'Specific Character Set of keys that are not plain ASCII, where every character fits; else ISO_IR 192.',
  ),
  defaultCharacterSet: option(
    characterSet.exactOptional(),
    'Default character set',
    'Specific Character Set of answers that do not say theirs but are not plain ASCII.',
  ),
  transferSyntaxes: option(
    z.array(transferSyntax).min(1).prefault(['explicit-vr-little-endian', 'implicit-vr-little-endian']),
    'Transfer syntaxes',
    'Proposed transfer syntaxes, the preferred one first.',
  ),
  maximumPduLength: option(
    z.int().min(4_096).max(16_777_216).default(65_536),
    'Maximum PDU length',
    'Bytes of one P-DATA-TF that the peer may send (PS3.8 D.1).',
  ),
  maximumMessageSize: option(size.prefault('16MiB'), 'Maximum message size', 'Largest command or data set accepted.'),
  ...matchingOptions,
  omitKeys: option(
    z.array(attributePath).default([]),
    'Omit keys',
    'Attributes the peer cannot stand in an identifier.',
  ),
  explicitRetrieveList: option(
    z.boolean().default(false),
    'Explicit retrieve list',
    'Name every attribute in an N-GET for all of them, for SCPs that take an empty list for none.',
  ),
  retrieveWithMppsClass: option(
    z.boolean().default(false),
    'Retrieve with MPPS class',
    'Send the N-GET with the MPPS SOP Class where the peer does not accept MPPS Retrieve.',
  ),
  commitment: option(
    peerCommitment.prefault({}),
    'Commitment',
    'How reports of storage commitment go to this peer and come from it.',
  ),
  pool: option(pool.prefault({}), 'Pool', 'Associations to this peer.'),
  spool: spoolOption,
  timers: option(dimseTimers.prefault({}), 'Timers', 'How long the peer may take.'),
});

const fate = z.enum(['keep', 'remove']);

const entryWhen = z.strictObject({
  inProgress: option(fate.default('keep'), 'In progress', 'Its procedure step was begun.'),
  completed: option(fate.default('remove'), 'Completed', 'Its procedure step is COMPLETED.'),
  discontinued: option(fate.default('keep'), 'Discontinued', 'Its procedure step is DISCONTINUED.'),
});

const ageing = z.strictObject({
  scheduled: option(
    age.prefault('keep'),
    'Scheduled',
    'Entries nobody began leave the worklist so long after their start date.',
  ),
  started: option(
    age.prefault('keep'),
    'Started',
    'Entries somebody began and nobody ended leave the worklist so long after that.',
  ),
  done: option(age.prefault('keep'), 'Done', 'Entries whose step has ended leave the store so long after that.'),
  steps: option(
    age.prefault('keep'),
    'Steps',
    'Performed steps are erased so long after their last message, once no entry follows them and no exception is open.',
  ),
});

export const risUpstream = z.strictObject({
  protocol: option(
    z.literal('ris'),
    'Protocol',
    'The embedded RIS: a worklist from files and from /api/worklist of the console, and performed procedure steps, for ' +
      'trials, tests and downtime.',
  ),
  entries: option(
    z
      .union([file, z.array(file)], 'should be the name of a file or folder, or a list of them')
      .default([])
      .transform((entries) => (typeof entries === 'string' ? [entries] : entries)),
    'Entries',
    'Worklist entries that are there from the start: files of DICOM JSON or YAML, data sets as DCMTK makes them, or a ' +
      'folder of those.',
  ),
  entryWhen: option(
    entryWhen.prefault({}),
    'Entry when',
    'Whether the worklist keeps an entry or removes it as its performed procedure step goes on.',
  ),
  validation: option(
    z.enum(['strict', 'warn']).default('strict'),
    'Validation',
    'MPPS that breaks PS3.4 Table F.7.2-1: strict refuses it, as a reference should; warn keeps it and logs the tags, for ' +
      'modalities in the field. States, and UIDs used twice, are refused either way.',
  ),
  ageing: option(ageing.prefault({}), 'Ageing', 'When entries and performed steps leave by themselves.'),
  simulateCommitment: option(
    z.boolean().default(false),
    'Simulate commitment',
    'Answer storage commitment requests as if every image were kept, for demonstrations: refused unless every listener ' +
      'is on loopback. Otherwise every instance is answered as failed (0112H), because a RIS holds no images.',
  ),
});

const { baseUrl: server, mediaType: _types, tls, credentials: own, headers, pageSize } = dicomwebUpstream.shape;
const { maximumUriLength, maximumConnections, maximumAnswerSize, redirectHosts, timers } = dicomwebUpstream.shape;

export const upsUpstream = z.strictObject({
  protocol: option(
    z.literal('ups-rs'),
    'Protocol',
    'A UPS-RS origin server (PS3.18 11): its workitems are the worklist, and an MPPS claims, changes and ends them.',
  ),
  baseUrl: server,
  mediaType: option(z.enum(['json', 'xml']).default('json'), 'Media type', 'What is sent, and asked for first.'),
  ...upsOptions,
  tls,
  credentials: own,
  headers,
  pageSize,
  maximumUriLength,
  maximumConnections,
  maximumAnswerSize,
  redirectHosts,
  spool: spoolOption,
  timers,
});

export const upstream = z.discriminatedUnion('protocol', [dicomwebUpstream, dimseUpstream, risUpstream, upsUpstream]);
