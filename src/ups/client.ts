/**
 * The transactions of UPS-RS as the user agent of one origin server (PS3.18 11.4 to 11.10). Refusals are answers: what they
 * mean depends on what the caller knows.
 */
import { concluded, refusalOf } from '../dicomweb/mpps-refusal.ts';
import type { Refusal } from '../dicomweb/mpps-refusal.ts';
import { hopHeader } from '../dicomweb/hop-header.ts';
import { getInAnyType, readOne } from '../dicomweb/one-result.ts';
import { PayloadSender } from '../dicomweb/payload-sender.ts';
import { requesterHeader } from '../dicomweb/requester-header.ts';
import type { UserAgent } from '../dicomweb/user-agent.ts';
import { attribute, dataSetOf } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import type { Logger } from '../observe/log.ts';
import { ServiceFailure } from '../services/port.ts';
import type { RequestContext } from '../services/port.ts';
import { UPS } from '../services/ups/attributes.ts';
import { queryOfUid } from '../services/ups/parameters.ts';
import { WORKLIST_UID } from '../services/ups/workitem.ts';
import type { WorkitemState } from '../services/ups/workitem.ts';
import type { UpsOptions } from './options.ts';
import { failureOfRefusal } from './refusals.ts';

/** A request and how long it may take. */
export interface Call {
  readonly context: RequestContext;
  readonly signal: AbortSignal;
}

export type UpsClientOptions = Pick<UpsOptions, 'mediaType' | 'transactionUid' | 'createUid'> & {
  /** Without slash at the end. */
  readonly baseUrl: string;
  readonly maximumItemBytes: number;
};

export class UpsClient {
  readonly #options: UpsClientOptions;
  readonly #userAgent: UserAgent;
  readonly #payloads: PayloadSender;

  constructor(options: UpsClientOptions, userAgent: UserAgent, logger: Logger) {
    this.#options = options;
    this.#userAgent = userAgent;
    this.#payloads = new PayloadSender(options.mediaType, userAgent, logger);
  }

  /** The workitem, or why there is none (PS3.18 11.5). @throws ServiceFailure when no answer came, or none to read */
  async retrieve(uid: string, { context, signal }: Call): Promise<{ workitem: DataSet } | { refusal: Refusal }> {
    const url = this.#workitem(uid);
    const headers = { ...requesterHeader(context), ...hopHeader(context) };
    const request = { url, headers, bearer: context.bearer, trace: context.trace, signal };
    const answer = await getInAnyType(this.#userAgent, request, this.#options.mediaType);
    if (answer.status < 200 || answer.status >= 300) return { refusal: await refusalOf(answer) };
    const { maximumItemBytes } = this.#options;
    const workitem = await readOne(answer, { maximumItemBytes });
    if (workitem !== undefined) return { workitem };
    throw new ServiceFailure('ANSWER_UNREADABLE', { comment: `HTTP ${answer.status} without a workitem` });
  }

  /** Create (PS3.18 11.4); undefined: done. @throws ServiceFailure; `ambiguous` when it may have been seen */
  create(uid: string, workitem: DataSet, call: Call): Promise<Refusal | undefined> {
    const { createUid } = this.#options;
    const named = createUid === 'payload' ? { [UPS.sopInstanceUid]: attribute('UI', uid) } : {};
    const url = new URL(`${this.#options.baseUrl}/workitems${queryOfUid(uid, createUid)}`);
    return this.#write({ method: 'POST', url }, dataSetOf({ ...workitem, ...named }), call);
  }

  /** Update (PS3.18 11.6): whole attributes. See `create`. */
  update(uid: string, transactionUid: string, modifications: DataSet, call: Call): Promise<Refusal | undefined> {
    const { transactionUid: spelling } = this.#options;
    const lock = spelling === 'payload' ? { [UPS.transactionUid]: attribute('UI', transactionUid) } : {};
    const url = new URL(`${this.#workitem(uid).href}${queryOfUid(transactionUid, spelling)}`);
    return this.#write({ method: 'POST', url }, dataSetOf({ ...modifications, ...lock }), call);
  }

  /** Change State (PS3.18 11.7). See `create`. */
  changeState(
    uid: string,
    transactionUid: string,
    state: WorkitemState,
    { context, signal }: Call,
  ): Promise<Refusal | undefined> {
    const payload = dataSetOf({
      [UPS.transactionUid]: attribute('UI', transactionUid),
      [UPS.state]: attribute('CS', state),
    });
    // That it is in this state already is no news to whoever made the MPPS.
    const silent = { ...context, warn: () => {} };
    const url = new URL(`${this.#workitem(uid).href}/state`);
    return this.#write({ method: 'PUT', url }, payload, { context: silent, signal });
  }

  /** Request Cancellation (PS3.18 11.8); undefined: asked for. See `create`. */
  requestCancellation(uid: string, reason: DataSet, call: Call): Promise<Refusal | undefined> {
    const url = new URL(`${this.#workitem(uid).href}/cancelrequest`);
    return this.#write({ method: 'POST', url }, reason, call);
  }

  /**
   * Subscribe to the worklist (PS3.18 11.10).
   * @returns the URL of the notification connection, where the server names one
   * @throws ServiceFailure, also when it is refused
   */
  async subscribe(aeTitle: string, deletionLock: boolean, signal: AbortSignal): Promise<string | undefined> {
    const target = `${this.#workitem(WORKLIST_UID).href}/subscribers/${encodeURIComponent(aeTitle)}`;
    const url = new URL(`${target}?deletionlock=${deletionLock}`);
    const answer = await this.#userAgent.send({ method: 'POST', url, signal });
    if (answer.status < 200 || answer.status >= 300) {
      const { status } = await refusalOf(answer);
      const comment = `HTTP ${status} to the subscription`;
      throw new ServiceFailure('UNEXPECTED_STATUS', { comment, httpStatus: status });
    }
    await answer.text(0);
    return answer.fields('content-location')[0];
  }

  async #write(
    target: { readonly method: 'POST' | 'PUT'; readonly url: URL },
    payload: DataSet,
    { context, signal }: Call,
  ): Promise<Refusal | undefined> {
    const refusal = await concluded(await this.#payloads.send(target, payload, context, signal), context);
    if (refusal === undefined) return undefined;
    // A server in between gave up: that is no answer of the one that was asked.
    const failure = failureOfRefusal(refusal, 'update');
    if (failure.retry === 'ambiguous') throw failure;
    return refusal;
  }

  #workitem(uid: string): URL {
    return new URL(`${this.#options.baseUrl}/workitems/${encodeURIComponent(uid)}`);
  }
}
