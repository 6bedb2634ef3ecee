import type { RequestContext } from '../services/port.ts';
import { requesterHeader } from './requester-header.ts';
import { failureOf } from './search-client.ts';
import type { UserAgent } from './user-agent.ts';

/**
 * Retrieve Capabilities. Any answer proves that a server is there, and few have this transaction, so only those that
 * say we are not let in, that it is elsewhere, or out of order, are failures.
 * @param baseUrl without slash at the end
 * @throws ServiceFailure
 */
export async function verifyServer(
  userAgent: UserAgent,
  baseUrl: string,
  context: RequestContext,
  signal: AbortSignal,
): Promise<void> {
  const answer = await userAgent.send({
    method: 'OPTIONS',
    url: new URL(`${baseUrl}/`),
    headers: { ...requesterHeader(context), accept: 'application/vnd.sun.wadl+xml, application/json' },
    bearer: context.bearer,
    trace: context.trace,
    signal,
  });
  const { status } = answer;
  const refused = status === 401 || status === 403 || status === 407;
  const elsewhere = status >= 300 && status < 400;
  if (refused || elsewhere || (status >= 500 && status !== 501)) throw await failureOf(answer);
  await answer.text(0);
}
