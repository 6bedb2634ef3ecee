/** What an answer of an origin server tells besides its status: Status Report, Warning, Retry-After. */
import { STATUS_CODES } from 'node:http';
import type { HttpAnswer as AnswerContent } from '../services/answer.ts';
import type { HttpAnswer } from './user-agent.ts';

const MAXIMUM_REPORT_BYTES = 64 * 1024;

/** Reads the body of a failure, as far as it is a report; the exchange ends. */
export async function contentOf(answer: HttpAnswer): Promise<AnswerContent> {
  const text = await answer.text(MAXIMUM_REPORT_BYTES);
  const retryAfter = retryAfterOf(answer);
  return {
    reason: STATUS_CODES[answer.status],
    warnings: answer.fields('warning'),
    report: parsedJson(text),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The three forms of RFC 9110 5.6.7; `Date.parse` by itself finds a date in almost anything. */
const HTTP_DATE =
  /^[A-Z][a-z]{2,8}(?:, \d\d[ -][A-Z][a-z]{2}[ -]\d{2,4} [\d:]{8} GMT| [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4})$/;
const MAXIMUM_SECONDS = 999_999_999;

/** Seconds of Retry-After, or until the date it gives (RFC 9110 10.2.3); undefined for what is neither. */
export function retryAfterOf(answer: Pick<HttpAnswer, 'fields'>): number | undefined {
  const text = answer.fields('retry-after')[0]?.trim() ?? '';
  if (/^\d+$/.test(text)) return Math.min(Number(text), MAXIMUM_SECONDS);
  const date = timeOf(text);
  if (date === undefined) return undefined;
  // By the clock of the server, which may differ from ours.
  const now = timeOf(answer.fields('date')[0]?.trim() ?? '') ?? Date.now();
  return Math.min(Math.max(0, Math.ceil((date - now) / 1_000)), MAXIMUM_SECONDS);
}

/** Ms since 1970. */
function timeOf(text: string): number | undefined {
  if (!HTTP_DATE.test(text)) return undefined;
  const time = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
  return Number.isNaN(time) ? undefined : time;
}
