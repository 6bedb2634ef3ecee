/** UPS-RS on both sides: how a server is called, the workitems of a route, and who is told of its MPPS. */
import { z } from 'zod';
import { aeTitle, age, duration, durationOrZero, name, option } from './values.ts';

const codingScheme = z.string().regex(/^[A-Z0-9_.-]{1,16}$/i, 'should be a coding scheme designator such as 99AET');

const code = z.strictObject({
  value: option(z.string().min(1).max(16), 'Value', 'Code Value.'),
  scheme: option(codingScheme, 'Scheme', 'Coding Scheme Designator.'),
  meaning: option(z.string().min(1).max(64), 'Meaning', 'Code Meaning.'),
});

const transactionUid = z.enum(['bare', 'transaction-uid', 'Transaction-uid', 'transactionUID', 'payload']);

/** What `protocol: ups-rs` has beyond the other web upstreams; the names are those of UpsOptions (src/ups/options.ts). */
export const upsOptions = {
  transactionUid: option(
    transactionUid.default('bare'),
    'Transaction UID',
    'How an update names the lock: `?1.2.3` as the standard has it, a named parameter as some servers want it, or (0008,1195) ' +
      'in the payload.',
  ),
  createUid: option(
    z.enum(['bare', 'workitem', 'payload']).default('bare'),
    'Create UID',
    'How a create names the workitem: `?1.2.3`, `?workitem=1.2.3`, or (0008,0018) in the payload.',
  ),
  states: option(
    z.array(z.enum(['SCHEDULED', 'IN PROGRESS', 'COMPLETED', 'CANCELED'])).default(['SCHEDULED']),
    'States',
    'Procedure Step States a worklist search shows; [] does not look at the state.',
  ),
  retrieveEach: option(
    z.boolean().default(false),
    'Retrieve each',
    'Retrieve every workitem a search finds, for servers whose search leaves attributes out.',
  ),
  unscheduled: option(
    z.enum(['refuse', 'create']).default('refuse'),
    'Unscheduled',
    'An MPPS of which no workitem is found: refuse it (0110H), or create a workitem for it.',
  ),
  append: option(
    z.enum(['refuse', 'create']).default('refuse'),
    'Append',
    'An MPPS whose workitem was claimed or ended before: refuse it (0110H), or create a further workitem for it.',
  ),
  cancel: option(
    z.enum(['state', 'request']).default('state'),
    'Cancel',
    'A discontinued step: change the state, as the owner of a workitem does, or ask for its cancellation, as drafts had it.',
  ),
  stationScheme: option(
    codingScheme.default('99AET'),
    'Station scheme',
    'Coding Scheme Designator of AE titles and locations as codes.',
  ),
  stationAeTitle: option(
    z.enum(['value', 'meaning']).default('value'),
    'Station AE title',
    'Where a station code has the AE title: Code Value, or Code Meaning as IHE EBIW does.',
  ),
  performer: option(
    z
      .strictObject({
        code: option(code, 'Code', 'Of the performer, whoever it is.'),
        organization: option(z.string().min(1).max(64), 'Organization', "Human Performer's Organization."),
      })
      .exactOptional(),
    'Performer',
    'Code and organization of performers of whom only the name is known; UPS wants both. Absent: such names are left out.',
  ),
  discontinuation: option(
    code.prefault({ value: '110513', scheme: 'DCM', meaning: 'Discontinued for unspecified reason' }),
    'Discontinuation',
    'Reason of a discontinued step that gives none.',
  ),
  retrieveAeTitle: option(
    aeTitle.exactOptional(),
    'Retrieve AE title',
    'Of the images, where a series of the MPPS does not say it.',
  ),
  subscription: option(
    z
      .strictObject({
        aeTitle: option(aeTitle, 'AE title', 'Subscribes to the worklist of the server as this.'),
        deletionLock: option(
          z.boolean().default(false),
          'Deletion lock',
          'Asks the server to keep what we are told of.',
        ),
        others: option(
          z.enum(['ignore', 'tell']).default('ignore'),
          'Others',
          'Workitems that others perform, which have no MPPS: their events are left out, or told under the UID of the workitem.',
        ),
        reopen: option(
          duration.prefault('1s'),
          'Reopen',
          'First pause before a lost connection is opened anew; it doubles up to a minute.',
        ),
      })
      .exactOptional(),
    'Subscription',
    'Events of the server are listened to, for `notifications` of routes and for locks that are lost. Absent: they are not.',
  ),
};

