/** Which request goes where, and how it is changed on the way. */
import { z } from 'zod';
import { scopes } from './identity-schema.ts';
import { storageCommitment } from './commitment-schema.ts';
import { messageLog } from './log-schema.ts';
import { mpps } from './mpps-schema.ts';
import { notifications, workitems } from './ups-schema.ts';
import { rules } from './rule-schema.ts';
import { aeTitles, basePath, certificateName, characterSet, name, option, subnet } from './values.ts';

const from = z.strictObject({
  listener: option(name.exactOptional(), 'Listener', 'Name of a listener.'),
  callingAeTitles: option(aeTitles.exactOptional(), 'Calling AE titles', 'AE titles of those who ask (DIMSE only).'),
  calledAeTitles: option(aeTitles.exactOptional(), 'Called AE titles', 'AE titles they call (DIMSE only).'),
  addresses: option(
    z.array(subnet).min(1).exactOptional(),
    'Addresses',
    'Where they ask from: IP addresses or subnets.',
  ),
  basePath: option(basePath.exactOptional(), 'Base path', 'Base path they ask under (web only).'),
  subjects: option(
    z.array(z.string().min(1)).min(1).exactOptional(),
    'Subjects',
    'Who they have proved to be: by a token, a key, a certificate or DICOM user identity.',
  ),
  certificates: option(
    z.array(certificateName).min(1).exactOptional(),
    'Certificates',
    'Certificates they have shown: CN=ct1,O=Hospital or sha256:….',
  ),
});

const worklist = z.strictObject({
  to: option(
    z
      .union([name, z.array(name).min(1)], 'should be the name of an upstream or a list of names')
      .transform((to) => (typeof to === 'string' ? [to] : to)),
    'To',
    'Upstream that is asked. Of several the next is tried when one fails safely before its first result.',
  ),
  rules: rules('Applied to the identifier before the upstream is asked.', 'Applied to every result.'),
});

export const route = z.strictObject({
  name: option(name, 'Name', 'What the route is called in logs; unique.'),
  from: option(from.prefault({}), 'From', 'Which requests take this route; what is absent fits any.'),
  characterSets: option(
    z.array(characterSet).default([]),
    'Character sets',
    'Specific Character Sets towards a calling SCU, tried in order where text is not plain ASCII, e.g. "ISO_IR 100" ' +
      'or "\\\\ISO 2022 IR 87". Then comes the one of its identifier, then ISO_IR 192.',
  ),
  unencodable: option(
    z.enum(['utf-8', 'replace', 'fail']).default('utf-8'),
    'Unencodable',
    'When no character set of the list and of the identifier has every character: send ISO_IR 192 all the same, ' +
      'replace what is missing by ?, or fail.',
  ),
  worklist: option(
    worklist.exactOptional(),
    'Worklist',
    'The Modality Worklist service; absent: refused on this route.',
  ),
  mpps: option(
    mpps.exactOptional(),
    'MPPS',
    'The Modality Performed Procedure Step service; absent: refused on this route.',
  ),
  storageCommitment: option(
    storageCommitment.exactOptional(),
    'Storage commitment',
    'The Storage Commitment service (push model); absent: refused on this route.',
  ),
  workitems: option(
    workitems.exactOptional(),
    'Workitems',
    'The UPS-RS worklist service in front of `worklist` and `mpps` of this route, both of which it needs; absent: refused.',
  ),
  notifications: option(
    notifications.exactOptional(),
    'Notifications',
    'Who is told of the MPPS of this route, by MPPS Notification; absent: nobody.',
  ),
  scopes: option(scopes, 'Scopes', 'What a token or key must allow, all of it, to use the route (web only).'),
  log: messageLog,
});
