/**
 * Delivery of MPPS messages: in order per instance and hop, checked, remembered, and never with an outcome that is left
 * unknown when it can be learned (PS3.4 F.7, PS3.18 15; proxy flows MPPS D2W and W2D). Direct: the one who asks waits for
 * the upstream's own answer.
 */
import type { DataSet, Tag } from '../dataset/model.ts';
import { generateUid } from '../dataset/uid.ts';
import type { Logger } from '../observe/log.ts';
import { digestOfDataSet, sequencesOf, shrunkSequences, tagsWithValue } from '../services/mpps/digest.ts';
import { selectAttributes } from '../services/mpps/complete.ts';
import { isFinal, stateOf } from '../services/mpps/state.ts';
import { checkCreate, checkFinal, checkInstanceUid, checkUpdate, failureOfIssues } from '../services/mpps/validate.ts';
import type { MppsIssue } from '../services/mpps/validate.ts';
import { ServiceFailure } from '../services/port.ts';
import type { AttributeSelection, Completion, MppsContext, RequestContext, Requester } from '../services/port.ts';
import type { MppsKey, MppsRecord, MppsRecords } from '../store/store.ts';
import { AnsweredCreates } from './answered-creates.ts';
import { KeyedQueue } from '../store/keyed-queue.ts';
import { applied } from './mapping.ts';
import { isUndeliveredRepeat, knownToHaveExisted, pendingRecord, updatedRecord } from './mpps-record.ts';
import { isRecordOf } from './mpps-route.ts';
import type { MppsTarget } from './mpps-route.ts';
import { createOnce, isVerdict, retrieveOnce, updateOnce } from './mpps-outcome.ts';
import { completedCreate, settableUpdate } from './mpps-web-client.ts';

/** Finds the target of a record after a reload or for another caller; undefined when the route is gone. */
export type TargetOf = (record: MppsRecord) => MppsTarget | undefined;

/** Where an update or retrieve goes, and what is remembered of the instance. */
interface Found {
  readonly target: MppsTarget;
  readonly key: MppsKey;
}

export class Delivery {
  readonly #records: MppsRecords;
  readonly #logger: Logger;
  readonly #now: () => number;
  /** Holds messages of one instance while it is found out which hop they belong to, so that none overtakes another. */
  readonly #admissions = new KeyedQueue();
  readonly #instances = new KeyedQueue();
  readonly #answered = new AnsweredCreates((key) => this.#writeAnswered(key));

  /** @param now wall clock, ms since 1970 */
  constructor(records: MppsRecords, logger: Logger, now: () => number = Date.now) {
    this.#records = records;
    this.#logger = logger;
    this.#now = now;
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
      return { result: this.#instances.run(`${route} ${upstream} ${uid}`, () => work(found)) };
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
    const followed = targetOf(record);
    return followed === undefined ? own : { target: followed, key: keyOf(followed, uid) };
  }

  async #create({ target, key }: Found, received: DataSet, context: MppsContext): Promise<Completion> {
    refuseWhenLate(context);
    const attributes = completedCreate(target.options, received, this.#now(), context);
    this.#check(target, checkCreate(attributes), context);
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
    const mapped = applied(target.request, 'request', attributes);
    const nowMs = this.#now();
    const record = pendingRecord(key, {
      attributes,
      createDigest,
      copy: target.options.retrieveFromCopy ? mapped : undefined,
      createdAt: existing?.createdAt ?? nowMs,
      nowMs,
      context,
    });
    await this.#records.put(record, 'process');
    const wasSent = existing?.createDigest === createDigest;
    let completion: Completion;
    try {
      completion = await createOnce(
        target.upstream.upstream,
        key.uid,
        mapped,
        forWrite(context),
        wasSent,
        this.#logger,
      );
    } catch (error) {
      // What may have arrived stays known as sent: the repeat of the one who asks is then no duplicate.
      if (!isUnknown(error)) await this.#restore(key, isVerdict(error) && wasSent ? undefined : existing, context);
      throw error;
    }
    const stored = { ...record, phase: 'stored' } as const;
    await this.#remember(stored, context);
    this.#watchAnswer(key, context);
    return completion;
  }

  async #update({ target, key }: Found, received: DataSet, context: MppsContext): Promise<Completion> {
    refuseWhenLate(context);
    const record = await this.#records.get(key);
    if (record === undefined && target.options.unknownInstance === 'refuse') {
      throw new ServiceFailure('NO_SUCH_INSTANCE', { comment: 'this instance was not created here' });
    }
    if (record?.phase === 'deleted') throw new ServiceFailure('INSTANCE_DELETED');
    if (record !== undefined && isFinal(record.state)) throw new ServiceFailure('INSTANCE_FINAL');
    const modifications = settableUpdate(target.options, received, record, context);
    const created = record && new Set(Object.keys(record.created));
    const issues = checkUpdate(modifications, created);
    const state = stateOf(modifications);
    if (isFinal(state)) {
      const tags = record === undefined ? new Set<Tag>() : tagsWithValue(record.created, record.set);
      if (record !== undefined) issues.push(...checkFinal({ tags, modifications }));
    }
    this.#check(target, issues, context);
    const mapped = applied(target.request, 'request', modifications);
    const digest = digestOfDataSet(received);
    const wasSent = record?.pendingDigest === digest;
    if (record !== undefined) await this.#records.put({ ...record, pendingDigest: digest }, 'process');
    let completion: Completion;
    try {
      completion = await updateOnce(
        target.upstream.upstream,
        key.uid,
        mapped,
        forWrite(context),
        wasSent,
        this.#logger,
      );
    } catch (error) {
      if (record !== undefined && !isUnknown(error)) await this.#restore(key, record, context);
      throw knownToHaveExisted(error, record);
    }
    if (record !== undefined) {
      await this.#remember(updatedRecord(record, modifications, mapped, digest, this.#now()), context);
    }
    const shrunk = record === undefined ? [] : shrunkSequences(record.sequences, sequencesOf(modifications));
    if (shrunk.length > 0) {
      context.warn({
        code: 'SEQUENCE_SHRANK',
        text: `a sequence lost items: ${shrunk.join(', ')}`,
        attributes: shrunk,
      });
    }
    return completion;
  }

