/** Answers of an origin server that did not do what an MPPS transaction asked for, and what they mean. */
import { mppsFailureFromHttp, mppsWarningsFromHttp } from '../services/mpps/answers.ts';
import type { MppsOperation } from '../services/mpps/outcomes.ts';
import { ServiceFailure } from '../services/port.ts';
import type { RequestContext } from '../services/port.ts';
import { contentOf } from './answer-content.ts';
import type { HttpAnswer } from './user-agent.ts';

/** An answer that was no success, read to its end. */
export interface Refusal {
  readonly status: number;
  readonly content: Awaited<ReturnType<typeof contentOf>>;
}

/** Undefined for success, whose payload nobody needs; its warnings are handed on. */
export async function concluded(answer: HttpAnswer, context: RequestContext): Promise<Refusal | undefined> {
  if (answer.status < 200 || answer.status >= 300) return refusalOf(answer);
  await answer.text(0);
  for (const warning of mppsWarningsFromHttp(answer.fields('warning'))) context.warn(warning);
  return undefined;
}

/** Reads the answer to its end. */
export async function refusalOf(answer: HttpAnswer): Promise<Refusal> {
  return { status: answer.status, content: await contentOf(answer) };
}

/** @param isKnownFinal a Retrieve has shown a final state */
export function failureOf(
  { status, content }: Refusal,
  operation: MppsOperation,
  isKnownFinal = false,
): ServiceFailure {
  const failure = mppsFailureFromHttp(status, operation, { ...content, isKnownFinal });
  if (failure === undefined) throw new TypeError('an answer that succeeded is no failure');
  return failure;
}

/** The server itself says that it looked for the MPPS. */
export function isAboutInstance(refusal: Refusal): boolean {
  const report = refusal.content.report as { code?: unknown } | null | undefined;
  return failureOf(refusal, 'update').dimseStatus === 0x0112 || report?.code === 'NO_SUCH_INSTANCE';
}

/** There is no such MPPS, whatever the status says. */
export function missing(refusal: Refusal): ServiceFailure {
  const { message, words } = failureOf(refusal, 'update');
  return new ServiceFailure('NO_SUCH_INSTANCE', { comment: message, words, httpStatus: refusal.status });
}
