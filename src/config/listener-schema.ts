/** What the gateway listens on. */
import { z } from 'zod';
import { authentication, userIdentity } from './identity-schema.ts';
import { messageLog } from './log-schema.ts';
import { serverTls } from './tls-schema.ts';
import {
  aeTitle,
  aeTitles,
  basePath,
  certificateName,
  duration,
  host,
  listenPort,
  option,
  size,
  subnet,
  transferSyntax,
} from './values.ts';

const listenHost = option(host.prefault('127.0.0.1'), 'Host', 'Address to bind; 0.0.0.0 or :: for every interface.');

const port = option(listenPort, 'Port', 'TCP port to bind; 0 takes a free one, which the ready line of `serve` tells.');

const limits = z.strictObject({
  requestsPerSecond: option(
    z.number().positive().max(100_000).exactOptional(),
    'Requests per second',
    'Of one peer, in the long run; absent: any number.',
  ),
  burst: option(
    z.int().min(1).max(100_000).exactOptional(),
    'Burst',
    'Requests of one peer in a row before the rate holds it back; absent: those of one second.',
  ),
  concurrentRequests: option(
    z.int().min(1).max(100_000).exactOptional(),
    'Concurrent requests',
    'Of one peer at a time; absent: any number.',
  ),
});

const limitsOption = (peer: string, answer: string) =>
  option(limits.prefault({}), 'Limits', `Of each peer, which is ${peer}; beyond it ${answer}.`);

const held = option(
  size.prefault('256MiB'),
  'Maximum held size',
  'Of what all peers together have sent and is not answered yet, but for the first 64 KiB of each; beyond it they are told ' +
    'to come again.',
);

const serverTlsOption = option(serverTls.exactOptional(), 'TLS', 'Absent: without TLS.');

const certificates = option(
  z.array(certificateName).min(1).exactOptional(),
  'Certificates',
  'Only who shows one of these: CN=ct1,O=Hospital or sha256:…; absent: whatever `tls` takes.',
);

const dimseTimers = z.strictObject({
  artim: option(
    duration.prefault('30s'),
    'ARTIM timer',
    'Time a peer has for its A-ASSOCIATE-RQ, and for closing the connection after a reject, release or abort (PS3.8 9.1.4).',
  ),
  idle: option(
    duration.prefault('60s'),
    'Idle association',
    'An association without a request for so long is aborted.',
  ),
  request: option(
    duration.prefault('30s'),
    'Request',
    'Patience of the peer: a request is answered within it, and so is each further result; upstreams get what is left.',
  ),
});

const dimseAccess = z.strictObject({
  callingAeTitles: option(
    aeTitles.exactOptional(),
    'Calling AE titles',
    'Only these may associate; absent: any. Others are rejected (calling AE title not recognized), but for DIMSE upstreams ' +
      'of a `storageCommitment`, which may always report, from their own host.',
  ),
  addresses: option(
    z.array(subnet).min(1).exactOptional(),
    'Addresses',
    'Only peers from these addresses or subnets may associate; absent: any.',
  ),
  certificates,
});

const webAccess = z.strictObject({
  addresses: option(
    z.array(subnet).min(1).exactOptional(),
    'Addresses',
    'Only clients from these addresses or subnets; absent: any.',
  ),
  certificates,
});

export const dimseListener = z.strictObject({
  protocol: option(
    z.literal('dimse'),
    'Protocol',
    'Classic DICOM networking: an SCP of Verification, Modality Worklist, MPPS, MPPS Retrieve and Storage Commitment.',
  ),
  aeTitle: option(aeTitle.exactOptional(), 'AE title', 'The AE title that peers call. Give either this or `aeTitles`.'),
  aeTitles: option(aeTitles.exactOptional(), 'AE titles', 'Several AE titles that peers may call.'),
  host: listenHost,
  port,
  tls: serverTlsOption,
  access: option(dimseAccess.prefault({}), 'Access', 'Who may associate.'),
  userIdentity: option(
    userIdentity.exactOptional(),
    'User identity',
    'DICOM user identity (PS3.7 D.3.3.7); absent: not looked at.',
  ),
  limits: limitsOption(
    'a calling AE title at an address',
    'associations are rejected (2/3/2), requests A700H or 0213H',
  ),
  maximumAssociations: option(
    z.int().min(1).max(10_000).default(500),
    'Maximum associations',
    'So many at a time; more are rejected as transient (local limit exceeded).',
  ),
  maximumAssociationsPerCallingAeTitle: option(
    z.int().min(1).max(10_000).exactOptional(),
    'Maximum associations per calling AE title',
    'So many at a time from one calling AE title; absent: no limit.',
  ),
  maximumHalfOpenConnections: option(
    z.int().min(1).max(10_000).default(100),
    'Maximum half-open connections',
    'Connections that have not sent an A-ASSOCIATE-RQ yet; more are closed at once.',
  ),
  maximumPduLength: option(
    z.int().min(4_096).max(16_777_216).default(65_536),
    'Maximum PDU length',
    'Bytes of one P-DATA-TF that peers may send (PS3.8 D.1).',
  ),
  maximumMessageSize: option(size.prefault('16MiB'), 'Maximum message size', 'Largest command or data set accepted.'),
  maximumHeldSize: held,
  transferSyntaxes: option(
    z.array(transferSyntax).min(1).prefault(['explicit-vr-little-endian', 'implicit-vr-little-endian']),
    'Transfer syntaxes',
    'Accepted transfer syntaxes, the preferred one first.',
  ),
  duplicateContexts: option(
    z.enum(['accept', 'refuse']).default('accept'),
    'Duplicate contexts',
    'Whether every presentation context of an abstract syntax is accepted, or only the first.',
  ),
  warningsAsSuccess: option(
    z.boolean().default(true),
    'Warnings as success',
    'Answer 0000H to an N-CREATE, N-SET or N-GET that was done with a warning, for modalities that take 0107H or 0116H ' +
      'for a failure; the warning is logged.',
  ),
  timers: option(dimseTimers.prefault({}), 'Timers', 'How long this side waits.'),
  log: messageLog,
});

