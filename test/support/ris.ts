/** The embedded RIS over a store in memory, and steps that are performed of its entries. */
import { attribute, dataSetOf, firstText, itemsOf } from '../../src/dataset/model.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { Ris } from '../../src/ris/ris.ts';
import type { RisOptions, RisStore } from '../../src/ris/ris.ts';
import { fillType2 } from '../../src/services/mpps/complete.ts';
import { openMemoryStore } from '../../src/store/sqlite.ts';
import { createMessage, finalMessage } from './mpps.ts';
import { collect, contextOf, keepingLogger, queryOf } from './requests.ts';
import type { LogLine } from './requests.ts';

export const RIS = 'sandbox';

export interface RisBed {
  readonly ris: Ris;
  readonly store: RisStore;
  /** What was logged. */
  readonly lines: LogLine[];
  readonly close: () => Promise<void>;
}

export interface RisBedOptions extends RisOptions {
  readonly now?: () => number;
  /** In place of one that is closed with the bed. */
  readonly store?: RisStore;
}

export async function risOf(
  seed: readonly DataSet[],
  { now = Date.now, store: given, ...options }: RisBedOptions = {},
): Promise<RisBed> {
  const own = given === undefined ? await openMemoryStore({ now }) : undefined;
  const store = own ?? (given as RisStore);
  const logger = keepingLogger();
  const ris = await Ris.open(RIS, seed, options, store, logger, now);
  return { ris, store, lines: logger.lines, close: async () => own?.close() };
}

/** Everything a search without a value finds, whole. */
export function wholeList(ris: Ris): Promise<DataSet[]> {
  return collect(ris.search(queryOf(dataSetOf({}), { returnKeys: 'all' }), contextOf()));
}

/** Status by Patient ID and step, `-` for none, in the order of the list; steps that are not found are missing. */
export async function statuses(ris: Ris): Promise<Record<string, string>> {
  const list = await wholeList(ris);
  return Object.fromEntries(
    list.map((entry) => {
      const step = itemsOf(entry['00400100'])[0] ?? {};
      const patient = firstText(entry, '00100020') ?? '';
      return [`${patient} ${firstText(step, '00400009') ?? ''}`, firstText(step, '00400020') ?? '-'];
    }),
  );
}

/** How a performed step names a scheduled one. */
export interface Reference {
  readonly id?: string;
  readonly study?: string;
  readonly accession?: string;
  /** Original studies, where one study is used for all steps. */
  readonly referenced?: readonly string[];
}

/** The N-CREATE of a step for a patient of `entryOf`, with one item for each scheduled step. */
export function createOf(patientId: string, ...references: readonly Reference[]): DataSet {
  const items = references.map(({ id = 'SPS1', study = '1.2.3.4', accession, referenced = [] }) =>
    dataSetOf({
      '0020000D': attribute('UI', study),
      '00400009': id === '' ? attribute('SH') : attribute('SH', id),
      '00080050': accession === undefined ? attribute('SH') : attribute('SH', accession),
      '00081110': attribute(
        'SQ',
        ...referenced.map((uid) =>
          dataSetOf({
            '00081150': attribute('UI', '1.2.840.10008.3.1.2.3.1'),
            '00081155': attribute('UI', uid),
          }),
        ),
      ),
    }),
  );
  return fillType2(
    dataSetOf({
      ...createMessage(patientId),
      '00100010': attribute('PN', { Alphabetic: `Doe^${patientId}` }),
      '00400270': attribute('SQ', ...items),
    }),
  ).attributes;
}

export async function begin(ris: Ris, uid: string, attributes: DataSet): Promise<void> {
  await ris.createMpps(uid, attributes, contextOf());
}

export async function end(ris: Ris, uid: string, state: 'COMPLETED' | 'DISCONTINUED'): Promise<void> {
  await ris.updateMpps(uid, finalMessage(state), contextOf());
}
