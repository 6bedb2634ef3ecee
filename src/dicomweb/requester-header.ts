import type { RequestContext } from '../services/port.ts';

/** Our own header field: an origin server that keeps an audit trail learns which modality asked (proxy-flows 1.1). */
const CALLING_AE_TITLE = 'dimseway-calling-ae-title';

export function requesterHeader({ requester }: RequestContext): Readonly<Record<string, string>> {
  // A peer chooses its title; a header field holds printable ASCII.
  const title = requester.callingAeTitle?.trim().replaceAll(/[^ -~]/g, '?') ?? '';
  return title === '' ? {} : { [CALLING_AE_TITLE]: title };
}
