/** `dimseway mpps …`: N-CREATE, N-SET and N-GET, or their web transactions, straight to an upstream. */
import { parsePath } from '../dataset/attribute-path.ts';
import { toJson } from '../dataset/json.ts';
import { createDataSet, firstText } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import { generateUid } from '../dataset/uid.ts';
import type { UpstreamConfig } from '../config/schema.ts';
import { createFromWorklist } from '../services/mpps/from-worklist.ts';
import { checkCreate } from '../services/mpps/validate.ts';
import { ServiceFailure } from '../services/port.ts';
import type { RequestContext, Upstream } from '../services/port.ts';
import { readDataSet } from './data-set-file.ts';
import { dump } from '../dataset/dump.ts';
import { finalModifications, momentFrom, reasonFrom } from './mpps-final.ts';
import type { FinalState } from './mpps-final.ts';
import { EXIT, UsageError } from './report.ts';
import { withUpstream } from './with-upstream.ts';
import { searchWorklist } from './worklist-search.ts';

interface CommandOptions {
  readonly config: string;
  readonly upstream: string;
}

export interface CreateOptions extends CommandOptions {
  readonly uid?: string;
  /** Either this file or `from`. */
  readonly dataset?: string;
  /** `KEY=VALUE` each: worklist entries, all of one patient. */
  readonly from?: readonly string[];
  /** Upstream with the worklist; default: the one the step goes to. */
  readonly worklist?: string;
  readonly station?: string;
  readonly modality?: string;
  readonly study?: string;
}

export interface UpdateOptions extends CommandOptions {
  readonly uid: string;
  readonly dataset: string;
}

export interface FinishOptions extends CommandOptions {
  readonly uid: string;
  readonly dataset?: string;
  /** Date and time, as words. */
  readonly end?: readonly string[];
  readonly emptySeries: boolean;
  readonly protocol: string;
  readonly reason?: string;
}

export interface GetOptions extends CommandOptions {
  readonly uid: string;
  /** Attribute paths; none for everything. */
  readonly include: readonly string[];
  readonly json: boolean;
}

const SOP_CLASS_UID = '00080016';
const SOP_INSTANCE_UID = '00080018';

/** @returns the exit status, as of every command here */
export async function create(options: CreateOptions): Promise<number> {
  const { config, from } = options;
  let entries: DataSet[] = [];
  if (from !== undefined) {
    const status = await withUpstream(config, options.worklist ?? options.upstream, async (upstream, context) => {
      entries = await searchWorklist(upstream, { keys: from, include: ['all'] }, context);
    });
    if (status !== EXIT.done) return status;
    if (entries.length === 0) {
      process.stderr.write(
        'There is no such entry on the worklist. An entry whose step is done may have left it: `dimseway find` shows what is there.\n',
      );
      return EXIT.failed;
    }
    if (entries.length > 1) process.stderr.write(`${entries.length} worklist entries make one step.\n`);
  }
  return withSteps(options, async (upstream, context) => {
    const given = options.dataset === undefined ? stepOf(entries, options) : await readDataSet(options.dataset);
    const uid = uidOf(given, options.uid) ?? generateUid();
    const completion = await knownByUid(uid, () => upstream.createMpps(uid, withoutUids(given), context));
    process.stdout.write(`${completion.uid}\n`);
  });
}

export function update(options: UpdateOptions): Promise<number> {
  return withSteps(options, async (upstream, context) => {
    const given = await readDataSet(options.dataset);
    const uid = uidOf(given, options.uid) ?? options.uid;
    await knownByUid(uid, () => upstream.updateMpps(uid, withoutUids(given), context));
    process.stdout.write(`${uid} updated\n`);
  });
}

export function complete(options: FinishOptions): Promise<number> {
  return finish('COMPLETED', options);
}

export function discontinue(options: FinishOptions): Promise<number> {
  return finish('DISCONTINUED', options);
}

function finish(state: FinalState, options: FinishOptions): Promise<number> {
  return withSteps(options, async (upstream, context) => {
    const given = options.dataset === undefined ? createDataSet() : await readDataSet(options.dataset);
    const uid = uidOf(given, options.uid) ?? options.uid;
    const modifications = await finalModifications(upstream, uid, context, {
      state,
      given: withoutUids(given),
      end: options.end === undefined ? undefined : momentFrom(options.end.join(' ')),
      reason: options.reason === undefined ? undefined : reasonFrom(options.reason),
      emptySeries: options.emptySeries,
      protocol: options.protocol,
      now: new Date(),
    });
    await knownByUid(uid, () => upstream.updateMpps(uid, modifications, context));
    process.stdout.write(`${uid} ${state}\n`);
  });
}

export function get(options: GetOptions): Promise<number> {
  return withSteps(options, async (upstream, context) => {
    const { include, json, uid } = options;
    const found = await upstream.retrieveMpps(uid, include.length === 0 ? 'all' : include.map(parsePath), context);
    process.stdout.write(json ? `${toJson(found)}\n` : dump(found));
  });
}

function withSteps(
  { config, upstream: name }: CommandOptions,
  work: (upstream: Upstream, context: RequestContext) => Promise<void>,
): Promise<number> {
  return withUpstream(config, name, (upstream, context, options) => {
    refuseEmbedded(name, options);
    return work(upstream, context);
  });
}

/** Another instance of the embedded RIS would take the step and forget it. */
function refuseEmbedded(name: string, { protocol }: UpstreamConfig): void {
  if (protocol !== 'ris') return;
  throw new UsageError(
    `${name} is the embedded RIS, whose steps live in the gateway that runs. Name an upstream that reaches it by the network.`,
  );
}

/** @throws UsageError when the entries do not make a step together */
function stepOf(entries: readonly DataSet[], { station, modality, study }: CreateOptions): DataSet {
  const step = usable(() =>
    createFromWorklist(entries, {
      now: new Date(),
      stationAeTitle: station,
      modality,
      studyInstanceUid: study,
    }),
  );
  const issues = checkCreate(step);
  if (issues.length === 0) return step;
  const texts = issues.map(({ text }) => text).join('; ');
  throw new UsageError(`The worklist entry does not make a step: ${texts}. See --station, --modality and --study.`);
}

function usable<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ServiceFailure)) throw error;
    throw new UsageError(`The worklist entries do not make a step: ${error.message}.`);
  }
}

/** The UID of the step where the file names one. @throws UsageError when another was given */
function uidOf(given: DataSet, wanted: string | undefined): string | undefined {
  const own = firstText(given, SOP_INSTANCE_UID);
  if (own !== undefined && wanted !== undefined && own !== wanted) {
    throw new UsageError('The file is of another step: its SOPInstanceUID differs from the UID given.');
  }
  return wanted ?? own;
}

function withoutUids(given: DataSet): DataSet {
  const { [SOP_CLASS_UID]: _class, [SOP_INSTANCE_UID]: _instance, ...rest } = given;
  return Object.assign(createDataSet(), rest);
}

/** Where the outcome is not known, the UID is what a person needs to find out. */
async function knownByUid<T>(uid: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ServiceFailure && error.retry === 'ambiguous') {
      process.stderr.write(`Whether it was done is not known; ask for ${uid}.\n`);
    }
    throw error;
  }
}