/** `workitems` of a route; the names are those of WorkitemOptions (src/ups/workitem-route.ts). */
export const workitems = z.strictObject({
  create: option(
    z.enum(['refuse', 'keep']).default('refuse'),
    'Create',
    'Workitems of user agents, which a worklist has no place for: 501, or keep them here and tell the MPPS when they are claimed.',
  ),
  updateScheduled: option(
    z.enum(['refuse', 'keep']).default('refuse'),
    'Update scheduled',
    'Changes of a workitem that nobody has claimed: 409, or keep them here.',
  ),
  cancelScheduled: option(
    z.enum(['refuse', 'perform']).default('refuse'),
    'Cancel scheduled',
    'A request to cancel what nobody has claimed, which a worklist does not know: 409, or begin and discontinue an MPPS.',
  ),
  cancelRequest: option(
    z.enum(['inform', 'act']).default('inform'),
    'Cancel request',
    'A request to cancel what is in progress: tell its performer, or discontinue the MPPS at once, as drafts had it.',
  ),
  deletionLocks: option(
    z.boolean().default(true),
    'Deletion locks',
    'Grant them: a workitem stays until its subscribers let go. Otherwise the answer says that it is not granted.',
  ),
  stationAeTitle: option(
    aeTitle.exactOptional(),
    'Station AE title',
    'Performed Station AE Title of the MPPS; absent: that of the schedule, else that of `mpps.defaults`.',
  ),
  stationScheme: option(
    codingScheme.default('99AET'),
    'Station scheme',
    'Coding Scheme Designator of AE titles and locations as codes.',
  ),
  protocolName: option(
    z.string().min(1).max(64).exactOptional(),
    'Protocol name',
    'Of the series of an MPPS; absent: the label of the workitem, or the meaning of its code.',
  ),
  retrieveAeTitle: option(
    aeTitle.exactOptional(),
    'Retrieve AE title',
    'Of the series of an MPPS where the workitem does not say it.',
  ),
  poll: option(
    durationOrZero.prefault('30s'),
    'Poll',
    'How often the MPPS of workitems in progress are asked for while there are subscribers, for far ends that notify nobody, and ' +
      'what was begun of a workitem without an answer is tried again; 0s: never.',
  ),
  maximumReports: option(
    z.int().min(1).max(100_000).default(1_000),
    'Maximum reports',
    'That wait for a subscriber who does not listen; the oldest beyond it are dropped.',
  ),
});

/** `notifications` of a route. */
export const notifications = z.strictObject({
  to: option(
    z
      .union([name, z.array(name).min(1)], 'should be the name of a DIMSE upstream or a list of names')
      .transform((to) => (typeof to === 'string' ? [to] : to)),
    'To',
    'DIMSE upstreams that listen: SCUs of MPPS Notification.',
  ),
  source: option(
    z.enum(['gateway', 'upstream']).default('gateway'),
    'Source',
    'gateway: they are told of every MPPS this route has accepted. upstream: of what the upstream of its MPPS tells, by UPS-RS ' +
      'events or MPPS Notification.',
  ),
});

/** `store.retention` has these besides. */
export const workitemRetention = {
  finalWorkitems: option(
    age.prefault('30d'),
    'Final workitems',
    'Workitems, and claims of workitems, so long after their end.',
  ),
  seenWorkitems: option(
    age.prefault('30d'),
    'Seen workitems',
    'What searches have found, so long after they last did.',
  ),
};
