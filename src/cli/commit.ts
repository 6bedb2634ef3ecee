/** `dimseway commit request|status`: N-ACTION, or the web transactions of storage commitment, straight to an upstream. */
import { firstText } from '../dataset/model.ts';
import { generateUid } from '../dataset/uid.ts';
import { ServiceFailure } from '../services/port.ts';
import type { CommitmentContext, RequestContext, Upstream } from '../services/port.ts';
import { TRANSACTION_UID } from '../services/storage-commitment/attributes.ts';
import type { CommitmentStatus, SopReference, ToldCommitment } from '../services/storage-commitment/commitment.ts';
import { referencesOf, sopForm } from '../services/storage-commitment/modules.ts';
import { settle } from '../services/storage-commitment/settle.ts';
import type { Settlement } from '../services/storage-commitment/settle.ts';
import { settlementJson, settlementText, settlementWarnings } from './commit-result.ts';
import { checkUntil, firstOf } from './commit-wait.ts';
import { readDataSet } from './data-set-file.ts';
import { EXIT, UsageError } from './report.ts';
import { withUpstream } from './with-upstream.ts';

interface InstanceOptions {
  /** `CLASS=INSTANCE` each, UIDs both; none with `dataset`. */
  readonly instances: readonly string[];
  /** File with a request module, or the data set of an N-ACTION. */
  readonly dataset?: string;
}

interface CommandOptions extends InstanceOptions {
  readonly config: string;
  readonly upstream: string;
  readonly json: boolean;
}

export interface RequestOptions extends CommandOptions {
  /** Transaction UID; default: that of the file, or a new one. */
  readonly uid?: string;
  /** How long the result is waited for, ms. */
  readonly wait: number;
}

export interface StatusOptions extends CommandOptions {
  readonly uid: string;
}

/** @returns the exit status: 0 every instance is committed, 1 not */
export function request(options: RequestOptions): Promise<number> {
  return withResult(options, async (upstream, context) => {
    const { uid: given, references } = await instancesIn(options, options.uid);
    if (references === undefined) throw new UsageError('Name instances as CLASS=INSTANCE, or give --dataset <file>.');
    const uid = given ?? generateUid();
    const heard = Promise.withResolvers<ToldCommitment>();
    const until = performance.now() + options.wait;
    const answer = await asked(upstream, uid, references, {
      ...context,
      holdMs: options.wait,
      reported: (event) => {
        if (event.transactionUid !== uid) return Promise.reject(new ServiceFailure('INVALID_VALUE'));
        heard.resolve(event);
        return Promise.resolve();
      },
    });
    const told =
      answer.state === 'done'
        ? answer.told
        : upstream.commitmentResult === 'reported'
          ? await firstOf(heard.promise, until, context.signal)
          : await checkUntil(
              until,
              (checking) => upstream.checkCommitment(uid, checking),
              context,
              answer.retryAfterMs,
            );
    if (told === undefined) process.stderr.write(pendingText(upstream, options.upstream, uid));
    return { uid, settlement: told && settle(references, told) };
  });
}

/** @returns the exit status: 0 every instance is committed, 1 not */
export function status(options: StatusOptions): Promise<number> {
  return withResult(options, async (upstream, context) => {
    if (upstream.commitmentResult === 'reported') throw new UsageError(noStatusText(options.upstream));
    const { uid } = options;
    const { references } = await instancesIn(options, uid);
    const answer = await upstream.checkCommitment(uid, context);
    if (answer.state === 'pending') return { uid, settlement: undefined };
    if (references !== undefined) return { uid, settlement: settle(references, answer.told) };
    process.stderr.write(UNCOMPARED);
    return { uid, ...settleUncompared(answer.told) };
  });
}

interface Outcome {
  readonly uid: string;
  readonly settlement: Settlement | undefined;
  /** Listed, and nobody can say what; without the request only. */
  readonly unclear?: readonly SopReference[];
}

