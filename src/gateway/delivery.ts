/**
 * Delivery of MPPS messages: in order per instance and hop, checked, remembered, and never with an outcome that is left
 * unknown when it can be learned (PS3.4 F.7, PS3.18 15; proxy flows MPPS D2W and W2D). Direct: the one who asks waits for
 * the upstream's own answer. An instance of which the spool still has messages goes on by the spool, whatever its route
 * says by now: nothing overtakes.
 */
import type { DataSet } from '../dataset/model.ts';
import { errorFacts } from '../observe/error-facts.ts';
import type { Logger } from '../observe/log.ts';
import { selectAttributes } from '../services/mpps/complete.ts';
import { digestOfDataSet } from '../services/mpps/digest.ts';
import { ServiceFailure } from '../services/port.ts';
import type { AttributeSelection, Completion, MppsContext, RequestContext, Requester } from '../services/port.ts';
import { KeyedQueue } from '../store/keyed-queue.ts';
import type { Destination, NewSpoolMessage, SpoolDepth } from '../store/spool-records.ts';
import type { MppsKey, MppsRecord, MppsRecords, Store } from '../store/store.ts';
import { AnsweredCreates } from './answered-creates.ts';
import type { AcceptedMessage } from './forwarding.ts';
import { applied } from './mapping.ts';
import { checkedCreate, checkedUpdate, instanceUid, refuseWhenLate, warnOfShrunk } from './mpps-checks.ts';
import { createOnce, isVerdict, retrieveOnce, updateOnce } from './mpps-outcome.ts';
import {
  isEcho,
  isUndeliveredRepeat,
  knownToHaveExisted,
  pendingRecord,
  storedRecord,
  updatedRecord,
} from './mpps-record.ts';
import { isRecordOf } from './mpps-route.ts';
import type { MppsTarget } from './mpps-route.ts';
import { StoreAndForward } from './store-and-forward.ts';

/** Finds the target of a record after a reload or for another caller; undefined when the route is gone. */
export type TargetOf = (record: MppsRecord) => MppsTarget | undefined;

/** Where an update or retrieve goes, and what is remembered of the instance. */
interface Found {
  readonly target: MppsTarget;
  readonly key: MppsKey;
}

export type DeliveryStore = Pick<Store, 'mpps' | 'spool' | 'exclusively' | 'instanceId'>;

export interface DeliveryOptions {
  /** Wall clock, ms since 1970. */
  readonly now?: () => number;
  /** Is told what there is to deliver; without it, that waits in the store. */
  readonly spool?: { wake(destination: Destination): void };
}

export class Delivery {
  readonly #store: DeliveryStore;
  readonly #records: MppsRecords;
  readonly #storeAndForward: StoreAndForward;
  readonly #logger: Logger;
  readonly #now: () => number;
  /**
   * Holds messages of one instance while it is found out which hop they belong to, so that none overtakes another. The
   * hop's own turn is the store's, for every process.
   */
  readonly #admissions = new KeyedQueue();
  readonly #answered = new AnsweredCreates((key) => this.#writeAnswered(key));

  constructor(store: DeliveryStore, logger: Logger, { now = Date.now, spool }: DeliveryOptions = {}) {
    this.#store = store;
    this.#records = store.mpps;
    this.#storeAndForward = new StoreAndForward(store, logger, (destination) => spool?.wake(destination));
    this.#logger = logger;
    this.#now = now;
  }

  /** What this gateway calls itself towards others. */
  get instanceId(): string {
    return this.#store.instanceId;
  }

