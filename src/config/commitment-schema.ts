/** The storage commitment service of a route, and how a DIMSE peer reports. */
import { z } from 'zod';
import { aeTitle, duration, durationOrZero, name, option } from './values.ts';

const poll = z.strictObject({
  first: option(
    duration.prefault('10s'),
    'First',
    'Pause before the first Result Check where the server does not say Retry-After, and what web clients are told.',
  ),
  maximum: option(duration.prefault('10m'), 'Maximum', 'The longest pause; it doubles with each check.'),
});

/** `storageCommitment` of a route; the names are those of CommitmentOptions (src/gateway/commitment/route.ts). */
export const storageCommitment = z.strictObject({
  to: option(
    name.meta({ kind: 'single upstream name' }),
    'To',
    'Upstream that is asked: the archive. One only, since no other could speak for it.',
  ),
  delivery: option(
    z.enum(['direct', 'store-and-forward']).default('direct'),
    'Delivery',
    'direct: an archive that cannot be reached is told to the one who asks. store-and-forward: the request is taken once ' +
      'it is on the disk of the store, and the archive is asked until the deadline.',
  ),
  transactionUids: option(
    z.enum(['same', 'own']).default('same'),
    'Transaction UIDs',
    'Towards the archive: the UID of the one who asks, or an own one, needed where several could use the same.',
  ),
  holdTime: option(
    durationOrZero.prefault('5s'),
    'Hold time',
    'How long the answer to a web client (200 instead of 202) and the association to a DIMSE archive wait for the result.',
  ),
  deadline: option(
    duration.prefault('24h'),
    'Deadline',
    'When no result has come so long after the request, every instance is told as failed (0110H); nothing is claimed.',
  ),
  poll: option(poll.prefault({}), 'Poll', 'How often the result of a web archive is asked for.'),
  attemptTimeout: option(
    duration.prefault('60s'),
    'Attempt timeout',
    'Time one attempt to ask, to check or to report may take.',
  ),
  reportOn: option(
    z.enum(['open-association', 'new-association']).default('open-association'),
    'Report on',
    'Reports to a modality: on the association of its request while that is open, else on a new one; or always on a new ' +
      'one. Its address is that of the DIMSE upstream with its AE title.',
  ),
  retrieveAeTitle: option(
    aeTitle.exactOptional(),
    'Retrieve AE title',
    'Told to modalities in the report of what was committed.',
  ),
  repeatedRequest: option(
    z.enum(['refuse', 'answer']).default('refuse'),
    'Repeated request',
    'The same request of a web client under the same Transaction UID: 409, or the answer as it is by then.',
  ),
});

/** `commitment` of a DIMSE upstream. */
export const peerCommitment = z.strictObject({
  roleSelection: option(
    z.enum(['require', 'try', 'omit']).default('require'),
    'Role selection',
    'Reports and MPPS Notifications to this peer as SCU: it must accept our role as SCP (PS3.4 J.3.3, F.9), is told even ' +
      'when it does not, or is not asked.',
  ),
  unknownReports: option(
    z.enum(['refuse', 'accept']).default('refuse'),
    'Unknown reports',
    'Reports of this peer as SCP about a Transaction UID it was not asked about: 0115H, or 0000H for one that repeats ' +
      'them for ever. Either way nothing is taken from them.',
  ),
});