const webTimers = z.strictObject({
  headers: option(duration.prefault('10s'), 'Headers', 'Time a client has to send the request line and headers.'),
  request: option(
    duration.prefault('30s'),
    'Request',
    'Patience of the client: when it has passed, the answer is 504; upstreams get what is left.',
  ),
  idle: option(
    duration.prefault('30s'),
    'Idle connection',
    'A kept connection without a request for so long is closed, as is one that takes no byte of its answer; a subscriber to ' +
      'events is asked so often whether it is there.',
  ),
});

export const dicomwebListener = z.strictObject({
  protocol: option(
    z.literal('dicomweb'),
    'Protocol',
    'DICOMweb: an origin server of the Modality Worklist, MPPS, Storage Commitment and Worklist (UPS-RS) services.',
  ),
  host: listenHost,
  port,
  basePath: option(
    basePath.exactOptional(),
    'Base path',
    'Path before the resources, e.g. /dicomweb; empty by default. Give this or `basePaths`.',
  ),
  basePaths: option(
    z.array(basePath).min(1).exactOptional(),
    'Base paths',
    'Several base paths; routes tell them apart by `from.basePath`.',
  ),
  tls: serverTlsOption,
  access: option(webAccess.prefault({}), 'Access', 'Who may connect.'),
  authentication: option(
    authentication.exactOptional(),
    'Authentication',
    'Who may ask; absent: anybody who may connect.',
  ),
  limits: limitsOption('a login, else an address', 'requests are answered 429 with Retry-After'),
  strictParameters: option(
    z.boolean().default(false),
    'Strict parameters',
    'Answer 400 to unknown query parameters instead of ignoring them with a Warning (PS3.18 8.3).',
  ),
  strictAccept: option(
    z.boolean().default(false),
    'Strict Accept',
    'Answer 406 to a request without Accept instead of taking it as `*/*` (PS3.18 8.7.5).',
  ),
  draftMethods: option(
    z.boolean().default(false),
    'Draft methods',
    'Take PUT for a create and PATCH for an update of an MPPS too, as drafts of the service had them.',
  ),
  createStatus: option(
    z.literal([201, 200]).default(201),
    'Create status',
    'Status of a create that was done: 201 (PS3.18 15.4.3.1), or 200 for clients that expect that of Example B.37.',
  ),
  origins: option(
    z
      .array(
        z
          .string()
          .regex(/^(\*|https?:\/\/[^/?#@\s]+)$/, 'should be an origin such as https://viewer.example, or * for any')
          .transform((origin) => origin.toLowerCase()),
      )
      .min(1)
      .exactOptional(),
    'Origins',
    'Pages of these may listen to events of workitems besides those of our own host: https://viewer.example, or * for any.',
  ),
  maximumBodySize: option(
    size.prefault('1MiB'),
    'Maximum body size',
    'Largest request body; longer ones are answered 413.',
  ),
  maximumCommitmentSize: option(
    size.prefault('32MiB'),
    'Maximum commitment size',
    'The same for requests for storage commitment, which name thousands of instances.',
  ),
  maximumHeldSize: held,
  maximumUriLength: option(
    z.int().min(256).max(65_536).default(16_384),
    'Maximum URI length',
    'Characters; longer request targets are answered 414.',
  ),
  maximumConnections: option(z.int().min(1).max(100_000).default(1_000), 'Maximum connections', 'So many at a time.'),
  timers: option(webTimers.prefault({}), 'Timers', 'How long this side waits.'),
  log: messageLog,
});

/** One of `one` and `several`, as a list; the cross checks say when both or none were given. */
function listOf<T>(one: T | undefined, several: readonly T[] | undefined, otherwise: readonly T[]): readonly T[] {
  return several ?? (one === undefined ? otherwise : [one]);
}

export const listener = z.discriminatedUnion('protocol', [
  dimseListener.transform(({ aeTitle, aeTitles, ...rest }) => ({ ...rest, aeTitles: listOf(aeTitle, aeTitles, []) })),
  dicomwebListener.transform(({ basePath, basePaths, ...rest }) => ({
    ...rest,
    basePaths: listOf(basePath, basePaths, ['']),
  })),
]);
