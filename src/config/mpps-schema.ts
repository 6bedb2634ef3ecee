/** The MPPS service of a route, and what the gateway remembers of each performed procedure step. */
import { z } from 'zod';
import { requestRules, rules } from './rule-schema.ts';
import { aeTitle, name, option } from './values.ts';

const defaults = z.strictObject({
  stationAeTitle: option(aeTitle.exactOptional(), 'Station AE title', 'For PerformedStationAETitle.'),
  modality: option(
    z
      .string()
      .regex(/^[A-Z0-9_]{1,16}$/, 'should be a modality such as CT or US')
      .meta({ kind: 'modality' })
      .exactOptional(),
    'Modality',
    'For Modality.',
  ),
});

const forward = z
  .union(
    [
      name,
      z.strictObject({ to: option(name, 'To', 'Upstream that gets a copy of every message.'), rules: requestRules }),
    ],
    'should be the name of an upstream, or a mapping of `to` and `rules`',
  )
  .transform((given) => (typeof given === 'string' ? { to: given, rules: { request: [] } } : given));

/** `mpps` of a route; the names are those of MppsRouteOptions (src/gateway/mpps-route.ts). */
export const mpps = z.strictObject({
  to: option(
    name.meta({ kind: 'single upstream name' }),
    'To',
    'Upstream the messages go to; one only, since MPPS never switches upstream.',
  ),
  delivery: option(
    z.enum(['direct', 'store-and-forward']).default('direct'),
    'Delivery',
    'direct: the answer of the upstream is waited for and passed on. store-and-forward: the message is acknowledged ' +
      'once it is on the disk of the store, and delivered in order, however long the upstream is away.',
  ),
  forwardTo: option(
    z.array(forward).default([]),
    'Forward to',
    'Upstreams that get every create and update that was accepted, from the store, in order: names, or mappings of `to` ' +
      'and `rules.request`. Their failures never reach the one who asks.',
  ),
  validation: option(
    z.enum(['strict', 'warn', 'off']).default('warn'),
    'Validation',
    'Messages that break PS3.4 Table F.7.2-1: strict refuses them, warn logs those of a modality and refuses those of a ' +
      'web client, off does not look.',
  ),
  rules: rules(
    'Applied to every create and update before the upstream gets it; `when` on ScheduledStepAttributesSequence tells a ' +
      'create from an update.',
    'Applied to what a retrieve finds.',
  ),
  missingInstanceUid: option(
    z.enum(['refuse', 'generate']).default('refuse'),
    'Missing instance UID',
    'An N-CREATE without Affected SOP Instance UID: refuse it (0117H), or generate a UID and return it.',
  ),
  unknownInstance: option(
    z.enum(['pass', 'refuse']).default('pass'),
    'Unknown instance',
    'An update of an instance that was not created here: pass it to the upstream, or refuse it (0112H, 404). Also of an ' +
      'MPPS Notification of one: take it, or refuse it (0112H).',
  ),
  fillType2: option(
    z.boolean().default(true),
    'Fill type 2',
    'Creates of web clients: type 2 attributes that are missing are added empty.',
  ),
  preCreateOptional: option(
    z.boolean().default(false),
    'Pre-create optional',
    'Creates of web clients: optional attributes are created empty, since an N-SET can set only what was created. The ' +
      'reason of a discontinuation always is.',
  ),
  defaults: option(
    defaults.exactOptional(),
    'Defaults',
    'Creates of web clients get what they leave out: these values, the moment of the request as start, and a step ID. ' +
      'Absent: nothing is supplied.',
  ),
  retrieveFromCopy: option(
    z.boolean().default(false),
    'Retrieve from copy',
    'Keep a copy of each instance, which is patient data, in the store, and answer a retrieve from it where the ' +
      'upstream has none.',
  ),
});