  /** @throws ServiceFailure */
  create(
    target: MppsTarget,
    requestedUid: string | undefined,
    attributes: DataSet,
    context: MppsContext,
  ): Promise<Completion> {
    const uid = instanceUid(requestedUid, target);
    return this.#inOrder(
      context.requester.listener,
      uid,
      () => Promise.resolve({ target, key: keyOf(target, uid) }),
      (found) => this.#create(found, attributes, context),
    );
  }

  /** @throws ServiceFailure */
  update(
    target: MppsTarget,
    targetOf: TargetOf,
    uid: string,
    modifications: DataSet,
    context: MppsContext,
  ): Promise<Completion> {
    return this.#inOrder(
      context.requester.listener,
      uid,
      () => this.#find(target, targetOf, uid, context.requester),
      (found) => this.#update(found, modifications, context),
    );
  }

  /** @throws ServiceFailure */
  retrieve(
    target: MppsTarget,
    targetOf: TargetOf,
    uid: string,
    selection: AttributeSelection,
    context: RequestContext,
  ): Promise<DataSet> {
    return this.#inOrder(
      context.requester.listener,
      uid,
      () => this.#find(target, targetOf, uid, context.requester),
      (found) => this.#retrieve(found, selection, context),
    );
  }

  /** Puts events on the disk for SCUs of MPPS Notification. @throws GatewayError STORE_* */
  tell(events: readonly NewSpoolMessage[]): Promise<void> {
    return this.#storeAndForward.tell(events);
  }

  /** What waits for destinations. @throws GatewayError STORE_* */
  depths(): Promise<readonly SpoolDepth[]> {
    return this.#store.spool.depths();
  }

  /** Whether an instance went by this hop, be it long ago. */
  async knows(target: MppsTarget, uid: string): Promise<boolean> {
    return (await this.#records.get(keyOf(target, uid))) !== undefined;
  }

  /** Resolves when what is known of answers is in the store too; for the end of the process. */
  settled(): Promise<void> {
    return this.#answered.settled();
  }

  /** Specific Character Set of the create of an instance, if it came in here. */
  async characterSetOf(target: MppsTarget, uid: string, requester: Requester): Promise<string | undefined> {
    const record =
      (await this.#records.get(keyOf(target, uid))) ?? (await this.#records.findByListener(requester.listener, uid));
    return record?.characterSet;
  }

  async #inOrder<T>(
    listener: string,
    uid: string,
    find: () => Promise<Found>,
    work: (found: Found) => Promise<T>,
  ): Promise<T> {
    const admitted = await this.#admissions.run(`${listener} ${uid}`, async () => {
      const found = await find();
      const { route, upstream } = found.key;
      return { result: this.#store.exclusively(`mpps ${route} ${upstream} ${uid}`, () => work(found)) };
    });
    return admitted.result;
  }

  /**
   * The hop of an instance: this route's own record, else the one of its create on this listener, which the caller may
   * have sent under another AE title.
   */
  async #find(target: MppsTarget, targetOf: TargetOf, uid: string, requester: Requester): Promise<Found> {
    const own = { target, key: keyOf(target, uid) };
    if ((await this.#records.get(own.key)) !== undefined) return own;
    const record = await this.#records.findByListener(requester.listener, uid);
    if (record === undefined || isRecordOf(record, target)) return own;
    const followed = targetOf(record) ?? (await this.#targetLeft(target, record));
    return followed === undefined ? own : { target: followed, key: keyOf(followed, uid) };
  }

  /** That of a record whose route or upstream has another name now, while messages wait for it there. */
  async #targetLeft(target: MppsTarget, { route, upstream, uid }: MppsRecord): Promise<MppsTarget | undefined> {
    const isForward = target.route === route && target.forwardTo.some((forward) => forward.upstream.name === upstream);
    if (isForward || (await this.#storeAndForward.waiting({ route, upstream, uid })) === 0) return undefined;
    this.#logger.warn('an instance still waits for a destination of no route', { uid, route, upstream });
    return { ...target, route, upstream: { ...target.upstream, name: upstream } };
  }

  async #create(found: Found, received: DataSet, context: MppsContext): Promise<Completion> {
    refuseWhenLate(context);
    const { target, key } = found;
    const attributes = checkedCreate(target, received, this.#now(), context, this.#logger);
    const createDigest = digestOfDataSet(received);
    const existing = await this.#records.get(key);
    if (existing !== undefined) {
      if (!this.#answered.has(key) && isUndeliveredRepeat(existing, createDigest)) {
        this.#watchAnswer(key, context);
        return { uid: key.uid };
      }
      // Whether a create without an answer arrived is for the far end to say, also of another under its UID.
      if (existing.phase !== 'pending') {
        throw new ServiceFailure('DUPLICATE_INSTANCE', { comment: 'this instance exists already' });
      }
    }
    const nowMs = this.#now();
    const { delivery, retrieveFromCopy } = target.options;
    // One that was sent directly and has no answer is settled where it was begun.
    const isStored = delivery === 'store-and-forward' && existing === undefined;
    const record = pendingRecord(key, {
      attributes,
      createDigest,
      copy: isStored || retrieveFromCopy || target.forwardTo.length > 0 ? attributes : undefined,
      createdAt: existing?.createdAt ?? nowMs,
      nowMs,
      context,
    });
    const message = acceptedMessage('create', key, attributes, createDigest, context);
    let completion: Completion = { uid: key.uid };
    if (isStored) await this.#storeAndForward.accept(target, message, existing, storedRecord(record, true));
    else {
      completion = await this.#createDirectly(found, attributes, record, existing, context);
      await this.#remember(target, message, existing, storedRecord(record, retrieveFromCopy));
    }
    this.#watchAnswer(key, context);
    return completion;
  }

  async #createDirectly(
    { target, key }: Found,
    attributes: DataSet,
    record: MppsRecord,
    existing: MppsRecord | undefined,
    context: MppsContext,
  ): Promise<Completion> {
    const mapped = applied(target.request, 'request', attributes);
    await this.#records.put(record, 'process');
    const wasSent = existing?.createDigest === record.createDigest;
    try {
      const { upstream } = target.upstream;
      return await createOnce(upstream, key.uid, mapped, forWrite(context), wasSent, this.#logger);
    } catch (error) {
      // What may have arrived stays known as sent: the repeat of the one who asks is then no duplicate.
      if (!isUnknown(error)) await this.#restore(key, isVerdict(error) && wasSent ? undefined : existing, context);
      throw error;
    }
  }

  async #update(found: Found, received: DataSet, context: MppsContext): Promise<Completion> {
    refuseWhenLate(context);
    const { target, key } = found;
    const { delivery, unknownInstance, retrieveFromCopy } = target.options;
    const record = await this.#records.get(key);
    if (record === undefined && unknownInstance === 'refuse' && delivery === 'direct') {
      throw new ServiceFailure('NO_SUCH_INSTANCE', { comment: 'this instance was not created here' });
    }
    const digest = digestOfDataSet(received);
    if (isEcho(record, digest, context.requester.address)) {
      const { traceId } = context;
      this.#logger.info('an update came back from elsewhere', { traceId, uid: key.uid, route: target.route });
      return { uid: key.uid };
    }
    const modifications = checkedUpdate(target, received, record, context, this.#logger);
    const from = target.forwardTo.length > 0 ? context.requester.address : undefined;
    const message = acceptedMessage('update', key, modifications, digest, context);
    const after = (keepsCopy: boolean): MppsRecord | undefined =>
      record && updatedRecord(record, { modifications, digest, keepsCopy, nowMs: this.#now(), from });
    const isStored = delivery === 'store-and-forward' && record?.phase !== 'pending';
    let completion: Completion = { uid: key.uid };
    if (isStored || (await this.#storeAndForward.waiting(key)) > 0) {
      await this.#storeAndForward.accept(target, message, record, after(true));
    } else {
      completion = await this.#updateDirectly(found, modifications, digest, record, context);
      await this.#remember(target, message, record, after(retrieveFromCopy));
    }
    warnOfShrunk(record, modifications, context);
    return completion;
  }

  async #updateDirectly(
    { target, key }: Found,
    modifications: DataSet,
    digest: string,
    record: MppsRecord | undefined,
    context: MppsContext,
  ): Promise<Completion> {
    const mapped = applied(target.request, 'request', modifications);
    const wasSent = record?.pendingDigest === digest;
    if (record !== undefined) await this.#records.put({ ...record, pendingDigest: digest }, 'process');
    try {
      const { upstream } = target.upstream;
      return await updateOnce(upstream, key.uid, mapped, forWrite(context), wasSent, this.#logger);
    } catch (error) {
      if (record !== undefined && !isUnknown(error)) await this.#restore(key, record, context);
      throw knownToHaveExisted(error, record);
    }
  }

  async #retrieve({ target, key }: Found, selection: AttributeSelection, context: RequestContext): Promise<DataSet> {
    const record = await this.#records.get(key);
    if (record?.phase === 'deleted') throw new ServiceFailure('INSTANCE_DELETED');
    if ((await this.#storeAndForward.waiting(key)) > 0) {
      if (record?.copy !== undefined) return selectAttributes(record.copy, selection);
      context.warn({ code: 'UPSTREAM_WARNING', text: 'Updates of this instance are still to be delivered' });
    }
    try {
      const found = await retrieveOnce(target.upstream.upstream, key.uid, selection, context);
      return selectAttributes(applied(target.response, 'response', found), selection);
    } catch (error) {
      const copy = target.options.retrieveFromCopy && record?.phase === 'stored' ? record.copy : undefined;
      const cannot =
        error instanceof ServiceFailure && ['NOT_SUPPORTED', 'OPERATION_NOT_SUPPORTED'].includes(error.code);
      if (copy === undefined || !cannot) throw knownToHaveExisted(error, record);
      context.warn({
        code: 'UPSTREAM_WARNING',
        text: 'The far end has no Retrieve: answered from the copy of the gateway',
      });
      return selectAttributes(copy, selection);
    }
  }

  /** What was known before a message that did nothing; a store that fails must not hide why the message did. */
  async #restore(key: MppsKey, before: MppsRecord | undefined, context: RequestContext): Promise<void> {
    try {
      await (before === undefined ? this.#records.remove(key, 'process') : this.#records.put(before, 'process'));
    } catch (error) {
      this.#logStoreFailure('the record of an MPPS could not be taken back', key.uid, error, context);
    }
  }

  /**
   * The upstream has it. What is to be forwarded must be on the disk before the one who asks is told, and else comes again
   * with its repeat; a record alone that cannot be written is our trouble, not a failure of the one who asks.
   */
  async #remember(
    target: MppsTarget,
    message: AcceptedMessage,
    before: MppsRecord | undefined,
    after: MppsRecord | undefined,
  ): Promise<void> {
    if (await this.#storeAndForward.forward(target, message, before, after)) return;
    if (after === undefined) return;
    try {
      await this.#records.put(after, 'disk');
    } catch (error) {
      const what = 'an MPPS was delivered but its record could not be written';
      this.#logStoreFailure(what, message.uid, error, message.context);
    }
  }

  #logStoreFailure(what: string, uid: string, error: unknown, { traceId }: RequestContext): void {
    this.#logger.error(what, { traceId, uid, ...errorFacts(error) });
  }

  /** Learns in the background whether the positive answer arrived. */
  #watchAnswer({ route, upstream, uid }: MppsKey, { answerDelivered }: MppsContext): void {
    const note = (arrived: boolean): void => {
      if (arrived) this.#answered.add({ route, upstream, uid });
    };
    answerDelivered.then(note, () => undefined);
  }

  async #writeAnswered(key: MppsKey): Promise<void> {
    try {
      await this.#records.markDelivered(key, 'process');
    } catch (error) {
      this.#logger.warn('the delivery of an answer could not be noted', { uid: key.uid, ...errorFacts(error) });
    }
  }
}

function keyOf({ route, upstream }: MppsTarget, uid: string): MppsKey {
  return { route, upstream: upstream.name, uid };
}

function isUnknown(error: unknown): boolean {
  return error instanceof ServiceFailure && error.retry === 'ambiguous';
}

function acceptedMessage(
  kind: AcceptedMessage['kind'],
  { uid }: MppsKey,
  received: DataSet,
  digest: string,
  context: MppsContext,
): AcceptedMessage {
  const { characterSet, requester } = context;
  return { kind, uid, received, digest, characterSet, requester, context };
}

/** A write is not abandoned when the one who asked goes away; only its deadline ends it. */
function forWrite<Context extends RequestContext>(context: Context): Context {
  return { ...context, signal: new AbortController().signal };
}
