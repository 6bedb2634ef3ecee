/** One request as it crosses the gateway: who asks, how long it is waited for, and what is told besides its outcome. */
import type { Tag } from '../dataset/model.ts';

/** Who asks, as far as the protocol tells. */
export interface Requester {
  /** Name of the listener in the configuration. */
  readonly listener: string;
  readonly protocol: 'dimse' | 'dicomweb';
  /** Remote IP address. */
  readonly address: string;
  readonly callingAeTitle?: string;
  readonly calledAeTitle?: string;
  /** Base path a web request came in under, e.g. `/dicomweb`. */
  readonly basePath?: string;
  /** Who it is, authenticated: by a token, a key, a certificate or DICOM user identity. */
  readonly subject?: string;
  /** What its token or key allows. */
  readonly scopes?: readonly string[];
  /** Distinguished name of the certificate it has shown. */
  readonly certificate?: string;
  /** SHA-256 of it, `AB:CD:…`. */
  readonly certificateFingerprint?: string;
}

/** Something worth telling the peer that does not change the outcome. */
export interface ServiceWarning {
  readonly code:
    | 'OPTIONAL_KEYS_NOT_SUPPORTED' // FF01
    | 'FUZZY_MATCHING_NOT_SUPPORTED'
    | 'EMPTY_VALUE_MATCHING_NOT_SUPPORTED'
    | 'MULTIPLE_VALUE_MATCHING_NOT_SUPPORTED'
    | 'TIMEZONE_NOT_SUPPORTED'
    | 'MORE_RESULTS' // `remaining` says how many, a lower bound
    | 'RESULTS_MAY_BE_INCOMPLETE' // B001 and the like
    | 'PARAMETER_IGNORED'
    | 'ATTRIBUTES_IGNORED' // 0107H, 0001H: `attributes` were left out, the rest was done
    | 'VALUES_CHANGED' // 0116H, Bxxx: done with other values for `attributes`
    | 'VALUES_SUPPLIED' // the gateway added `attributes` that were missing
    | 'ALREADY_IN_STATE' // B304H, B306H
    | 'DELETION_LOCK_NOT_GRANTED' // B301H
    | 'SEQUENCE_SHRANK' // B.38 note: a sequence replaced a longer one
    | 'UPSTREAM_WARNING'; // of a far end, and nothing more is known
  /** What the peer reads: no patient values. */
  readonly text: string;
  /** What the far end wrote: see `ServiceFailure.words`. */
  readonly words?: string;
  readonly remaining?: number;
  readonly dimseStatus?: number;
  readonly attributes?: readonly Tag[];
}

/** A gateway and the route a message took through it. */
export interface Hop {
  /** Store.instanceId of the gateway. */
  readonly instance: string;
  readonly route: string;
}

/** A way through more gateways than this is a loop, even where none of them tells who it is. */
export const MAXIMUM_HOPS = 32;

/** Something that passes between the gateway and an upstream on behalf of a request, for who looks at it later: no values. */
export interface TraceStep {
  readonly direction: 'in' | 'out';
  /** `C-FIND-RQ Modality Worklist`, `GET /modality-scheduled-procedure-steps?00400100.00080060=…`. */
  readonly text: string;
  /** `FF00H`, `200`; of what came to nothing, a failure code. */
  readonly status?: string;
}

/** It neither throws nor takes time. */
export type Trace = (step: TraceStep) => void;

/** The life of one request, handed through to the upstream. */
export interface RequestContext {
  /** Ends the work: the peer cancelled or went away, the deadline passed, the gateway shuts down. */
  readonly signal: AbortSignal;
  /**
   * Milliseconds the caller still waits, counted by the monotonic clock: `deadline - performance.now()`. It may move on
   * while results flow: read it when it is needed, and hand the context on by `withChanges`, not by copying it.
   */
  readonly deadline: number;
  readonly traceId: string;
  readonly requester: Requester;
  /** Bearer token of the requester, for upstreams it is passed on to; never logged, never stored. */
  readonly bearer?: string;
  /** Gateways the message has passed, this one included once it has chosen its route; absent: none that told. */
  readonly hops?: readonly Hop[];
  /** Is told of what passes at the far end, as it does; absent: nobody looks. */
  readonly trace?: Trace | undefined;
  /** Called before the result it concerns is yielded, or before the search ends. */
  warn(warning: ServiceWarning): void;
}

/**
 * What is kept back of the patience of a requester, so that the true outcome of a write is still answered in time (flows 1.3).
 * @param requestTimeoutMs how long the requester waits
 */
export function answerReserveMs(requestTimeoutMs: number): number {
  return Math.min(500, requestTimeoutMs * 0.1);
}

/** The same request with warnings that go elsewhere, or with other hops; its deadline goes on moving. */
export function withChanges<Context extends RequestContext>(
  context: Context,
  changes: Partial<Pick<RequestContext, 'warn' | 'hops' | 'trace'>>,
): Context {
  return {
    ...context,
    ...changes,
    get deadline() {
      return context.deadline;
    },
  };
}

/** What the edge knows about an MPPS message besides its attributes. */
export interface MppsContext extends RequestContext {
  /**
   * Called by the listener once its positive answer has left, or has not: an N-CREATE that is repeated after an answer
   * that could not be delivered is answered again (proxy-flows: MPPS D2W, branches).
   */
  readonly answerDelivered: Promise<boolean>;
  /** Specific Character Set the message came in, e.g. `\\\\ISO 2022 IR 87`; undefined: plain ASCII, or the web's UTF-8. */
  readonly characterSet?: string;
}
