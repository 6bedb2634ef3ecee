/**
 * Search for Modality Scheduled Procedure Steps (PS3.18 14.4) at the origin server: from the request to a query of the
 * port, from results to an answer.
 */
import { pathToText } from '../dataset/attribute-path.ts';
import type { AttributePath } from '../dataset/attribute-path.ts';
import type { ServiceHandler, ServiceWarning, WorklistQuery } from '../services/port.ts';
import { WORKLIST_ATTRIBUTES } from '../services/worklist/attributes.ts';
import type { WorklistAttributes } from '../services/worklist/attributes.ts';
import { queryFromParameters } from '../services/worklist/search-parameters.ts';
import { MEDIA_TYPES, NEGOTIATION_PARAMETERS } from './descriptions.ts';
import type { Acceptable } from './negotiation.ts';
import { negotiated, orRefuse } from './request-head.ts';
import type { RequestHeadOptions } from './request-head.ts';
import { answerOfSearch } from './search-answer.ts';
import type { ParameterDescription, Transaction, WebAnswer, WebRequest } from './transaction.ts';

export interface WorklistSearchOptions extends RequestHeadOptions {
  /** Bytes of one answer; a longer one is 413. */
  readonly maximumAnswerBytes: number;
}

export function createWorklistSearch(handler: ServiceHandler, options: WorklistSearchOptions): Transaction {
  return {
    id: 'searchForModalityScheduledProcedureSteps',
    title: 'Search for Modality Scheduled Procedure Steps (PS3.18 14.4)',
    method: 'GET',
    path: '/modality-scheduled-procedure-steps',
    operation: 'search',
    parameters: PARAMETERS,
    statuses: [
      { status: 200, title: 'The results', mediaTypes: MEDIA_TYPES },
      { status: 204, title: 'No results' },
      { status: 400, title: 'A header or parameter is wrong' },
      { status: 403, title: 'The far end refuses the search' },
      { status: 406, title: 'No accepted media type or character set is available' },
      { status: 413, title: 'There are too many results: narrow the query' },
      { status: 414, title: 'The URI is too long' },
      { status: 500, title: 'Something unexpected happened' },
      { status: 501, title: 'The far end does not support the search' },
      { status: 502, title: 'The far end failed or cannot be understood' },
      { status: 503, title: 'The far end cannot be reached or is overloaded: try again after Retry-After' },
      { status: 504, title: 'The far end did not answer in time' },
      { status: 508, title: 'The search came by the same route of this gateway before' },
    ],
    run: (request) => search(handler, options, request),
  };
}

async function search(
  handler: ServiceHandler,
  options: WorklistSearchOptions,
  request: WebRequest,
): Promise<WebAnswer> {
  const { query, ...head } = await orRefuse(handler, 'search', request, () => readRequest(options, request));
  const context = { ...request.context, warn: (warning: ServiceWarning) => void head.warnings.push(warning) };
  return answerOfSearch(handler.search(query, context), head, options, request);
}

/** @throws HttpRefusal, ServiceFailure BAD_REQUEST */
function readRequest(
  options: WorklistSearchOptions,
  { headers, rawQuery }: WebRequest,
): { acceptable: readonly Acceptable[]; warnings: ServiceWarning[]; query: WorklistQuery } {
  const { acceptable, parameters } = negotiated(options, headers, () => queryFromParameters(rawQuery, options));
  return { acceptable, query: parameters.query, warnings: [...parameters.warnings] };
}

const PARAMETERS: readonly ParameterDescription[] = [
  ...NEGOTIATION_PARAMETERS,
  { name: 'includefield', style: 'query', type: 'xs:string', title: 'Attributes to return besides those of return type 1 and 2: tags, keywords or paths of them, separated by commas; or all', repeating: true },
  { name: 'fuzzymatching', style: 'query', type: 'xs:boolean', title: 'Fuzzy matching of person names', default: 'false' },
  { name: 'emptyvaluematching', style: 'query', type: 'xs:boolean', title: 'Empty value matching', default: 'false' },
  { name: 'multiplevaluematching', style: 'query', type: 'xs:boolean', title: 'Multiple value matching', default: 'false' },
  { name: 'limit', style: 'query', type: 'xs:unsignedInt', title: 'Number of results at most' },
  { name: 'offset', style: 'query', type: 'xs:unsignedInt', title: 'Number of results to skip', default: '0' },
  ...matchingParameters(WORKLIST_ATTRIBUTES, []),
]; // prettier-ignore

/** Every matching key of Table K.6-1, by tag and by keyword (PS3.18 8.9.3). */
function matchingParameters(attributes: WorklistAttributes, around: AttributePath): ParameterDescription[] {
  return [...attributes.values()].flatMap(({ tag, vr, matching, items }) => {
    const path = [...around, tag];
    if (vr === 'SQ') return matchingParameters(items, path);
    if (matching === '-') return [];
    const required = matching === 'R' ? 'Required matching key' : 'Optional matching key';
    return (['tag', 'keyword'] as const).map((style): ParameterDescription => ({
      name: pathToText(path, style),
      style: 'query',
      type: 'xs:string',
      title: `${required} ${pathToText(path, 'keyword')} (${vr})`,
    }));
  });
}
