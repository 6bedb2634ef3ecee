/** The retrieval of one data set as a user agent: asking for it in every media type, and reading it out of the answer. */
import type { DataSet } from '../dataset/model.ts';
import { ServiceFailure } from '../services/port.ts';
import { readResults } from './result-reader.ts';
import type { ReadLimits } from './result-reader.ts';
import { ACCEPT } from './search-client.ts';
import type { SearchMediaType } from './search-client.ts';
import type { HttpAnswer, HttpRequest, UserAgent } from './user-agent.ts';

/** Asks for the preferred media type and, when that is refused, for the others. @throws ServiceFailure */
export async function getInAnyType(
  userAgent: UserAgent,
  request: Omit<HttpRequest, 'method' | 'payload'>,
  preferred: SearchMediaType,
): Promise<HttpAnswer> {
  const ask = (accept: string): Promise<HttpAnswer> =>
    userAgent.send({ ...request, method: 'GET', headers: { ...request.headers, accept } });
  const answer = await ask(ACCEPT[preferred]);
  if (!isOfOtherType(answer)) return answer;
  await answer.text(0);
  return ask(acceptOthers(preferred));
}

/** The far end takes or gives other media types only. */
export function isOfOtherType({ status }: Pick<HttpAnswer, 'status'>): boolean {
  return status === 406 || status === 415;
}

/** `Accept` of every media type but one. */
export function acceptOthers(refused: SearchMediaType): string {
  const others = Object.entries(ACCEPT).filter(([type]) => type !== refused);
  return others.map(([, accept]) => accept).join(', ');
}

/**
 * The one data set of a successful answer; undefined when it holds none.
 * @throws ServiceFailure ANSWER_UNREADABLE, also for several; what reading the body throws
 */
export async function readOne(answer: HttpAnswer, limits: ReadLimits): Promise<DataSet | undefined> {
  const found: DataSet[] = [];
  try {
    for await (const dataSet of readResults(answer, limits)) if (found.push(dataSet) > 1) break;
  } catch (error) {
    if (!(error instanceof ServiceFailure) || error.code !== 'TOO_MANY_RESULTS') throw error;
    throw new ServiceFailure('ANSWER_UNREADABLE', { comment: error.message, cause: error });
  }
  if (found.length > 1) {
    throw new ServiceFailure('ANSWER_UNREADABLE', { comment: 'The answer holds more than one data set' });
  }
  return found[0];
}
