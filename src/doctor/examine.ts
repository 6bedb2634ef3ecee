/** Looks at one upstream from the name of its host to the transactions that the routes need of it. */
import { randomUUID } from 'node:crypto';
import { UserAgent } from '../dicomweb/user-agent.ts';
import type { UserAgentOptions } from '../dicomweb/user-agent.ts';
import type { Budget } from '../dimse/scu.ts';
import type { DimseUpstreamOptions } from '../dimse/upstream-options.ts';
import { SOP_CLASSES } from '../dimse/uids.ts';
import type { RequestContext, Upstream } from '../services/port.ts';
import { examineDimse } from './dimse.ts';
import type { Examination } from './finding.ts';
import type { Need } from './needs.ts';
import { examineNetwork } from './network.ts';
import type { Address } from './network.ts';
import { examineTransactions } from './transactions.ts';
import { examineCredentials, examineWeb } from './web.ts';

/** How it is reached, and what stands for it in the gateway; whoever made these closes them. */
export type FarEnd =
  | { readonly protocol: 'dimse'; readonly options: DimseUpstreamOptions; readonly upstream: Upstream }
  | {
      readonly protocol: 'web';
      readonly baseUrl: string;
      /** Of a user agent that is made and closed here, with its TLS and credentials. */
      readonly options: UserAgentOptions;
      readonly upstream: Upstream;
    };

export interface ExamineOptions {
  /** Of each step. */
  readonly timeoutMs: number;
  /** Wall clock, ms. */
  readonly now: () => number;
}

export async function examine(
  examination: Examination,
  farEnd: FarEnd,
  needs: ReadonlySet<Need>,
  { timeoutMs, now }: ExamineOptions,
): Promise<void> {
  const network = { timeoutMs, nowMs: now() };
  if (!(await examineNetwork(examination, addressOf(farEnd), network))) return;
  const { signal } = new AbortController();
  if (farEnd.protocol === 'dimse') {
    const inTime = (): Budget => ({ signal, deadline: deadlineAfter(timeoutMs) });
    const accepted = await examineDimse(examination, farEnd.options, needs, inTime);
    if (accepted === undefined) return;
    const own = new Set([...needs].filter((need) => need !== 'worklist' || accepted.has(SOP_CLASSES.modalityWorklist)));
    const retrieve = accepted.has(SOP_CLASSES.mppsRetrieve);
    await examineTransactions(examination, farEnd.upstream, own, { retrieve }, () => contextOf(timeoutMs));
    return;
  }
  if (!(await examineServer(examination, farEnd, timeoutMs, now))) return;
  await examineTransactions(examination, farEnd.upstream, needs, { retrieve: true }, () => contextOf(timeoutMs));
}

/** True: transactions can be tried. */
async function examineServer(
  examination: Examination,
  { baseUrl, options }: Extract<FarEnd, { protocol: 'web' }>,
  timeoutMs: number,
  now: () => number,
): Promise<boolean> {
  const { credentials } = options;
  const inTime = (): AbortSignal => AbortSignal.timeout(timeoutMs);
  const userAgent = new UserAgent(options);
  try {
    const seen = credentials && (await examineCredentials(examination, credentials, inTime()));
    if (seen === 'failed') return false;
    return await examineWeb(examination, baseUrl, userAgent, seen === 'requester', inTime(), now);
  } finally {
    await userAgent.close();
  }
}

function addressOf(farEnd: FarEnd): Address {
  if (farEnd.protocol === 'dimse') return farEnd.options;
  const { hostname, port, protocol } = new URL(farEnd.baseUrl);
  const isTls = protocol === 'https:';
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (isTls ? 443 : 80) : Number(port),
    tls: isTls ? farEnd.options.tls : undefined,
  };
}

function deadlineAfter(ms: number): () => number {
  const end = performance.now() + ms;
  return () => end;
}

function contextOf(timeoutMs: number): RequestContext {
  return {
    signal: new AbortController().signal,
    deadline: performance.now() + timeoutMs,
    traceId: randomUUID(),
    requester: { listener: 'command line', protocol: 'dicomweb', address: '127.0.0.1' },
    warn: () => {},
  };
}
