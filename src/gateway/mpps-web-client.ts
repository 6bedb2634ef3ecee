/**
 * What the gateway does for web clients of the MPPS service, who know less of N-CREATE and N-SET than a modality does
 * (proxy flows MPPS W2D). What a modality sends is what it means: it is left as it is.
 */
import { dataSetOf } from '../dataset/model.ts';
import type { DataSet, Tag } from '../dataset/model.ts';
import {
  dropUnchanged,
  fillType2,
  fillType2InItems,
  preCreateOptional,
  supplyDefaults,
} from '../services/mpps/complete.ts';
import { digestsOf, EMPTY_DIGEST } from '../services/mpps/digest.ts';
import { ServiceFailure } from '../services/port.ts';
import type { RequestContext } from '../services/port.ts';
import type { MppsRecord } from '../store/store.ts';
import type { MppsRouteOptions } from './mpps-route.ts';

/** The create with what the route allows the gateway to add. @param nowMs wall clock */
export function completedCreate(
  options: MppsRouteOptions,
  received: DataSet,
  nowMs: number,
  context: RequestContext,
): DataSet {
  if (context.requester.protocol !== 'dicomweb') return received;
  let attributes = received;
  if (options.defaults !== undefined) {
    const { attributes: more, supplied } = supplyDefaults(attributes, { ...options.defaults, now: new Date(nowMs) });
    attributes = more;
    if (supplied.length > 0) {
      const text = `attributes supplied by the gateway: ${supplied.join(', ')}`;
      context.warn({ code: 'VALUES_SUPPLIED', text, attributes: supplied });
    }
  }
  if (options.fillType2) ({ attributes } = fillType2(attributes));
  return preCreateOptional(attributes, options.preCreateOptional).attributes;
}

/**
 * The update without what only repeats the create, the items of its sequences filled.
 * @throws ServiceFailure NO_SUCH_ATTRIBUTE for what is fixed at the create and changed
 */
export function settableUpdate(
  options: MppsRouteOptions,
  received: DataSet,
  record: MppsRecord | undefined,
  context: RequestContext,
): DataSet {
  if (context.requester.protocol !== 'dicomweb') return received;
  const settable =
    options.validation === 'strict' || record === undefined ? received : withoutRepeats(options, received, record);
  return options.fillType2 ? fillType2InItems(settable).attributes : settable;
}

function withoutRepeats({ validation }: MppsRouteOptions, received: DataSet, record: MppsRecord): DataSet {
  const digests = digestsOf(received);
  const isUnchanged = (tag: Tag): boolean => digests[tag] === record.created[tag];
  // Empty at the create, never set and empty again: an N-SET could not say so (usage 3/1), and nothing is said by it.
  const isEmptyAgain = (tag: Tag): boolean =>
    digests[tag] === EMPTY_DIGEST && isUnchanged(tag) && record.set[tag] === undefined;
  const said = Object.entries(received).filter(([tag]) => !isEmptyAgain(tag));
  const { modifications, conflicting } = dropUnchanged(dataSetOf(Object.fromEntries(said)), isUnchanged);
  if (conflicting.length > 0 && validation === 'warn') {
    throw new ServiceFailure('NO_SUCH_ATTRIBUTE', {
      comment: `cannot be changed after the create: ${conflicting.join(', ')}`,
      attributes: conflicting,
    });
  }
  return modifications;
}
