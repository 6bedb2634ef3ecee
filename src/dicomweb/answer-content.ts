/** What an answer of an origin server tells besides its status: Status Report, Warning, Retry-After. */
import { STATUS_CODES } from 'node:http';
import type { HttpAnswer as AnswerContent } from '../services/answer.ts';
import type { HttpAnswer } from './user-agent.ts';

const MAXIMUM_REPORT_BYTES = 64 * 1024;

/** Reads the body of a failure, as far as it is a report; the exchange ends. */
export async function contentOf(answer: HttpAnswer): Promise<AnswerContent> {
  const text = await answer.text(MAXIMUM_REPORT_BYTES);
  const retryAfter = secondsOf(answer.fields('retry-after')[0]);
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

/** Retry-After: seconds, or an HTTP date (RFC 9110 10.2.3). */
function secondsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text.trim())) return Number(text);
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - Date.now()) / 1000));
}
