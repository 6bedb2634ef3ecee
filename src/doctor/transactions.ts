/**
 * Each transaction the routes need, tried with questions that find nothing and change nothing: a worklist entry, an MPPS and
 * a storage commitment that do not exist. A UPS-RS server has no key for such an entry: it is asked for one workitem.
 */
import { dataSetOf } from '../dataset/model.ts';
import { generateUid } from '../dataset/uid.ts';
import { ServiceFailure } from '../services/port.ts';
import type { FailureCode, RequestContext, Upstream } from '../services/port.ts';
import { failed, ok, warning } from './finding.ts';
import type { Examination, Seen } from './finding.ts';
import type { Need } from './needs.ts';

/** Of no order, since nobody else makes such IDs. */
const NO_STEP_ID = 'DIMSEWAY-DOCTOR';
const QUESTION = dataSetOf({
  '00400100': {
    vr: 'SQ',
    Value: [dataSetOf({ '00400009': { vr: 'SH', Value: [NO_STEP_ID] }, '00080060': { vr: 'CS' } })],
  },
});

const FIXES: Partial<Readonly<Record<FailureCode, string>>> = {
  NOT_AUTHORIZED: 'Ask its administrator for the right to use it, or check credentials.',
  RESOURCE_NOT_FOUND: 'Check the path of baseUrl: the service is not there.',
  NOT_SUPPORTED: 'The far end does not offer it: take the service out of the route, or route it elsewhere.',
  UPSTREAM_TIMEOUT: 'It takes longer than `timers.response`: see how busy it is.',
  UPSTREAM_UNREACHABLE:
    'It takes no further connection within `timers.connect` and `timers.association`: see how many it allows.',
};

const NOTHING_CAME: ReadonlySet<FailureCode> = new Set(['UPSTREAM_TIMEOUT', 'UPSTREAM_UNREACHABLE']);
/** A timer may be a little ahead of the clock. */
const TIMER_TOLERANCE_MS = 5;
const OWN_PATIENCE = 'It takes longer than `--timeout` of this command: give it more, or see how busy it is.';

/**
 * @param accepted what there is no use in trying is left out
 * @param contextOf of one transaction, with its deadline
 */
export async function examineTransactions(
  examination: Examination,
  upstream: Upstream,
  needs: ReadonlySet<Need>,
  accepted: { readonly retrieve: boolean },
  contextOf: () => RequestContext,
): Promise<void> {
  if (needs.has('worklist')) await examination.step('search', () => search(upstream, contextOf()));
  if (needs.has('mpps') && accepted.retrieve) {
    await examination.step('retrieve an MPPS', () =>
      unknownInstance('such an MPPS', contextOf(), (context) => upstream.retrieveMpps(generateUid(), 'all', context)),
    );
  }
  if (needs.has('storageCommitment') && upstream.commitmentResult === 'checked') {
    await examination.step('check a commitment', () =>
      unknownInstance('such a commitment', contextOf(), (context) => upstream.checkCommitment(generateUid(), context)),
    );
  }
}

async function search(upstream: Upstream, context: RequestContext): Promise<Seen> {
  try {
    if (upstream.trySearch !== undefined) {
      await upstream.trySearch(context);
      return ok('answers');
    }
    let count = 0;
    for await (const _ of upstream.search(
      {
        identifier: QUESTION,
        returnKeys: 'requested',
        fuzzyMatching: false,
        emptyValueMatching: false,
        multipleValueMatching: false,
        timezoneAdjustment: false,
        offset: 0,
        limit: 1,
        stableOrder: false,
      },
      context,
    )) {
      count++;
    }
    if (count === 0) return ok('answers');
    const fix = 'It ignores Scheduled Procedure Step ID as a key: filter by other keys, or by rules.';
    return warning('finds entries that do not match', fix);
  } catch (error) {
    return trouble(error, context);
  }
}

async function unknownInstance(
  what: string,
  context: RequestContext,
  ask: (context: RequestContext) => Promise<unknown>,
): Promise<Seen> {
  try {
    await ask(context);
    return warning(`claims to have ${what}, which nobody has made`, 'Look at the log of the far end.');
  } catch (error) {
    const { code, httpStatus } = error as ServiceFailure;
    if (code === 'OPERATION_NOT_SUPPORTED') {
      return warning('is not offered', 'What became of a message whose answer was lost cannot be asked for.');
    }
    if (code !== 'NO_SUCH_INSTANCE') return trouble(error, context);
    // A server without the service says 404 too.
    return ok(httpStatus === undefined ? `does not know ${what}` : `HTTP ${httpStatus}: does not know ${what}`);
  }
}

function trouble(error: unknown, { deadline }: RequestContext): Seen {
  if (!(error instanceof ServiceFailure)) throw error;
  const isOver = NOTHING_CAME.has(error.code) && performance.now() >= deadline - TIMER_TOLERANCE_MS;
  const fix = isOver ? OWN_PATIENCE : (FIXES[error.code] ?? `docs/errors.md says what to do about ${error.code}.`);
  return failed(`${error.code}: ${error.message}`, fix);
}
