/** MPPS in a store, put there as the gateway of bed.ts would have, without the way over a socket. */
import { fromJson } from '../../src/dataset/json.ts';
import { Delivery } from '../../src/gateway/delivery.ts';
import type { MppsTarget } from '../../src/gateway/mpps-route.ts';
import { SILENT } from '../../src/observe/log.ts';
import type { Store } from '../../src/store/store.ts';
import { FarEnd, mppsContextOf } from '../../test/support/mpps.ts';
import { messagesOf, newUid } from './mpps-senders.ts';

/** So many at a time share a transaction. */
const AT_ONCE = 200;

const WAITING: MppsTarget = {
  route: 'bench',
  // Is never called: the messages stay where they are.
  upstream: { name: 'far', upstream: new FarEnd() },
  request: undefined,
  response: undefined,
  forwardTo: [],
  options: {
    delivery: 'store-and-forward',
    validation: 'warn',
    missingInstanceUid: 'refuse',
    unknownInstance: 'pass',
    fillType2: true,
    preCreateOptional: false,
    defaults: undefined,
    retrieveFromCopy: false,
  },
};

/** Accepts instances that wait, each with a create and so many updates; gives the number of messages. */
export function fillBacklog(store: Store, instances: number, updates: number): Promise<number> {
  return fill(store, WAITING, instances, updates);
}

/** The same, delivered at once: what stays of it is a record of each instance. */
export function fillRecords(store: Store, instances: number, updates: number): Promise<number> {
  return fill(store, { ...WAITING, options: { ...WAITING.options, delivery: 'direct' } }, instances, updates);
}

async function fill(store: Store, target: MppsTarget, instances: number, updates: number): Promise<number> {
  const delivery = new Delivery(store, SILENT);
  const [create, ...sets] = messagesOf(updates).map((message) => fromJson(message));
  if (create === undefined) throw new Error('There is no create');
  let left = instances;
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const uid = newUid();
      await delivery.create(target, uid, create, mppsContextOf());
      for (const set of sets) await delivery.update(target, () => target, uid, set, mppsContextOf());
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await delivery.settled();
  return instances * (1 + updates);
}
