/** An origin server: whether it answers by HTTP, who it takes us for, and what time it thinks it is. */
import { settledBy } from '../dicomweb/waiting.ts';
import type { UserAgent, UserAgentOptions } from '../dicomweb/user-agent.ts';
import { ServiceFailure } from '../services/port.ts';
import { failed, ok, skipped, warning } from './finding.ts';
import type { Examination, Seen } from './finding.ts';

/** Beyond it, entries of a worklist seem to be of another hour, and tokens are refused. */
const CLOCK_TOLERANCE_MS = 60_000;

const ELSEWHERE =
  'Set baseUrl to where the service is; a host it may lead to is named in redirectHosts. A page for a login wants credentials.';

/** `own`: we have what to show; `requester`: only who asks the gateway has; `failed`: what we should have cannot be had. */
export type CredentialsSeen = 'own' | 'requester' | 'failed';

/** Whether there is something to show, before it is shown: an identity provider that is away is no trouble of the server. */
export async function examineCredentials(
  examination: Examination,
  credentials: NonNullable<UserAgentOptions['credentials']>,
  signal: AbortSignal,
): Promise<CredentialsSeen> {
  let seen: CredentialsSeen = 'failed';
  await examination.step('credentials', async () => {
    try {
      const authorization = await settledBy(signal, credentials.authorization(undefined));
      seen = authorization === undefined ? 'requester' : 'own';
      return authorization === undefined
        ? skipped('those of the requester are passed on, and nobody asks here')
        : ok('there are some');
    } catch (error) {
      const fix = 'Check credentials of the upstream: the identity provider refuses them or is away.';
      if (signal.aborted) return failed('the identity provider does not answer in time', fix);
      if (!(error instanceof ServiceFailure)) throw error;
      return failed(`${error.code}: ${error.message}`, fix);
    }
  });
  return seen;
}

/** True: transactions can be tried. @param isAnonymous it is not for us to say who asks */
export async function examineWeb(
  examination: Examination,
  baseUrl: string,
  userAgent: UserAgent,
  isAnonymous: boolean,
  signal: AbortSignal,
  now: () => number,
): Promise<boolean> {
  let clock: Seen = skipped('the server does not tell the time');
  const goesOn = await examination.step('OPTIONS', async () => {
    try {
      const answer = await userAgent.send({
        method: 'OPTIONS',
        url: new URL(`${baseUrl.replace(/\/+$/, '')}/`),
        signal,
      });
      await answer.text(0);
      const [date] = answer.fields('date');
      if (date !== undefined) clock = seenClock(Date.parse(date) - now());
      if (isAnonymous && answer.status === 401) return ok('HTTP 401: it wants to know who asks');
      return seenStatus(answer.status);
    } catch (error) {
      return signal.aborted
        ? failed('no answer in time', 'See whether it speaks HTTP, and how busy it is.')
        : trouble(error);
    }
  });
  examination.note('clock', clock);
  if (goesOn && isAnonymous) examination.note('transactions', skipped('they are for requesters with a token'));
  return goesOn && !isAnonymous;
}

function seenStatus(status: number): Seen {
  if (status === 401) return failed('HTTP 401: it does not know us', 'Set credentials of the upstream.');
  if (status === 403)
    return failed('HTTP 403: it does not let us in', 'Ask its administrator for the right to use it.');
  if (status === 407)
    return failed('HTTP 407: a proxy in between asks for a login', 'Let this machine pass the proxy.');
  if (status >= 500 && status !== 501) {
    return failed(`HTTP ${status}: it is out of order`, 'Look at the log of the server, or of the proxy before it.');
  }
  // A user agent has followed it as far as it may: what is behind is another server, or a page for people.
  if (status >= 300 && status < 400) return failed(`HTTP ${status}: it sends us elsewhere`, ELSEWHERE);
  // Few servers have Retrieve Capabilities: any other answer proves that one is there.
  return ok(`HTTP ${status}`);
}

function seenClock(differenceMs: number): Seen {
  const seconds = Math.round(differenceMs / 1_000);
  // The field has whole seconds.
  if (Math.abs(seconds) <= 1) return ok('as ours');
  const text = `${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} ours`;
  if (Math.abs(differenceMs) <= CLOCK_TOLERANCE_MS) return ok(text);
  return warning(text, 'Set both clocks by a time server (NTP).');
}

function trouble(error: unknown): Seen {
  if (!(error instanceof ServiceFailure)) throw error;
  const fix = 'Check that an HTTP server listens on this port, with or without TLS as baseUrl says.';
  return failed(`${error.code}: ${error.message}`, fix);
}
