/** What a DICOMweb listener is told. */
import type { ServerTls } from '../tls/server-tls.ts';
import type { WebIdentityOptions } from './authentication.ts';
import type { RequestGateOptions } from './request-gate.ts';

interface TlsListening {
  /** Absent: plain HTTP. Whoever has loaded it closes it; that of the running listener stays. */
  readonly tls?: ServerTls;
}

export interface DicomwebListenerOptions extends WebIdentityOptions, TlsListening, Partial<RequestGateOptions> {
  /** Name in the configuration. */
  readonly name: string;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Paths in front of the resources, without slash at the end: `['']`, `['/dicomweb']`. */
  readonly basePaths: readonly string[];
  /** Unknown query parameters are 400 instead of a Warning. */
  readonly strictParameters: boolean;
  /** A request without Accept is 406 instead of taking anything. */
  readonly strictAccept: boolean;
  /** Characters of the request target; longer ones are 414. */
  readonly maximumUriLength: number;
  /** Bytes of all header fields; more are 431. At most 64 kB. */
  readonly maximumHeaderBytes?: number;
  /** Bytes of a request body, before and after its content coding is undone; longer ones are 413. */
  readonly maximumBodyBytes?: number;
  /** The same of a request for storage commitment, which may name very many instances; 32 MiB unless told. */
  readonly maximumCommitmentBytes?: number;
  /** A request body must be there in this time, else 408. */
  readonly bodyTimeoutMs?: number;
  /** More connections are closed at once, those of the address that has most. */
  readonly maximumConnections: number;
  /** Requests worked on at a time; more are 503. */
  readonly maximumRequests?: number;
  /** Bytes of an answer, before its content coding; longer ones are 413. */
  readonly maximumAnswerBytes?: number;
  /** Status of an MPPS that was created: 201 unless told (C25). */
  readonly createStatus?: 200 | 201;
  /** PUT creates and PATCH updates an MPPS too, as in drafts of Supplement 246 (C24). */
  readonly draftMethods?: boolean;
  /** Pages of these origins may listen to events besides those of our own host: `https://viewer.example`, or `*` for any. */
  readonly origins?: readonly string[] | undefined;
  /** The handshake of TLS is done in this time, and then request line and header fields are there, else 408. */
  readonly headersTimeoutMs: number;
  /** Patience of the client: when it has passed, the answer is 504. */
  readonly requestTimeoutMs: number;
  /**
   * A kept connection without a request, or a client that takes no byte of its answer. A subscriber to events is asked so
   * often whether it is there.
   */
  readonly idleTimeoutMs: number;
}

/** What a reload may change: all but the socket. */
export type DicomwebListenerUpdate = Omit<DicomwebListenerOptions, 'host' | 'port'>;

export const DEFAULTS = {
  maximumHeaderBytes: 64 * 1024,
  maximumBodyBytes: 1024 * 1024,
  maximumCommitmentBytes: 32 * 1024 * 1024,
  bodyTimeoutMs: 10_000,
  maximumRequests: 500,
  maximumAnswerBytes: 256 * 1024 * 1024,
  maximumHeldBytes: 256 * 1024 * 1024,
  createStatus: 201,
  draftMethods: false,
} as const;

/** What has no default is absent where it is not told. */
type Optional = Partial<
  WebIdentityOptions & TlsListening & RequestGateOptions & Pick<DicomwebListenerOptions, 'origins'>
>;
export type KnownOptions = Required<Omit<DicomwebListenerOptions, keyof Optional>> &
  WebIdentityOptions &
  TlsListening &
  RequestGateOptions &
  Pick<DicomwebListenerOptions, 'origins'>;