async function withResult(
  { config, upstream: name, json }: CommandOptions,
  work: (upstream: Upstream, context: RequestContext) => Promise<Outcome>,
): Promise<number> {
  let isCommitted = false;
  const ended = await withUpstream(config, name, async (upstream, context) => {
    const { uid, settlement, unclear = [] } = await work(upstream, context);
    for (const text of settlement === undefined ? [] : settlementWarnings(settlement, unclear)) {
      context.warn({ code: 'UPSTREAM_WARNING', text });
    }
    process.stdout.write((json ? settlementJson : settlementText)(uid, settlement, unclear));
    const { committed, failed } = settlement?.result ?? { committed: [], failed: [] };
    isCommitted = committed.length > 0 && failed.length === 0 && unclear.length === 0;
  });
  return ended === EXIT.done && !isCommitted ? EXIT.failed : ended;
}

/** @throws UsageError for what is no request; `references` undefined: none is named */
async function instancesIn(
  { instances, dataset }: InstanceOptions,
  wanted: string | undefined,
): Promise<{ uid: string | undefined; references: SopReference[] | undefined }> {
  if (dataset === undefined) {
    if (instances.length === 0) return { uid: wanted, references: undefined };
    const references = instances.map(referenceFrom);
    return { uid: wanted, references: usable('The instances', () => referencesOf(sopForm(references))) };
  }
  const module = await readDataSet(dataset);
  const own = firstText(module, TRANSACTION_UID);
  if (own !== undefined && wanted !== undefined && own !== wanted) {
    throw new UsageError(`${dataset} is of another transaction: its TransactionUID differs from the UID given.`);
  }
  const uid = wanted ?? own;
  return { uid, references: usable(dataset, () => referencesOf(module, uid)) };
}

function referenceFrom(text: string): SopReference {
  const [sopClassUid = '', sopInstanceUid = '', ...others] = text.split('=');
  if (sopInstanceUid === '' || others.length > 0) {
    throw new UsageError('An instance is CLASS=INSTANCE: its SOP Class UID and its SOP Instance UID.');
  }
  return { sopClassUid, sopInstanceUid };
}

function usable<Result>(what: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ServiceFailure)) throw error;
    throw new UsageError(`${what} cannot be asked about: ${error.message}.`);
  }
}

/** Where it is not known whether the archive was asked, the UID is what a person needs to find out. */
async function asked(
  upstream: Upstream,
  uid: string,
  references: readonly SopReference[],
  context: CommitmentContext,
): Promise<CommitmentStatus> {
  try {
    return await upstream.requestCommitment(uid, references, context);
  } catch (error) {
    if (error instanceof ServiceFailure && error.retry === 'ambiguous') {
      process.stderr.write(`Whether the archive has taken the request is not known; its Transaction UID is ${uid}.\n`);
    }
    throw error;
  }
}

/** Without the request: what the archive lists is compared with itself, so that nothing it contradicts is committed. */
function settleUncompared(told: ToldCommitment): Pick<Outcome, 'settlement' | 'unclear'> {
  const { committed, failed } = told;
  const listed = [...committed.filter(({ sopClassUid }) => sopClassUid !== ''), ...failed].filter(
    ({ sopInstanceUid }) => sopInstanceUid !== '',
  );
  const known = new Set(listed.map(({ sopInstanceUid }) => sopInstanceUid));
  const unclear = [...committed, ...failed]
    .filter(({ sopInstanceUid }) => !known.has(sopInstanceUid))
    .map(({ sopClassUid, sopInstanceUid }) => ({ sopClassUid, sopInstanceUid }));
  return { settlement: { ...settle(listed, told), unrequested: 0 }, unclear };
}

const UNCOMPARED =
  'Warning: without the request nobody can say whether every instance is listed: name them, or give --dataset.\n';

function pendingText({ commitmentResult }: Upstream, name: string, uid: string): string {
  return commitmentResult === 'checked'
    ? `The archive has no result yet. Ask again: dimseway commit status ${name} ${uid}\n`
    : 'No report came on the association of the request. One that comes on a new association reaches whoever listens under ' +
        'the calling AE title; a gateway refuses it (0115H), since it has not asked itself.\n';
}

function noStatusText(name: string): string {
  return (
    `${name} is asked by DIMSE, where a result is reported and cannot be asked for. ` +
    'What a gateway has asked and heard: dimseway commit list.'
  );
}
