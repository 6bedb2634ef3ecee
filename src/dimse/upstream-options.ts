/** How a classic SCP is reached, and what each association to it says. */
import type { AttributePath } from '../dataset/attribute-path.ts';
import type { TransferSyntaxUid } from '../dataset/binary/transfer-syntax.ts';
import type { Requester, RequestContext } from '../services/port.ts';
import type { ClientTls } from '../tls/client-tls.ts';
import type { MppsScuOptions } from './mpps-scu.ts';
import type { PoolOptions } from './pool.ts';
import { userIdentityOf } from './requestor-identity.ts';
import type { ReportRoleSelection } from './report-role.ts';
import type { RequestorIdentity } from './requestor-identity.ts';
import type { Budget, ScuOptions } from './scu.ts';
import { IMPLEMENTATION_VERSION_NAME } from './uids.ts';
import type { WorklistFindOptions } from './worklist-scu.ts';

export interface DimseUpstreamOptions extends WorklistFindOptions, MppsScuOptions {
  /** Name of the upstream in the configuration. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Absent: plain TCP. */
  readonly tls?: ClientTls;
  /** Called AE title. */
  readonly aeTitle: string;
  /** `pass-through`: that of the peer who asks. */
  readonly callingAeTitle: string;
  /** With pass-through, where the one who asks has none, and for storage commitment: its reports go to this title. */
  readonly fallbackCallingAeTitle?: string;
  /** Who each association says it is of; default nobody. */
  readonly userIdentity?: RequestorIdentity;
  /** Proposed, the preferred one first. */
  readonly transferSyntaxes: readonly TransferSyntaxUid[];
  readonly maximumPduLength: number;
  readonly maximumMessageBytes: number;
  /** What the peer is known to do; the first two are negotiated besides. */
  readonly fuzzyMatching: boolean;
  readonly timezoneAdjustment: boolean;
  readonly emptyValueMatching: boolean;
  readonly multipleValueMatching: boolean;
  /** Attributes the peer cannot stand in an identifier. */
  readonly omitKeys: readonly AttributePath[];
  /**
   * The role of SCP for a report of storage commitment and for an MPPS Notification (PS3.4 J.3.3, F.9, PS3.7 D.3.3.4);
   * default `require`.
   */
  readonly reportRoleSelection?: ReportRoleSelection;
  readonly pool: PoolOptions;
  /** DNS, TCP and TLS. */
  readonly connectTimeoutMs: number;
  /** The answer to A-ASSOCIATE-RQ. */
  readonly associationTimeoutMs: number;
  /** Each response. */
  readonly responseTimeoutMs: number;
  /** After C-CANCEL, the final response; default 5 s. */
  readonly drainTimeoutMs?: number;
  /** A-RELEASE-RP, and the peer to close (PS3.8 9.1.4); default 5 s. */
  readonly artimMs?: number;
}

const DRAIN_MS = 5_000;
const ARTIM_MS = 5_000;

/** @param bearer token of the requester, for an identity that is passed on */
export function scuOptions(
  options: DimseUpstreamOptions,
  abstractSyntaxes: readonly string[],
  callingAeTitle: string,
  bearer: string | undefined,
): ScuOptions {
  const userIdentity = userIdentityOf(options.userIdentity, bearer);
  const { host, port, tls, aeTitle, transferSyntaxes, maximumPduLength, maximumMessageBytes } = options;
  return {
    host,
    port,
    tls,
    calledAeTitle: aeTitle,
    callingAeTitle,
    abstractSyntaxes,
    transferSyntaxes,
    extended: [],
    ...(userIdentity !== undefined && { userIdentity }),
    maximumPduLength,
    maximumMessageBytes,
    timers: {
      connectMs: options.connectTimeoutMs,
      associateMs: options.associationTimeoutMs,
      responseMs: options.responseTimeoutMs,
      artimMs: options.artimMs ?? ARTIM_MS,
      drainMs: options.drainTimeoutMs ?? DRAIN_MS,
    },
  };
}

/** @param requester absent: nobody whose AE title could pass through */
export function callingAeTitleFor(options: DimseUpstreamOptions, requester?: Requester): string {
  const { callingAeTitle, fallbackCallingAeTitle } = options;
  if (callingAeTitle !== 'pass-through') return callingAeTitle;
  return requester?.callingAeTitle ?? fallbackCallingAeTitle ?? IMPLEMENTATION_VERSION_NAME;
}

export function budgetOf(context: RequestContext): Budget {
  return { signal: context.signal, deadline: () => context.deadline, trace: context.trace };
}
