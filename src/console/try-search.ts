/** A worklist search as a person writes it: what it asks on the web and by DIMSE, and what an upstream answers. */
import { randomUUID } from 'node:crypto';
import type { UpstreamConfig } from '../config/schema.ts';
import { GatewayError } from '../errors.ts';
import { fixOf } from '../services/failure-fixes.ts';
import { ServiceFailure } from '../services/port.ts';
import type { RequestContext, ServiceWarning, Upstream, WorklistQuery } from '../services/port.ts';
import { identifierFromQuery } from '../services/worklist/identifier.ts';
import { queryFromParameters } from '../services/worklist/search-parameters.ts';
import { parametersFromQuery } from '../services/worklist/search-url.ts';
import { parametersOfWritten } from '../services/worklist/written-keys.ts';
import type { WrittenSearch } from '../services/worklist/written-keys.ts';
import type { TriedSearch } from './api-types.ts';
import { Mask } from './masking.ts';

const RESOURCE = '/modality-scheduled-procedure-steps';

/** Time a person waits for an upstream. */
const PATIENCE_MS = 30_000;

export interface ReadSearch {
  /** Of what the caller has written itself: nothing is masked. */
  readonly shown: TriedSearch;
  /** Undefined: it cannot be asked, and `shown` says why. */
  readonly query?: WorklistQuery;
}

/** @param upstream whose ways count */
export function readSearch(written: WrittenSearch, upstream: UpstreamConfig): ReadSearch {
  const nothing = { url: '', identifier: {}, warnings: [], masked: false };
  try {
    const { query, warnings } = queryFromParameters(parametersOfWritten(written), { strictParameters: true });
    const { identifier } = identifierFromQuery(query, upstream.protocol === 'dimse' ? dimseWays(upstream) : {});
    const shown = { url: urlOf(query, upstream), identifier, warnings: warnings.map(textOf), masked: false };
    return { shown, query };
  } catch (error) {
    return { shown: { ...nothing, failure: failureOf(error) } };
  }
}

function dimseWays(
  upstream: Extract<UpstreamConfig, { protocol: 'dimse' }>,
): Parameters<typeof identifierFromQuery>[1] {
  const { omitKeys, emptyValueMatching, multipleValueMatching } = upstream;
  return { omit: omitKeys, emptyValueMatching, multipleValueMatching };
}

function urlOf(query: WorklistQuery, upstream: UpstreamConfig): string {
  if (upstream.protocol !== 'dicomweb') return `${RESOURCE}?${parametersFromQuery(query)}`;
  const { baseUrl, parameterNames, ...same } = upstream;
  return `${baseUrl.replace(/\/$/, '')}${RESOURCE}?${parametersFromQuery(query, { ...same, names: parameterNames })}`;
}

export interface SearchRun {
  /** Values may be seen. */
  readonly isShown: boolean;
  /** The one who asks has gone. */
  readonly signal: AbortSignal;
}

/** Never rejects for what the upstream does. */
export async function runSearch(
  upstream: Upstream,
  query: WorklistQuery,
  { isShown, signal }: SearchRun,
): Promise<Pick<TriedSearch, 'ms' | 'warnings' | 'results' | 'masked' | 'failure'>> {
  const warnings: string[] = [];
  const context: RequestContext = {
    signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]),
    deadline: performance.now() + PATIENCE_MS,
    traceId: randomUUID(),
    requester: { listener: 'console', protocol: 'dicomweb', address: '127.0.0.1' },
    warn: (warning) => void warnings.push(textOf(warning)),
  };
  const results: Readonly<Record<string, unknown>>[] = [];
  const startedMs = performance.now();
  const end = (): { ms: number; warnings: string[]; masked: boolean } => {
    return { ms: Math.round(performance.now() - startedMs), warnings, masked: !isShown };
  };
  try {
    for await (const result of upstream.search(query, context)) results.push(isShown ? result : new Mask().of(result));
    return { ...end(), results };
  } catch (error) {
    return { ...end(), failure: failureOf(error) };
  }
}

/** Without the words of the far end, which may name a patient. */
function textOf({ text }: ServiceWarning): string {
  return text;
}

/** @throws what is none of ours */
function failureOf(error: unknown): NonNullable<TriedSearch['failure']> {
  if (error instanceof ServiceFailure) return { code: error.code, message: error.message, fix: fixOf(error.code) };
  if (!(error instanceof GatewayError)) throw error;
  const { code, message, fix = `docs/errors.md says what to do about ${code}.` } = error;
  return { code, message, fix };
}