  async #retrieve({ target, key }: Found, selection: AttributeSelection, context: RequestContext): Promise<DataSet> {
    const record = await this.#records.get(key);
    if (record?.phase === 'deleted') throw new ServiceFailure('INSTANCE_DELETED');
    let found: DataSet;
    try {
      found = await retrieveOnce(target.upstream.upstream, key.uid, selection, context);
    } catch (error) {
      const copy = target.options.retrieveFromCopy && record?.phase === 'stored' ? record.copy : undefined;
      const cannot =
        error instanceof ServiceFailure && ['NOT_SUPPORTED', 'OPERATION_NOT_SUPPORTED'].includes(error.code);
      if (copy === undefined || !cannot) throw knownToHaveExisted(error, record);
      context.warn({
        code: 'UPSTREAM_WARNING',
        text: 'The far end has no Retrieve: answered from the copy of the gateway',
      });
      found = copy;
    }
    return selectAttributes(applied(target.response, 'response', found), selection);
  }

  #check(target: MppsTarget, issues: readonly MppsIssue[], context: RequestContext): void {
    const { validation } = target.options;
    if (issues.length === 0 || validation === 'off') return;
    if (validation === 'strict' || context.requester.protocol === 'dicomweb') throw failureOfIssues(issues);
    this.#logger.warn('MPPS breaks Table F.7.2-1 and is passed on', {
      traceId: context.traceId,
      route: target.route,
      problems: issues.map(({ code, text }) => `${code}: ${text}`),
    });
  }

  /** What was known before a message that did nothing; a store that fails must not hide why the message did. */
  async #restore(key: MppsKey, before: MppsRecord | undefined, context: RequestContext): Promise<void> {
    try {
      await (before === undefined ? this.#records.remove(key, 'process') : this.#records.put(before, 'process'));
    } catch (error) {
      this.#logStoreFailure('the record of an MPPS could not be taken back', key.uid, error, context);
    }
  }

  /** The upstream has it: a record that cannot be written is our trouble, not a failure of the one who asks. */
  async #remember(record: MppsRecord, context: RequestContext): Promise<void> {
    try {
      await this.#records.put(record, 'disk');
    } catch (error) {
      this.#logStoreFailure('an MPPS was delivered but its record could not be written', record.uid, error, context);
    }
  }

  #logStoreFailure(what: string, uid: string, error: unknown, { traceId }: RequestContext): void {
    const { name, message } = error as Error;
    this.#logger.error(what, { traceId, uid, problem: `${name}: ${message}` });
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
      const { name } = error as Error;
      this.#logger.warn('the delivery of an answer could not be noted', { uid: key.uid, name });
    }
  }
}

function instanceUid(requested: string | undefined, { options }: MppsTarget): string {
  if (requested === undefined || requested === '') {
    if (options.missingInstanceUid === 'generate') return generateUid();
    throw new ServiceFailure('INVALID_UID', { comment: 'no SOP Instance UID was given' });
  }
  const issues = checkInstanceUid(requested);
  if (issues.length > 0) throw failureOfIssues(issues);
  return requested;
}

function keyOf({ route, upstream }: MppsTarget, uid: string): MppsKey {
  return { route, upstream: upstream.name, uid };
}

function isUnknown(error: unknown): boolean {
  return error instanceof ServiceFailure && error.retry === 'ambiguous';
}

/** Waited too long behind other messages of the instance: nothing was done, the one who asks may try again. */
function refuseWhenLate({ deadline }: RequestContext): void {
  if (performance.now() < deadline) return;
  throw new ServiceFailure('OUT_OF_RESOURCES', { retry: 'safe', comment: 'waited too long behind an earlier message' });
}

/** A write is not abandoned when the one who asked goes away; only its deadline ends it. */
function forWrite<Context extends RequestContext>(context: Context): Context {
  return { ...context, signal: new AbortController().signal };
}
